"""Names, shapes and counts of every published tensor; what networks do before they have learned anything."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
import torch

from fittingroom.core.errors import InputError
from fittingroom.methods.ladi_vton.clip import clip_levels, clip_pixels, speak
from fittingroom.methods.ladi_vton.config import PUBLISHED, ModelConfig
from fittingroom.methods.ladi_vton.denoise import Guide, Solver, predict
from fittingroom.methods.ladi_vton.emasc import Emasc, decode, encode, keep_outside
from fittingroom.methods.ladi_vton.network import build, build_base_unet, extend_input
from fittingroom.methods.ladi_vton.pipeline import draws
from fittingroom.methods.ladi_vton.prompts import empty, tokens
from fittingroom.methods.ladi_vton.recipe import mini_config
from fittingroom.methods.ladi_vton.start import begin_as_given, begin_with_the_picture
from fittingroom.methods.ladi_vton.tiny import fill, tiny_config, tiny_networks
from fittingroom.methods.ladi_vton.warping import (
    Matcher,
    Refinement,
    WarpingConfig,
    lattice,
    parameters,
    sample,
)

#: tensors, weights, first digits of the SHA-256 over the sorted lines "name shape"
PUBLISHED_TENSORS = {
    "matcher": (107, 19056626, "cf279bef9ed60b8c"),
    "refinement": (110, 17275203, "d3e126a7ddf5e3b3"),
    "emasc": (20, 7965696, "097177a5e6a44650"),
    "adapter": (24, 136360704, "95b74a07e954ebcb"),
    "text": (372, 340387840, "9a375520eeec0ca2"),
    "vae": (248, 83653863, "a8eb7356226250e7"),
    "vision": (519, 630766080, "dd9acb6c8105dfc0"),
    "unet": (686, 865988484, "b9960582fb1f8efc"),
    "base": (686, 865925124, "b86f1bcc4c37286d"),
    "unet27": (686, 865976964, "94d5b9d1b159a487"),
}


@pytest.mark.parametrize("part", PUBLISHED_TENSORS)
def test_published_tensors(part: str) -> None:
    with torch.device("meta"):
        network: Any
        if part == "base":
            network = build_base_unet(PUBLISHED)
        elif part == "unet27":
            network = build("unet", replace(PUBLISHED, unet={**PUBLISHED.unet, "in_channels": 27}))
        else:
            network = build(part, PUBLISHED)
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    # older versions of transformers have one more level in the names
    rows = sorted(
        f"{name.removeprefix('vision_model.').removeprefix('text_model.')} {shape}" for name, shape in shapes.items()
    )
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
    assert (len(rows), parameters(network), digest) == PUBLISHED_TENSORS[part]


def test_the_extended_unet_begins_as_the_base_one() -> None:
    config = tiny_config()
    base = build_base_unet(config)
    fill(base, 3)
    extended = build("unet", config)
    extended.load_state_dict(extend_input(base.state_dict(), config.unet["in_channels"]))
    generator = torch.Generator().manual_seed(0)

    def noise(channels: int) -> torch.Tensor:
        return torch.randn(1, channels, 16, 16, generator=generator)

    latents, mask, masked, text = noise(4), noise(1).sign(), noise(4), torch.randn(1, 77, 32, generator=generator)
    with torch.inference_mode():
        want = base(torch.cat([latents, mask, masked], dim=1), 5, encoder_hidden_states=text).sample
        for _ in range(2):  # whatever pose and garment are
            guide = Guide(text, mask, masked, noise(18), noise(4))
            torch.testing.assert_close(predict(extended, latents, torch.tensor(5), guide), want, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="not the weights of an inpainting UNet"):
        extend_input({"conv_in.weight": torch.zeros(8, 40, 3, 3)}, 31)
    assert PUBLISHED.base_channels == 9


def test_the_matcher_begins_with_the_garment_as_it_is() -> None:
    matcher = Matcher(WarpingConfig(size=(128, 96), width=8)).eval()
    with torch.inference_mode():
        grid, points = matcher(torch.rand(2, 3, 128, 96), torch.rand(2, 21, 128, 96))
    torch.testing.assert_close(points, lattice().float().expand(2, 25, 2), rtol=0, atol=1e-6)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 128), torch.linspace(-1, 1, 96), indexing="ij")
    torch.testing.assert_close(grid, torch.stack([x, y], dim=-1).expand(2, -1, -1, -1), rtol=0, atol=1e-5)


def test_the_grid_has_corners_but_sampling_does_not() -> None:
    """The inconsistency that the published weights were learned with: the resting grid shrinks a picture's border away."""
    matcher = Matcher(WarpingConfig(size=(64, 64), width=8))
    ramp = torch.arange(64.0).expand(1, 3, 64, 64)
    out = sample(ramp, matcher.gridGen(lattice().float()[None]))
    # grid value -1 is the outer edge of the first pixel, so half a pixel outside of its centre: taken from the border
    torch.testing.assert_close(out[0, 0, 0, :2], torch.tensor([0.0, 64 / 63 - 0.5]), rtol=0, atol=1e-3)


def test_grid_is_linear_in_the_points() -> None:
    grid = Matcher(WarpingConfig(size=(64, 64), width=8)).gridGen
    a, b = torch.rand(1, 25, 2), torch.rand(1, 25, 2)
    torch.testing.assert_close(grid(0.3 * a + 0.7 * b), 0.3 * grid(a) + 0.7 * grid(b), rtol=0, atol=1e-4)


def test_emasc_of_nothing_is_the_plain_decoder() -> None:
    config = tiny_config()
    networks = tiny_networks()
    linear = Emasc(*config.emasc_channels(), linear=True)
    with torch.inference_mode():
        encoded = encode(networks.vae, torch.rand(1, 3, 64, 64))
        plain = networks.vae.decode(encoded.mean).sample
        torch.testing.assert_close(decode(networks.vae, encoded.mean), plain)
        torch.testing.assert_close(decode(networks.vae, encoded.mean, linear(encoded.features)), plain)
        kept = keep_outside(networks.emasc(encoded.features), torch.zeros(1, 1, 64, 64))
        assert not torch.allclose(decode(networks.vae, encoded.mean, kept), plain, atol=1e-3)
        moments = networks.vae.encode(torch.zeros(1, 3, 64, 64)).latent_dist
        mine = encode(networks.vae, torch.zeros(1, 3, 64, 64))
        torch.testing.assert_close(mine.mean, moments.mean)
        torch.testing.assert_close(mine.std, moments.std)


def test_draws_do_not_depend_on_the_batch() -> None:
    config = tiny_config()
    together, alone = draws(config, [3, 4]), draws(config, [4])
    for name in ("garment", "latents", "masked"):
        assert torch.equal(getattr(together, name)[1], getattr(alone, name)[0])
    assert not torch.equal(together.latents[0], together.latents[1])
    assert not torch.equal(together.latents[0], together.garment[0])


def test_prompts_are_padded_with_the_token_of_the_training() -> None:
    """Id 0, "!": the base model's files name another one too, and the UNet attends to the padding."""
    for ids in (tokens("upper"), tokens("lower"), tokens("dress"), empty()):
        end = int((ids == 49407).nonzero()[0])
        assert len(ids) == 77
        assert (ids[end + 1 :] == 0).all()
    network = tiny_networks().text
    other = empty()
    other[2:] = 49407
    with torch.inference_mode():
        right, wrong = (speak(network, ids[None]) for ids in (empty(), other))
    assert not torch.allclose(right[0, 5], wrong[0, 5], atol=1e-3)


def test_the_garment_is_not_divided_by_255_twice() -> None:
    """Today's image processor does it where values lie between 0 and 1: everything then looks black to CLIP."""
    transformers = pytest.importorskip("transformers", reason="needs the extra `diffusion`")
    garment = torch.rand(1, 3, 40, 30, generator=torch.Generator().manual_seed(0)) * 2 - 1
    right = clip_pixels(garment)
    assert float(right.max()) > 1
    levels = torch.floor(clip_levels(garment) * 255).to(torch.uint8)
    settings = {"do_resize": False, "do_center_crop": False, "do_convert_rgb": False}
    # the variant that needs no torchvision has had a name of its own since version 5
    processor = getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor
    by_library = processor(**settings)(list(levels.numpy()), return_tensors="pt")
    torch.testing.assert_close(right, by_library["pixel_values"], rtol=0, atol=1e-5)


def test_clip_pixels_of_plain_garments() -> None:
    white, black = (clip_pixels(torch.full((1, 3, 40, 30), value)) for value in (1.0, -1.0))
    assert white.shape == (1, 3, 224, 224)
    torch.testing.assert_close(white[0, :, 0, 0], torch.tensor([1.93033588, 2.07488384, 2.14589683]), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        black[0, :, 0, 0], torch.tensor([-1.79226255, -1.75209713, -1.48021968]), rtol=0, atol=1e-5
    )


def test_a_small_vocabulary_gives_every_token_its_own_embedding() -> None:
    text = tiny_networks().text
    with torch.inference_mode():
        spoken = speak(text, torch.stack([tokens("upper"), tokens("lower"), tokens("dress"), empty()]))
    for a in range(4):
        for b in range(a):
            assert not torch.allclose(spoken[a], spoken[b], atol=1e-3)
    with pytest.raises(ValueError, match="16 placeholders"):
        speak(text, tokens("upper", 3)[None], torch.zeros(1, 16, 32))


def test_solvers_begin_at_the_noisiest_time() -> None:
    for name in ("ddim", "dpm++", "unipc"):
        for steps in (5, 12, 50):
            times = Solver(name, steps).schedule(PUBLISHED.noise).timesteps
            assert len(times) == steps
            if name != "ddim":
                assert times[0] == 999
    assert Solver("ddim", 50).schedule(PUBLISHED.noise).timesteps[:2].tolist() == [981, 961]


def test_evaluations_are_counted() -> None:
    assert Solver("ddim", 50).evaluations() == 100
    assert Solver("ddim", 50, guidance=1).evaluations() == 50
    assert Solver("dpm++", 10, guide_from=0.2, guide_until=0.7).evaluations() == 15


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="multiples of 64"):
        ModelConfig(size=(500, 384))
    with pytest.raises(InputError, match="multiples of 32"):
        WarpingConfig(size=(100, 64))
    with pytest.raises(InputError, match="adapter fits neither"):
        ModelConfig(text={**PUBLISHED.text, "hidden_size": 768})
    with pytest.raises(InputError, match="UNet of 30 channels"):
        ModelConfig(unet={**PUBLISHED.unet, "in_channels": 30})
    assert ModelConfig.of_json(PUBLISHED.to_json()) == PUBLISHED
    with pytest.raises(InputError, match="not a configuration"):
        ModelConfig.of_json({"size": [512, 384]})


def test_a_new_refinement_may_begin_as_giving_the_garment_back() -> None:
    torch.manual_seed(4)
    network = begin_as_given(Refinement(WarpingConfig(size=(64, 64), width=8, refine=8, regress=32))).eval()
    given = torch.randn(2, 24, 64, 48).clamp(-1, 1)
    with torch.inference_mode():
        assert (network(given) - given[:, -3:]).abs().max() < 1e-3
    loss = (network(given) - given.roll(1, 0)[:, -3:]).abs().mean()
    loss.backward()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in network.parameters())
    assert network.outc.conv.weight.grad.abs().amax(dim=0).min() > 0  # channels that carry nothing yet can learn, too
    with pytest.raises(ValueError, match="six channels"):
        begin_as_given(Refinement(WarpingConfig(refine=4)))


def test_a_new_unet_may_begin_as_repeating_what_it_sees_around_the_mask() -> None:
    torch.manual_seed(4)
    config = mini_config()
    unet = begin_with_the_picture(build("unet", config), config.latent)
    shown = torch.randn(2, int(config.unet["in_channels"]), 32, 24)
    masked = shown[:, config.latent + 1 : 2 * config.latent + 1]
    text = torch.randn(2, 77, 96)

    def answer() -> torch.Tensor:
        made: torch.Tensor = unet(shown, torch.tensor([999, 10]), encoder_hidden_states=text, return_dict=False)[0]
        return made

    with torch.inference_mode():
        assert (answer() + masked).abs().max() < 0.1  # the velocity at late times, where the mask is not
    rate = torch.optim.Adam(unet.parameters(), lr=1e-3)
    for _ in range(4):  # it learns everywhere: behind blocks that do nothing yet, after some steps
        rate.zero_grad()
        (answer() - shown.flip(0)[:, : config.latent]).square().mean().backward()
        rate.step()
    assert all(each.grad is not None and float(each.grad.abs().max()) > 0 for each in unet.parameters())
    with pytest.raises(ValueError, match="too narrow"):
        begin_with_the_picture(build("unet", tiny_config()), 4)

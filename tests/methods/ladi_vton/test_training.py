"""Training of LaDI-VTON: every stage, resumed bits, caches, low-rank updates, recipes, and what is refused."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import read_image
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse
from fittingroom.methods.autoencoder import total
from fittingroom.methods.ladi_vton import start as start_module
from fittingroom.methods.ladi_vton.config import PUBLISHED
from fittingroom.methods.ladi_vton.denoise import Guide, Solver, denoise
from fittingroom.methods.ladi_vton.emasc import decode, encode, keep_outside
from fittingroom.methods.ladi_vton.finish import finish_terms
from fittingroom.methods.ladi_vton.losses import LOSSES
from fittingroom.methods.ladi_vton.method import LadiVton
from fittingroom.methods.ladi_vton.network import PARTS, build, build_base_unet
from fittingroom.methods.ladi_vton.recipe import TrainOptions, from_recipe, mini_config
from fittingroom.methods.ladi_vton.start import BASE_UNET_FILE, Start, given_parts
from fittingroom.methods.ladi_vton.steps import (
    dropped,
    noise_terms,
    through_jpeg,
    warp_terms,
)
from fittingroom.methods.ladi_vton.tiny import fill, tiny_config, tiny_networks
from fittingroom.methods.ladi_vton.training import LadiTask
from fittingroom.methods.ladi_vton.warping import Matcher, parameters, sample, shrink
from fittingroom.methods.ladi_vton.weights import open_folder, save_all
from fittingroom.methods.painting import cut, late_times, painted, squares
from fittingroom.nn.lora import inject, merge
from fittingroom.train.checkpoint import checkpoints
from fittingroom.train.log import read_log
from fittingroom.train.loop import Trained
from fittingroom.train.run import read_recipe, train

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
SMALL: dict[str, dict[str, Any]] = {
    "model": {"size": "tiny"},
    "ladi-vton": {
        "start": "random",
        "autoencoder_steps": 1,
        "warp_steps": 1,
        "refine_steps": 1,
        "emasc_steps": 1,
        "adapter_steps": 0,
        "tryon_steps": 2,
        "critic": True,
        "perceptual": "small",
        "encoders": True,
        "average_kimg": 0.01,
        "warmup": 2,
        "crop": 64,
        "warp_coarse": 1.0,
    },
    "train": {"steps": 7, "batch": 2, "save_every": 100, "sheet_every": 0, "log_every": 1},
}


@pytest.fixture(scope="module")
def few(dataset: Dataset) -> Dataset:
    """Five paired samples."""
    return dataset.only(limit=5)


def run(data: Dataset, out: Path, *, options: dict[str, Any] | None = None, **settings: Any) -> Trained:
    return train(data, "ladi-vton", recipe=SMALL, out=out, changes={"ladi-vton": options or {}, "train": settings})


def bits(folder: Path) -> dict[str, bytes]:
    tensors = safetensors.torch.load_file(checkpoints(folder)[-1] / "weights.safetensors")
    return {key: value.numpy().tobytes() for key, value in tensors.items()}


@pytest.fixture(scope="module")
def trained(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return run(few, tmp_path_factory.mktemp("trained"), sheet_every=100)


def test_all_stages_give_weights_that_dress_people(trained: Trained, dataset: Dataset) -> None:
    assert trained.finished
    method = LadiVton.load(trained.weights, steps=2)
    sample = next(iter(dataset.samples("unpaired")))
    assert method.run(sample).shape == sample.person.image().shape
    # the new autoencoder's latents were measured
    assert method.bundle.config.scaling != PUBLISHED.scaling
    assert method.bundle.trained
    assert not method.options.published_mask  # it learned with the mended masks
    assert "autoencoder, warp, refine, emasc, tryon, finish" in method.bundle.note


def test_the_log_names_stage_and_term(trained: Trained) -> None:
    lines = read_log(trained.folder)
    assert [sorted({key.split("/")[0] for key in line if "/" in key}) for line in lines] == [
        ["autoencoder"], ["warp"], ["refine"], ["emasc"], ["tryon"], ["tryon"], ["finish"],
    ]  # fmt: skip
    named = {key.split("/")[1] for line in lines for key in line if "/" in key}
    assert named == {loss.name for loss in LOSSES}
    sheet = read_image(next((trained.folder / "samples").iterdir()))
    assert sheet.shape == (4 * 128, 3 * 128, 3)


@pytest.mark.parametrize("cache", ["none", "memory", "disk"])
def test_resuming_gives_the_same_bits(cache: str, trained: Trained, few: Dataset, tmp_path: Path) -> None:
    options = {"cache": cache, "cache_folder": str(tmp_path / "features")}
    for steps in (1, 3, 5, 6, 7):
        run(few, tmp_path / "run", options=options, steps=steps)
    if cache == "disk":
        assert len(list((tmp_path / "features").rglob("*.safetensors"))) in range(2, 6)
    assert bits(tmp_path / "run") == bits(trained.folder)


def test_another_trainings_autoencoder_is_taken_and_its_latents_measured(
    trained: Trained, few: Dataset, tmp_path: Path
) -> None:
    given = trained.weights / "vae.safetensors"
    options = {"autoencoder": str(given), "autoencoder_steps": 0, "stage": "tryon"}
    done = run(few, tmp_path, options=options, steps=1)
    one, two = (safetensors.torch.load_file(path) for path in (given, done.weights / "vae.safetensors"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    scalings = [open_folder(folder).config.scaling for folder in (trained.weights, done.weights)]
    assert scalings[0] == pytest.approx(scalings[1], rel=1e-5)
    with pytest.raises(InputError):
        run(few, tmp_path / "bad", options=options | {"autoencoder": str(given.with_name("unet.safetensors"))}, steps=1)


def test_single_parts_may_be_given(
    trained: Trained, few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, others = tmp_path / "parts", ("matcher", "refinement", "emasc")
    parts.mkdir()
    for part in others:
        (parts / f"{part}.safetensors").write_bytes((trained.weights / f"{part}.safetensors").read_bytes())
    options = {"autoencoder": str(trained.weights / "vae.safetensors"), "stage": "tryon", "start": "random"}
    monkeypatch.setattr(start_module, "embedded_folder", {start_module.PARTS_FOLDER: parts}.get)
    made = [run(few, tmp_path / str(name), options=options | {"parts": name}, steps=1) for name in ("embedded", "")]
    for part in (*others, "vae"):
        truth = (trained.weights / f"{part}.safetensors").read_bytes()
        found = [(done.weights / f"{part}.safetensors").read_bytes() == truth for done in made]
        assert found == [True, part == "vae"], part
    with pytest.raises(MissingError, match="no part of LaDI-VTON here"):
        given_parts("", str(tmp_path))
    monkeypatch.setattr(start_module, "embedded_folder", lambda name: None)
    with pytest.raises(MissingError, match="no embedded parts"):
        given_parts("", "embedded")


def test_rates_may_fall_by_halves() -> None:
    options = TrainOptions(start="random", adapter_steps=0, warmup=0, halve=100, lr=1.0, lr_warp=0.5, lr_refine=2.0)
    assert [options.rate("tryon", step) for step in (0, 100, 200)] == [1.0, 0.5, 0.25]
    assert options.rate("warp", 100) == 0.25
    assert options.rate("refine", 100) == 1.0
    quicker = replace(options, halve_warp=50)
    assert [quicker.rate(stage, 100) for stage in ("warp", "refine", "tryon")] == [0.125, 1.0, 0.5]
    assert TrainOptions(start="random", adapter_steps=0, warmup=0, lr=1.0).rate("tryon", 10**6) == 1.0


def test_a_stage_changes_its_own_networks_only(few: Dataset, tmp_path: Path, tiny: Path) -> None:
    for stage, learned in (
        ("warp", {"matcher"}),
        ("refine", {"refinement"}),
        ("emasc", {"emasc"}),
        ("tryon", {"unet", "adapter"}),
    ):
        options = {"stage": stage, "start": str(tiny), "encoders": False}
        done = run(few, tmp_path / stage, options=options, steps=1)
        for part in ("matcher", "refinement", "vision", "adapter", "text", "vae", "emasc", "unet"):
            before = safetensors.torch.load_file(tiny / f"{part}.safetensors")
            after = safetensors.torch.load_file(done.weights / f"{part}.safetensors")
            same = all(torch.equal(before[name], after[name]) for name in before)
            assert same == (part not in learned), (stage, part)
        open_folder(done.weights)


def test_the_adapter_learns_with_the_base_network(few: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "begin"
    save_all(tiny_networks(3), folder)
    options = {"stage": "adapter", "start": str(folder), "encoders": False}
    with pytest.raises(MissingError, match="inpainting network of nine channels"):
        run(few, tmp_path / "none", options=options, steps=1)
    base = build_base_unet(tiny_config())
    fill(base, 8)
    safetensors.torch.save_file(base.state_dict(), folder / BASE_UNET_FILE)
    done = run(few, tmp_path / "out", options=options, steps=1)
    before, after = (safetensors.torch.load_file(place / "adapter.safetensors") for place in (folder, done.weights))
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert {key.split(".")[1] for key in bits(done.folder)} == {"adapter"}


def test_low_rank_updates(few: Dataset, tmp_path: Path, tiny: Path) -> None:
    options = {"stage": "tryon", "start": str(tiny), "encoders": False, "lora": 2, "lr": 1e-2, "average_kimg": 0}
    done = run(few, tmp_path / "once", options=options, steps=3)
    for steps in (1, 3):
        run(few, tmp_path / "resumed", options=options, steps=steps)
    assert bits(tmp_path / "resumed") == bits(done.folder)
    names = {key.split(".")[1] for key in bits(done.folder)}
    assert names == {"adapter", "unet-lora"}
    before, after = (safetensors.torch.load_file(place / "unet.safetensors") for place in (tiny, done.weights))
    assert set(before) == set(after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"conv_in.weight", "conv_in.bias"} < changed
    rest = changed - {"conv_in.weight", "conv_in.bias"}
    assert all(name.rsplit(".", 1)[0].endswith(("to_q", "to_k", "to_v", "to_out.0")) for name in rest)
    for name in rest:
        assert int(torch.linalg.matrix_rank(after[name] - before[name], tol=1e-6)) <= 2


def test_merging_updates_keeps_what_the_network_does() -> None:
    unet = build("unet", tiny_config()).eval()
    fill(unet, 2)
    learning = inject(unet, 3)
    assert parameters(learning) < parameters(unet) / 4
    for name, value in learning.named_parameters():
        if name.endswith("up"):
            torch.nn.init.normal_(value, std=0.1)
    given = torch.randn(1, 31, 16, 16), torch.tensor(7), torch.randn(1, 77, 32)
    with torch.no_grad():
        want = unet(*given).sample
        torch.testing.assert_close(merge(unet)(*given).sample, want, rtol=1e-4, atol=1e-5)
    assert set(unet.state_dict()) == set(build("unet", tiny_config()).state_dict())


def test_saving_memory_changes_nothing(few: Dataset, tmp_path: Path, tiny: Path) -> None:
    made = []
    for save_memory in (True, False):
        out = tmp_path / str(save_memory)
        for stage in ("tryon", "emasc"):
            options = {"stage": stage, "start": str(tiny), "encoders": False, "save_memory": save_memory}
            made.append(bits(run(few, out / stage, options=options, steps=1).folder))
    assert made[0] == made[2]
    assert made[1] == made[3]


def test_sixteen_bits_learn_the_same(few: Dataset, tmp_path: Path, tiny: Path) -> None:
    """In float32 and in bfloat16, where attention is written out; features that were kept belong to their precision."""
    losses, features = {}, tmp_path / "features"
    options = {"start": str(tiny), "encoders": True, "cache": "disk", "cache_folder": str(features)}
    for stage in ("warp", "tryon"):
        for precision in ("fp32", "bf16"):
            out = tmp_path / stage / precision
            run(few, out, options={"stage": stage, "save_memory": False, **options}, precision=precision, steps=2)
            losses[precision] = [
                line[f"{stage}/{'noise' if stage == 'tryon' else 'warp_l1'}"] for line in read_log(out)
            ]
        assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.02)
        assert losses["bf16"] != losses["fp32"]
    assert len(list(features.iterdir())) == 2


def test_learning_lowers_the_loss(few: Dataset, tmp_path: Path) -> None:
    for stage, name, options in (
        ("warp", "warp_l1", {"lr_warp": 2e-3}),
        ("warp", "warp_coarse", {"lr_warp": 2e-3, "beta": 0.9, "warp_coarse": 2.0}),
        ("autoencoder", "autoencoder_l1", {"lr_autoencoder": 3e-3}),
        ("tryon", "noise", {"lr": 3e-3, "warmup": 1, "cache": "memory", "half": True}),
        ("finish", "critic", {"critic": True, "perceptual": "small", "lr_critic": 1e-2, "warmup": 1}),
    ):
        out = tmp_path / name
        run(few, out, options={"stage": stage, "perceptual": "none", "critic": False, **options}, steps=20, batch=4)
        values = [line[f"{stage}/{name}"] for line in read_log(out)]
        assert np.mean(values[-4:]) < 0.9 * np.mean(values[:4]), stage


def test_the_published_training_with_its_slips(few: Dataset, tmp_path: Path) -> None:
    done = run(few, tmp_path, options={"published": True}, steps=6, precision="bf16")
    assert done.finished
    assert all(np.isfinite(value) for line in read_log(tmp_path) for value in line.values())
    picture = torch.linspace(-1, 1, 64).expand(3, 64, 64)
    assert 0 < float((through_jpeg(picture) - picture).abs().mean()) < 0.02


def test_the_matcher_may_be_told_more_of_blurred_pictures() -> None:
    batch = {name: torch.rand(2, 3, 128, 96) * 2 - 1 for name in ("garment", "worn", "person")}
    batch |= {"mask": torch.zeros(2, 1, 128, 96), "pose": torch.rand(2, 18, 128, 96)}
    matcher = Matcher(tiny_config().warping).eval()
    usual = total(warp_terms(matcher, batch, False))
    terms = warp_terms(matcher, batch, False, coarse=2.0, even=3.0)
    given, worn = (shrink(batch[name], matcher.size) for name in ("garment", "worn"))
    away = (
        sample(given, matcher(given, torch.zeros(2, 21, *matcher.size))[0]) - worn
    )  # it begins with the garment unwarped
    squares = sum(
        (away.reshape(2, 3, 64 // side, side, 64 // side, side).mean((3, 5))).abs().mean() for side in (4, 8, 16)
    )
    torch.testing.assert_close(terms["warp_coarse"][1], squares, rtol=1e-4, atol=1e-5)
    assert terms["warp_coarse"][0] == 2.0
    expected = usual + 2 * squares + 2 * 0.01 * terms["warp_regularity"][1]
    torch.testing.assert_close(total(terms), expected, rtol=1e-4, atol=1e-5)


def test_the_refinement_need_not_hear_the_perceptual_loss(few: Dataset, tmp_path: Path) -> None:
    named = []
    for hears in (True, False):
        out = tmp_path / str(hears)
        run(few, out, options={"stage": "refine", "refine_perceptual": hears}, steps=1)
        named.append({key for key in read_log(out)[0] if key.startswith("refine/")})
    assert named == [{"refine/refine_l1", "refine/refine_vgg"}, {"refine/refine_l1"}]


def test_dropout_empties_a_share_of_each_kind_by_itself() -> None:
    gone = dropped(20_000, 0.2, torch.Generator().manual_seed(1), torch.device("cpu"))
    for each in (gone.prompt, gone.pose, gone.garment):
        assert float(each.float().mean()) == pytest.approx(0.2, abs=0.01)
    assert float((gone.prompt & gone.pose & gone.garment).float().mean()) == pytest.approx(0.008, abs=0.003)


def test_late_times_may_be_drawn_more_often() -> None:
    def drawn(late: float) -> torch.Tensor:
        return late_times(20_000, 1000, late, torch.Generator().manual_seed(1), torch.device("cpu"))

    for late, early in ((1.0, 0.5), (2.0, 0.25), (3.0, 0.125)):
        found = drawn(late)
        assert int(found.min()) >= 0
        assert int(found.max()) == 999
        assert float((found < 500).double().mean()) == pytest.approx(early, abs=0.015)
    again = torch.randint(0, 1000, (20_000,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(drawn(1.0), again)  # as published
    with pytest.raises(InputError, match=r"late is 0\.5"):
        TrainOptions(start="random", adapter_steps=0, late=0.5)


def test_squares_lie_around_what_is_painted() -> None:
    mask = torch.zeros(3, 1, 128, 96)
    mask[0, :, 120:, 90:] = 1  # the lower right corner; nothing in the third
    mask[1, :, 64, 40] = 1
    corners = squares(mask, 64, torch.Generator().manual_seed(1))
    assert corners[:2].tolist() == [[64, 32], [32, 8]]
    assert (corners % 8 == 0).all()
    assert 0 <= int(corners.min()) <= int(corners.max()) <= 64
    cuts = cut(mask, corners, 64)
    assert cuts.shape == (3, 1, 64, 64)
    assert [int(each.sum()) for each in cuts] == [int(each.sum()) for each in mask]
    assert cut(torch.zeros(3, 1, 48, 40), squares(torch.ones(3, 1, 48, 40), 64, torch.Generator()), 64).shape[2:] == (
        48,
        40,
    )


def test_one_step_from_noise_is_compared_as_a_picture() -> None:
    """A UNet that knows the photo's latents: what is painted is the photo, as well as the autoencoder can say it."""
    import diffusers

    config = replace(tiny_config(), noise={**tiny_config().noise, "prediction_type": "v_prediction"})
    noise = diffusers.DDPMScheduler.from_config(dict(config.noise))
    torch.manual_seed(0)
    vae, emasc = (build(name, config).eval() for name in ("vae", "emasc"))
    person = torch.rand(3, 3, 128, 128, generator=torch.Generator().manual_seed(2)) * 2 - 1
    mask = torch.zeros(3, 1, 128, 128)
    mask[..., 32:96, 32:96] = 1
    batch = {"person": person, "mask": mask, "pose": torch.zeros(3, 18, 128, 128)}
    clean = vae.encode(person).latent_dist.mean.detach()
    zeros = torch.zeros_like(clean)
    features = {"person_mean": clean, **{f"{name}_mean": zeros for name in ("masked", "warped")}}
    features |= {f"{name}_std": zeros for name in ("person", "masked", "warped")}
    shown: list[tuple[torch.Tensor, torch.Tensor]] = []

    class Unet(torch.nn.Module):
        def __init__(self, right: float) -> None:
            super().__init__()
            self.right = torch.nn.Parameter(torch.tensor(right))

        def forward(self, given: torch.Tensor, time: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:
            noisy = given[:, : clean.shape[1]]
            shown.append((noisy, time))
            kept = noise.alphas_cumprod[time][:, None, None, None]
            return ((kept.sqrt() * noisy - self.right * clean * config.scaling) / (1 - kept).sqrt(),)

    found = []
    for right in (1.0, 0.0):
        parts = {"unet": Unet(right), "vae": vae, "emasc": emasc}
        gone = dropped(3, 0.0, torch.Generator(), torch.device("cpu"))
        generator = torch.Generator().manual_seed(1)
        text = torch.zeros(3, 77, 32)
        found.append(finish_terms(parts, noise, config, batch, features, text, generator, gone, None)[0])
    with torch.no_grad():
        additions = keep_outside(emasc(encode(vae, person * (1 - mask)).features), mask)
        best = decode(vae, clean, additions) * mask + person * (1 - mask)
    torch.testing.assert_close(found[0]["finish_l1"][1], (best - person)[:2].abs().mean(), rtol=1e-3, atol=1e-4)
    assert found[1]["finish_l1"][1].item() != pytest.approx(found[0]["finish_l1"][1].item(), rel=1e-4)
    assert shown[0][1][:2].tolist() == [999, 999]
    assert abs(float(shown[0][0][:2].std()) - 1) < 0.1  # noise alone
    assert {"noise", "finish_l1", "finish_colour"} == set(found[0])


def test_those_who_are_painted_lose_nothing() -> None:
    gone = dropped(6, 1.0, torch.Generator().manual_seed(1), torch.device("cpu"), spared=painted(5))
    for each in (gone.prompt, gone.pose, gone.garment):
        assert each.tolist() == [False, False, False, True, True, True]


def test_dropped_conditions_do_not_reach_the_network() -> None:
    config = tiny_config()
    seen: list[torch.Tensor] = []

    class Unet(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, shown: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor]:
            seen.append(shown)
            return (shown[:, :4] * self.weight,)

    import diffusers

    noise = diffusers.DDPMScheduler.from_config(dict(config.noise))
    ones = torch.ones(2, 4, 16, 16)
    features = {f"{name}_{kind}": ones for name in ("person", "masked", "warped") for kind in ("mean", "std")}
    batch = {"mask": torch.ones(2, 1, 128, 128), "pose": torch.ones(2, 18, 128, 128)}
    gone = dropped(2, 0.0, torch.Generator().manual_seed(1), torch.device("cpu"))
    gone = replace(gone, pose=torch.tensor([True, False]), garment=torch.tensor([False, True]))
    generator = torch.Generator().manual_seed(1)
    noise_terms(Unet(), noise, config, batch, features, torch.zeros(2, 77, 32), generator, gone)
    shown = seen[0]
    assert shown.shape[1] == 31
    assert float(shown[0, 9:27].abs().sum()) == 0
    assert float(shown[1, 9:27].min()) == 1
    assert float(shown[0, 27:].abs().sum()) > 0
    assert float(shown[1, 27:].abs().sum()) == 0
    assert float(shown[:, 5:9].abs().min()) > 0  # the masked person is never dropped


class Knowing(torch.nn.Module):
    """A UNet that knows the picture, and answers with its noise or with its velocity."""

    def __init__(self, clean: torch.Tensor, noise: Any, kind: str) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.clean, self.kept, self.kind = clean, noise.alphas_cumprod, kind

    def forward(self, shown: torch.Tensor, time: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:
        left = self.kept[time].reshape(-1, 1, 1, 1)
        added = (shown[:, :4] - left.sqrt() * self.clean) / (1 - left).sqrt()
        velocity = left.sqrt() * added - (1 - left).sqrt() * self.clean
        return (added if self.kind == "epsilon" else velocity,)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_the_schedule_says_what_the_network_predicts(kind: str) -> None:
    import diffusers

    config = tiny_config()
    config = replace(config, noise={**config.noise, "prediction_type": kind})
    noise = diffusers.DDPMScheduler.from_config(dict(config.noise))
    generator = torch.Generator().manual_seed(1)
    ones, zeros = torch.randn(2, 4, 16, 16, generator=generator), torch.zeros(2, 4, 16, 16)
    features = {f"{name}_mean": ones for name in ("person", "masked", "warped")}
    features |= {f"{name}_std": zeros for name in ("person", "masked", "warped")}
    batch = {"mask": torch.ones(2, 1, 128, 128), "pose": torch.ones(2, 18, 128, 128)}
    gone = dropped(2, 0.0, generator, torch.device("cpu"))
    clean = ones * config.scaling

    def loss(answers: str) -> float:
        unet = Knowing(clean, noise, answers)
        ((_, value),) = noise_terms(
            unet, noise, config, batch, features, torch.zeros(2, 77, 32), generator, gone
        ).values()
        return float(value)

    other = "epsilon" if kind == "v_prediction" else "v_prediction"
    assert loss(kind) < 1e-6
    assert loss(other) > 1e-2
    text, pose = torch.zeros(2, 77, 32), torch.zeros(2, 18, 16, 16)
    guide = Guide(text, torch.ones(2, 1, 16, 16), clean, pose, clean)
    for solver in (Solver("ddim", 10, 1.0), Solver("dpm++", 5, 2.0), Solver("unipc", 5, 1.0)):
        first = torch.randn(2, 4, 16, 16, generator=generator)
        unet = Knowing(clean if solver.guidance <= 1 else torch.cat([clean, clean]), noise, kind)
        made = denoise(unet, config.noise, first, guide, text, solver)
        assert (made - clean).abs().mean() < 0.03, solver  # the published schedule keeps a little noise at the end


def test_items(few: Dataset) -> None:
    config, options = from_recipe({name: table for name, table in SMALL.items() if name != "train"})
    task = LadiTask(few, config, options)
    assert len(task) == 5
    first, again = task.item(2, 1), task.item(2, 9)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["person"].shape == first["garment"].shape == first["worn"].shape == (3, 128, 128)
    assert float((first["worn"] == 1).all(dim=0).float().mean()) > 0.4  # white around the garment
    inside = (first["worn"] != 1).any(dim=0)
    assert float(first["mask"][0][inside].mean()) > 0.95


def test_items_are_prepared_by_other_processes(few: Dataset) -> None:
    config, options = from_recipe({name: table for name, table in SMALL.items() if name != "train"})
    task = LadiTask(few, config, options)
    other = pickle.loads(pickle.dumps(task))
    assert len(other) == len(task)
    first, again = task.item(1, 0), other.item(1, 0)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert len(pickle.dumps(task)) < 1_000_000  # no networks


def test_kept_features_belong_to_their_networks(few: Dataset, tmp_path: Path) -> None:
    options = {"cache": "disk", "cache_folder": str(tmp_path / "features")}
    for number, lr in enumerate((1e-3, 2e-3)):
        run(few, tmp_path / str(number), options={**options, "lr_autoencoder": lr}, steps=5)
    # the autoencoders differ, so nothing of the first training was taken for the second
    assert len(list((tmp_path / "features").iterdir())) == 2
    run(few, tmp_path / "again", options={**options, "lr_autoencoder": 2e-3}, steps=5)
    assert len(list((tmp_path / "features").iterdir())) == 2
    assert bits(tmp_path / "again") == bits(tmp_path / "1")
    for kept in (tmp_path / "features").rglob("*.safetensors"):
        kept.write_bytes(b"no features")
    with pytest.raises(InputError, match="not readable features"):
        run(few, tmp_path / "broken", options={**options, "lr_autoencoder": 2e-3}, steps=5)


def test_a_training_that_goes_on_takes_the_features_that_were_kept(
    few: Dataset, tmp_path: Path, trained: Trained
) -> None:
    options = {"cache": "disk", "cache_folder": str(tmp_path / "features"), "stage": "tryon"}
    first = run(few, tmp_path / "first", options={**options, "start": str(trained.weights)}, steps=3)
    (kept,) = (tmp_path / "features").iterdir()
    files = sorted(kept.iterdir())
    assert len(files) == len(few.pairs["paired"])
    second = run(few, tmp_path / "second", options={**options, "start": str(first.weights)}, steps=3)
    assert list((tmp_path / "features").iterdir()) == [kept]
    assert sorted(kept.iterdir()) == files
    assert bits(first.folder) != bits(second.folder)
    note = open_folder(second.weights).note
    assert "began with weights" in note
    assert str(tmp_path) not in note


def test_samples_that_cannot_be_learned_from_are_named(few: Dataset, tmp_path: Path) -> None:
    people = dict(few.people)
    wanted = [pair.person for pair in few.pairs["paired"]]
    people[wanted[0]] = replace(people[wanted[0]].fresh(), given={"pose": Pose(np.zeros((18, 3), np.float32))})
    size = people[wanted[1]].image().shape[:2]
    people[wanted[1]] = replace(people[wanted[1]].fresh(), given={"parse": Parse(np.zeros(size, np.uint8), CIHP20)})
    done = run(replace(few, people=people), tmp_path / "out", steps=1)
    assert len(done.refused) >= 2
    assert all("\n" not in line for line in done.refused)
    with pytest.raises(InputError, match="nothing in drawn-mini can be trained on"):
        run(replace(few, pairs={"paired": ()}), tmp_path / "none", steps=1)


def test_the_base_model_is_asked_for(few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FITTINGROOM_WEIGHTS", raising=False)
    begin = Start("published-base", PUBLISHED, 1)
    for part, name in (("vae", "sd2-inpainting-vae"), ("text", "sd2-inpainting-text"), ("vision", "clip-vit-h-14")):
        with pytest.raises(MissingError, match=f"weights '{name}'"):
            begin.network(part)
    with pytest.raises(MissingError, match="sd2-inpainting-unet"):
        begin.base_unet()
    with pytest.raises(InputError, match="published sizes only"):
        train(few, "ladi-vton", recipe={"model": {"size": "tiny"}}, out=tmp_path)


def test_the_base_model_is_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = build_base_unet(tiny_config())
    fill(base, 8)
    safetensors.torch.save_file(base.state_dict(), tmp_path / "sd2-inpainting-unet.safetensors")
    vae = tiny_networks(4).vae
    safetensors.torch.save_file(vae.state_dict(), tmp_path / "sd2-inpainting-vae.safetensors")
    monkeypatch.setenv("FITTINGROOM_WEIGHTS", str(tmp_path))
    begin = start_module.Start("published-base", tiny_config(), 1)
    extended = begin.network("unet").state_dict()["conv_in.weight"]
    assert torch.equal(extended[:, :9], base.state_dict()["conv_in.weight"])
    assert float(extended[:, 9:].abs().sum()) == 0
    assert torch.equal(begin.network("vae").state_dict()["quant_conv.weight"], vae.state_dict()["quant_conv.weight"])
    assert torch.equal(begin.base_unet().state_dict()["conv_in.weight"], base.state_dict()["conv_in.weight"])


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"model": {"size": "huge"}}, "model.size is 'huge'"),
        ({"model": {"width": 4}}, "model has no setting width"),
        ({"ladi-vton": {"steps": 4}}, "ladi-vton has no setting steps"),
        ({"ladi-vton": {"stage": "last"}}, "stage is 'last'"),
        ({"ladi-vton": {"dropout": 2}}, "dropout is 2"),
        ({"ladi-vton": {"lr": 0}}, "lr is 0"),
        ({"ladi-vton": {"crop": 12}}, "crop is 12"),
        ({"ladi-vton": {"lora": -1}}, "lora is -1"),
        ({"ladi-vton": {"cache": "disk"}}, "but where"),
        ({"ladi-vton": {"start": "random"}}, "set adapter_steps = 0"),
        ({"ladi-vton": {"encoders": 1}}, "encoders is 1"),
        ({"ladi-vton": {"beta": 1.0}}, "beta is 1.0"),
        ({"ladi-vton": {"critic": True, "perceptual": "none"}}, "choose a trunk, or no critic"),
        ({"unet": {}}, "no recipe table unet"),
    ],
)
def test_recipes_that_make_no_sense(
    few: Dataset, tmp_path: Path, tables: dict[str, dict[str, Any]], named: str
) -> None:
    with pytest.raises(InputError, match=named) as error:
        train(few, "ladi-vton", recipe=tables, out=tmp_path)
    assert "\n" not in str(error.value)


def test_the_plan_of_stages() -> None:
    options = TrainOptions(autoencoder_steps=0, warp_steps=3, refine_steps=0, emasc_steps=2, adapter_steps=1)
    assert [options.stage_at(number) for number in range(8)] == [
        ("warp", 0), ("warp", 1), ("warp", 2), ("emasc", 0), ("emasc", 1), ("adapter", 0), ("tryon", 0), ("tryon", 1),
    ]  # fmt: skip
    finished = replace(options, tryon_steps=2)
    assert [finished.stage_at(number)[0] for number in range(6, 10)] == ["tryon", "tryon", "finish", "finish"]
    assert TrainOptions(stage="emasc").stage_at(90) == ("emasc", 90)
    assert options.rate("tryon", 0) == pytest.approx(1e-5 / 500)
    assert options.rate("tryon", 10_000) == 1e-5
    assert options.rate("warp", 0) == 1e-4


def test_the_small_recipe(tmp_path: Path) -> None:
    tables = read_recipe(RECIPES / "ladi-vton-mini.toml")
    config, options = from_recipe({name: table for name, table in tables.items() if name != "train"})
    assert config == mini_config()
    assert sum(options.stages().values()) + 3_000 == tables["train"]["steps"]
    with torch.device("meta"):
        written = 0  # bytes, weights in half precision; the package takes 24 MB of a method
        for part in PARTS:
            network = build(part, config)
            learned = {name for name, _ in network.named_parameters()}
            for name, value in network.state_dict().items():
                written += value.numel() * (2 if name in learned else value.element_size())
    assert 12e6 < written < 24e6
    assert from_recipe({}) == (PUBLISHED, TrainOptions())
    assert json.loads(json.dumps(config.to_json())) == config.to_json()

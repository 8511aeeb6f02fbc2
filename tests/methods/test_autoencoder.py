"""The small autoencoder that both diffusion methods may begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fittingroom.core.errors import MissingError
from fittingroom.methods import autoencoder
from fittingroom.methods.autoencoder import FILE, SMALL_VAE, autoencoder_terms, file_of, louder, total
from fittingroom.methods.ladi_vton import recipe as ladi_vton
from fittingroom.methods.ladi_vton.start import Start, build_on_meta
from fittingroom.methods.ladi_vton.tiny import tiny_config
from fittingroom.methods.promptdresser import recipe as promptdresser
from fittingroom.methods.requirement import need
from fittingroom.weights import embedded


def test_both_minis_can_share_one_autoencoder() -> None:
    one = build_on_meta("vae", ladi_vton.mini_config())
    with torch.device("meta"):
        other = need("diffusers").AutoencoderKL.from_config(promptdresser.mini_sizes().vae)
    shapes = [{name: tuple(value.shape) for name, value in each.state_dict().items()} for each in (one, other)]
    assert shapes[0] == shapes[1]
    assert one.config.latent_channels == SMALL_VAE["latent_channels"]


def test_networks_follow_the_width_of_the_latents() -> None:
    config, sizes = ladi_vton.mini_config(), promptdresser.mini_sizes()
    width = SMALL_VAE["latent_channels"]
    assert config.latent == width
    assert config.unet["in_channels"] == 3 * width + 19
    assert config.base_channels == 2 * width + 1
    assert config.takes_garment
    assert sizes.unet["out_channels"] == width


def test_which_file_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_of("") is None
    assert file_of("here/vae.safetensors") == Path("here/vae.safetensors")
    monkeypatch.setattr(embedded, "ROOT", tmp_path)
    with pytest.raises(MissingError, match="no embedded autoencoder"):
        file_of("embedded")
    folder = tmp_path / autoencoder.EMBEDDED
    folder.mkdir()
    (folder / embedded.CARD).write_text("about")
    assert file_of("embedded") == folder / FILE


def test_a_gain_makes_only_perceptual_terms_louder() -> None:
    terms = {"refine_l1": (1.0, torch.tensor(2.0)), "refine_vgg": (0.25, torch.tensor(4.0))}
    assert float(total(terms)) == 3.0
    assert float(total(louder(terms, 10.0))) == 12.0
    assert louder(terms, 10.0)["refine_l1"] == terms["refine_l1"]


def test_a_new_autoencoder_begins_without_its_residual_blocks_and_learns_them() -> None:
    config = tiny_config()
    vae = Start("random", config, 0).network("vae").train().requires_grad_(True)
    blocks = [name for name, _ in vae.named_parameters() if name.endswith("conv2.weight") or "to_out.0.weight" in name]
    assert len(blocks) > 10
    assert all(not vae.get_parameter(name).any() for name in blocks)
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        loss = total(autoencoder_terms(vae, picture, None, generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all(vae.get_parameter(name).any() for name in blocks)

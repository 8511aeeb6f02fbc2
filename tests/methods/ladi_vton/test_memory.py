"""The estimate of memory against every operation's memory at full size; nothing is computed for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")
pytest.importorskip("transformers", reason="needs the extra `diffusion`")

from torch._subclasses.fake_tensor import FakeTensorMode

from fittingroom.methods.ladi_vton.config import LATENT, PUBLISHED
from fittingroom.methods.ladi_vton.denoise import Guide, both, predict
from fittingroom.methods.ladi_vton.emasc import decode
from fittingroom.methods.ladi_vton.memory import activations, weights
from fittingroom.methods.ladi_vton.network import build
from fittingroom.methods.ladi_vton.pipeline import carry
from fittingroom.methods.promptdresser.peak import PeakTensors

KIND = torch.bfloat16
HEIGHT, WIDTH = PUBLISHED.size


@pytest.fixture
def nothing_is_computed() -> Iterator[None]:
    torch.set_default_dtype(KIND)
    try:
        with FakeTensorMode(), torch.inference_mode():
            yield
    finally:
        torch.set_default_dtype(torch.float32)


def part(name: str) -> nn.Module:
    return build(name, PUBLISHED).eval()


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(1, *shape, dtype=KIND)


def test_refining(nothing_is_computed: None) -> None:
    refinement = part("refinement")
    with PeakTensors() as seen:
        refinement(zeros(24, HEIGHT, WIDTH))
    # the network's input, 24 channels, is made in the same stage
    peak = seen.peak + 24 * HEIGHT * WIDTH * KIND.itemsize
    assert activations(PUBLISHED, KIND.itemsize)["warp"] == pytest.approx(peak, rel=0.1)


def test_encoding_and_decoding(nothing_is_computed: None) -> None:
    vae, emasc = part("vae"), part("emasc")
    with PeakTensors() as encoding:
        encoded, additions = carry(vae, emasc, zeros(3, HEIGHT, WIDTH), zeros(1, HEIGHT, WIDTH))
        encoded.features.clear()  # as the runner keeps it
    waiting = sum(each.numel() * each.element_size() for each in additions)
    with PeakTensors() as decoding:
        decode(vae, zeros(LATENT, HEIGHT // 8, WIDTH // 8), additions)
    said = activations(PUBLISHED, KIND.itemsize)
    assert said["encode"] == pytest.approx(encoding.peak, rel=0.1)
    assert said["decode"] == pytest.approx(decoding.peak + waiting, rel=0.1)


def test_painting(nothing_is_computed: None) -> None:
    unet, size = part("unet"), (HEIGHT // 8, WIDTH // 8)
    guide = Guide(zeros(77, 1024), zeros(1, *size), zeros(4, *size), zeros(18, *size), zeros(4, *size))
    with PeakTensors() as seen:
        predict(unet, torch.zeros(2, 4, *size), torch.tensor(500), both(guide, guide))
    waiting = activations(PUBLISHED, KIND.itemsize)["paint"] - seen.peak
    pixels = HEIGHT * WIDTH * 128 * KIND.itemsize
    assert 0.9 * 4.3 * pixels < waiting < 1.1 * 4.3 * pixels + 0.1 * seen.peak


def test_weights_are_counted() -> None:
    assert weights(PUBLISHED)["unet"] == 865_988_484
    assert weights(PUBLISHED)["vision"] == 630_766_080

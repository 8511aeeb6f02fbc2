"""Which precision methods choose by themselves on graphics cards that are not here."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from fittingroom.methods.ladi_vton.memory import fastest
from fittingroom.methods.pasta_gan_pp.fast import fastest_type


@pytest.mark.parametrize(
    ("generation", "diffusion", "gan"),
    [(6, torch.float16, torch.float32), (7, torch.float16, torch.float32), (8, torch.bfloat16, torch.bfloat16)],
)
def test_cards_that_only_imitate_bfloat16_do_not_get_it(
    generation: int, diffusion: torch.dtype, gan: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: SimpleNamespace(major=generation))
    # what the library says of old cards if it is asked whether bfloat16 works at all
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda _device: True)
    assert fastest("cuda") == diffusion
    assert fastest_type("cuda") == gan

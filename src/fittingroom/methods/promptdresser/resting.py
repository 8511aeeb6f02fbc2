"""What resting networks give a step of the training: encoded prompts, and latents of photo, masked photo and garment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .prompts import Prompts
from .steps import Batch, Dropped, distributions, drawn, say


def spoken(tokenizers: Sequence[Any], encoders: Sequence[Any], prompts: Sequence[Prompts]) -> dict[str, torch.Tensor]:
    """Both prompts of N samples: ``full`` and ``clothing`` ``(N, T, D)``, their summaries ``..._pooled`` ``(N, P)``."""
    texts = [*(prompt.full for prompt in prompts), *(prompt.clothing for prompt in prompts)]
    hidden, pooled = say(tokenizers, encoders, texts)
    (full, clothing), (full_pooled, clothing_pooled) = hidden.chunk(2), pooled.chunk(2)
    return {"full": full, "full_pooled": full_pooled, "clothing": clothing, "clothing_pooled": clothing_pooled}


def silenced(text: Batch, gone: Dropped) -> dict[str, torch.Tensor]:
    """The same with zeros for prompts that are dropped."""
    kept = {"full": ~gone.full, "clothing": ~gone.clothing}
    return {
        name: value * kept[name.removesuffix("_pooled")].view(-1, *[1] * (value.ndim - 1))
        for name, value in text.items()
    }


def seen(vae: Any, pictures: Mapping[str, torch.Tensor], row: int) -> dict[str, torch.Tensor]:
    """Distributions ``..._mean`` and ``..._std`` ``(4, h, w)`` of the latents of one row of pictures ``(B, 3, H, W)``, by name."""
    mean, std = distributions(vae, torch.stack([each[row] for each in pictures.values()]))
    found = {f"{name}_mean": value for name, value in zip(pictures, mean, strict=True)}
    return found | {f"{name}_std": value for name, value in zip(pictures, std, strict=True)}


def drawn_latents(
    vae: Any, found: Batch, nothing: torch.Tensor, gone: Dropped, scale: float, generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Scaled latents of ``person``, ``masked`` and ``garment`` ``(B, 4, h, w)``, drawn from their distributions.

    Args:
        vae: the autoencoder.
        found: the distributions, batched.
        nothing: ``(1, 3, H, W)``, what stands for a garment that is dropped.
        gone: whose garment is dropped.
        scale: factor of the latents.
        generator: drawn from.
    """
    found = dict(found)
    if bool(gone.garment.any()):
        for name, value in zip(("garment_mean", "garment_std"), distributions(vae, nothing), strict=True):
            found[name] = torch.where(gone.garment[:, None, None, None], value, found[name])
    return {
        name: scale * (found[f"{name}_mean"] + found[f"{name}_std"] * drawn(found[f"{name}_mean"], generator))
        for name in ("person", "masked", "garment")
    }

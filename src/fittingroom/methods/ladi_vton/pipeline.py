"""A person and a garment as tensors -> a picture, stage by stage; each stage can be called alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...data.sample import Category
from .clip import look, speak
from .config import ModelConfig
from .denoise import Guide, Solver, denoise, small_mask, small_pose
from .emasc import Encoded, decode, encode, keep_outside
from .prompts import empty, tokens


@dataclass(frozen=True)
class Inputs:
    """What one batch needs.

    Args:
        person: ``(B, 3, H, W)``, -1 to 1.
        mask: ``(B, 1, H, W)``, 1 = paint.
        pose: ``(B, 18, H, W)``, 0 to 1.
        garment: ``(B, 3, H, W)``, -1 to 1, on white.
        categories: of the garments.
    """

    person: torch.Tensor
    mask: torch.Tensor
    pose: torch.Tensor
    garment: torch.Tensor
    categories: Sequence[Category]

    @property
    def masked(self) -> torch.Tensor:
        """The person with 0, a mid-grey, where will be painted."""
        return self.person * (self.mask < 0.5)


@dataclass(frozen=True)
class Draws:
    """Everything random about a picture, in the order in which the published code takes it.

    Args:
        garment: ``(B, 4, h, w)`` standard normal, for the warped garment's latents.
        latents: ``(B, 4, h, w)``, where the solver begins.
        masked: ``(B, 4, h, w)``, for the masked person's latents.
    """

    garment: torch.Tensor
    latents: torch.Tensor
    masked: torch.Tensor


def draws(config: ModelConfig, seeds: Sequence[int]) -> Draws:
    """Draws from one generator for each picture, so that none depends on its batch; on the processor, for any device."""
    size = (config.latent, *config.latent_size)
    rows = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        rows.append([torch.randn(size, generator=generator) for _ in range(3)])
    return Draws(*(torch.stack([row[kind] for row in rows]) for kind in range(3)))


def describe(
    vision: Any, adapter: Any, text: Any, garment: torch.Tensor, categories: Sequence[Category]
) -> torch.Tensor:
    """``(B, 77, width)``: a prompt with pseudo-words for each garment ``(B, 3, H, W)``, -1 to 1."""
    return say(text, adapter(look(vision, garment)), categories)


def say(text: Any, words: torch.Tensor, categories: Sequence[Category]) -> torch.Tensor:
    """``(B, 77, width)``: prompts with given pseudo-words ``(B, 16, width)``."""
    ids = torch.stack([tokens(category, words.shape[1]) for category in categories])
    return speak(text, ids.to(words.device), words)


def say_nothing(text: Any, device: torch.device) -> torch.Tensor:
    """``(1, 77, width)``: the empty prompt."""
    return speak(text, empty()[None].to(device))


def guide_of(
    config: ModelConfig,
    text: torch.Tensor,
    mask: torch.Tensor,
    pose: torch.Tensor,
    masked: Encoded,
    garment: Encoded | None,
    noise: Draws,
    *,
    use_pose: bool = True,
) -> Guide:
    """What the latents shall fit, from full-size conditions.

    Args:
        config: of the model.
        text: ``(B, 77, width)``.
        mask: ``(B, 1, H, W)``.
        pose: ``(B, 18, H, W)``.
        masked: the masked person, encoded.
        garment: the warped garment, encoded.
        noise: for the draws from both distributions.
        use_pose: False leaves the pose map empty.
    """
    size = (mask.shape[-2] // 8, mask.shape[-1] // 8)
    small = small_pose(pose.float(), size)
    return Guide(
        text,
        small_mask((mask >= 0.5).float(), size),
        masked.draw(noise.masked, config.scaling).float(),
        small if use_pose else torch.zeros_like(small),
        None if garment is None else garment.draw(noise.garment, config.scaling).float(),
    )


def paint(
    config: ModelConfig,
    unet: Any,
    vae: Any,
    guide: Guide,
    blank: torch.Tensor,
    additions: Sequence[torch.Tensor],
    start: torch.Tensor,
    solver: Solver,
    trace: Callable[..., None] | None = None,
) -> torch.Tensor:
    """Denoise and decode.

    Args:
        config: of the model.
        unet: its UNet.
        vae: its autoencoder.
        guide: what the picture shall fit.
        blank: ``(1, 77, width)`` of the empty prompt.
        additions: EMASC's masked features.
        start: ``(B, 4, h, w)`` standard normal.
        solver: see :class:`~.denoise.Solver`.
        trace: see :func:`~.denoise.denoise`.

    Returns:
        ``(B, 3, H, W)`` float32, -1 to 1.
    """
    latents = denoise(unet, config.noise, start, guide, blank, solver, trace)
    return finish(vae, latents / config.scaling, additions)


def finish(vae: Any, latents: torch.Tensor, additions: Sequence[torch.Tensor] | None) -> torch.Tensor:
    """Unscaled latents -> ``(B, 3, H, W)`` float32, -1 to 1."""
    kind = next(vae.parameters()).dtype
    return decode(vae, latents.to(kind), additions).float().clamp(-1, 1)


def carry(vae: Any, emasc: Any, masked: torch.Tensor, mask: torch.Tensor) -> tuple[Encoded, list[torch.Tensor]]:
    """Encode the masked person once: the distribution of its latents, and EMASC's masked features."""
    encoded = encode(vae, masked.to(next(vae.parameters()).dtype))
    return encoded, keep_outside(emasc(encoded.features), (mask >= 0.5).float())

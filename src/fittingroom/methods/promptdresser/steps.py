"""What a step of the training computes: networks and a batch -> the terms of its loss; no optimisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..autoencoder import Terms
from ..painting import late_times
from .losses import NOISE
from .network import garment_features, predict_noise, time_ids
from .schedule import Schedule
from .text import token_ids

Batch = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Dropped:
    """Which samples of a batch lose what, each ``(B,)`` bool.

    Args:
        garment: mid-grey in place of the garment.
        clothing: no clothing prompt.
        full: no full prompt.
    """

    garment: torch.Tensor
    clothing: torch.Tensor
    full: torch.Tensor


def dropped(count: int, share: float, generator: torch.Generator, device: torch.device, spared: int = 0) -> Dropped:
    """Draw for a batch: with probability ``share`` each, everything; garment and clothing prompt; the full prompt (spec, 2.6).

    Args:
        count: of samples.
        share: of each.
        generator: drawn from.
        device: of the result.
        spared: so many, from the first on, lose nothing.
    """
    chance = torch.rand(count, generator=generator, device=device)
    chance[:spared] = 1.0
    everything, seen, said = chance < share, chance < 2 * share, (chance >= 2 * share) & (chance < 3 * share)
    return Dropped(seen, seen, everything | said)


def say(
    tokenizers: Sequence[Any], encoders: Sequence[Any], prompts: Sequence[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Encode prompts as :func:`.text.encode` does, but many at once, and so that gradients pass.

    Returns:
        ``(N, T, D)`` and ``(N, P)``.
    """
    hidden, pooled = [], torch.empty(0)
    for tokenizer, encoder in zip(tokenizers, encoders, strict=True):
        room = encoder.config.max_position_embeddings
        ids = torch.cat([token_ids(tokenizer, prompt, room) for prompt in prompts])
        found = encoder(ids.to(next(encoder.parameters()).device), output_hidden_states=True)
        hidden.append(found.hidden_states[-2])
        if getattr(found, "text_embeds", None) is not None:
            pooled = found.text_embeds
    return torch.cat(hidden, dim=-1), pooled


def drawn(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Standard normal noise of a tensor's shape."""
    return torch.randn(like.shape, generator=generator, device=like.device)


def times(
    count: int, plan: Schedule, last: bool, generator: torch.Generator, device: torch.device, late: float = 1.0
) -> torch.Tensor:
    """``(count,)`` times at random.

    Args:
        count: of samples.
        plan: noise schedule.
        last: the last time may be drawn, though nothing of the signal is left there.
        generator: drawn from.
        device: of the result.
        late: see :class:`~.recipe.TrainOptions`.
    """
    end = len(plan.cumulative) if last else len(plan.cumulative) - 1
    return late_times(count, end, late, generator, device)


@torch.no_grad()
def distributions(vae: Any, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation ``(B, 4, h, w)`` float32 of the latents of pictures ``(B, 3, H, W)``, -1 to 1."""
    found = vae.encode(pictures.to(next(vae.parameters()).dtype)).latent_dist
    return found.mean.float(), found.std.float()


def answer(
    unet: Any,
    garment_unet: Any,
    latents: Mapping[str, torch.Tensor],
    text: Mapping[str, torch.Tensor],
    mask: torch.Tensor,
    noisy: torch.Tensor,
    time: torch.Tensor,
    *,
    learns: bool,
) -> torch.Tensor:
    """What the main network says of noisy latents ``(B, 4, h, w)`` at times ``(B,)``; see :func:`noise_terms`."""
    size = (8 * noisy.shape[-2], 8 * noisy.shape[-1])
    ids = time_ids(size, len(noisy)).to(noisy)
    with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
        features = garment_features(garment_unet, latents["garment"], text["clothing"], text["clothing_pooled"], ids)
    small = mask[..., ::8, ::8]
    return predict_noise(unet, noisy, small, latents["masked"], time, text["full"], text["full_pooled"], ids, features)


def noise_terms(
    unet: Any,
    garment_unet: Any,
    plan: Schedule,
    latents: Mapping[str, torch.Tensor],
    text: Mapping[str, torch.Tensor],
    mask: torch.Tensor,
    time: torch.Tensor,
    generator: torch.Generator,
    *,
    learns: bool,
) -> Terms:
    """What the main network predicts: the noise, or the velocity if the schedule says so.

    Args:
        unet: main network.
        garment_unet: garment network.
        plan: noise schedule.
        latents: ``person``, ``masked`` and ``garment``, ``(B, 4, h, w)`` scaled.
        text: ``full`` and ``clothing`` ``(B, T, D)``, ``full_pooled`` and ``clothing_pooled`` ``(B, P)``; zeros for no prompt.
        mask: ``(B, 1, H, W)``, 1 = paint.
        time: ``(B,)``.
        generator: of the noise.
        learns: whether gradients pass into the garment network.
    """
    clean = latents["person"]
    added = drawn(clean, generator)
    noisy = plan.add_noise(clean, added, time)
    predicted = answer(unet, garment_unet, latents, text, mask, noisy, time, learns=learns)
    return {NOISE.name: (NOISE.weight, NOISE(predicted, plan.target(clean, added, time)))}

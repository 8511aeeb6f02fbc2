"""What the stage ``finish`` computes: one step from noise, decoded, and compared with the photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..autoencoder import Terms, Trunk
from ..painting import cut, late_times, painted, picture_terms, squares
from .losses import NOISE
from .recipe import TrainOptions
from .schedule import Schedule, clean_latents
from .steps import Batch, answer, drawn


def finish_terms(
    parts: Mapping[str, Any],
    plan: Schedule,
    latents: Mapping[str, torch.Tensor],
    text: Mapping[str, torch.Tensor],
    batch: Batch,
    generator: torch.Generator,
    trunk: Trunk | None,
    options: TrainOptions,
) -> Terms:
    """The first half of a batch painted in one step from noise and compared as pictures; the noise of the others.

    Args:
        parts: ``unet``, ``garment_unet``, and the resting ``vae``.
        plan: noise schedule, of velocities.
        latents: ``person``, ``masked`` and ``garment``, ``(B, 4, h, w)`` scaled.
        text: as in :func:`~.steps.noise_terms`; of those that are painted nothing should be dropped.
        batch: ``person`` ``(B, 3, H, W)``, -1 to 1, and ``mask`` ``(B, 1, H, W)``, 1 = paint.
        generator: for noise, times and places.
        trunk: of the perceptual loss.
        options: ``late``, ``crop`` and ``garment`` are looked at.
    """
    clean, total = latents["person"], len(plan.cumulative)
    added, count = drawn(clean, generator), painted(len(clean))
    time = late_times(len(clean), total, options.late, generator, clean.device)
    first = torch.arange(len(clean), device=clean.device) < count
    time = torch.where(first, total - 1, time)
    # nothing of the photo, as when a solver begins, whether the schedule leaves a little of it or not
    noisy = torch.where(first[:, None, None, None], added, plan.add_noise(clean, added, time))
    given = answer(
        parts["unet"], parts["garment_unet"], latents, text, batch["mask"], noisy, time, learns=options.garment
    )
    terms: Terms = {}
    if count < len(clean):
        wanted = plan.target(clean, added, time)[count:]
        terms[NOISE.name] = (NOISE.weight, NOISE(given[count:], wanted))
    found = clean_latents(plan, noisy[:count], given[:count].float(), total - 1)
    found = found / float(parts["vae"].config.scaling_factor)
    photo, mask, crop = batch["person"][:count], batch["mask"][:count], options.crop
    if crop:
        corners = squares(mask, crop, generator)
        photo, mask = (cut(each, corners, crop) for each in (photo, mask))
        found = cut(found, corners // 8, crop // 8)
    made = parts["vae"].decode(found).sample.float() * mask + photo * (1 - mask)
    return terms | picture_terms(made, photo, trunk)

"""What the stage ``finish`` computes: one step from noise, decoded, and compared with the photo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..autoencoder import Terms, Trunk
from ..painting import FINISH_GAN, Painted, cut, late_times, painted, picture_terms, squares
from .config import ModelConfig
from .denoise import predict
from .emasc import decode, encode, keep_outside
from .losses import NOISE
from .steps import Batch, Dropped, batch_guide, cleaned, drawn, latents_of, wanted


def finish_terms(
    parts: Mapping[str, Any],
    noise: Any,
    config: ModelConfig,
    batch: Batch,
    features: Batch,
    text: torch.Tensor,
    generator: torch.Generator,
    gone: Dropped,
    trunk: Trunk | None,
    late: float = 1.0,
    crop: int = 0,
) -> tuple[Terms, Painted]:
    """The first half of a batch painted in one step from noise and compared as pictures; the noise of the others.

    Args:
        parts: ``unet``, resting ``vae`` and ``emasc``, and where there is one, the resting ``critic``, which needs the trunk.
        noise: diffusers' scheduler, for adding noise.
        config: of the model.
        batch: of the items.
        features: as in :func:`~.steps.noise_terms`.
        text: ``(B, 77, width)``.
        generator: for latents, noise and times.
        gone: what is dropped; of those that are painted nothing should be.
        trunk: of the perceptual loss.
        late: see :class:`~.recipe.TrainOptions`.
        crop: side of the squares that are decoded, each around somewhere inside of its mask, a multiple of 8; 0 = whole pictures.
    """
    clean, masked = (latents_of(features, name, config, generator) for name in ("person", "masked"))
    added, count = drawn(clean, generator), painted(len(clean))
    total_times = int(noise.config.num_train_timesteps)
    time = late_times(len(clean), total_times, late, generator, clean.device)
    first = torch.arange(len(clean), device=clean.device) < count
    time = torch.where(first, total_times - 1, time)
    # nothing of the photo, as when a solver begins; the schedule's last time leaves a little of it
    noisy = torch.where(first[:, None, None, None], added, noise.add_noise(clean, added, time))
    guide = batch_guide(config, batch, features, text, masked, generator, gone)
    answer = predict(parts["unet"], noisy, time, guide)
    terms: Terms = {}
    if count < len(clean):
        rest = wanted(noise, clean, added, time)[count:]
        terms[NOISE.name] = (NOISE.weight, NOISE(answer[count:], rest))
    latents = cleaned(noise, answer[:count], noisy[:count], time[:count]) / config.scaling
    shown = torch.cat([each[:count] for each in (guide.masked, guide.garment) if each is not None], dim=1)
    person, mask = batch["person"][:count], batch["mask"][:count]
    if crop:
        corners = squares(mask, crop, generator)
        person, mask = (cut(each, corners, crop) for each in (person, mask))
        latents, shown = (cut(each, corners // 8, crop // 8) for each in (latents, shown))
    with torch.no_grad():
        additions = keep_outside(parts["emasc"](encode(parts["vae"], person * (1 - mask)).features), mask)
    made = decode(parts["vae"], latents, additions).float() * mask + person * (1 - mask)
    terms |= picture_terms(made, person, trunk)
    if trunk is not None and "critic" in parts:
        judged = parts["critic"](trunk(made), mask, shown)
        terms[FINISH_GAN.name] = (FINISH_GAN.weight, FINISH_GAN(judged))
    return terms, Painted(made.detach(), person, mask, shown)

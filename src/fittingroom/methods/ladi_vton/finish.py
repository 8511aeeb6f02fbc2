"""What the stage ``finish`` computes: one step from noise, decoded, and compared with the photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from ..autoencoder import Terms, Trunk, short_side
from .config import ModelConfig
from .critic import Critic
from .denoise import predict
from .emasc import decode, encode, keep_outside
from .losses import CRITIC, FINISH, FINISH_COLOUR, FINISH_GAN, FINISH_VGG, NOISE
from .steps import Batch, Dropped, batch_guide, cleaned, drawn, latents_of, times, wanted


@dataclass(frozen=True)
class Painted:
    """What the critic is shown of a step, squares or whole pictures.

    Args:
        made: ``(B, 3, H, W)``, painted within the mask.
        truth: the photos.
        mask: ``(B, 1, H, W)``.
        shown: ``(B, C, H/8, W/8)`` latents of the masked photo and, where there is one, of the warped garment.
    """

    made: torch.Tensor
    truth: torch.Tensor
    mask: torch.Tensor
    shown: torch.Tensor


def painted(count: int) -> int:
    """How many of a batch are painted; the others learn as in the stage before."""
    return (count + 1) // 2


def squares(mask: torch.Tensor, side: int, generator: torch.Generator) -> torch.Tensor:
    """``(B, 2)`` upper left corners (row, column), multiples of 8, of squares around a random place inside of each mask.

    Args:
        mask: ``(B, 1, H, W)``, 1 = paint; H and W multiples of 8. Where nothing is to be painted any place will do.
        side: of the squares, a multiple of 8; at most H and W, or it is cut to what there is.
        generator: for the places.
    """
    small = F.max_pool2d(mask.float(), 8)[:, 0]
    height, width = small.shape[-2:]
    chance = small.flatten(1)
    chance = torch.where(chance.sum(1, keepdim=True) > 0, chance, 1.0)
    place = torch.multinomial(chance, 1, generator=generator)[:, 0]
    middle = torch.stack([place // width, place % width], dim=1)
    most = torch.tensor([height, width], device=mask.device) - side // 8
    corners = torch.minimum((middle - side // 16).clamp_min(0), most.clamp_min(0))
    return corners * 8


def cut(pictures: torch.Tensor, corners: torch.Tensor, side: int) -> torch.Tensor:
    """Squares ``(B, C, side, side)`` of ``(B, C, H, W)`` at the corners of :func:`squares`."""
    found = [
        picture[:, row : row + side, column : column + side]
        for picture, (row, column) in zip(pictures, corners.tolist(), strict=True)
    ]
    return torch.stack(found)


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
    time = times(len(clean), total_times, late, generator, clean.device)
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
    terms[FINISH.name] = (FINISH.weight, FINISH(made, person))
    terms[FINISH_COLOUR.name] = (FINISH_COLOUR.weight, FINISH_COLOUR(made, person))
    if trunk is not None:
        terms[FINISH_VGG.name] = (FINISH_VGG.weight, FINISH_VGG(made, person, trunk, short_side(made)))
    if trunk is not None and "critic" in parts:
        judged = parts["critic"](trunk(made), mask, shown)
        terms[FINISH_GAN.name] = (FINISH_GAN.weight, FINISH_GAN(judged))
    return terms, Painted(made.detach(), person, mask, shown)


def new_critic(trunk: Any, config: ModelConfig) -> Critic:
    """A critic for a trunk and a model's latents."""
    with torch.no_grad():
        channels = [tap.shape[1] for tap in trunk(torch.zeros(1, 3, 64, 64))]
    return Critic(channels, config.latent * (2 if config.takes_garment else 1))


def critic_terms(critic: Any, trunk: Trunk, given: Painted) -> Terms:
    """The critic, which learns after each step: photos are photos, paintings are not."""
    judged = []
    for picture in (given.truth, given.made):
        with torch.no_grad():
            taps = trunk(picture)
        judged.append(critic(taps, given.mask, given.shown))
    return {CRITIC.name: (CRITIC.weight, CRITIC(*judged))}

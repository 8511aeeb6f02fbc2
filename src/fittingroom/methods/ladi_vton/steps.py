"""What each stage of the training computes: networks and a batch -> the terms of its loss; no optimisers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...core.images import to_image, to_tensor
from ..autoencoder import Terms, Trunk, short_side
from ..painting import late_times
from .align import aligned
from .clip import speak
from .config import ModelConfig
from .denoise import Guide, predict, small_mask, small_pose
from .emasc import decode, encode, keep_outside
from .losses import (
    EMASC,
    EMASC_VGG,
    NOISE,
    REFINE,
    REFINE_VGG,
    REGULARITY,
    WARP,
    WARP_COARSE,
)
from .prompts import empty, tokens
from .recipe import TrainOptions
from .warping import enlarge_grid, sample, shrink

Batch = Mapping[str, torch.Tensor]
_CATEGORIES = ("upper", "lower", "dress")
_JPEG_QUALITY = 95


def with_pose(batch: Batch) -> dict[str, torch.Tensor]:
    """A batch with the pose maps ``pose`` and ``low_pose`` ``(B, 18, H, W)``, made of their factors."""
    made = dict(batch)
    for name in ("", "low_"):
        if f"{name}rows" in made:
            made[f"{name}pose"] = made.pop(f"{name}rows")[..., None] * made.pop(f"{name}columns")[..., None, :]
    return made


def drawn(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Standard normal noise of a tensor's shape."""
    return torch.randn(like.shape, generator=generator, device=like.device)


def warp_terms(matcher: Any, batch: Batch, published: bool, coarse: float = 0.0, even: float = 1.0) -> Terms:
    """The matcher, at its own size; ``coarse`` and ``even`` as in :class:`~.recipe.TrainOptions`."""
    if published:  # conditions that were made at that size
        garment, worn = batch["low_garment"], batch["low_worn"]
        person = torch.cat([batch["low_person"] * (1 - batch["low_mask"]), batch["low_pose"]], dim=1)
    else:
        garment, worn = (shrink(batch[name], matcher.size) for name in ("garment", "worn"))
        person = shrink(torch.cat([batch["person"] * (1 - batch["mask"]), batch["pose"]], dim=1), matcher.size)
    grid, points = matcher(garment, person)
    warped = sample(garment, grid.float())
    terms = {
        WARP.name: (WARP.weight, WARP(warped, worn)),
        REGULARITY.name: (even * REGULARITY.weight, REGULARITY(points, published)),
    }
    if coarse:
        terms[WARP_COARSE.name] = (coarse * WARP_COARSE.weight, WARP_COARSE(warped, worn))
    return terms


def warped_by(matcher: Any, batch: Batch) -> torch.Tensor:
    """``(B, 24, H, W)``: what the refinement takes; the matcher rests."""
    person = torch.cat([batch["person"] * (1 - batch["mask"]), batch["pose"]], dim=1)
    size = (person.shape[-2], person.shape[-1])
    with torch.no_grad():
        grid, _ = matcher(shrink(batch["garment"], matcher.size), shrink(person, matcher.size))
        return torch.cat([person, sample(batch["garment"], enlarge_grid(grid.float(), size))], dim=1)


def refine_terms(matcher: Any, refinement: Any, batch: Batch, trunk: Trunk | None) -> Terms:
    """The refinement behind the resting matcher."""
    made = refinement(warped_by(matcher, batch)).float()
    terms = {REFINE.name: (REFINE.weight, REFINE(made, batch["worn"]))}
    if trunk is not None:
        terms[REFINE_VGG.name] = (REFINE_VGG.weight, REFINE_VGG(made, batch["worn"], trunk, short_side(made)))
    return terms


def emasc_terms(
    vae: Any, emasc: Any, batch: Batch, trunk: Trunk | None, generator: torch.Generator, save_memory: bool
) -> Terms:
    """The skip connections of the resting autoencoder."""
    with torch.no_grad():
        seen = encode(vae, batch["person"])
        latents = seen.draw(drawn(seen.mean, generator))
        features = encode(vae, batch["person"] * (1 - batch["mask"])).features
    additions = keep_outside(emasc(features), batch["mask"])
    made = decode(vae, latents, additions, save_memory=save_memory).float()
    terms = {EMASC.name: (EMASC.weight, EMASC(made, batch["person"]))}
    if trunk is not None:
        terms[EMASC_VGG.name] = (EMASC_VGG.weight, EMASC_VGG(made, batch["person"], trunk, short_side(made)))
    return terms


@dataclass(frozen=True)
class Dropped:
    """Which samples of a batch lose what, each ``(B,)`` bool.

    Args:
        prompt: the prompt is empty.
        pose: no joints.
        garment: no warped garment.
    """

    prompt: torch.Tensor
    pose: torch.Tensor
    garment: torch.Tensor


def dropped(count: int, share: float, generator: torch.Generator, device: torch.device, spared: int = 0) -> Dropped:
    """Draw for a batch, each kind by itself; guidance leads away from samples that have lost everything. The first ones are spared."""
    chance = torch.rand(3, count, generator=generator, device=device) < share
    chance[:, :spared] = False
    return Dropped(chance[0], chance[1], chance[2])


def said(text: Any, words: torch.Tensor, category: torch.Tensor, without: torch.Tensor | None = None) -> torch.Tensor:
    """``(B, 77, width)``: prompts with pseudo-words, empty ones for the rows of ``without``."""
    rows = [tokens(_CATEGORIES[int(index)], words.shape[1]) for index in category]  # type: ignore[arg-type]
    if without is not None:
        rows = [empty() if bool(gone) else row for row, gone in zip(rows, without, strict=True)]
    return speak(text, torch.stack(rows).to(words.device), words)


def noise_terms(
    unet: Any,
    noise: Any,
    config: ModelConfig,
    batch: Batch,
    features: Batch,
    text: torch.Tensor,
    generator: torch.Generator,
    gone: Dropped | None,
    late: float = 1.0,
) -> Terms:
    """What the UNet predicts: the noise, or where the schedule says ``v_prediction``, the velocity.

    Args:
        unet: of 31 channels, or with ``gone`` None the base one of nine.
        noise: diffusers' scheduler, for adding noise.
        config: of the model.
        batch: of the items.
        features: ``person``, ``masked`` and ``warped`` latents' distributions, see :func:`latent_features`.
        text: ``(B, 77, width)``.
        generator: for latents, noise and times.
        gone: what is dropped.
        late: see :class:`~.recipe.TrainOptions`.
    """
    clean, masked = (latents_of(features, name, config, generator) for name in ("person", "masked"))
    added = drawn(clean, generator)
    time = late_times(len(clean), int(noise.config.num_train_timesteps), late, generator, clean.device)
    noisy, answer = noise.add_noise(clean, added, time), wanted(noise, clean, added, time)
    if gone is None:
        kind = next(unet.parameters()).dtype
        mask = small_mask(batch["mask"], (clean.shape[-2], clean.shape[-1]))
        shown = torch.cat([noisy, mask, masked], dim=1).to(kind)
        predicted = unet(shown, time, encoder_hidden_states=text.to(kind), return_dict=False)[0]
    else:
        predicted = predict(unet, noisy, time, batch_guide(config, batch, features, text, masked, generator, gone))
    return {NOISE.name: (NOISE.weight, NOISE(predicted, answer))}


def latents_of(features: Batch, name: str, config: ModelConfig, generator: torch.Generator) -> torch.Tensor:
    """``(B, 4, h, w)`` scaled latents drawn from the distributions of a name."""
    mean = features[f"{name}_mean"]
    return (mean + features[f"{name}_std"] * drawn(mean, generator)) * config.scaling


def wanted(noise: Any, clean: torch.Tensor, added: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """What the UNet should say: the added noise, or where the schedule says so, the velocity."""
    found: torch.Tensor = (
        noise.get_velocity(clean, added, time) if noise.config.prediction_type == "v_prediction" else added
    )
    return found


def batch_guide(
    config: ModelConfig,
    batch: Batch,
    features: Batch,
    text: torch.Tensor,
    masked: torch.Tensor,
    generator: torch.Generator,
    gone: Dropped,
) -> Guide:
    """What the UNet is shown of a batch, without what is dropped; see :func:`noise_terms`."""
    size = (masked.shape[-2], masked.shape[-1])
    pose = small_pose(batch["pose"], size) * ~gone.pose[:, None, None, None]
    garment = None
    if config.takes_garment:
        garment = latents_of(features, "warped", config, generator) * ~gone.garment[:, None, None, None]
    return Guide(text, small_mask(batch["mask"], size), masked, pose, garment)


def cleaned(noise: Any, answer: torch.Tensor, noisy: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """``(B, 4, h, w)`` latents without noise, by what the UNet said of noisy ones at times ``(B,)``; not divided by zero.

    Args:
        noise: diffusers' scheduler.
        answer: noise or velocity, as the schedule says.
        noisy: what the UNet was shown.
        time: of each.
    """
    kept = noise.alphas_cumprod.to(noisy.device)[time][:, None, None, None]
    rest = (1 - kept).sqrt() * answer
    found: torch.Tensor = (
        kept.sqrt() * noisy - rest if noise.config.prediction_type == "v_prediction" else (noisy - rest) / kept.sqrt()
    )
    return found


@torch.no_grad()
def latent_features(vae: Any, pictures: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Mean and deviation ``(4, h, w)`` of the latents of one picture ``(3, H, W)`` of each name."""
    seen = encode(vae, torch.stack(list(pictures.values())).to(next(vae.parameters()).dtype))
    found: dict[str, torch.Tensor] = {}
    for row, name in enumerate(pictures):
        found |= {f"{name}_mean": seen.mean[row].float(), f"{name}_std": seen.std[row].float()}
    return found


@torch.no_grad()
def resting_pictures(
    one: Batch, matcher: Any | None, refinement: Any | None, options: TrainOptions
) -> dict[str, torch.Tensor]:
    """What the autoencoder is shown of an item: ``person``, ``masked`` and, with a matcher, ``warped``, ``(3, H, W)`` each.

    Args:
        one: a batch of one item.
        matcher: at rest; None for models that take no garment.
        refinement: at rest.
        options: ``published`` and ``align`` are looked at.
    """
    pictures = {"person": one["person"][0], "masked": (one["person"] * (1 - one["mask"]))[0]}
    if matcher is None or refinement is None:
        return pictures
    warped = refinement(warped_by(matcher, one))[0].float().clamp(-1, 1)
    if options.align and np.random.default_rng(int(one["index"])).random() < options.align:
        moved = aligned(to_image(warped), to_image(one["worn"][0]))
        warped = to_tensor(moved).to(warped)
    pictures["warped"] = through_jpeg(warped) if options.published else warped
    return pictures


def through_jpeg(picture: torch.Tensor) -> torch.Tensor:
    """``(3, H, W)``, -1 to 1, as a JPEG of quality 95 has it: the published training reads warped garments from such files."""
    pixels = ((picture.float() + 1) / 2).clamp(0, 1).mul(255).byte().permute(1, 2, 0).cpu().numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    again = torch.from_numpy(np.asarray(Image.open(buffer)).copy()).permute(2, 0, 1)
    return (again.float() / 127.5 - 1).to(picture.device)

"""The phases of one training step: what is computed from networks and a batch, without optimisers.

Each phase takes the networks as functions, so that it can be checked on any function of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch.nn import functional as F

from .config import LABELS
from .losses import (
    COLOUR,
    DISCRIMINATOR,
    DISCRIMINATOR_PARSING,
    GAN,
    GAN_PARSING,
    L1,
    PARSING,
    R1,
    VGG,
)
from .network import Generated

#: picture ``(B, C, H, W)`` and style code ``(B, style)`` -> logits ``(B, 1)``
Judge: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: picture ``(B, 3, H, W)`` -> five feature maps
Features: TypeAlias = Callable[[torch.Tensor], Sequence[torch.Tensor]]
#: augmentation of pictures ``(B, 3, H, W)`` before a discriminator sees them
Augment: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Truth:
    """What a batch knows of the photos.

    Args:
        photo: ``(B, 3, H, W)``, -1 to 1.
        label: ``(B, 1, H, W)`` float label map, 0 to 6 (255: left out).
        skeleton: ``(B, 3, H, W)`` skeleton picture, -1 to 1.
    """

    photo: torch.Tensor
    label: torch.Tensor
    skeleton: torch.Tensor


def same(picture: torch.Tensor) -> torch.Tensor:
    """No augmentation."""
    return picture


def with_skeleton(picture: torch.Tensor, truth: Truth) -> torch.Tensor:
    """What a discriminator is shown."""
    return torch.cat([picture, truth.skeleton.to(picture.dtype)], dim=1)


def one_hot(label: torch.Tensor) -> torch.Tensor:
    """``(B, 1, H, W)`` -> ``(B, 7, H, W)``; a label that is left out is zero everywhere."""
    return torch.stack([label[:, 0] == index for index in range(len(LABELS))], dim=1).float()


def generator_terms(
    made: Generated,
    truth: Truth,
    judges: tuple[Judge, Judge] | None,
    features: Features | None,
    augment: Augment = same,
    *,
    colour: bool = False,
) -> Mapping[str, torch.Tensor]:
    """Unweighted terms of the generator's loss by name; the total is :func:`total` of them.

    Args:
        made: of the generator, with gradients.
        truth: of the batch.
        judges: the image discriminator and that of parsings; None leaves the adversarial terms out.
        features: of the perceptual loss; None leaves it out.
        augment: before the image discriminator.
        colour: also the colours of squares.
    """
    made = made.float()
    terms = {}
    if judges is not None:
        judge, judge_parsing = judges
        terms[GAN.name] = GAN(
            judge(with_skeleton(augment(made.coarse), truth), made.style),
            judge(with_skeleton(augment(made.final), truth), made.style),
        )
        terms[GAN_PARSING.name] = GAN_PARSING(
            judge_parsing(with_skeleton(F.softmax(made.logits, dim=1), truth), made.style)
        )
    terms[L1.name] = L1(made.coarse, made.final, truth.photo)
    if colour:
        terms[COLOUR.name] = COLOUR(made.coarse, made.final, truth.photo)
    terms[PARSING.name] = PARSING(made.logits, truth.label)
    if features is not None:
        with torch.no_grad():
            target = features(truth.photo)
        terms[VGG.name] = VGG(features(made.coarse), features(made.final), target)
    return terms


_WEIGHTS = {loss.name: loss.weight for loss in (GAN, GAN_PARSING, L1, COLOUR, VGG, PARSING)}


def total(terms: Mapping[str, torch.Tensor], weights: Mapping[str, float] | None = None) -> torch.Tensor:
    """Weighted sum of the generator's terms; ``weights`` replaces those of the loss objects by name."""
    chosen = {**_WEIGHTS, **(weights or {})}
    return torch.stack([chosen[name] * value for name, value in terms.items()]).sum()


@dataclass(frozen=True)
class Judged:
    """Result of a discriminator's phase.

    Args:
        loss: scalar.
        real: ``(B, 1)`` logits of the real pictures.
    """

    loss: torch.Tensor
    real: torch.Tensor


def discriminator_phase(made: Generated, truth: Truth, judge: Judge, augment: Augment = same) -> Judged:
    """Loss of the image discriminator; ``made`` carries no gradients."""
    real = judge(with_skeleton(augment(truth.photo), truth), made.style)
    coarse = judge(with_skeleton(augment(made.coarse), truth), made.style)
    final = judge(with_skeleton(augment(made.final), truth), made.style)
    return Judged(DISCRIMINATOR(coarse, final, real), real)


def parsing_phase(made: Generated, truth: Truth, judge_parsing: Judge) -> Judged:
    """Loss of the parsing discriminator; ``made`` carries no gradients."""
    real = judge_parsing(with_skeleton(one_hot(truth.label), truth), made.style)
    fake = judge_parsing(with_skeleton(F.softmax(made.logits, dim=1), truth), made.style)
    return Judged(DISCRIMINATOR_PARSING(fake, real), real)


def penalty_phase(
    picture: torch.Tensor, truth: Truth, style: torch.Tensor, judge: Judge, augment: Augment = same
) -> torch.Tensor:
    """R1 (without gamma) on real pictures.

    Args:
        picture: ``(B, C, H, W)`` photos or one-hot parsings; the gradient is taken with respect to these, before augmentation.
        truth: of the batch.
        style: ``(B, style)``.
        judge: the discriminator of such pictures.
        augment: as in the discriminator's phase.
    """
    picture = picture.detach().requires_grad_(True)
    return R1(judge(with_skeleton(augment(picture), truth), style), picture)

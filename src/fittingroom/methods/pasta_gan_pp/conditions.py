"""Two bodies -> what the network sees of them (spec sections 3.5 to 3.9; paper section 3.1).

Everything is uint8 on the canvas until :func:`tensors` scales it to -1 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

import cv2
import numpy as np
import torch

from ...core.images import UInt8
from ...core.pose import JOINT
from .body import Body, Measures
from .config import GeneratorConfig
from .erasing import Mask, erase_patches, erases_pixels
from .patches import any_colour, denormalise, eroded, mirror_sleeves, normalise, without_overlap
from .quads import ARM_PARTS, LOWER_PARTS, PARTS, Float64
from .regions import HEAD, NOTHING_VALUE, SHOES, label_mask, palms, skin_colour

#: which garments of the other photo are put on
Kind: TypeAlias = Literal["upper", "lower", "full"]

ALL_PARTS = tuple(range(len(PARTS)))
_NO_ARMS = tuple(part for part in ALL_PARTS if part not in ARM_PARTS)
DRESS_VALUE = 255.0
#: hips surer than this tell where a lower garment begins, and so far (in hip distances) above their middle
_LEAST_HIP, _WAIST = 0.05, 0.75


@dataclass(frozen=True)
class Laid:
    """One garment on the canvas.

    Args:
        image: ``(H, W, 3)`` uint8, 0 where there is none.
        mask: ``(H, W)`` uint8, 255 where there is.
    """

    image: UInt8
    mask: UInt8


@dataclass(frozen=True)
class Inputs:
    """What the network sees of one try-on, before scaling.

    Args:
        upper_patches: ``(10, P, P, 4)`` uint8 RGBA.
        lower_patches: ``(5, P, P, 4)`` uint8 RGBA.
        upper: the upper garment, laid onto the person.
        lower: the lower one.
        image: ``(H, W, 3)`` uint8, the person.
        retain: ``(H, W)`` uint8, 1 where the person's pixels are kept: head, hands, shoes.
        skin: ``(3,)`` float64 skin colour, 0 to 255.
        skeleton: ``(H, W, 3)`` uint8, the person's.
        lower_value: 0 trousers, 127.5 skirt or unknown, 255 dress.
        bound: ``(H, W)`` uint8, 255 below the upper edge of the lower garment.
    """

    upper_patches: UInt8
    lower_patches: UInt8
    upper: Laid
    lower: Laid
    image: UInt8
    retain: UInt8
    skin: Float64
    skeleton: UInt8
    lower_value: float
    bound: UInt8


def _below(mask: UInt8) -> UInt8:
    """``(H, W)`` uint8, 255 from the first row of the mask on; 0 everywhere if it is empty."""
    return _from_row(mask.shape[0], mask.shape[1], _top(mask))


def _from_row(height: int, width: int, row: int | None) -> UInt8:
    out = np.zeros((height, width), np.uint8)
    if row is not None:
        out[max(row, 0) :] = 255
    return out


def _top(mask: UInt8) -> int | None:
    rows = np.flatnonzero(mask.any(axis=1))
    return int(rows[0]) if len(rows) else None


def retained(body: Body, measures: Measures) -> UInt8:
    """``(H, W)`` uint8, 1 on head, hands and shoes."""
    upper, forearm = measures.palm
    hands = palms(body.labels, body.keypoints, upper=upper, forearm=forearm)
    return hands | label_mask(body.labels, *HEAD, *SHOES)


def cut_upper(body: Body, patch: int) -> UInt8:
    """``(10, P, P, 4)`` uint8 RGBA patches of what is worn above; sleeves not yet mirrored."""
    return normalise(body.image, body.upper, body.to_patch, ALL_PARTS, patch, sleeves=body.sleeves)


def cut_lower(body: Body, patch: int) -> UInt8:
    """``(5, P, P, 4)`` uint8 RGBA patches of what is worn below."""
    return normalise(body.image, body.lower, body.to_patch, LOWER_PARTS, patch)


def _laid(pixels: tuple[UInt8, UInt8], parity: bool) -> Laid:
    image, mask = pixels
    # the published code takes pure black for no garment
    return Laid(image, any_colour(image) if parity else mask)


def _kept(body: Body, mask: UInt8, measures: Measures, parity: bool) -> Laid:
    """A garment that stays where it is."""
    inner = eroded(mask, measures.kept_erosion)
    image = np.asarray(cv2.bitwise_and(body.image, body.image, mask=inner), dtype=np.uint8)
    return _laid((image, inner), parity)


def _nothing(like: Laid) -> Laid:
    return Laid(np.zeros_like(like.image), np.zeros_like(like.mask))


def _waist(person: Body) -> int | None:
    """Row where a lower garment begins on this person: its own first row or a little above the hips."""
    rows = []
    if (top := _top(person.lower)) is not None:
        rows.append(top)
    hips = person.keypoints[[JOINT["right-hip"], JOINT["left-hip"]]]
    if (hips[:, 2] > _LEAST_HIP).all():
        distance = float(np.linalg.norm(hips[0, :2] - hips[1, :2]))
        rows.append(int(hips[:, 1].mean() - _WAIST * distance))
    return min(rows) if rows else None


def prepare(person: Body, garment: Body, kind: Kind, config: GeneratorConfig, *, parity: bool = False) -> Inputs:
    """Inputs of a try-on.

    Args:
        person: who is dressed.
        garment: who wears the garment now.
        kind: which of the garments is taken over: the upper or the lower one, or both (also a dress).
        config: sizes.
        parity: repeat two defects of the published code: forearms whose sleeve is hidden get an empty mirror image, and black
            pixels count as missing garment.

    Returns:
        See :class:`Inputs`.
    """
    measures, patch, canvas = Measures(config.height), config.patch, (config.height, config.width)
    upper_from, lower_from = (person if kind == "lower" else garment), (person if kind == "upper" else garment)
    upper_patches, lower_patches = cut_upper(upper_from, patch), cut_lower(lower_from, patch)
    erosion = measures.erosion(kind)

    if kind == "lower":
        upper = _kept(person, person.upper, measures, parity)
    else:
        upper = _laid(denormalise(upper_patches, ALL_PARTS, person.to_canvas, canvas, erosion), parity)
    if kind == "upper":
        lower = _kept(person, person.lower, measures, parity)
    else:
        lower = _laid(denormalise(lower_patches, LOWER_PARTS, person.to_canvas, canvas, erosion), parity)

    if kind == "full":
        bound = _below(lower.mask)
    elif kind == "upper":
        bound = _from_row(*canvas, _waist(person))
        trunk = denormalise(upper_patches[list(_NO_ARMS)], _NO_ARMS, person.to_canvas, canvas, erosion)
        rows = np.flatnonzero(_laid(trunk, parity).mask.any(axis=1))
        if len(rows):
            bound[: rows[-1]] = 0
    else:
        bound = _below(person.lower)
    value = lower_from.worn.lower_value
    if kind != "full":
        lower_patches = without_overlap(lower_patches, upper_patches)
        if upper_from.in_dress:
            value = DRESS_VALUE
            lower_patches, lower = np.zeros_like(lower_patches), _nothing(lower)
            bound = np.zeros_like(bound)
        elif value == DRESS_VALUE:  # whose lower garment is taken wears a dress: nothing is known of it
            value = NOTHING_VALUE

    return Inputs(
        upper_patches=mirror_sleeves(upper_patches, parity=parity),
        lower_patches=lower_patches,
        upper=upper,
        lower=lower,
        image=person.image,
        retain=retained(person, measures),
        skin=skin_colour(person.image, person.labels, parity=parity),
        skeleton=person.skeleton,
        lower_value=value,
        bound=bound,
    )


def _scale(pixels: UInt8, out: torch.Tensor) -> None:
    """``(..., H, W, C)`` uint8 -> ``(..., C, H, W)`` float32, -1 to 1."""
    for item, planes in zip(pixels.reshape(-1, *pixels.shape[-3:]), out.reshape(-1, *out.shape[-3:]), strict=True):
        for channel, plane in zip(cv2.split(item), planes, strict=False):  # alpha, the fourth, stays behind
            plane.copy_(torch.from_numpy(channel))
    out.div_(127.5).sub_(1)


def garment_tensors(laid: Laid) -> tuple[torch.Tensor, torch.Tensor]:
    """``(3, H, W)`` float32, -1 to 1, and ``(1, H, W)`` float32, 0 or 1 where the garment is known."""
    picture = torch.empty(3, *laid.mask.shape)
    _scale(laid.image, picture)
    return picture, (torch.from_numpy(laid.mask) > 0).float()[None]


def tensors(inputs: Inputs) -> dict[str, torch.Tensor]:
    """What the generator takes, float32, without the batch dimension.

    Returns:
        ``parts`` ``(45, P, P)``, ``retain`` ``(6, H, W)``, ``pose`` ``(5, H, W)``, ``upper`` and ``lower`` ``(3, H, W)``, all
        -1 to 1; ``upper_mask`` and ``lower_mask`` ``(1, H, W)``, 0 or 1.
    """
    height, width = inputs.bound.shape
    patch = inputs.upper_patches.shape[1]
    parts = torch.empty(len(inputs.upper_patches) + len(inputs.lower_patches), 3, patch, patch)
    _scale(inputs.upper_patches, parts[: len(inputs.upper_patches)])
    _scale(inputs.lower_patches, parts[len(inputs.upper_patches) :])
    retain, pose = (torch.empty(channels, height, width) for channels in (6, 5))
    _scale(inputs.image, retain[:3])
    retain[:3].masked_fill_(torch.from_numpy(inputs.retain) == 0, -1.0)
    retain[3:] = (torch.from_numpy(inputs.skin).float() / 127.5 - 1)[:, None, None]
    _scale(inputs.skeleton, pose[:3])
    pose[3] = inputs.lower_value / 127.5 - 1
    _scale(inputs.bound[..., None], pose[4:])
    upper, upper_mask = garment_tensors(inputs.upper)
    lower, lower_mask = garment_tensors(inputs.lower)
    return {
        "parts": parts.flatten(0, 1),
        "retain": retain,
        "pose": pose,
        "upper": upper,
        "lower": lower,
        "upper_mask": upper_mask,
        "lower_mask": lower_mask,
    }


@dataclass(frozen=True)
class TrainingItem:
    """A photo that is to be made again from its own garments.

    Args:
        inputs: what the network sees, with parts of the garments erased.
        label: ``(H, W)`` uint8 classes, see :data:`~fittingroom.methods.pasta_gan_pp.config.LABELS`.
    """

    inputs: Inputs
    label: UInt8


def prepare_training(
    body: Body,
    config: GeneratorConfig,
    draw: Random,
    erased: Mask | None = None,
    *,
    erase: bool = True,
    parity: bool = False,
) -> TrainingItem:
    """Inputs of one training step from one photo (spec section 3.8, column "train").

    Args:
        body: whose photo.
        config: sizes.
        draw: where randomness comes from.
        erased: ``(H, W)`` bool, pixels that the laid garments lose if the draw says so; None for none.
        erase: False takes nothing away, whatever the draw says.
        parity: see :func:`prepare`.
    """
    measures, canvas = Measures(config.height), (config.height, config.width)
    upper_patches, lower_patches = cut_upper(body, config.patch), cut_lower(body, config.patch)
    erosion = measures.erosion("train")
    upper = denormalise(upper_patches, ALL_PARTS, body.to_canvas, canvas, erosion)
    lower = denormalise(lower_patches, LOWER_PARTS, body.to_canvas, canvas, erosion)
    if erase:
        lower_patches = erase_patches(lower_patches, draw)
    if erase and erases_pixels(draw) and erased is not None:
        for image, mask in (upper, lower):
            image[erased], mask[erased] = 0, 0
    inputs = Inputs(
        upper_patches=mirror_sleeves(upper_patches, parity=parity),
        lower_patches=lower_patches,
        upper=_laid(upper, parity),
        lower=_laid(lower, parity),
        image=body.image,
        retain=retained(body, measures),
        skin=skin_colour(body.image, body.labels, parity=parity),
        skeleton=body.skeleton,
        lower_value=body.worn.lower_value,
        bound=_below(body.lower),
    )
    return TrainingItem(inputs, body.worn.classes)

"""Sample -> what the networks take: person, mask, pose map and garment, at the size of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...core.errors import InputError
from ...core.images import Size, UInt8, to_tensor
from ...core.pose import JOINT, Pose
from ...data.sample import Category, Garment, Person, Sample
from ..layering import geometry
from ..pasting import same_parts
from .frame import Frame, resized
from .region import RuleName, Rules, inpaint_mask, rules_for, translate

#: standard deviation-like width of a joint's spot in pixels, at any size (the published code does not scale it)
_SPOT = 9.0
#: fewer pixels of garment on the person than this (at 512x384) are a slip of the parser
_FEWEST = 64
#: a garment's photo whose border is darker than this is not on white
_WHITE = 200
#: margin around a garment that was cut out of a photo, as a share of its longer side
_AROUND = 0.06


def pose_factors(pose: Pose, size: Size) -> tuple[torch.Tensor, torch.Tensor]:
    """``(18, H)`` and ``(18, W)`` float64 whose products are :func:`pose_map`, and a hundredth of its bytes.

    Args:
        pose: in pixels of a picture of ``size``.
        size: (height, width).
    """
    points = torch.from_numpy(pose.joints[:, :2].astype(np.float64))
    # a Gaussian is the product of one along each side, which is far fewer exponentials
    down, across = (
        torch.exp(-(torch.arange(side, dtype=torch.float64) - points[:, axis, None]).square() / _SPOT**2)
        for side, axis in zip(size, (1, 0), strict=True)
    )
    peak = down.amax(dim=1) * across.amax(dim=1) + torch.finfo(torch.float32).eps
    present = (points > 0).any(dim=1)
    return down * (present / peak)[:, None], across


def pose_map(pose: Pose, size: Size) -> torch.Tensor:
    """A Gaussian spot for each joint: ``(18, H, W)`` float32, 1 at the joint; an absent joint leaves its channel empty.

    Args:
        pose: in pixels of a picture of ``size``.
        size: (height, width).
    """
    down, across = pose_factors(pose, size)
    return (down[:, :, None] * across[:, None, :]).float()


def on_white(photo: UInt8, mask: npt.NDArray[np.bool_]) -> UInt8:
    """The photo with white where the mask is not."""
    return np.where(mask[..., None], photo, np.uint8(255))


def cut_out(photo: UInt8, mask: npt.NDArray[np.bool_], size: Size) -> UInt8:
    """A garment out of somebody's photo, on white, as large as it would have been photographed alone.

    Args:
        photo: ``(H, W, 3)``.
        mask: ``(H, W)``, the garment.
        size: only its shape matters.

    Returns:
        ``(h, w, 3)`` of the shape of ``size``, the garment in the middle.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    grown = (1 + 2 * _AROUND) * max(height / size[0], width / size[1])
    tall, wide = round(grown * size[0]), round(grown * size[1])
    canvas = np.full((tall, wide, 3), 255, np.uint8)
    piece = on_white(photo, mask)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = (tall - height) // 2, (wide - width) // 2
    canvas[top : top + height, left : left + width] = piece
    return canvas


def _is_on_white(photo: UInt8) -> bool:
    edge = max(1, min(photo.shape[:2]) // 50)
    border = np.concatenate(
        [
            each.reshape(-1, 3)
            for each in (photo[:edge], photo[-edge:], photo[edge:-edge, :edge], photo[edge:-edge, -edge:])
        ]
    )
    return bool(np.median(border.min(axis=1)) >= _WHITE)


def garment_photo(garment: Garment, size: Size, rules: RuleName) -> UInt8:
    """The garment on white, as large as it was photographed.

    Args:
        garment: in-shop or worn.
        size: (height, width) of the weights; a worn garment is cut out in their shape.
        rules: with other than VITON-HD's, whatever is not garment is made white, as Dress Code's weights were learned.

    Returns:
        ``(h, w, 3)``.

    Raises:
        InputError: not on white and without a mask, or no garment to be seen.
    """
    photo = garment.image()
    if garment.worn:
        photo = cut_out(photo, garment.mask(), size)
    elif garment.has("mask"):
        mask = garment.mask()
        if mask.shape != photo.shape[:2]:
            raise InputError(
                f"mask of {garment.id} is {mask.shape[1]}x{mask.shape[0]} but its photo is {photo.shape[1]}x{photo.shape[0]}",
                mend="make the mask again",
                path=garment.files.get("mask"),
            )
        if rules != "viton-hd" or not _is_on_white(photo):
            photo = on_white(photo, mask)
    elif not _is_on_white(photo):
        raise InputError(
            f"garment {garment.id} is not photographed on white",
            mend="give a mask of the garment, or a photo on white",
            path=garment.files.get("image"),
        )
    return photo


def on_canvas(photo: UInt8, size: Size) -> UInt8:
    """``(h, w, 3)`` -> ``(*size, 3)``: in the middle, white around it."""
    frame = Frame.of((photo.shape[0], photo.shape[1]), size)
    if frame.inner == size:
        return resized(photo, size)
    small = resized(photo, frame.inner)
    canvas = np.full((*size, 3), 255, np.uint8)
    (row, column), (height, width) = frame.corner, frame.inner
    canvas[row : row + height, column : column + width] = small
    return canvas


def garment_picture(garment: Garment, size: Size, rules: RuleName) -> UInt8:
    """``(*size, 3)``: the garment on white at the size of the weights, see :func:`garment_photo`."""
    return on_canvas(garment_photo(garment, size, rules), size)


def _check_joints(person: Person, category: Category, pose: Pose, rules: Rules) -> None:
    if rules.arms and not (pose.found[JOINT["left-shoulder"]] or pose.found[JOINT["right-shoulder"]]):
        raise InputError(
            f"neither shoulder was found on {person.id}, so the region of the {category} garment is not known",
            mend="correct the pose or choose another photo",
            path=person.files.get("pose"),
        )


def person_parts(
    person: Person, category: Category, size: Size, name: RuleName, *, published: bool
) -> tuple[Frame, UInt8, npt.NDArray[np.uint8], Pose, npt.NDArray[np.bool_]]:
    """Frame, photo ``(H, W, 3)``, labels ``(H, W)``, joints and mask ``(H, W)`` of a person at the size of the weights.

    Raises:
        InputError: no shoulders, nothing to repaint, or joints of another photo.
        MissingError: an annotation is missing.
    """
    rules = rules_for(name, category, published=published)
    photo = person.image()
    frame = Frame.of((photo.shape[0], photo.shape[1]), size)
    found, parse = person.body()
    _check_joints(person, category, found, rules)
    pose = frame.pose(found)
    labels = np.asarray(frame.labels(translate(parse, rules.labels)), dtype=np.uint8)
    seen = np.isin(labels, rules.garment) | (rules.arms & np.isin(labels, (14, 15)))
    if seen.sum() < _FEWEST * size[0] * size[1] / (512 * 384):
        raise InputError(
            f"nothing on {person.id} that a garment of category {category} would replace",
            mend="choose another category, or annotate the parse again",
            path=person.files.get("parse"),
        )
    return frame, frame.picture(photo), labels, pose, inpaint_mask(labels, pose, rules, published=published)


def worn_garment(picture: torch.Tensor, labels: npt.NDArray[np.uint8], rules: Rules) -> torch.Tensor:
    """The garment as the person wears it, on white: what the warp learns to make.

    Args:
        picture: ``(3, H, W)``, -1 to 1.
        labels: ``(H, W)``.
        rules: of the category.
    """
    mask = torch.from_numpy(np.isin(labels, rules.worn))
    return torch.where(mask, picture, torch.ones_like(picture))


def conditions(
    sample: Sample, size: Size, name: RuleName, *, published: bool, same: bool = False, layers: bool = False
) -> dict[str, Any]:
    """Everything that the networks take.

    Args:
        sample: the person and the garment.
        size: (height, width) of the weights.
        name: whose labels and rules the weights were learned with.
        published: see :func:`~.region.inpaint_mask`.
        same: what of the photo may stay inside the mask is asked for, see :func:`~..pasting.same_parts`.
        layers: what the geometric baseline's splines need is asked for, see :mod:`~..layering`.

    Returns:
        ``person (3, H, W)`` and ``garment (3, H, W)``, -1 to 1; ``mask (1, H, W)``; ``pose (18, H, W)``; ``category``; and what is
        needed to go back to the photo: ``frame``, ``photo``, ``same`` and ``geometry`` (None if not asked for), ``worn``, the garment
        on white at its own size.

    Raises:
        InputError, MissingError: the sample cannot be used; one line says why.
    """
    frame, picture, _, pose, mask = person_parts(sample.person, sample.category, size, name, published=published)
    garment = garment_photo(sample.garment, size, name)
    return {
        "person": to_tensor(picture),
        "garment": to_tensor(on_canvas(garment, size)),
        "mask": torch.from_numpy(mask[None]).float(),
        "pose": pose_map(pose, size),
        "category": sample.category,
        "frame": frame,
        "photo": sample.person.image(),
        "worn": garment,
        "same": same_parts(sample.person.parse()) if same else None,
        "geometry": geometry(sample) if layers else None,
    }

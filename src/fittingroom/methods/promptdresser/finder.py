"""Where the garment is in the picture of the first stage: by a parsing annotator where one is given, else by colour.

The published system runs a human parser here. Any function from a photo to a :class:`~fittingroom.data.sample.Parse` can
be plugged in; the rule by colour needs no network and is coarser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8, resize_image
from ...data.sample import Category, Parse
from .masks import BUILD_SIZE, CLOTH, Mask, select, to_ids

Parser: TypeAlias = Callable[[UInt8], Parse]

#: side of the boxes that colours are gathered in, in units of CIE L*a*b*
_BOX = 12
#: colours of fewer pixels than this share are left out of a palette
_RARE = 0.01
#: a pixel further than this from every colour of the garment is not the garment's
_FAR = 30.0


def by_parser(picture: UInt8, parser: Parser, category: Category) -> Mask:
    """The garment as a parser sees it, without any growing: ``(H, W)`` bool.

    Args:
        picture: ``(H, W, 3)`` uint8.
        parser: photo to label map.
        category: of the garment. Bare legs count as skin here, not as the garment.
    """
    parts = [part for part in CLOTH[category] if not part.endswith("leg")]
    return select(to_ids(parser(picture)), *parts)


def _lab(image: UInt8) -> npt.NDArray[np.float32]:
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    return (lab * [100 / 255, 1, 1] - [0, 128, 128]).astype(np.float32)


def _palette(colours: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean colours of the boxes that hold a share worth naming: ``(N, 3)``, N may be 0."""
    if len(colours) == 0:
        return np.zeros((0, 3), np.float32)
    boxes, inverse, counts = np.unique(np.floor(colours / _BOX), axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    means = np.stack(
        [np.bincount(inverse, colours[:, channel], len(boxes)) / counts for channel in range(3)], axis=1
    ).astype(np.float32)
    return means[counts >= _RARE * len(colours)]


def _nearest(colours: npt.NDArray[np.float32], palette: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Distance to the nearest colour of a palette, ``(H, W)``; infinite for an empty one."""
    out = np.full(colours.shape[:2], np.inf, np.float32)
    for colour in palette:
        np.minimum(out, np.linalg.norm(colours - colour, axis=2), out=out)
    return out


def by_colour(picture: UInt8, person: UInt8, garment: UInt8, garment_mask: Mask, coarse: Mask, fine: Mask) -> Mask:
    """The garment as the pixels of the painted region that look more like it than like the rest of the photo.

    Args:
        picture: ``(H, W, 3)`` uint8, made by the first stage.
        person: ``(H, W, 3)`` uint8, the photo that it was made from.
        garment: ``(h, w, 3)`` uint8.
        garment_mask: ``(h, w)`` bool.
        coarse: ``(H, W)`` bool, what was painted.
        fine: ``(H, W)`` bool; pieces of garment that do not touch it are let go.

    Returns:
        ``(H, W)`` bool.
    """
    small = resize_image(picture, BUILD_SIZE, "bilinear")
    size = (BUILD_SIZE[1], BUILD_SIZE[0])
    inside, kept = (
        cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool) for mask in (coarse, fine)
    )
    around = _lab(resize_image(person, BUILD_SIZE, "bilinear"))[~inside]
    own, rest = _palette(_lab(garment)[garment_mask]), _palette(around)
    colours = _lab(small)
    to_own, to_rest = _nearest(colours, own), _nearest(colours, rest)
    found = inside & (to_own < to_rest) & (to_own < _FAR)
    found = cv2.medianBlur(found.astype(np.uint8), 7).astype(bool) & inside
    count, pieces = cv2.connectedComponents(found.astype(np.uint8))
    touching = np.unique(pieces[found & kept])
    keep = np.zeros(count, bool)
    keep[touching] = True
    keep[0] = False
    big = cv2.resize(
        keep[pieces].astype(np.uint8), (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_NEAREST
    )
    return big.astype(bool)

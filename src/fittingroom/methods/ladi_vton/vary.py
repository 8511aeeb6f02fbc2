"""Variations of a training sample, so that few people and garments are not learned by heart.

Not a part of the published training, which has tens of thousands of photos; the option ``variations``. A photo is mirrored, seen from
nearer, and what is worn has another hue, as has the garment alone, which lies a little elsewhere and is a little larger or smaller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...annotate.parser.inputs import moved_pose, to_box, warp
from ...core.images import UInt8
from ...core.pose import Pose
from ..dye import dyed_together

#: least share of the photo's height that is seen
_NEAREST = 0.8
#: share of what is worn that has to be left of it, or the photo is not seen from nearer
_LEFT = 0.8
#: the garment alone: largest change of its size, and of its place as a share of the picture
_SIZE, _SHIFT = 0.1, 0.05
#: share of the variations with other colours
_DYED = 0.6


@dataclass(frozen=True)
class Seen:
    """What a sample is learned from, all of one size.

    Args:
        picture: ``(H, W, 3)`` uint8.
        labels: ``(H, W)`` uint8.
        pose: in pixels.
        mask: ``(H, W)`` bool, what is painted.
        garment: ``(H, W, 3)`` uint8, on white.
    """

    picture: UInt8
    labels: npt.NDArray[np.uint8]
    pose: Pose
    mask: npt.NDArray[np.bool_]
    garment: UInt8


def varied(seen: Seen, worn: tuple[int, ...], draw: np.random.Generator) -> Seen:
    """One variation.

    Args:
        seen: the sample.
        worn: labels of the garment.
        draw: where randomness comes from.
    """
    if draw.random() < _DYED:
        picture, garment = dyed_together(seen.picture, np.isin(seen.labels, worn), seen.garment, draw)
        seen = replace(seen, picture=picture, garment=garment)
    return _moved(seen, worn, draw)


def _moved(seen: Seen, worn: tuple[int, ...], draw: np.random.Generator) -> Seen:
    size = (seen.labels.shape[0], seen.labels.shape[1])
    height, width = size
    mirror = bool(draw.random() < 0.5)
    share = draw.uniform(_NEAREST, 1)
    middle = np.array([width, height]) * (share / 2 + (1 - share) * draw.random(2))
    kept = np.zeros(size, np.bool_)
    top, left = (round(float(middle[axis] - share * side / 2)) for axis, side in ((1, height), (0, width)))
    kept[top : top + round(share * height), left : left + round(share * width)] = True
    on = np.isin(seen.labels, worn)
    if (on & kept).sum() < _LEFT * on.sum():
        share, middle = 1.0, np.array([width, height]) / 2
    matrix = to_box(np.array([*middle, share * height], np.float32), size, mirror=mirror)
    pose = moved_pose(seen.pose, matrix, mirror=mirror)
    x, y = pose.joints[:, 0], pose.joints[:, 1]
    out = (x < 0) | (y < 0) | (x >= width) | (y >= height)
    pose.joints[out] = 0
    larger = 1 + _SIZE * draw.uniform(-1, 1)
    place = np.array([width, height]) * (0.5 + _SHIFT * draw.uniform(-1, 1, 2))
    alone = to_box(np.array([*place, height / larger], np.float32), size, mirror=mirror)
    return Seen(
        warp(seen.picture, matrix, size, 0),
        warp(seen.labels, matrix, size, 0, nearest=True),
        pose,
        warp(seen.mask.astype(np.uint8), matrix, size, 0, nearest=True).astype(np.bool_),
        warp(seen.garment, alone, size, 255),
    )

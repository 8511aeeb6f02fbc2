"""Bringing soft label maps to the photo's edges: the guided filter, with the photo in colour as guide.

He, Sun and Tang, Guided Image Filtering, TPAMI 2013, section 3.5 (colour guide): within every window the result is a linear
function of the photo's colours, so it changes where the photo does.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8

Float32: TypeAlias = npt.NDArray[np.float32]


def _mean(plane: npt.NDArray[Any], radius: int) -> Float32:
    side = 2 * radius + 1
    return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def guided(photo: UInt8, planes: Float32, radius: int, smooth: float = 1e-3) -> Float32:
    """Filter planes along the edges of a photo.

    Args:
        photo: ``(H, W, 3)`` uint8.
        planes: ``(C, H, W)``, of any values.
        radius: of the windows in pixels, from 1.
        smooth: variance of colours (from 0 to 1) below which a window counts as without edges.

    Returns:
        ``(C, H, W)`` float32; sums over the planes are kept.
    """
    guide = photo.astype(np.float32) / np.float32(255)
    colours = [np.ascontiguousarray(guide[..., index]) for index in range(3)]
    means = [_mean(colour, radius) for colour in colours]
    spread = {
        (i, j): _mean(colours[i] * colours[j], radius) - means[i] * means[j] + np.float32(smooth if i == j else 0)
        for i in range(3)
        for j in range(i, 3)
    }
    # the inverse of each pixel's symmetric 3x3 matrix by its cofactors: several times as fast as a general solver
    a, b, c, d, e, f = (spread[key] for key in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    cofactors = [[d * f - e * e, c * e - b * f, b * e - c * d], [a * f - c * c, b * c - a * e], [a * d - b * b]]
    determinant = a * cofactors[0][0] + b * cofactors[0][1] + c * cofactors[0][2]
    inverse = {(i, i + k): value / determinant for i, row in enumerate(cofactors) for k, value in enumerate(row)}
    out = np.empty(planes.shape, np.float32)
    for index, plane in enumerate(planes):
        middle = _mean(plane, radius)
        shared = [_mean(colour * plane, radius) - mean * middle for colour, mean in zip(colours, means, strict=True)]
        slopes = [
            inverse[min(i, 0), max(i, 0)] * shared[0]
            + inverse[min(i, 1), max(i, 1)] * shared[1]
            + inverse[min(i, 2), max(i, 2)] * shared[2]
            for i in range(3)
        ]
        offset = middle.copy()
        for slope, mean in zip(slopes, means, strict=True):
            offset -= slope * mean
        out[index] = _mean(offset, radius)
        for slope, colour in zip(slopes, colours, strict=True):
            out[index] += _mean(slope, radius) * colour
    return out

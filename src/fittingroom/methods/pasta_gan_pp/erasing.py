"""What is taken away from a photo's own garments in training, so that the network learns to fill gaps (spec section 3.8).

Without it the network would see every pixel of the answer in the warped garment; at try-on much of the garment is hidden.
"""

from __future__ import annotations

from random import Random
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8

Mask: TypeAlias = npt.NDArray[np.bool_]

#: how often anything is taken from the lower patches; then: the whole torso patch, and with it rows of the thighs
_PATCHES, _TORSO, _THIGHS = 0.80, 0.6, 0.75
#: rows of the thigh patches, of a patch of 128 rows
_THIGH_ROWS = 12
#: how often pixels are taken from the laid garments
_PIXELS = 0.9
#: indices of the thighs among the lower patches
_THIGH_PATCHES = (1, 3)


def erase_patches(lower: UInt8, draw: Random) -> UInt8:
    """Blank parts of the lower patches where an upper garment would hang over them.

    Args:
        lower: ``(5, P, P, 4)`` uint8 RGBA.
        draw: where randomness comes from; the order of draws is that of the published code.

    Returns:
        ``(5, P, P, 4)`` uint8; masks stay as they are.
    """
    out = lower.copy()
    torso = out[0, ..., :3]
    patch = out.shape[1]
    rows = np.flatnonzero(torso.any(axis=(1, 2)))
    if not (draw.random() < _PATCHES and len(rows)):
        return out
    if draw.random() < _TORSO:
        torso[:] = 0
        if draw.random() < _THIGHS:
            upto = draw.randint(1, max(1, _THIGH_ROWS * patch // 128))
            for index in _THIGH_PATCHES:
                out[index, :upto, :, :3] = 0
    else:
        top = int(rows[0])
        torso[top : draw.randint(top + 1, patch)] = 0
    return out


def erases_pixels(draw: Random) -> bool:
    """Whether pixels are taken from the laid garments this time."""
    return draw.random() < _PIXELS


def free_form(height: int, width: int, generator: np.random.Generator) -> Mask:
    """Random brush strokes, blots and boxes, as a hand that holds an eraser makes them.

    Args:
        height: of the mask.
        width: of the mask.
        generator: where randomness comes from.

    Returns:
        ``(H, W)`` bool, true where pixels go; between nothing and about half of them.
    """
    out = np.zeros((height, width), np.uint8)
    unit = height / 512
    for _ in range(int(generator.integers(1, 6))):
        point = generator.uniform((0, 0), (width, height))
        direction, thickness = generator.uniform(0, 2 * np.pi), int(generator.uniform(12, 60) * unit) + 1
        for _ in range(int(generator.integers(2, 12))):
            direction += generator.normal(0, 0.9)
            step = generator.uniform(15, 80) * unit
            goal = point + step * np.array([np.cos(direction), np.sin(direction)])
            cv2.line(out, point.astype(int).tolist(), goal.astype(int).tolist(), 1, thickness)
            cv2.circle(out, goal.astype(int).tolist(), thickness // 2, 1, -1)
            point = goal
    for _ in range(int(generator.integers(0, 3))):
        x, y = (generator.uniform((0, 0), (width, height))).astype(int).tolist()
        w, h = (generator.uniform(20, 130, size=2) * unit).astype(int).tolist()
        out[y : y + h, x : x + w] = 1
    return out.astype(bool)

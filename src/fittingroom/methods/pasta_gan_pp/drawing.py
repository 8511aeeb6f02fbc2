"""The skeleton picture that the network sees, and what drawing it does to joints near the border (spec section 3.3)."""

from __future__ import annotations

import colorsys
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import Size, UInt8
from ...core.pose import LIMBS

Float64: TypeAlias = npt.NDArray[np.float64]

#: OpenPose's limbs and the two from the ears to the shoulders, in drawing order
DRAWN_LIMBS = (*LIMBS, (2, 16), (5, 17))
_STEPS = tuple(tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(step / 18, 1, 1)) for step in range(18))
#: RGB of limb i and of joint i: eighteen steps around the colour circle, then the first again
COLOURS = (*_STEPS, _STEPS[0])
#: knees and ankles
BORDER_JOINTS = (9, 10, 12, 13)
#: confidence of a joint that the border took away: no patch may use it, but its place still tells a direction
BORDER_CONFIDENCE = 0.01
#: joints below this confidence are not drawn
LEAST_DRAWN = 0.05


def without_border_joints(keypoints: Float64, frame: Size, border: float = 50) -> Float64:
    """Knees and ankles that lie too near to the photo's right or bottom border lose their confidence.

    The published code does so as a side effect of drawing, and the network was trained on patches that follow from it.

    Args:
        keypoints: ``(18, 3)`` x, y in pixels of the photo, confidence.
        frame: (height, width) of the photo.
        border: in pixels.

    Returns:
        ``(18, 3)`` float64; confidence 0.01 where it was taken away.
    """
    out = np.array(keypoints, dtype=np.float64)
    for joint in BORDER_JOINTS:
        x, y, confidence = out[joint]
        if confidence >= LEAST_DRAWN and (x <= 0 or y <= 0 or x >= frame[1] - border or y >= frame[0] - border):
            out[joint, 2] = BORDER_CONFIDENCE
    return out


@lru_cache(maxsize=8)
def _disc(radius: int) -> npt.NDArray[np.intp]:
    """``(2, N)`` row and column offsets of the pixels nearer than the radius."""
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.stack(np.nonzero(rows**2 + columns**2 < radius**2)) - radius


def draw_pose(keypoints: Float64, frame: Size, *, thickness: int = 5, radius: int = 5, border: float = 50) -> UInt8:
    """Picture of the skeleton: straight coloured limbs, then round joints, on black.

    Args:
        keypoints: ``(18, 3)`` x, y in pixels of the photo, confidence; before :func:`without_border_joints`.
        frame: (height, width) of the photo.
        thickness: of limbs, in pixels.
        radius: of joints, in pixels.
        border: joints that :func:`without_border_joints` takes away get no disc, though their limb is drawn.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    canvas = np.zeros((*frame, 3), np.uint8)
    points = np.asarray(keypoints)[:, :2].astype(int)
    drawn = np.asarray(keypoints)[:, 2] >= LEAST_DRAWN
    for (start, end), colour in zip(DRAWN_LIMBS, COLOURS, strict=True):
        if drawn[start] and drawn[end]:
            cv2.line(canvas, points[start].tolist(), points[end].tolist(), colour, thickness)
    left = without_border_joints(keypoints, frame, border)[:, 2] >= LEAST_DRAWN
    for joint in np.flatnonzero(left):
        rows, columns = _disc(radius) + points[joint, ::-1, None]
        inside = (rows >= 0) & (rows < frame[0]) & (columns >= 0) & (columns < frame[1])
        canvas[rows[inside], columns[inside]] = COLOURS[joint]
    return canvas

"""Warped garments brought into line with the photo, for the UNet's training.

Not a part of the published training. A spline of 25 points leaves stripes and prints some pixels beside where the photo has them,
and a network that learns from such pairs finds grey the safest answer: patterns are lost. Moved by optical flow onto the photo's own
garment they lie nearly where they should; what is fine in them is then taken from the photo, what is coarse, light and colour,
stays the warped garment's. So the network learns that patterns belong where the warp has put them, and still how garments are lit
on people. Trying on needs none of this: nobody knows where a stripe would have been.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8

#: darker than this in any channel is garment, not the white that it lies on
_WHITE = 245
#: fewer pixels than this are no garment that anything could be aligned with
_FEWEST = 64
#: contrast of what the flow sees, so that light and folds count less than patterns; and the deviation that nothing is raised above
_CONTRAST, _LEAST = 40.0, 4.0
#: deviations of the blur over the flow, and of that which parts fine from coarse, in pixels of a picture of 256 rows
_SMOOTH, _COARSE, _ROWS = 3.0, 5.0, 256


def _shown(picture: UInt8, on: npt.NDArray[np.bool_]) -> UInt8:
    """Brightness of a garment with a mean and a contrast that all garments share, on white."""
    light = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
    even = 128 + (light - light[on].mean()) / max(float(light[on].std()), _LEAST) * _CONTRAST
    return np.asarray(np.clip(np.where(on, even, 255), 0, 255), np.uint8)


def _garment(picture: UInt8) -> npt.NDArray[np.bool_]:
    """``(H, W)``, where something lies on the white."""
    return np.asarray(picture.min(axis=2) < _WHITE)


def aligned(warped: UInt8, worn: UInt8) -> UInt8:
    """The warped garment, moved onto the garment of the photo, with the photo's detail where both are.

    Args:
        warped: ``(H, W, 3)`` on white.
        worn: ``(H, W, 3)``, the photo's garment cut out, on white.

    Returns:
        ``(H, W, 3)``; the warped garment as it is where one of them is empty.
    """
    here, there = _garment(worn), _garment(warped)
    if min(here.sum(), there.sum()) < _FEWEST:
        return warped
    return _detailed(_moved(warped, worn, here, there), worn)


def _detailed(coarse: UInt8, fine: UInt8) -> UInt8:
    """What is fine in one picture laid over what is coarse in the other, where both show a garment."""
    both = _garment(coarse) & _garment(fine)
    weight = both.astype(np.float32)[..., None]
    deviation = _COARSE * fine.shape[0] / _ROWS
    share = cv2.GaussianBlur(weight, (0, 0), deviation)[..., None].clip(1e-3)
    slow, quick = (
        cv2.GaussianBlur(picture.astype(np.float32) * weight, (0, 0), deviation) / share for picture in (coarse, fine)
    )
    made = np.where(both[..., None], slow + fine - quick, coarse)
    return np.asarray(np.clip(made, 0, 255), np.uint8)


def _moved(warped: UInt8, worn: UInt8, here: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_]) -> UInt8:
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    finder.setFinestScale(1)
    empty = np.zeros((*here.shape, 2), np.float32)
    flow = finder.calc(_shown(worn, here), _shown(warped, there), empty)
    flow = cv2.GaussianBlur(np.asarray(flow, np.float32), (0, 0), _SMOOTH * worn.shape[0] / _ROWS)
    rows, columns = np.mgrid[: worn.shape[0], : worn.shape[1]].astype(np.float32)
    moved = cv2.remap(
        warped, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderValue=(255, 255, 255)
    )
    return np.asarray(moved, np.uint8)

"""The photo back where a try-on changes nothing: outside the mask, and inside it where the picture shows the same wall and skin anyway.

Neither is a part of the published methods; reports name both (settings ``paste`` and ``keep_same``). A small network repaints the wall
and bare arms inside its mask as well as it can; where that agrees with what the photo shows there, the photo itself is better.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ..core.images import UInt8
from ..data.sample import Parse
from .coarse import Plane, blurred, lab, mean_inside

Mask: TypeAlias = npt.NDArray[np.bool_]
#: what is the same whatever is worn, unless the new garment covers it
_SAME = ("background", "left-arm", "right-arm", "left-leg", "right-leg", "torso-skin")
#: coarse colours this close in CIE Lab are the same, and this far apart are not; between them both are mixed
_CLOSE, _APART = 15.0, 30.0
#: as shares of the height: size of what counts as coarse, and width of the soft edge
_COARSE, _EDGE = 0.01, 0.004


def paste_back(photo: UInt8, made: UInt8, mask: Mask, feather: float) -> UInt8:
    """The photo outside the mask, what was made inside it, and a soft edge that lies wholly inside.

    Args:
        photo: ``(H, W, 3)`` uint8.
        made: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` bool, true where the photo was painted anew.
        feather: width of the edge as a share of the height; 0 = hard.
    """
    # a distance from the outside, so that no pixel outside of the mask is touched
    away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    return _mixed(photo, made, np.clip(away / max(feather * photo.shape[0], 1.0), 0, 1))


def same_parts(parse: Parse) -> Mask:
    """``(H, W)`` bool: wall and skin, without their rims, where labels are unsure."""
    return np.asarray(cv2.erode(parse.mask(*_SAME).astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=bool)


def keep_same(photo: UInt8, made: UInt8, where: Mask) -> UInt8:
    """What was made, with the photo's own pixels where both show coarsely the same.

    Args:
        photo: ``(H, W, 3)`` uint8.
        made: ``(H, W, 3)`` uint8.
        where: ``(H, W)`` bool, the parts of the photo that may stay, see :func:`same_parts`. A garment of the wall's or the skin's own
            colour would vanish there: leave out what it is known to cover.
    """
    if not where.any():
        return made
    inside = where.astype(np.float32)
    return _mixed(made, photo, blurred(alike(photo, made, where), max(_EDGE * made.shape[0], 0.7)) * inside)


def alike(photo: UInt8, made: UInt8, where: Mask) -> Plane:
    """``(H, W)`` float32, 0 to 1: how much both show coarsely the same; 0 outside of ``where``."""
    inside = where.astype(np.float32)
    off = mean_inside(lab(made) - lab(photo), inside, max(_COARSE * made.shape[0], 1.0))
    share = np.clip((_APART - np.linalg.norm(off, axis=2)) / (_APART - _CLOSE), 0, 1)
    return np.asarray(share * inside, dtype=np.float32)


def _mixed(below: UInt8, above: UInt8, share: npt.NDArray[np.floating]) -> UInt8:
    """One picture over another by ``(H, W)`` shares, 0 to 1."""
    mixed = below + share[..., None] * (above.astype(np.float32) - below)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)

"""A laid garment's own pattern in a painted picture, for networks too small to paint it.

Not a part of the published methods; the setting ``match`` of both diffusion methods, which reports name. Where what was painted agrees
coarsely with the garment that was laid there, that is, where the garment was painted and no arm or hair before it, the garment's detail is
put in place of the painted one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ..core.images import UInt8
from .coarse import blurred, lab, mean_inside

Mask: TypeAlias = npt.NDArray[np.bool_]
#: fewer pixels say nothing
_FEWEST = 64
#: width of the agreement's soft edge, as a share of the height
_AGREED = 0.008
#: lightness counts half, for the garment alone hangs in other light
_LIGHT = 0.5


@dataclass(frozen=True)
class Likeness:
    """What counts as the same garment.

    Args:
        coarse: size of what counts as coarse, as a share of the height.
        alike: deviation (CIE Lab) up to which coarse colours agree.
        colour: how much of the difference of coarse colours is taken back, too: lightness, hue and chroma.
        rim: what of the laid garment's outline is not trusted, as a share of the height; half as wide is its soft edge.
    """

    coarse: float
    alike: float
    colour: tuple[float, float, float]
    rim: float


def match_details(made: UInt8, laid: UInt8, where: Mask, likeness: Likeness) -> UInt8:
    """The painted picture with the laid garment's detail.

    Args:
        made: ``(H, W, 3)`` uint8.
        laid: ``(H, W, 3)`` uint8, the garment on the person.
        where: ``(H, W)`` bool, where it lies and was painted.
        likeness: what counts as the same.

    Returns:
        ``(H, W, 3)`` uint8; nothing but these places changes.
    """
    height = made.shape[0]
    rim = 2 * round(likeness.rim * height) + 1
    where = cv2.erode(where.astype(np.uint8), np.ones((rim, rim), np.uint8)) > 0
    if where.sum() < _FEWEST:
        return made
    inside = where.astype(np.float32)
    painted, given = lab(made), lab(laid)
    coarse, meant = (mean_inside(each, inside, likeness.coarse * height) for each in (painted, given))
    off = coarse - meant
    off -= np.median(off[where], axis=0) * np.array([1, 0.5, 0.5], np.float32)
    distance = _LIGHT * off[..., 0] ** 2 + off[..., 1] ** 2 + off[..., 2] ** 2
    agreed = blurred(inside * np.exp(-distance / (2 * likeness.alike**2)), _AGREED * height) * inside
    weight = (agreed * blurred(inside, max(likeness.rim * height / 2, 0.5)) * inside)[..., None]
    colour = np.array(likeness.colour, np.float32) * (meant - coarse)
    out = painted + weight * ((given - meant) - (painted - coarse) + colour)
    pixels = cv2.cvtColor(out, cv2.COLOR_LAB2RGB) * 255
    return np.where(where[..., None], np.clip(np.rint(pixels), 0, 255), made).astype(np.uint8)

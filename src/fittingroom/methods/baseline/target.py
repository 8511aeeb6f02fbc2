"""The person to be dressed: what is known of them, what they wear, how broad they are underneath."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...core.fill import Image
from ...core.pose import Pose
from ...data.sample import Category, Parse
from .figure import Figure, Mask
from .pieces import axis_coordinates

#: what is replaced by a garment of each category
OLD: Mapping[Category, tuple[str, ...]] = {
    "upper": ("upper-clothes", "coat"),
    "lower": ("pants", "skirt"),
    "dress": ("upper-clothes", "coat", "pants", "skirt", "dress", "jumpsuits"),
}
ONE_PIECE = ("dress", "jumpsuits")
ARM_SKIN = ("left-arm", "right-arm")
LEG_SKIN = ("left-leg", "right-leg")
SKIN = ("torso-skin", *ARM_SKIN, *LEG_SKIN, "face")
#: level of the waist on the trunk's axis
WAIST = 0.74
#: a lower garment that ends above this level is seen up to its waistband; one that ends below it goes on under the top
_WAISTBAND_SEEN = 0.88
#: where a waistband is taken to be that a top hides
_HIDDEN_WAISTBAND = 0.80


@dataclass(frozen=True)
class Target:
    """The person to be dressed.

    Args:
        image: ``(H, W, 3)`` float32, 0 to 255.
        parse: labels.
        pose: joints as found (tells the hands).
        figure: joints without gaps.
    """

    image: Image
    parse: Parse
    pose: Pose
    figure: Figure

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.parse.size


def old_garment(target: Target, category: Category) -> Mask:
    """``(H, W)`` bool: what the person wears where the new garment goes."""
    parse = target.parse
    old = parse.mask(*OLD[category])
    if category == "dress" or old.sum() > 0.2 * parse.mask(*ONE_PIECE).sum():
        return old
    level, _ = axis_coordinates(target.figure, target.size)
    piece = parse.mask(*ONE_PIECE)  # a dress counts as top above the waist and as skirt below it
    return old | (piece & (level < 1.05) if category == "upper" else piece & (level > WAIST))


@dataclass(frozen=True)
class Waist:
    """Where a lower garment ends at the top.

    Args:
        seen: level of the axis down to which the top covers it.
        level: of its waistband, guessed where the top covers it.
        halves: half-widths in pixels just below ``seen``, to the wearer's right and left.
    """

    seen: float
    level: float
    halves: tuple[float, float]


def lower_garment(target: Target, old: Mask) -> Mask:
    """``(H, W)`` bool: what the person wears below a top that is exchanged."""
    return target.parse.mask("pants", "skirt", *ONE_PIECE) & ~old


def waist(target: Target, old: Mask) -> Waist | None:
    """The waistband of what is worn below a top that is exchanged; None where nothing of it is seen."""
    lower = lower_garment(target, old)
    level, offset = axis_coordinates(target.figure, target.size)
    column = lower & (np.abs(offset) < 0.3 * target.figure.breadth) & (level < 1.6)
    if column.sum() < 30:
        return None
    seen = float(np.percentile(level[column], 2))
    to = seen if seen < _WAISTBAND_SEEN else _HIDDEN_WAISTBAND
    if (lower & target.parse.mask(*ONE_PIECE)).sum() > 0.5 * lower.sum():
        to = min(seen, WAIST)
    band = lower & (level > seen + 0.02) & (level < seen + 0.14)
    if band.sum() < 10:
        return None
    right, left = -np.percentile(offset[band], 3), np.percentile(offset[band], 97)
    return Waist(seen, to, (max(float(right), 1.0), max(float(left), 1.0)))

"""Drawn bodies: joints from a few angles, and signed distances to their parts for every pixel.

Lengths are in units of the trunk (shoulders to hips); a photo of 384x512 shows a trunk of about 135 pixels. A signed
distance is negative inside a shape, in pixels, so ``0.5 - distance`` clipped to [0, 1] is its anti-aliased coverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.pose import JOINT, JOINTS, Pose

Field: TypeAlias = npt.NDArray[Any]
Point: TypeAlias = npt.NDArray[np.float64]
HEIGHT, WIDTH = 512, 384
ROWS, COLUMNS = (axis.astype(np.float32) for axis in np.mgrid[:HEIGHT, :WIDTH])

#: half-widths of the bare trunk by level (0 shoulders, 1 hips), in trunks; women's waist, men's waist
_LEVELS = (-0.34, -0.14, -0.09, -0.03, 0.04, 0.14, 0.40, 0.66, 0.92, 1.06, 1.20)
_TRUNK = (
    (0.115, 0.12, 0.18, 0.31, 0.375, 0.37, 0.335, 0.285, 0.365, 0.385, 0.37),
    (0.125, 0.13, 0.20, 0.34, 0.415, 0.40, 0.365, 0.33, 0.35, 0.36, 0.35),
)
ARM_RADII = (0.115, 0.088, 0.06)
LEG_RADII = (0.195, 0.125, 0.075)


@dataclass(frozen=True)
class Stance:
    """How a body stands; angles in degrees, positive outwards.

    Args:
        right_arm: abduction of the upper arm and further turn of the forearm.
        left_arm: likewise.
        legs: how far each leg is spread.
        lean: tilt of the trunk, positive to the picture's right.
        shift: of the whole body to the picture's right, in pixels.
    """

    right_arm: tuple[float, float] = (14, -6)
    left_arm: tuple[float, float] = (14, -6)
    legs: float = 4
    lean: float = 0
    shift: float = 0


@dataclass(frozen=True)
class Limb:
    """Coordinates along a bent limb for every pixel: 0 to 1 first bone, 1 to 2 second; across with a sign; distance."""

    along: Field
    across: Field
    away: Field


def _towards(degrees: float) -> Point:
    """Unit vector: 0 straight down, 90 to the picture's right."""
    return np.array([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])


def limb(bones: npt.NDArray[np.float64]) -> Limb:
    """Limb coordinates of all pixels for bones ``(3, 2)``."""
    parts = []
    for index in (0, 1):
        start, vector = bones[index], bones[index + 1] - bones[index]
        length = float(np.linalg.norm(vector))
        unit = vector / length
        x, y = COLUMNS - start[0], ROWS - start[1]
        along = (x * unit[0] + y * unit[1]) / length
        inside = np.clip(along, 0, 1)
        away = np.hypot(x - inside * vector[0], y - inside * vector[1])
        parts.append(
            (
                along + index if index else np.minimum(along, 1),
                x * unit[1] - y * unit[0],
                away,
                np.maximum(along, 0) + 1,
            )
        )
    second = parts[1][2] < parts[0][2]
    along = np.where(second, parts[1][3], parts[0][0])
    return Limb(
        along.astype(np.float32),
        np.where(second, parts[1][1], parts[0][1]).astype(np.float32),
        np.where(second, parts[1][2], parts[0][2]).astype(np.float32),
    )


@dataclass(frozen=True)
class Body:
    """A body in a picture.

    Args:
        stance: how it stands.
        man: broad shoulders and a straight waist.
        trunk: length of the trunk in pixels.
        top: row of the shoulders.
    """

    stance: Stance
    man: bool = False
    trunk: float = 132.0
    top: float = 128.0

    @cached_property
    def points(self) -> dict[str, Point]:
        """Joints by name, in pixels."""
        stance, unit = self.stance, self.trunk
        shoulders = np.array([WIDTH / 2 + stance.shift, self.top])
        down = _towards(-stance.lean)
        hips = shoulders + down * unit
        across = np.array([down[1], -down[0]])
        breadth = 0.37 if self.man else 0.335
        found: dict[str, Point] = {"neck": shoulders - down * 0.03 * unit, "nose": shoulders - down * 0.47 * unit}
        for side, sign, arm in (("right", -1, stance.right_arm), ("left", 1, stance.left_arm)):
            shoulder = shoulders + across * sign * breadth * unit + down * 0.05 * unit
            elbow = shoulder + _towards(sign * arm[0]) * 0.60 * unit
            wrist = elbow + _towards(sign * (arm[0] + arm[1])) * 0.53 * unit
            hip = hips + across * sign * 0.19 * unit
            knee = hip + _towards(sign * stance.legs) * 0.78 * unit
            ankle = knee + _towards(sign * (stance.legs - 3)) * 0.78 * unit
            found |= {
                f"{side}-{name}": point
                for name, point in (
                    ("shoulder", shoulder),
                    ("elbow", elbow),
                    ("wrist", wrist),
                    ("hip", hip),
                    ("knee", knee),
                    ("ankle", ankle),
                )
            }
            found[f"{side}-eye"] = found["nose"] + across * sign * 0.085 * unit - down * 0.075 * unit
            found[f"{side}-ear"] = found["nose"] + across * sign * 0.20 * unit - down * 0.05 * unit
        return found

    @property
    def pose(self) -> Pose:
        """All 18 joints; all are seen (nobody turns away in these pictures)."""
        joints = np.ones((18, 3), dtype=np.float32)
        for name in JOINTS:
            joints[JOINT[name], :2] = self.points[name]
        return Pose(joints)

    def arm(self, side: str) -> Limb:
        """Coordinates of an arm."""
        return limb(np.stack([self.points[f"{side}-{name}"] for name in ("shoulder", "elbow", "wrist")]))

    def leg(self, side: str) -> Limb:
        """Coordinates of a leg."""
        return limb(np.stack([self.points[f"{side}-{name}"] for name in ("hip", "knee", "ankle")]))

    @cached_property
    def axis(self) -> tuple[Field, Field]:
        """Level (0 shoulders, 1 hips, further down in the same unit) and signed distance from the axis, every pixel."""
        shoulders = (self.points["right-shoulder"] + self.points["left-shoulder"]) / 2 - np.array(
            [0, 0.05 * self.trunk]
        )
        hips = (self.points["right-hip"] + self.points["left-hip"]) / 2
        feet = (self.points["right-ankle"] + self.points["left-ankle"]) / 2
        down, low = (hips - shoulders) / self.trunk, feet - hips
        low = low / np.linalg.norm(low)
        first = ((COLUMNS - shoulders[0]) * down[0] + (ROWS - shoulders[1]) * down[1]) / self.trunk
        upper = (COLUMNS - shoulders[0]) * down[1] - (ROWS - shoulders[1]) * down[0]
        second = 1 + ((COLUMNS - hips[0]) * low[0] + (ROWS - hips[1]) * low[1]) / self.trunk
        lower = (COLUMNS - hips[0]) * low[1] - (ROWS - hips[1]) * low[0]
        share = np.clip((first - 0.95) / 0.1, 0, 1)
        level = np.where(first < 1, first, np.maximum(second, 1))
        return level.astype(np.float32), ((1 - share) * upper + share * lower).astype(np.float32)

    def half_width(self, level: Field) -> Field:
        """Half-width of the bare trunk at each level, in pixels."""
        return (np.interp(level, _LEVELS, _TRUNK[int(self.man)]) * self.trunk).astype(np.float32)

    @cached_property
    def bare_trunk(self) -> Field:
        """Signed distance to the trunk with the neck."""
        level, offset = self.axis
        sides = np.abs(offset) - self.half_width(level)
        return np.maximum(sides, np.maximum((-0.40 - level) * self.trunk, (level - 1.2) * self.trunk)).astype(
            np.float32
        )

    def bare_limb(self, place: Limb, radii: tuple[float, float, float]) -> Field:
        """Signed distance to a limb with the given radii (in trunks) at its joints."""
        return (place.away - np.interp(place.along, (0, 1, 2), np.array(radii) * self.trunk)).astype(np.float32)

    def hand(self, side: str) -> Field:
        """Signed distance to a hand: a palm with fingers together, and a thumb."""
        wrist, elbow = self.points[f"{side}-wrist"], self.points[f"{side}-elbow"]
        unit = (wrist - elbow) / np.linalg.norm(wrist - elbow)
        palm = limb(np.stack([wrist - unit * 2, wrist + unit * 0.10 * self.trunk, wrist + unit * 0.20 * self.trunk]))
        fingers = palm.away - np.interp(
            palm.along, (0, 1, 2), (0.052 * self.trunk, 0.062 * self.trunk, 0.03 * self.trunk)
        )
        inwards = np.array([unit[1], -unit[0]]) * (1 if side == "right" else -1)
        start = wrist + unit * 0.03 * self.trunk
        thumb = limb(
            np.stack(
                [
                    start,
                    start + (unit + inwards) * 0.05 * self.trunk,
                    start + (1.8 * unit + inwards * 1.2) * 0.06 * self.trunk,
                ]
            )
        )
        return np.minimum(fingers, thumb.away - 0.02 * self.trunk).astype(np.float32)


def coverage(distance: Field) -> Field:
    """Anti-aliased coverage in [0, 1] of a signed distance in pixels."""
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)


def ellipse(centre: Point, radii: tuple[float, float], turn: float = 0.0) -> Field:
    """Signed distance (approximate) to an ellipse; radii in pixels, turn in degrees."""
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    x, y = COLUMNS - centre[0], ROWS - centre[1]
    a, b = (x * cosine + y * sine) / radii[0], (-x * sine + y * cosine) / radii[1]
    norm = np.hypot(a, b)
    gradient = np.hypot(a / radii[0], b / radii[1]) / np.maximum(norm, 1e-6)
    return ((norm - 1) / np.maximum(gradient, 1e-6)).astype(np.float32)

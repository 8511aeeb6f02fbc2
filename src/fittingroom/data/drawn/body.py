"""Drawn bodies: joints from a few angles, and coordinates that move with trunk and limbs.

Lengths are in trunks (shoulder line to hip line, about half a metre). Trunk coordinates are (side, level): side is
positive to the picture's right, level is 0 at the shoulders, 1 at the hips and goes on below them, so that a pattern
given in these coordinates stays on the cloth however somebody stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.pose import JOINT, JOINTS, Pose
from .paint import WIDTH, Field, Shape, curve, stroke

SIDES = (("right", -1), ("left", 1))
_LEVELS = (0.24, 0.34, 0.48, 0.64, 0.80, 0.95, 1.08, 1.20, 1.32)
#: half-width of the trunk at these levels: women, men, and nobody (what lies flat hardly follows a waist)
_WIDTHS = (
    (0.268, 0.272, 0.250, 0.226, 0.258, 0.306, 0.328, 0.330, 0.322),
    (0.318, 0.320, 0.304, 0.284, 0.284, 0.298, 0.308, 0.308, 0.300),
    (0.286, 0.288, 0.280, 0.266, 0.276, 0.298, 0.318, 0.322, 0.320),
)
#: half-widths along a limb: at first joint, middle of the first bone, second joint, middle of the second bone, last joint
ARM = (0.088, 0.080, 0.064, 0.062, 0.043)
LEG = (0.168, 0.138, 0.092, 0.094, 0.052)


#: cloth that goes round a body is wider when it lies flat: half a girth over the width seen from the front
FLAT = 1.24


@dataclass(frozen=True)
class Stance:
    """How somebody stands; angles in degrees.

    Args:
        right_arm: abduction of the upper arm, and the forearm's further turn outwards.
        left_arm: likewise.
        right_leg: spread of the thigh, and the shin's further turn outwards.
        left_leg: likewise.
        lean: of the trunk, positive to the picture's right.
        shoulders: tilt of the shoulder line, positive: the picture's right side is lower.
        hips: tilt of the hip line.
        bow: how far the spine is bent to the picture's right.
        nod: tilt of the head.
        behind: arms (right, left) whose forearm is behind the back.
    """

    right_arm: tuple[float, float] = (12, -5)
    left_arm: tuple[float, float] = (12, -5)
    right_leg: tuple[float, float] = (3, -2)
    left_leg: tuple[float, float] = (3, -2)
    lean: float = 0
    shoulders: float = 0
    hips: float = 0
    bow: float = 0
    nod: float = 0
    behind: tuple[str, ...] = ()


def _towards(degrees: float) -> Field:
    """Unit vector: 0 straight down, 90 to the picture's right."""
    return np.array([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])


@dataclass(frozen=True)
class Limb:
    """A bent limb.

    Args:
        line: ``(N, 2)`` its centre line in pixels, the bend rounded.
        along: ``(N,)`` place on it: 0 first joint, 1 second, 2 third.
        unit: pixels in a trunk.
        lengths: of the bones, in trunks.
    """

    line: Field
    along: Field
    unit: float
    lengths: tuple[float, float]

    @classmethod
    def of(cls, joints: Field, unit: float) -> Limb:
        """From joints ``(3, 2)`` in pixels."""
        first, middle, last = joints
        bend = np.linspace(0, 1, 8)[:, None]
        near, far = middle + (first - middle) * 0.16, middle + (last - middle) * 0.16
        arc = (1 - bend) ** 2 * near + 2 * bend * (1 - bend) * middle + bend**2 * far
        start, end = np.linspace(0, 0.84, 7, endpoint=False), np.linspace(1.16, 2, 8)[1:]
        line = np.concatenate(
            [first + (middle - first) * start[:, None], arc, middle + (last - middle) * (end - 1)[:, None]]
        )
        lengths = tuple(float(np.linalg.norm(b - a)) / unit for a, b in ((first, middle), (middle, last)))
        return cls(line, np.concatenate([start, np.linspace(0.84, 1.16, 8), end]), unit, (lengths[0], lengths[1]))

    def length(self, along: Field) -> Field:
        """Distance in trunks from the first joint."""
        first, second = self.lengths
        return np.asarray(np.where(along < 1, along * first, first + (along - 1) * second), np.float32)

    def radii(self, profile: tuple[float, ...], along: Field) -> Field:
        """Half-widths in pixels from a profile in trunks."""
        return np.asarray(np.interp(along, (0, 0.5, 1, 1.5, 2), profile) * self.unit, np.float64)

    def part(self, end: float) -> tuple[Field, Field]:
        """The centre line and its places as far as ``end``."""
        keep = self.along < end - 1e-3
        last = np.array([[np.interp(end, self.along, self.line[:, axis]) for axis in (0, 1)]])
        return np.concatenate([self.line[keep], last]), np.append(self.along[keep], end)

    def shape(self, profile: tuple[float, ...]) -> Shape:
        """The bare limb."""
        return stroke(self.line, self.radii(profile, self.along))

    def coordinates(self, shape: Shape) -> tuple[Field, Field]:
        """Along (0 to 2) and across (in trunks, with a sign) for the pixels around a shape, each ``(h, w)``."""
        x, y = shape.grid()
        best = np.full(shape.cover.shape, np.inf, np.float32)
        along, across = np.zeros_like(best), np.zeros_like(best)
        for index in range(len(self.line) - 1):
            # plain floats, so that the pictures' arrays stay float32
            (left, top), (right, bottom) = self.line[index].tolist(), self.line[index + 1].tolist()
            length = math.hypot(right - left, bottom - top)
            east, south = (right - left) / length, (bottom - top) / length
            ahead = (x - left) * east + (y - top) * south
            aside = (x - left) * south - (y - top) * east
            forward = ahead / length
            inside = np.clip(forward, 0, 1)
            away = aside**2 + (ahead - inside * length) ** 2
            closer = away < best
            start, end = self.along[index : index + 2].tolist()
            reach = forward if index in (0, len(self.line) - 2) else inside
            best = np.where(closer, away, best)
            along = np.where(closer, start + reach * (end - start), along)
            across = np.where(closer, aside / self.unit, across)
        return along.astype(np.float32), across.astype(np.float32)


@dataclass(frozen=True)
class Body:
    """A body in a picture.

    Args:
        stance: how it stands.
        man: broad shoulders and a straight waist.
        unit: length of the trunk in pixels.
        middle: column of the shoulders' middle.
        top: row of the shoulder line.
        flat: nobody: what garments that lie flat would be worn by.
    """

    stance: Stance
    man: bool = False
    unit: float = 136.0
    middle: float = WIDTH / 2 - 0.5
    top: float = 118.0
    flat: bool = False

    @property
    def hip(self) -> float:
        """Side of the hip joints, at level 1."""
        return 0.165 * self.spread

    @property
    def shoulder(self) -> tuple[float, float]:
        """Side and level of the shoulder joints."""
        return (0.335 if self.man else 0.290), 0.075

    def _spine(self, level: Field) -> tuple[Field, Field]:
        """Points of the axis and tilt (radians) of the trunk at levels."""
        stance = self.stance
        inside = np.clip(level, 0, 1)
        down = _towards(stance.lean)
        base = np.array([self.middle, self.top])
        points = base + (inside * self.unit)[..., None] * down
        points[..., 0] += stance.bow * self.unit * np.sin(np.pi * inside)
        points[..., 1] += np.where(level > 1, (level - 1) * self.unit, 0)
        neck = _towards(0.5 * stance.lean + 0.5 * stance.nod)
        points += np.where(level < 0, level * self.unit, 0)[..., None] * neck
        tilt = stance.shoulders + (stance.hips - stance.shoulders) * inside
        tilt = tilt * np.clip(1 - (level - 1) / 0.8, 0, 1)
        return points, np.radians(tilt * np.clip(1 + (level + 0.02) / 0.3, 0.4, 1))

    def place(self, points: Field) -> Field:
        """Trunk coordinates ``(N, 2)`` to pixels."""
        points = np.atleast_2d(np.asarray(points, np.float64))
        centre, tilt = self._spine(points[:, 1])
        return centre + points[:, :1] * self.unit * np.stack([np.cos(tilt), np.sin(tilt)], 1)

    def at(self, side: float, level: float) -> Field:
        """One point, ``(2,)`` in pixels."""
        return self.place(np.array([[side, level]]))[0]

    def coordinates(self, shape: Shape) -> tuple[Field, Field]:
        """Side and level for the pixels around a shape, each ``(h, w)``: the inverse of :meth:`place`."""
        x, y = (np.broadcast_to(axis, shape.cover.shape) for axis in shape.grid())
        level = np.asarray((y - self.top) / self.unit)
        side = np.zeros_like(level)
        for _ in range(3):
            centre, tilt = self._spine(level)
            east, south = x - centre[..., 0], y - centre[..., 1]
            side = (east * np.cos(tilt) + south * np.sin(tilt)) / self.unit
            level = level + (south * np.cos(tilt) - east * np.sin(tilt)) / self.unit
        return side.astype(np.float32), level.astype(np.float32)

    def half_width(self, level: float | Field) -> Field:
        """Half-width of the bare trunk, in trunks."""
        return np.asarray(np.interp(level, _LEVELS, _WIDTHS[2 if self.flat else int(self.man)])) * self.spread

    @property
    def spread(self) -> float:
        """How much wider than on somebody cloth lies here."""
        return FLAT if self.flat else 1.0

    def around(self, side: Field | float, half: Field | float) -> Field:
        """Coordinate across the cloth of what is seen at ``side``: towards its edges cloth goes round the body.

        Args:
            side: in trunks, with a sign.
            half: where the edge is.
        """
        if self.flat:
            return np.asarray(side, np.float32)
        share = np.clip(side / np.maximum(half, 1e-3), -1, 1)
        return np.asarray(side * (1 + (FLAT - 1) * share**2), np.float32)

    @cached_property
    def points(self) -> dict[str, Field]:
        """Joints by name, in pixels."""
        stance, unit = self.stance, self.unit
        aside, level = self.shoulder
        found: dict[str, Field] = {"neck": self.at(0, level), "nose": self.head(0, 0.05)}
        for name, sign in SIDES:
            arm = stance.right_arm if sign < 0 else stance.left_arm
            leg = stance.right_leg if sign < 0 else stance.left_leg
            shoulder, hip = self.at(sign * aside, level), self.at(sign * self.hip, 1.0)
            elbow = shoulder + _towards(sign * arm[0]) * 0.60 * unit
            wrist = elbow + _towards(sign * (arm[0] + arm[1])) * 0.52 * unit
            knee = hip + _towards(sign * leg[0]) * 0.80 * unit
            ankle = knee + _towards(sign * (leg[0] + leg[1])) * 0.78 * unit
            for joint, point in (
                ("shoulder", shoulder), ("elbow", elbow), ("wrist", wrist), ("hip", hip), ("knee", knee), ("ankle", ankle),
                ("eye", self.head(sign * 0.062, 0)), ("ear", self.head(sign * 0.155, 0.02)),
            ):  # fmt: skip
                found[f"{name}-{joint}"] = point
        return found

    def head(self, x: float, y: float) -> Field:
        """A point of the head: from its middle, in trunks, ``(2,)`` in pixels."""
        return self.on_head(np.array([[x, y]]))[0]

    def on_head(self, points: Field) -> Field:
        """Points ``(N, 2)`` of the head, from its middle in trunks, in pixels."""
        centre = self.place(np.array([[0, -0.405]]))
        turn = np.radians(self.stance.nod)
        x, y = points[:, 0] * self.unit, points[:, 1] * self.unit
        return centre + np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)

    def pose(self, hidden: tuple[str, ...] = ()) -> Pose:
        """The 18 joints; those named in ``hidden`` are not seen."""
        joints = np.zeros((18, 3), dtype=np.float32)
        for name in JOINTS:
            if name not in hidden:
                joints[JOINT[name]] = (*self.points[name], 1)
        return Pose(joints)

    def limb(self, name: str, side: str) -> Limb:
        """``arm`` or ``leg`` of a side."""
        joints = ("shoulder", "elbow", "wrist") if name == "arm" else ("hip", "knee", "ankle")
        return Limb.of(np.stack([self.points[f"{side}-{joint}"] for joint in joints]), self.unit)

    def outline(self) -> Field:
        """Right half of the bare trunk with the neck, in trunk coordinates, from the top down."""
        aside, level = self.shoulder
        neck = 0.098 if self.man else 0.082
        top = curve((neck, -0.30), (neck, -0.17), (neck + 0.028, -0.085), (0.55 * aside + 0.04, -0.038))
        angle = np.radians(np.linspace(-78, 40, 10))
        ball = np.stack([aside + 0.088 * np.cos(angle), level + 0.088 * np.sin(angle)], 1)
        levels = np.array([0.30, 0.40, 0.48, 0.56, 0.64, 0.72, 0.80, 0.88, 0.95, 1.02, 1.08, 1.16, 1.22])
        sides = curve(*np.stack([self.half_width(levels), levels], 1), steps=4)
        return np.concatenate([[[0, -0.30]], top, ball, sides, [[0, 1.20]]])

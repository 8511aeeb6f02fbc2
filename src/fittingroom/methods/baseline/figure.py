"""Who wears a garment, or who could: joints without gaps, the garment's pixels, and the skeleton that both share.

Everything of the baseline is measured along two kinds of lines: the *axis* of the trunk (middle of the shoulders ->
middle of the hips -> middle of the ankles) and the *bones* of arms and legs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ...core.errors import InputError
from ...core.images import Size
from ...core.pose import JOINT, JOINTS, Pose

Points: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Fixed = TypeVar("Fixed", bound=npt.NDArray[Any])
Result = TypeVar("Result")

#: lengths relative to the trunk's length (shoulders to hips), from the 25 and 900 annotated photos that it was tuned on
_SHOULDERS, _HIPS, _UPPER_ARM, _FOREARM, _THIGH, _SHIN = 0.72, 0.42, 0.58, 0.50, 0.85, 0.85
SIDES = ("right", "left")


#: lines of so many bodies and limbs are kept, in photos of up to so many pixels: larger ones would take too much memory
_KEPT, _LARGEST = 8, 2**20


def kept(function: Callable[[bytes, Size], Result]) -> Callable[[bytes, Size], Result]:
    """What follows from joints and a photo's size, remembered: while one picture is made, it is asked for again and again."""
    remembered = lru_cache(maxsize=_KEPT)(function)

    @wraps(function)
    def looked_up(key: bytes, size: Size) -> Result:
        return remembered(key, size) if size[0] * size[1] <= _LARGEST else function(key, size)

    return looked_up


def fixed(values: Fixed) -> Fixed:
    """An array that is kept, and must not be changed."""
    values.setflags(write=False)
    return values


@dataclass(frozen=True)
class Figure:
    """Joints of a body, every one of them at a place (found, or put where it should be).

    Args:
        joints: ``(18, 2)`` float64, x and y in pixels.
        found: ``(18,)`` bool, which were really found.
    """

    joints: Points
    found: npt.NDArray[np.bool_]

    def point(self, name: str) -> Points:
        """``(2,)`` a joint."""
        return np.asarray(self.joints[JOINT[name]])

    @property
    def key(self) -> bytes:
        """What tells it from others, see :meth:`of`."""
        return np.ascontiguousarray(self.joints, np.float64).tobytes()

    @staticmethod
    def of(key: bytes) -> Figure:
        """A figure with the joints of another one's key."""
        joints = np.frombuffer(key, np.float64).reshape(-1, 2)
        return Figure(joints, np.ones(len(joints), bool))

    @property
    def shoulders(self) -> Points:
        """``(2,)`` middle of the shoulders."""
        return (self.point("right-shoulder") + self.point("left-shoulder")) / 2

    @property
    def hips(self) -> Points:
        """``(2,)`` middle of the hips."""
        return (self.point("right-hip") + self.point("left-hip")) / 2

    @property
    def ankles(self) -> Points:
        """``(2,)`` middle of the ankles."""
        return (self.point("right-ankle") + self.point("left-ankle")) / 2

    @property
    def trunk(self) -> float:
        """Length from the middle of the shoulders to the middle of the hips, in pixels."""
        return float(np.linalg.norm(self.shoulders - self.hips))

    @property
    def breadth(self) -> float:
        """Distance between the shoulders, in pixels, at least a quarter of the trunk (a body seen from the side)."""
        width = float(np.linalg.norm(self.point("right-shoulder") - self.point("left-shoulder")))
        return max(width, 0.25 * self.trunk)

    def arm(self, side: str) -> Points:
        """``(3, 2)`` shoulder, elbow, wrist."""
        return np.stack([self.point(f"{side}-{name}") for name in ("shoulder", "elbow", "wrist")])

    def leg(self, side: str) -> Points:
        """``(3, 2)`` hip, knee, ankle."""
        return np.stack([self.point(f"{side}-{name}") for name in ("hip", "knee", "ankle")])

    def axis(self, level: npt.NDArray[np.float64]) -> tuple[Points, Points]:
        """Points of the trunk's axis and the directions across it.

        Args:
            level: ``(L,)`` 0 at the shoulders, 1 at the hips, 2 at the ankles; goes on straight at both ends.

        Returns:
            ``(L, 2)`` points and ``(L, 2)`` unit directions towards the wearer's left.
        """
        down, leg = self.hips - self.shoulders, self.ankles - self.hips
        upper = self.shoulders + level[:, None] * down
        lower = self.hips + (level[:, None] - 1) * leg
        points = np.where(level[:, None] <= 1, upper, lower)
        top = self.point("left-shoulder") - self.point("right-shoulder")
        bottom = self.point("left-hip") - self.point("right-hip")
        share = np.clip(level, 0, 1)[:, None]
        across = (1 - share) * _unit(top, _left_of(down)) + share * _unit(bottom, _left_of(down))
        return points, across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)


def _left_of(down: Points) -> Points:
    """Direction to the wearer's left of somebody who faces the camera, given the direction downwards."""
    return np.array([down[1], -down[0]]) / max(float(np.linalg.norm(down)), 1e-9)


def _unit(vector: Points, fallback: Points) -> Points:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-6 else fallback


def complete(pose: Pose, size: Size, *, need: str, who: str) -> Figure:
    """Joints without gaps: what was not found is put where proportions say.

    Args:
        pose: the joints found.
        size: (height, width) of the photo.
        need: ``shoulders`` (upper garments, dresses) or ``hips`` (lower garments): what cannot be guessed.
        who: named in errors.

    Raises:
        InputError: neither of the needed joints was found.
    """
    joints = pose.joints[:, :2].astype(np.float64).copy()
    found = pose.found.copy()

    def has(name: str) -> bool:
        return bool(found[JOINT[name]])

    def put(name: str, point: Points) -> None:
        if not has(name):
            joints[JOINT[name]] = point

    def at(name: str) -> Points:
        return np.asarray(joints[JOINT[name]])

    pair = "shoulder" if need == "shoulders" else "hip"
    missing = [f"{side}-{pair}" for side in SIDES if not has(f"{side}-{pair}")]
    if len(missing) == 2 or (missing and not has("neck")):
        raise InputError(
            f"{who}: {' and '.join(missing)} not in the pose", mend="annotate the photo again or choose another"
        )
    # the second of a pair by reflection at the neck's column
    for kind in ("shoulder", "hip"):
        for side, other in (SIDES, SIDES[::-1]):
            if not has(f"{side}-{kind}") and has(f"{other}-{kind}") and has("neck"):
                point = at(f"{other}-{kind}")
                put(f"{side}-{kind}", np.array([2 * at("neck")[0] - point[0], point[1]]))
                found[JOINT[f"{side}-{kind}"]] = True
    if not (has("right-shoulder") and has("left-shoulder")):
        middle = at("neck") if has("neck") else (at("right-hip") + at("left-hip")) / 2 - np.array([0.0, 0.33 * size[0]])
        half = 0.5 * max(abs(at("left-hip")[0] - at("right-hip")[0]) / _HIPS * _SHOULDERS, 0.05 * size[1])
        put("right-shoulder", middle - np.array([half, 0.0]))
        put("left-shoulder", middle + np.array([half, 0.0]))
    across = at("left-shoulder") - at("right-shoulder")
    middle = (at("left-shoulder") + at("right-shoulder")) / 2
    if not (has("right-hip") and has("left-hip")):
        width = max(float(np.linalg.norm(across)), 0.08 * size[1])
        down = np.array([-across[1], across[0]]) / max(float(np.linalg.norm(across)), 1e-9)
        down = down if down[1] > 0 else -down
        centre = middle + down * width / _SHOULDERS
        put("right-hip", centre - across * (_HIPS / _SHOULDERS / 2))
        put("left-hip", centre + across * (_HIPS / _SHOULDERS / 2))
    trunk = max(float(np.linalg.norm((at("right-hip") + at("left-hip")) / 2 - middle)), 1.0)
    put("neck", middle)
    put("nose", middle - np.array([0.0, 0.35 * trunk]))
    sign = 1.0 if across[0] >= 0 else -1.0
    for side in SIDES:
        outward = sign * (0.12 if side == "left" else -0.12) * trunk
        put(f"{side}-elbow", at(f"{side}-shoulder") + np.array([outward, _UPPER_ARM * trunk]))
        upper = at(f"{side}-elbow") - at(f"{side}-shoulder")
        put(f"{side}-wrist", at(f"{side}-elbow") + upper / max(float(np.linalg.norm(upper)), 1e-9) * _FOREARM * trunk)
        put(f"{side}-knee", at(f"{side}-hip") + np.array([0.0, _THIGH * trunk]))
        thigh = at(f"{side}-knee") - at(f"{side}-hip")
        put(f"{side}-ankle", at(f"{side}-knee") + thigh / max(float(np.linalg.norm(thigh)), 1e-9) * _SHIN * trunk)
    for name in JOINTS[14:]:
        put(name, at("nose"))
    return Figure(joints, found)

"""Bones, poses as rigid motions of bones, and linear blend skinning.

The canonical pose stands with the arms and legs spread (37 and 9 degrees), so that neither sleeves nor trouser legs fuse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from .people import Arm, Shape, Stance
from .sdf import Floats, vector

BONES = (
    "pelvis", "spine", "chest", "neck", "head",
    "left-arm", "left-forearm", "left-hand", "right-arm", "right-forearm", "right-hand",
    "left-thigh", "left-shin", "left-foot", "right-thigh", "right-shin", "right-foot",
)  # fmt: skip
BONE = {name: index for index, name in enumerate(BONES)}
PARENT: dict[str, str | None] = {
    "pelvis": None,
    "spine": "pelvis",
    "chest": "spine",
    "neck": "chest",
    "head": "neck",
} | {
    f"{side}-{bone}": above if above in ("chest", "pelvis") else f"{side}-{above}"
    for side in ("left", "right")
    for bone, above in (
        ("arm", "chest"),
        ("forearm", "arm"),
        ("hand", "forearm"),
        ("thigh", "pelvis"),
        ("shin", "thigh"),
        ("foot", "shin"),
    )
}
SIDES = (("left", 1.0), ("right", -1.0))
ARM_ANGLE, LEG_ANGLE = np.radians(37.0), np.radians(9.0)
UPPER_ARM, FOREARM, THIGH, SHIN = 0.275, 0.245, 0.405, 0.40


@dataclass(frozen=True)
class Joints:
    """Canonical joints of a body: name -> ``(3,)`` metres."""

    at: dict[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.at[name]


def lift(shape: Shape, y: Floats) -> Floats:
    """Height of a point of the standard torso in this body (the torso's length varies between 0.95 and 1.38)."""
    return (y + shape.torso * np.clip((y - 0.95) / 0.43, 0, 1)).astype(np.float32)


def joints_of(shape: Shape) -> Joints:
    """Where the joints of a body are in the canonical pose."""
    up = shape.torso
    at = {
        "pelvis": vector(0, 0.95, -0.01),
        "spine": vector(0, 1.04 + up / 4, -0.015),
        "chest": vector(0, 1.16 + up / 2, -0.015),
        "neck": vector(0, 1.435 + up, -0.025),
        "head": vector(0, 1.515 + up, -0.012),
    }
    out = (0.158 + 0.018 * (1 - shape.female)) * shape.shoulders
    for side, sign in SIDES:
        arm = vector(sign * np.sin(ARM_ANGLE), -np.cos(ARM_ANGLE), 0)
        leg = vector(sign * np.sin(LEG_ANGLE), -np.cos(LEG_ANGLE), 0)
        shoulder = vector(sign * out, 1.392 + up, -0.022)
        hip = vector(sign * 0.083 * (1 + 0.5 * (shape.hips - 1)), 0.885, -0.008)
        at[f"{side}-arm"], at[f"{side}-forearm"] = shoulder, shoulder + UPPER_ARM * arm
        at[f"{side}-hand"] = shoulder + (UPPER_ARM + FOREARM) * arm
        at[f"{side}-thigh"], at[f"{side}-shin"] = hip, hip + THIGH * leg
        at[f"{side}-foot"] = hip + (THIGH + SHIN) * leg
    # by how much waist and belly are further out than the standard ones: hands rest on them
    fat, belly = 0.026 * shape.weight + 0.12 * (shape.hips - 1), 0.038 * shape.weight + 0.012 * max(shape.weight, 0)
    at["girth"] = vector(max(fat, -0.01), 0, max(belly, -0.01))
    return Joints(at)


def rotation(axis: str, degrees: float) -> Floats:
    """``(3, 3)`` rotation about a named axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    table = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(table[axis])


def turn(source: Floats, target: Floats) -> Floats:
    """``(3, 3)`` smallest rotation from one direction to another."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    cross, cosine = np.cross(a, b), float(a @ b)
    if cosine < -0.9999:
        return np.diag([1.0, -1.0, -1.0])
    skew = np.array([[0, -cross[2], cross[1]], [cross[2], 0, -cross[0]], [-cross[1], cross[0], 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + cosine))


def _direction(angles: tuple[float, float], sign: float) -> Floats:
    out, forward = np.radians(angles[0]), np.radians(angles[1])
    return np.array([sign * np.sin(out), -np.cos(out) * np.cos(forward), np.cos(out) * np.sin(forward)])


def _reach(shoulder: Floats, wrist: Floats, pole: Floats) -> tuple[Floats, Floats]:
    """Directions of the upper arm and the forearm that bring the wrist to a place, the elbow swung towards ``pole``."""
    away = wrist - shoulder
    distance = float(np.clip(np.linalg.norm(away), 0.12, (UPPER_ARM + FOREARM) * 0.995))
    forward = away / np.linalg.norm(away)
    side = pole - (pole @ forward) * forward
    side /= np.linalg.norm(side)
    along = (UPPER_ARM**2 - FOREARM**2 + distance**2) / (2 * distance)
    across = np.sqrt(max(UPPER_ARM**2 - along**2, 0))
    elbow = along * forward + across * side
    return elbow / UPPER_ARM, (distance * forward - elbow) / FOREARM


@dataclass(frozen=True)
class Posed:
    """A pose of one body: ``rotate`` (17, 3, 3) and ``move`` (17, 3) take canonical points of each bone to the room."""

    rotate: Floats
    move: Floats

    def joint(self, joints: Joints, name: str) -> Floats:
        """Where a joint is in the room."""
        index = BONE[name]
        return np.asarray(self.rotate[index] @ joints[name] + self.move[index])

    def skin(self, points: Floats, weights: Floats) -> Floats:
        """Linear blend skinning: ``(N, 3)`` canonical points with ``(N, 17)`` weights."""
        return np.einsum("nij,nj->ni", self._blend(weights), points) + weights @ self.move.astype(np.float32)

    def turn(self, normals: Floats, weights: Floats) -> Floats:
        """``(N, 3)`` unit normals in the room of canonical ones with ``(N, 17)`` weights."""
        out = np.einsum("nij,nj->ni", self._blend(weights), normals)
        out /= np.sqrt(np.einsum("ij,ij->i", out, out))[:, None] + 1e-9
        return np.asarray(out, np.float32)

    def _blend(self, weights: Floats) -> Floats:
        """``(N, 3, 3)``: one product of matrices, many times faster than a contraction of three indices."""
        return (weights @ self.rotate.astype(np.float32).reshape(len(BONES), 9)).reshape(-1, 3, 3)


def part_way(joints: Joints, final: Posed, share: float, legs_first: bool = False) -> Posed:
    """Somewhere between the canonical pose and another one: bones turn, and stay joined.

    Args:
        joints: canonical joints.
        final: the pose at ``share`` 1.
        share: 0 to 1.
        legs_first: the legs are closed as in the end already, and only step forward on the way.
    """
    # along the shortest turn of each bone against its parent
    rotate, move = np.zeros_like(final.rotate), np.zeros_like(final.move)
    for index, name in enumerate(BONES):
        parent = PARENT[name]
        if parent is None:
            own, before, joint = final.rotate[index], np.eye(3), joints[name]
            anchor = joint + share * (final.rotate[index] @ joint + final.move[index] - joint)
        else:
            above = BONE[parent]
            own, before, joint = final.rotate[above].T @ final.rotate[index], rotate[above], joints[name]
            anchor = rotate[above] @ joint + move[above]
        first: Floats = np.eye(3)
        if legs_first and name.endswith("thigh"):
            rest = joints[f"{name.split('-')[0]}-shin"] - joint
            first = turn(rest, own @ rest * (1, 1, 0))
        rotate[index] = (
            before @ Rotation.from_rotvec(share * Rotation.from_matrix(own @ first.T).as_rotvec()).as_matrix() @ first
        )
        move[index] = anchor - rotate[index] @ joint
    return Posed(rotate, move)


def arm_directions(joints: Joints, side: str, sign: float, arm: Arm) -> tuple[Floats, Floats]:
    """Directions of the upper arm and the forearm in the chest's frame."""
    if arm.wrist is None:
        return _direction(arm.upper, sign), _direction(arm.fore, sign)
    flip = np.array([sign, 1, 1])
    low = 1.0 if arm.wrist[1] < 1.3 else 0.0
    away = low * joints["girth"] * ((arm.wrist[0] > 0.12), 0, (arm.wrist[2] > 0.12)) + vector(
        0, joints["neck"][1] - 1.435, 0
    ) * (1 - low)
    return _reach(joints[f"{side}-arm"], (np.array(arm.wrist) + away) * flip, np.array(arm.elbow) * flip)


def pose_of(joints: Joints, stance: Stance) -> Posed:
    """The bones' motions of a stance."""
    rotate, move = np.zeros((len(BONES), 3, 3)), np.zeros((len(BONES), 3))

    def place(name: str, parent: str | None, turned: Floats) -> None:
        """A bone with a rotation in the room, hanging at its joint on its parent."""
        joint = joints[name]
        if parent is None:
            anchor = joint
        else:
            index = BONE[parent]
            anchor = rotate[index] @ joint + move[index]
        rotate[BONE[name]] = turned
        move[BONE[name]] = anchor - turned @ joint

    whole = rotation("y", stance.yaw)
    pelvis = whole @ rotation("z", stance.sway)
    chest = whole @ rotation("y", stance.twist) @ rotation("z", stance.lean)
    half = whole @ rotation("y", stance.twist / 2) @ rotation("z", (stance.sway + stance.lean) / 2)
    place("pelvis", None, pelvis)
    place("spine", "pelvis", half)
    place("chest", "spine", chest)
    look, nod, tilt = stance.head
    for name, parent, share in (("neck", "chest", 0.5), ("head", "neck", 1.0)):
        place(
            name, parent, chest @ rotation("y", share * look) @ rotation("z", share * tilt) @ rotation("x", share * nod)
        )
    for (side, sign), arm, leg in zip(SIDES, (stance.left, stance.right), stance.legs, strict=True):
        rest = np.array([sign * np.sin(ARM_ANGLE), -np.cos(ARM_ANGLE), 0])
        upper, fore = arm_directions(joints, side, sign, arm)
        first = turn(rest, upper)
        second = turn(first @ rest, fore) @ first
        palm = np.array([-sign * np.cos(ARM_ANGLE), -np.sin(ARM_ANGLE), 0])
        third = second @ turn(rest, rest + np.tan(np.radians(arm.hand)) * palm)
        place(f"{side}-arm", "chest", chest @ first)
        place(f"{side}-forearm", f"{side}-arm", chest @ second)
        place(f"{side}-hand", f"{side}-forearm", chest @ third)
        rest = np.array([sign * np.sin(LEG_ANGLE), -np.cos(LEG_ANGLE), 0])
        out, forward, knee = leg
        thigh = turn(rest, _direction((out - sign * stance.sway, forward), sign))
        shin = turn(thigh @ rest, _direction((out - sign * stance.sway, forward - knee), sign)) @ thigh
        place(f"{side}-thigh", "pelvis", whole @ thigh)
        place(f"{side}-shin", f"{side}-thigh", whole @ shin)
        place(f"{side}-foot", f"{side}-shin", whole @ rotation("y", sign * 8) @ turn(rest, np.array([0, -1, 0])))
    return Posed(rotate, move)


def canonical(joints: Joints) -> Posed:
    """The pose that moves nothing."""
    return Posed(np.repeat(np.eye(3)[None], len(BONES), axis=0), np.zeros((len(BONES), 3)))

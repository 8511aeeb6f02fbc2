"""A parametric body as signed distances: torso by profiles, limbs by bars, hands and feet; its mesh and skin weights.

The head is in :mod:`.head`. Everything is in the canonical pose of :mod:`.skeleton`, in metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.interpolate import PchipInterpolator

from . import head
from .people import Face, Shape
from .sdf import Bools, Field, Floats, Ints, ellipsoid, gradient, limb, mesh, near, ring, smooth_union, vector
from .skeleton import ARM_ANGLE, BONE, BONES, LEG_ANGLE, SIDES, Joints, joints_of, lift

#: heights of the torso's profiles
_Y = (0.80, 0.86, 0.92, 0.99, 1.06, 1.13, 1.20, 1.27, 1.33, 1.375, 1.41, 1.44)
_HALF_WIDTH = {
    "female": (0.150, 0.167, 0.168, 0.151, 0.129, 0.127, 0.136, 0.144, 0.148, 0.132, 0.098, 0.060),
    "male": (0.148, 0.158, 0.158, 0.150, 0.143, 0.144, 0.153, 0.164, 0.170, 0.152, 0.110, 0.064),
}
_HALF_DEPTH = {
    "female": (0.094, 0.106, 0.105, 0.096, 0.088, 0.088, 0.095, 0.100, 0.096, 0.084, 0.068, 0.052),
    "male": (0.092, 0.103, 0.103, 0.099, 0.097, 0.100, 0.108, 0.114, 0.110, 0.096, 0.076, 0.056),
}
_FORWARD = (-0.012, -0.016, -0.013, -0.005, 0.000, 0.001, -0.002, -0.006, -0.013, -0.020, -0.025, -0.024)
#: how much a kilo too many shows at each height: sideways, in depth
_FAT_WIDTH = (0.012, 0.018, 0.022, 0.026, 0.030, 0.028, 0.022, 0.016, 0.012, 0.008, 0.004, 0.003)
_FAT_DEPTH = (0.008, 0.014, 0.022, 0.034, 0.040, 0.036, 0.026, 0.018, 0.010, 0.006, 0.003, 0.003)


@dataclass(frozen=True)
class Torso:
    """Profiles over the height of this body."""

    half_width: Floats
    half_depth: Floats
    forward: Floats
    y: Floats

    def at(self, y: Floats) -> tuple[Floats, Floats, Floats]:
        """Half-width, half-depth and forward offset at each height."""
        inside = np.clip(y, self.y[0], self.y[-1])
        out = self._curves(inside).astype(np.float32)
        return out[:, 0], out[:, 1], out[:, 2]

    @cached_property
    def _curves(self) -> PchipInterpolator:
        return PchipInterpolator(self.y, np.stack([self.half_width, self.half_depth, self.forward], axis=1))


def torso_of(shape: Shape) -> Torso:
    """The torso's profiles."""
    f = shape.female

    def mix(table: Mapping[str, tuple[float, ...]]) -> Floats:
        return np.array(table["female"]) * f + np.array(table["male"]) * (1 - f)

    y = lift(shape, np.array(_Y))
    hips = 1 + (shape.hips - 1) * np.interp(_Y, (0.8, 1.0, 1.15), (1, 0.7, 0))
    wide = 1 + (shape.shoulders - 1) * np.interp(_Y, (1.2, 1.33, 1.44), (0, 1, 0.3))
    a = mix(_HALF_WIDTH) * hips * wide + shape.weight * np.array(_FAT_WIDTH)
    b = mix(_HALF_DEPTH) * hips + shape.weight * np.array(_FAT_DEPTH)
    belly = max(shape.weight, 0) * np.interp(_Y, (0.9, 1.05, 1.25), (0, 0.012, 0))
    return Torso(a, b, np.array(_FORWARD) + belly, y)


@dataclass(frozen=True, eq=False)
class Body:
    """A body in the canonical pose."""

    shape: Shape
    face: Face = field(default_factory=Face)

    @cached_property
    def joints(self) -> Joints:
        """Canonical joints."""
        return joints_of(self.shape)

    @cached_property
    def torso(self) -> Torso:
        """Torso profiles."""
        return torso_of(self.shape)

    @property
    def stout(self) -> float:
        """Factor of the limbs' radii."""
        return self.shape.muscle * (1 + 0.13 * self.shape.weight) * (1 + 0.09 * (1 - self.shape.female))

    def radii(self, part: str) -> tuple[float, ...]:
        """Radii along a limb (arm, forearm, thigh, shin), from its upper end."""
        table = {
            "arm": (0.046, 0.0475, 0.044, 0.040, 0.0365),
            "forearm": (0.0365, 0.0395, 0.035, 0.029, 0.0245),
            "thigh": (0.083, 0.081, 0.073, 0.062, 0.0525),
            "shin": (0.0515, 0.054, 0.050, 0.041, 0.035),
        }
        factor = self.stout if part != "thigh" else 0.5 * (1 + self.stout) * (1 + 0.04 * self.shape.female)
        return tuple(factor * radius for radius in table[part])

    def trunk(self, points: Floats) -> Floats:
        """Torso without breasts and limbs."""
        x, y, z = points.T
        a, b, forward = self.torso.at(y)
        return ring(x, z - forward, y, a, b, (0.79, float(self.torso.y[-1])))

    def chest(self, points: Floats) -> Floats:
        """Torso with breasts, buttocks and the slope from the neck to the shoulders."""
        out = self.trunk(points)
        size = 0.058 * self.shape.bust * (1 + 0.12 * max(self.shape.weight, 0))
        up = self.shape.torso
        seat = self.torso.at(vector(0.90))
        for _, sign in SIDES:
            if self.shape.female > 0.3:
                depth = float(self.torso.at(vector(1.24))[1][0])
                bust = (sign * 0.072, 1.238 + up * 0.7, depth - 0.028)
                out = smooth_union(
                    out, ellipsoid(points, bust, (size, size * 0.95, size * min(1, self.shape.female))), 0.035
                )
            seat_at = (sign * 0.07, 0.875, float(seat[2][0] - seat[1][0]) + 0.045)
            out = smooth_union(out, ellipsoid(points, seat_at, (0.078, 0.085, 0.075)), 0.04)
            joint = self.joints[f"{'left' if sign > 0 else 'right'}-arm"]
            slope = limb(
                points,
                vector(sign * 0.025, 1.468 + up, -0.03),
                joint + vector(-sign * 0.012, 0.012, 0.0),
                (0.03, 0.032, 0.034),
            )
            out = smooth_union(out, slope, 0.05)
        return out

    def upper_arm(self, points: Floats, side: str) -> Floats:
        """One upper arm with its shoulder."""
        joint, elbow = self.joints[f"{side}-arm"], self.joints[f"{side}-forearm"]
        return limb(points, joint, elbow, self.radii("arm"))

    def forearm(self, points: Floats, side: str) -> Floats:
        """One forearm, a little wider than deep at the wrist."""
        return limb(points, self.joints[f"{side}-forearm"], self.joints[f"{side}-hand"], self.radii("forearm"))

    def leg(self, points: Floats, side: str) -> Floats:
        """Thigh and shin with the calf."""
        hip, knee, ankle = (self.joints[f"{side}-{name}"] for name in ("thigh", "shin", "foot"))
        out = smooth_union(
            limb(points, hip, knee, self.radii("thigh")), limb(points, knee, ankle, self.radii("shin")), 0.01
        )
        calf = knee + 0.28 * (ankle - knee) + vector(0, 0, -0.022)
        return smooth_union(out, ellipsoid(points, calf, (0.042, 0.09, 0.042)), 0.025)

    def foot(self, points: Floats, side: str) -> Floats:
        """One shoe."""
        ankle = self.joints[f"{side}-foot"]
        flat = (points - ankle) * np.array([1.0, 1.25, 1.0], points.dtype)
        sole = limb(flat, vector(0, -0.045, -0.035), vector(0, -0.058, 0.135), (0.037, 0.036, 0.041, 0.040, 0.034))
        cuff = limb(points, ankle + vector(0, 0.01, -0.005), ankle + vector(0, -0.04, 0.0), (0.042, 0.045))
        return np.maximum(smooth_union(sole, cuff, 0.04), ankle[1] - 0.085 - points[:, 1])

    def hand(self, points: Floats, side: str) -> Floats:
        """One hand: palm, four fingers slightly bent, thumb."""
        sign = 1.0 if side == "left" else -1.0
        wrist = self.joints[f"{side}-hand"]
        along = vector(sign * np.sin(ARM_ANGLE), -np.cos(ARM_ANGLE), 0)
        palm = vector(-sign * np.cos(ARM_ANGLE), -np.sin(ARM_ANGLE), 0)
        local = np.stack([(points - wrist) @ along, (points - wrist) @ palm, points[:, 2] - wrist[2]], axis=1)
        size = 0.95 + 0.08 * (1 - self.shape.female)
        local = local / np.float32(size)
        out = ellipsoid(local, (0.050, 0.003, 0.0), (0.054, 0.0155, 0.040))
        out = smooth_union(out, limb(local, vector(-0.03, 0, 0), vector(0.03, 0.002, 0.0), (0.024, 0.0225)), 0.02)
        for finger, length in enumerate((0.072, 0.081, 0.075, 0.058)):
            z = 0.027 - 0.018 * finger
            base, angle = vector(0.086 - 0.003 * abs(finger - 1.2), 0.003, z), 0.12 + 0.05 * finger
            for joint, share in enumerate((0.46, 0.30, 0.24)):
                angle += 0.24
                tip = base + vector(share * length * np.cos(angle), share * length * np.sin(angle), -0.002 * finger)
                radius = 0.0088 - 0.0009 * joint
                out = smooth_union(out, limb(local, base, tip, (radius, radius - 0.0008)), 0.004)
                base = tip
        thumb = (vector(0.02, 0.006, 0.026), vector(0.052, 0.018, 0.046), vector(0.080, 0.028, 0.050))
        out = smooth_union(out, limb(local, thumb[0], thumb[1], (0.0135, 0.0105)), 0.014)
        out = smooth_union(out, limb(local, thumb[1], thumb[2], (0.0102, 0.0082)), 0.004)
        return np.asarray(out * np.float32(size))

    def neck(self, points: Floats) -> Floats:
        """The neck."""
        up, male = self.shape.torso, 1 - self.shape.female
        radius = (0.046 + 0.009 * male) * (1 + 0.08 * self.shape.weight)
        out = limb(
            points,
            vector(0, 1.40 + up, -0.028),
            vector(0, 1.545 + up, -0.006),
            (radius * 1.12, radius, radius * 0.97, radius),
        )
        return np.asarray(out)

    def parts(self, points: Floats) -> dict[str, Floats]:
        """Distances by part: pelvis-chest trunk, neck, head, arms, forearms, hands, legs, feet."""
        up = self.shape.torso
        out = {
            "trunk": self.chest(points),
            "neck": near(points, vector(-0.07, 1.36, -0.10), vector(0.07, 1.56 + up, 0.06), 0.08, self.neck),
            "head": near(points, vector(-0.1, 1.46 + up, -0.13), vector(0.1, 1.75 + up, 0.13), 0.08, self.head),
        }
        for side, _ in SIDES:
            for name, ends, shaped in (
                ("arm", ("arm", "forearm"), self.upper_arm),
                ("forearm", ("forearm", "hand"), self.forearm),
                ("hand", ("hand", "hand"), self.hand),
                ("leg", ("thigh", "foot"), self.leg),
                ("foot", ("foot", "foot"), self.foot),
            ):
                corners = np.stack([self.joints[f"{side}-{end}"] for end in ends])
                grow = {"hand": 0.17, "foot": 0.17, "leg": 0.12}.get(name, 0.06)

                def inside(chosen: Floats, shaped: object = shaped, side: str = side) -> Floats:
                    return shaped(chosen, side)  # type: ignore[operator]

                out[f"{side}-{name}"] = near(
                    points, corners.min(axis=0) - grow, corners.max(axis=0) + grow, 0.06, inside
                )
        return out

    def head(self, points: Floats) -> Floats:
        """The head."""
        return head.distance(points - vector(0, self.shape.torso, 0), self.face, self.shape.female)

    def distance(self, points: Floats) -> Floats:
        """Distance to the whole body."""
        parts = self.parts(points)
        out = smooth_union(parts["trunk"], parts["neck"], 0.035)
        for side, _ in SIDES:
            out = smooth_union(out, parts[f"{side}-leg"], 0.03)
            out = smooth_union(out, parts[f"{side}-arm"], 0.03)
            out = smooth_union(out, parts[f"{side}-forearm"], 0.006)
            out = smooth_union(out, parts[f"{side}-hand"], 0.008)
            out = smooth_union(out, parts[f"{side}-foot"], 0.008)
        return smooth_union(out, parts["head"], 0.016)

    def weights(self, points: Floats, softness: float = 0.016) -> Floats:
        """``(N, 17)`` skin weights: a softmax of the distances to the bones' parts."""
        parts = self.parts(points)
        y, up = points[:, 1], self.shape.torso
        score = np.full((len(points), len(BONES)), 0.5, np.float32)
        score[:, BONE["chest"]], score[:, BONE["neck"]], score[:, BONE["head"]] = (
            parts["trunk"],
            parts["neck"],
            parts["head"],
        )
        for side, _ in SIDES:
            for bone, part in (("arm", "arm"), ("forearm", "forearm"), ("hand", "hand"), ("foot", "foot")):
                score[:, BONE[f"{side}-{bone}"]] = parts[f"{side}-{part}"]
            knee, hip = self.joints[f"{side}-shin"], self.joints[f"{side}-thigh"]
            ankle = self.joints[f"{side}-foot"]
            score[:, BONE[f"{side}-thigh"]] = limb(points, hip, knee, self.radii("thigh")) + 0.006
            score[:, BONE[f"{side}-shin"]] = limb(points, knee, ankle, self.radii("shin"))
        score -= score.min(axis=1, keepdims=True)
        weights = np.exp(-score / softness)
        weights /= weights.sum(axis=1, keepdims=True)

        def step(low: float, high: float) -> Floats:
            t = np.clip((y - low) / (high - low), 0, 1)
            return np.asarray(t * t * (3 - 2 * t))

        trunk = weights[:, BONE["chest"]].copy()
        to_spine, to_chest = step(0.96, 1.08 + up / 4), step(1.08 + up / 4, 1.24 + up / 2)
        weights[:, BONE["pelvis"]] = trunk * (1 - to_spine)
        weights[:, BONE["spine"]] = trunk * to_spine * (1 - to_chest)
        weights[:, BONE["chest"]] = trunk * to_spine * to_chest
        return weights

    def mesh(self, scale: float = 1.0) -> Skin:
        """The body's mesh.

        Args:
            scale: of the grids; 1 suits photos up to about 512 pixels high.
        """
        up = self.shape.torso
        pieces: list[tuple[Floats, Ints, str]] = []
        low, high = vector(-0.68, -0.03, -0.24), vector(0.68, 1.50 + up, 0.26)
        pieces.append((*mesh(self.distance, low, high, 0.0085 * scale), "body"))
        low, high = vector(-0.11, 1.455 + up, -0.14), vector(0.11, 1.75 + up, 0.15)
        pieces.append((*mesh(self.distance, low, high, 0.0042 * scale), "head"))
        for side, _ in SIDES:
            wrist = self.joints[f"{side}-hand"]
            sign = 1.0 if side == "left" else -1.0
            tip = wrist + 0.21 * vector(sign * np.sin(ARM_ANGLE), -np.cos(ARM_ANGLE), 0)
            low, high = np.minimum(wrist, tip) - 0.055, np.maximum(wrist, tip) + 0.055
            pieces.append((*mesh(self.distance, low, high, 0.0040 * scale), side))
        vertices, faces, count = [], [], 0
        for points, triangles, name in pieces:
            kept = triangles[self._own(points[triangles].mean(axis=1), name)]
            used, renumbered = np.unique(kept, return_inverse=True)
            vertices.append(points[used])
            faces.append(renumbered.reshape(-1, 3) + count)
            count += len(used)
        points, triangles = np.concatenate(vertices), np.concatenate(faces).astype(np.int32)
        surface: Field = self.distance
        return Skin(points, triangles, gradient(surface, points, 0.0015), self.weights(points))

    def _own(self, centres: Floats, piece: str) -> Bools:
        """Which triangles a piece keeps; neighbours overlap by 8 mm on the same surface."""
        up = self.shape.torso
        beyond = []
        for side, sign in SIDES:
            along = vector(sign * np.sin(ARM_ANGLE), -np.cos(ARM_ANGLE), 0)
            away = centres - self.joints[f"{side}-hand"]
            # beyond the wrist, and not somewhere else below its plane
            beyond.append(np.where(np.linalg.norm(away, axis=1) < 0.26, away @ along, -1.0))
        if piece == "body":
            return (centres[:, 1] < 1.478 + up) & (beyond[0] < 0.0) & (beyond[1] < 0.0)
        if piece == "head":
            return centres[:, 1] > 1.470 + up
        return np.asarray(beyond[0 if piece == "left" else 1] > -0.008)


@dataclass(frozen=True)
class Skin:
    """A body's mesh: ``(V, 3)`` canonical points, ``(F, 3)`` faces, ``(V, 3)`` normals, ``(V, 17)`` weights."""

    points: Floats
    faces: Ints
    normals: Floats
    weights: Floats


#: re-exported for garments
__all__ = ["ARM_ANGLE", "LEG_ANGLE", "Body", "Skin", "Torso", "torso_of"]

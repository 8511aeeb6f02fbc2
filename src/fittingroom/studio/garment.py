"""Garments around a body in the canonical pose: distances, a mesh, clean edges, and how it hangs on the bones.

A garment is first a closed surface some millimetres outside the body. Scalar fields (neckline, hem, sleeve and leg ends,
waistband, armhole) then cut it open. The fields stay at the vertices: ribs, seams and hems are drawn from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .body import Body
from .cuts import Cut
from .meshes import Mesh, cut, relax
from .sdf import Bools, Floats, Ints, limb, mesh, near, ring, smooth_union, vector
from .skeleton import ARM_ANGLE, BONE, LEG_ANGLE, SIDES, lift

STEP = 0.0125
#: parts of a garment: each is drawn in coordinates of its own
TRUNK, LEFT_SLEEVE, RIGHT_SLEEVE, LEFT_LEG, RIGHT_LEG, HOOD, COLLAR = range(7)
#: what every cutting field says far from its edge
AWAY = 1.0


def along_arm(body: Body, points: Floats, sign: float) -> Floats:
    """Metres along an arm from its shoulder joint."""
    side = "left" if sign > 0 else "right"
    return np.asarray((points - body.joints[f"{side}-arm"]) @ vector(sign * np.sin(ARM_ANGLE), -np.cos(ARM_ANGLE), 0))


def along_leg(body: Body, points: Floats, sign: float) -> Floats:
    """Metres along a leg from its hip joint."""
    side = "left" if sign > 0 else "right"
    return np.asarray((points - body.joints[f"{side}-thigh"]) @ vector(sign * np.sin(LEG_ANGLE), -np.cos(LEG_ANGLE), 0))


def _rise(t: Floats) -> Floats:
    t = np.clip(t, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


@dataclass(frozen=True, eq=False)
class Pattern:
    """A cut on a body."""

    cut: Cut
    body: Body

    @cached_property
    def up(self) -> float:
        """What this torso has in length beyond the standard one."""
        return self.body.shape.torso

    def height(self, y: float) -> float:
        """A height of the standard torso on this body."""
        return float(lift(self.body.shape, np.array([y]))[0])

    @cached_property
    def _loose(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Heights with half-widths, half-depths and forward offsets of cloth that falls straight as far as it is boxy."""
        torso, shape = self.body.torso, self.body.shape
        y = np.linspace(0.80, float(torso.y[-1]), 60)
        a, b, forward = torso.at(y.astype(np.float32))
        # the thighs are wider than the trunk's own profile
        joint, thigh = self.body.joints["left-thigh"], self.body.radii("thigh")
        down = np.maximum(joint[1] - y, 0)
        radius = np.interp(down, np.linspace(0, 0.405, 5), thigh)
        radius = np.sqrt(np.maximum(radius**2 - np.maximum(y - joint[1], 0) ** 2, 0))
        a = np.maximum(a, np.where(radius > 0, joint[0] + 0.10 * down + radius, 0))
        b = np.maximum(b, radius)
        bust = (
            0.036
            * shape.bust
            * min(1.0, max(shape.female - 0.25, 0) / 0.6)
            * np.exp(-(((y - self.height(1.235)) / 0.07) ** 2))
        )
        b, forward = b + bust / 2, forward + bust / 2
        chest, hip = self.height(1.27), 0.89

        def straight(profile: Floats) -> Floats:
            line = np.interp(y, (hip, chest), (np.interp(hip, y, profile), np.interp(chest, y, profile)))
            full = np.maximum(profile, line)
            return np.where(y < chest, profile + self.cut.boxy * (full - profile), profile)

        return (
            y,
            straight(a),
            straight(b),
            np.interp(y, (0.8, hip, chest), (forward[0], forward[0], np.interp(chest, y, forward))) * (y < chest)
            + forward * (y >= chest),
        )

    def _tube(self, points: Floats, low: float, high: float, ease: float) -> Floats:
        y0, a0, b0, f0 = self._loose
        x, y, z = points.T
        a, b = np.interp(y, y0, a0) + ease, np.interp(y, y0, b0) + ease
        hip = 0.90 if self.cut.kind == "skirt" else self.height(1.0)
        if self.cut.flare > 0:
            # below the hips nothing narrows again
            a = np.where(y < 0.90, np.interp(0.90, y0, a0) + ease, a)
            b = np.where(y < 0.90, np.interp(0.90, y0, b0) + ease, b)
            grown = np.maximum(hip - y, 0)
            spread = self.cut.flare * grown * grown / (grown + 0.10)
            a, b = a + spread, b + 0.85 * spread
        forward = np.interp(y, y0, f0)
        return ring(x, z - forward, y, a.astype(np.float32), b.astype(np.float32), (low, high), 2.25).astype(np.float32)

    def trunk(self, points: Floats) -> Floats:
        """Distance to the trunk of the garment."""
        ease = self.cut.ease
        grown = near(
            points, vector(-0.3, 0.70, -0.3), vector(0.3, 1.60 + self.up, 0.3), 0.1, self.body.chest
        ) - np.float32(ease)
        if self.cut.category == "lower":
            low, high = (
                (self.cut.hem - 0.05, self.height(self.cut.waist) + 0.05) if self.cut.kind == "skirt" else (0.79, 1.12)
            )
            return smooth_union(grown, self._tube(points, low, high, ease), 0.02)
        tube = self._tube(points, self.cut.hem - 0.05, float(self.body.torso.y[-1]), ease)
        return smooth_union(grown, tube, 0.02)

    def sleeve(self, points: Floats, side: str) -> Floats:
        """Distance to one sleeve."""
        start, end = self.body.joints[f"{side}-arm"], self.body.joints[f"{side}-hand"]
        length = float(np.linalg.norm(end - start))
        # a short sleeve runs well past the end it is cut at, so that its opening is no dome
        reach = min(self.cut.sleeve + 0.10, length + 0.05) / length
        radii = self.body.radii("arm") + self.body.radii("forearm")[1:]
        share = np.linspace(0, reach, 9)
        bare = np.interp(share, np.linspace(0, 1, len(radii)), radii)
        wide = np.interp(
            share * length,
            (0.0, 0.10, max(self.cut.sleeve, 0.11)),
            (0.7 * self.cut.ease, self.cut.sleeve_ease, self.cut.cuff_ease),
        )
        return limb(points, start, start + reach * (end - start), tuple((bare + wide).tolist()))

    def leg(self, points: Floats, side: str) -> Floats:
        """Distance to one trouser leg; the two never touch below the crotch."""
        sign = 1.0 if side == "left" else -1.0
        hip, ankle = self.body.joints[f"{side}-thigh"], self.body.joints[f"{side}-foot"]
        length = float(np.linalg.norm(ankle - hip))
        reach = min(self.cut.leg + 0.08, length + 0.06) / length
        thigh, shin = self.body.radii("thigh"), self.body.radii("shin")
        share = np.linspace(0, reach, 10)
        bare = np.interp(share, np.linspace(0, 1, 9), thigh + shin[1:])
        straight = np.maximum(
            bare, np.interp(share, (0, 0.5, 1), (bare[0], 0.052 * self.body.stout, 0.047 * self.body.stout))
        )
        wide = np.interp(
            share * length, (0, 0.10, self.cut.leg), (self.cut.leg_ease, self.cut.leg_ease, self.cut.leg_hem)
        )
        out = limb(points, hip, hip + reach * (ankle - hip), tuple((straight + wide).tolist()))
        gap = 0.004 + 0.09 * np.clip(0.785 - points[:, 1], 0, 0.3)
        return np.maximum(out, gap - sign * points[:, 0])

    def distance(self, points: Floats) -> Floats:
        """Distance to the closed garment."""
        out = self.trunk(points)
        if self.cut.category == "lower" and self.cut.kind != "skirt":
            legs = [self.leg(points, side) for side, _ in SIDES]
            return smooth_union(out, np.minimum(legs[0], legs[1]), 0.02)
        if self.cut.sleeve > 0:
            for side, _ in SIDES:
                out = smooth_union(out, self.sleeve(points, side), 0.045)
        return out

    def regions(self, points: Floats) -> Ints:
        """``(N,)`` which part of the garment each point belongs to."""
        out = np.full(len(points), TRUNK, np.int8)
        trunk = self.trunk(points)
        for index, (side, sign) in enumerate(SIDES):
            if self.cut.category != "lower" and self.cut.sleeve > 0:
                mine = (
                    (self.sleeve(points, side) < trunk)
                    & (sign * points[:, 0] > 0)
                    & (along_arm(self.body, points, sign) > 0.03)
                )
                out[mine] = LEFT_SLEEVE + index
            if self.cut.category == "lower" and self.cut.kind != "skirt":
                out[(sign * points[:, 0] > 0) & (points[:, 1] < 0.80)] = LEFT_LEG + index
        return out

    @cached_property
    def _neck_top(self) -> float:
        """Height of the cloth on the shoulder at the neckline's side."""
        y = np.linspace(1.60, 1.36, 49) + self.up
        width = self.cut.neck_width
        column = np.stack([np.full_like(y, width), y, np.full_like(y, -0.028)], axis=1).astype(np.float32)
        inside = self.trunk(column) < 0
        return float(y[int(inside.argmax())]) if inside.any() else 1.45 + self.up

    def _neck(self, points: Floats) -> Floats:
        x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
        share = x / self.cut.neck_width
        inner = np.maximum(1 - share * share, 0)
        shapes = {
            "v": np.maximum(1 - share, 0), "collar": np.maximum(1 - share, 0), "boat": inner, "round": np.sqrt(inner),
            "scoop": inner**0.65, "hood": np.sqrt(inner),
        }  # fmt: skip
        front = self.cut.neck_depth * shapes[self.cut.neckline]
        back = 0.022 * np.sqrt(inner)
        drop = back + (front - back) * _rise((z + 0.055) / 0.05)
        level = self._neck_top - drop + 2.5 * np.maximum(x - self.cut.neck_width, 0)
        return np.asarray(np.where(y > 1.2, level - y, AWAY), np.float32)

    def _armhole(self, points: Floats) -> Floats:
        x, y = np.abs(points[:, 0]), points[:, 1]
        top, pit = 1.43 + self.up, 1.285 + self.up
        side = float(np.interp(pit, self._loose[0], self._loose[1])) + self.cut.ease + 0.02
        down = np.clip((top - y) / (top - pit), 0, 1)
        limit = self.cut.strap + (side - self.cut.strap) * down**2.4 - 0.010 * np.sin(np.pi * down)
        return np.asarray(np.where(y > pit, limit - x, AWAY), np.float32)

    def fields(self, points: Floats, region: Ints) -> dict[str, Floats]:
        """Cutting fields, positive where there is cloth: metres from the edge or so."""
        y, cut_ = points[:, 1], self.cut
        out: dict[str, Floats] = {}
        if cut_.category == "lower":
            out["waist"] = np.asarray(self.height(cut_.waist) - y, np.float32)
            if cut_.kind == "skirt":
                out["hem"] = np.asarray(y - cut_.hem, np.float32)
            else:
                ends = np.full(len(points), AWAY, np.float32)
                for index, (_, sign) in enumerate(SIDES):
                    mine = region == LEFT_LEG + index
                    ends[mine] = cut_.leg - along_leg(self.body, points[mine], sign)
                out["leg"] = ends
            return out
        out["neck"] = self._neck(points)
        out["hem"] = np.where(region == TRUNK, y - cut_.hem, AWAY).astype(np.float32)
        if cut_.sleeve > 0:
            ends = np.full(len(points), AWAY, np.float32)
            for index, (_, sign) in enumerate(SIDES):
                mine = region == LEFT_SLEEVE + index
                ends[mine] = cut_.sleeve - along_arm(self.body, points[mine], sign)
            out["sleeve"] = ends
        else:
            out["armhole"] = self._armhole(points)
        return out

    def covers(self, points: Floats, margin: float, beyond: float = 0.01) -> Bools:
        """Which canonical points of a body (or of cloth underneath) this garment hides.

        Args:
            points: ``(N, 3)`` canonical.
            margin: metres inside the garment's edges.
            beyond: metres that they may lie outside of it.
        """
        cut_ = self.cut
        region = self.regions(points)
        close = self.distance(points) < beyond
        out = close.copy()
        for name, value in self.fields(points, region).items():
            wide = {
                "sleeve": margin + 1.5 * cut_.cuff_ease,
                "leg": margin + 1.5 * cut_.leg_hem,
                "neck": margin,
                "armhole": margin,
            }
            out &= value > wide.get(name, margin)
        if cut_.open_below:
            # what hangs around both legs may be seen from below
            out &= points[:, 1] > max(0.80, cut_.hem + margin + 0.02)
        return out

    def over(self, points: Floats, beyond: float) -> Bools:
        """Which canonical points may lie under this garment once it has fallen: a little beyond its edges too."""
        inside = self.distance(points) < beyond
        for value in self.fields(points, self.regions(points)).values():
            inside &= value > -0.03
        return np.asarray(inside)

    def build(self) -> Piece:
        """The garment's mesh."""
        joints = self.body.joints
        reach = 0.40 if self.cut.open_below else 0.36
        wide = 0.30 + self.cut.flare * 0.6
        if self.cut.category != "lower" and self.cut.sleeve > 0:
            wide = max(wide, float(joints["left-arm"][0]) + 0.75 * (self.cut.sleeve + 0.16))
        bottom = self.cut.hem - 0.07 if self.cut.open_below else 0.885 - (self.cut.leg + 0.16)
        top = self.height(self.cut.waist) + 0.10 if self.cut.category == "lower" else 1.60 + self.up
        depth = max(reach * 0.75, 0.24 + self.cut.flare * 0.5)
        points, faces = mesh(self.distance, vector(-wide, bottom, -depth), vector(wide, top, depth), STEP)
        shell = relax(Mesh(points, faces).largest(), self.distance)
        region = self.regions(shell.points)
        values = {**self.fields(shell.points, region), "region": region.astype(np.float32)}
        shell = Mesh(shell.points, shell.faces, values)
        for name in self.fields(shell.points[:1], region[:1]):
            shell = cut(shell, name)
        shell = shell.largest()
        return Piece(self, shell, self.hang(shell.points))

    def hang(self, points: Floats) -> Floats:
        """``(N, 17)`` skin weights; what hangs around both legs follows the pelvis."""
        weights = self.body.weights(points.astype(np.float32), 0.022)
        if self.cut.open_below:
            legs = [BONE[f"{side}-{bone}"] for side, _ in SIDES for bone in ("thigh", "shin", "foot")]
            weights[:, BONE["pelvis"]] += weights[:, legs].sum(axis=1)
            weights[:, legs] = 0
        if self.cut.category == "lower":
            high = [BONE["chest"], BONE["spine"]] + [
                BONE[f"{side}-{bone}"] for side, _ in SIDES for bone in ("arm", "forearm", "hand")
            ]
            weights[:, BONE["pelvis"]] += weights[:, high].sum(axis=1)
            weights[:, high] = 0
        else:
            # a neckline stays with the chest however high an arm is raised
            arms = [BONE[f"{side}-{bone}"] for side, _ in SIDES for bone in ("arm", "forearm", "hand")]
            held = weights[:, arms] * (1 - _rise(self._neck(points) / 0.06))[:, None]
            weights[:, arms] -= held
            weights[:, BONE["chest"]] += held.sum(axis=1)
            hands = [BONE[f"{side}-hand"] for side, _ in SIDES]
            for (side, _), hand in zip(SIDES, hands, strict=True):
                weights[:, BONE[f"{side}-forearm"]] += weights[:, hand]
                weights[:, hand] = 0
        head = [BONE["head"], BONE["neck"]]
        weights[:, BONE["chest"]] += weights[:, head].sum(axis=1)
        weights[:, head] = 0
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, eq=False)
class Piece:
    """A garment before it falls.

    Args:
        pattern: cut and body.
        mesh: canonical, with ``region`` and the cutting fields as values.
        weights: ``(V, 17)`` skin weights.
    """

    pattern: Pattern
    mesh: Mesh
    weights: Floats

    @cached_property
    def face_region(self) -> Ints:
        """``(F,)`` part of each face."""
        corners = np.round(self.mesh.values["region"])[self.mesh.faces]
        return np.asarray(np.median(corners, axis=1), np.int8)

    @cached_property
    def pins(self) -> Floats:
        """``(V,)`` how firmly each vertex is held to where the bones carry it."""
        points, values = self.mesh.points, self.mesh.values
        region = np.round(values["region"])
        # sleeves and legs lie close and go with their limb; friction keeps the rest from sliding down, or up over the hips
        out = np.where(region == TRUNK, 14.0, 60.0)
        if self.pattern.cut.category == "lower":
            out += 3000 * np.exp(-((np.maximum(values["waist"], 0) / 0.02) ** 2))
            return out
        top = 1.40 + self.pattern.up
        out += 60 * _rise((points[:, 1] - top + 0.05) / 0.05) * (region == TRUNK)
        out += 600 * np.exp(-((np.maximum(values["neck"], 0) / 0.018) ** 2))
        if "armhole" in values:
            out += 60 * np.exp(-((np.maximum(values["armhole"], 0) / 0.012) ** 2))
        if "sleeve" in values:
            out += 40 * np.exp(-((np.maximum(values["sleeve"], 0) / 0.012) ** 2))
        return out

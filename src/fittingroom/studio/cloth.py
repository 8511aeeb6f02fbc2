"""How cloth falls: projective dynamics of one garment on a moving body.

Sofien Bouaziz et al., "Projective Dynamics: Fusing Constraint Projections for Fast Simulation", ACM TOG 33(4), 2014: local steps
project every edge to its rest length, one constant matrix, factored once, joins them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, diags, identity
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from .body import Skin
from .garment import LEFT_SLEEVE, RIGHT_SLEEVE, TRUNK, Piece
from .light import normals_of
from .sdf import Bools, Floats, Ints
from .skeleton import BONE, SIDES, Posed, part_way

STRETCH, BEND, MASS, STEP, DAMPING = 6000.0, 60.0, 0.01, 1 / 40, 0.90
GRAVITY = np.array([0.0, -9.81, 0.0], np.float32)
#: between skin and cloth, and between cloth and cloth
GAP = 0.0045
#: local and global steps for each step in time: while the body still walks to its pose, and in it
WALKING, ITERATIONS = 3, 5
STAGES, STEPS, LAST = 6, 5, 14


@dataclass(frozen=True)
class Solid:
    """What cloth cannot pass: canonical points and normals on bones.

    Args:
        skin: points, normals and weights.
        arms: ``(V,)`` bool: what sleeves slide on.
        trunk: ``(V,)`` bool: what everything else lies on; both reach over the shoulder, or cloth there would meet an edge.
        gap: metres kept.
    """

    skin: Skin
    arms: Bools
    trunk: Bools
    gap: float = GAP

    @classmethod
    def of(cls, skin: Skin) -> Solid:
        """A body."""
        bones = [BONE[f"{side}-{bone}"] for side, _ in SIDES for bone in ("arm", "forearm", "hand")]
        share = skin.weights[:, bones].sum(axis=1)
        upper = skin.weights[:, [BONE["left-arm"], BONE["right-arm"]]].sum(axis=1)
        return cls(
            skin, np.asarray(share > 0.08), np.asarray((share < 0.5) | ((upper > 0.5) & (skin.points[:, 1] > 1.30)))
        )

    def placed(self, posed: Posed, some: Bools) -> tuple[Floats, Floats]:
        """Points and normals of some of the skin in a pose."""
        weights = self.skin.weights[some]
        return posed.skin(self.skin.points[some], weights), posed.turn(self.skin.normals[some], weights)


@dataclass(frozen=True)
class Layer:
    """Cloth that lies underneath and no longer moves: points in the final pose and their normals."""

    points: Floats
    normals: Floats


@dataclass(frozen=True)
class Fall:
    """How a garment came to rest.

    Args:
        points: ``(V, 3)`` in the pose.
        strain: length over rest length of every edge.
        inside: share of vertices more than a millimetre inside the body.
    """

    points: Floats
    strain: Floats
    inside: float


class Surface:
    """A surface given by close vertices, that points are pushed out of.

    Args:
        around: ``(V, 3)``.
        normals: theirs.
        gap: metres kept.
        depth: points further below the surface are on the other side of a thin part, and left alone.
        aside: as are points further than this from the nearest vertex along the surface.
    """

    def __init__(self, around: Floats, normals: Floats, gap: float, depth: float = 0.06, aside: float = 1.0) -> None:
        self.around, self.normals, self.gap, self.depth, self.aside = around, normals, gap, depth, aside
        self.tree = cKDTree(around, balanced_tree=False)
        self._close: Ints = np.zeros(0, np.int64)
        self._nearest: Ints = np.zeros(0, np.int64)

    def look(self, points: Floats) -> None:
        """Find the nearest vertices anew; cloth moves so little in a step that they serve for the next one too."""
        distance, index = self.tree.query(points, distance_upper_bound=0.08)
        self._close = np.flatnonzero(np.isfinite(distance))
        self._nearest = index[self._close]

    def push(self, points: Floats) -> Floats:
        """``(N, 3)`` points pushed out."""
        away = points[self._close] - self.around[self._nearest]
        normals = self.normals[self._nearest]
        height = np.einsum("ij,ij->i", away, normals)
        chosen = (height < self.gap) & (height > -self.depth)
        if self.aside < 1:
            along = np.einsum("ij,ij->i", away, away) - height**2
            chosen &= along < self.aside**2
        out = points.copy()
        push = np.minimum(self.gap - height[chosen], 0.015)
        out[self._close[chosen]] += push[:, None] * normals[chosen]
        return out


def drape(piece: Piece, solid: Solid, final: Posed, layers: Sequence[Layer] = (), slack: float = 1.03) -> Fall:
    """Let a garment fall on a body that walks from the canonical pose to the final one.

    Args:
        piece: what falls.
        solid: the body.
        final: its pose.
        layers: cloth underneath.
        slack: rest lengths over the lengths in the canonical pose.
    """
    mesh, count = piece.mesh, len(piece.mesh.points)
    edges = mesh.edges()
    i, j = edges.T
    span = mesh.points[j] - mesh.points[i]
    rest = np.linalg.norm(span * np.array([slack + 0.01, slack, slack + 0.01]), axis=1)
    # round a bent elbow cloth slides along until nothing pulls: there it may be as long as the way is
    bent = final.skin(mesh.points, piece.weights)
    around = 0.98 * np.linalg.norm(bent[j] - bent[i], axis=1)
    limbs = np.round(mesh.values["region"]) != TRUNK
    rest = np.where(limbs[i] & limbs[j], np.clip(around, rest, 1.8 * rest), rest)
    rows = np.repeat(np.arange(len(edges)), 2)
    ends = coo_matrix((np.tile([-1.0, 1.0], len(edges)), (rows, edges.ravel())), shape=(len(edges), count)).tocsr()
    near = mesh.neighbours()
    border = mesh.border()
    umbrella = diags((~border).astype(float)) @ (
        identity(count) - diags(1 / np.asarray(near.sum(axis=1)).ravel()) @ near
    )
    inertia = MASS / STEP**2
    inner = STRETCH * ends.T @ ends + BEND * umbrella.T @ umbrella
    matrix = (inertia * identity(count) + inner + diags(piece.pins)).tocsc().astype(np.float32)
    solve = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve
    rest = rest.astype(np.float32)
    ends, joined = ends.astype(np.float32), (STRETCH * ends.T).tocsr().astype(np.float32)
    sleeves = np.isin(np.round(mesh.values["region"]), (LEFT_SLEEVE, RIGHT_SLEEVE))
    legs_first, joints = piece.pattern.cut.open_below, piece.pattern.body.joints

    # skin out of reach is left out
    low, high = mesh.points[:, 1].min() - 0.12, mesh.points[:, 1].max() + 0.12
    reach = (solid.skin.points[:, 1] > low) & (solid.skin.points[:, 1] < high)
    parts = [(sleeves, solid.arms & reach, 0.045), (~sleeves, solid.trunk & reach, 0.06)]
    parts = [(mask, some, depth) for mask, some, depth in parts if mask.any() and some.any()]

    x = part_way(joints, final, 0.0, legs_first).skin(mesh.points, piece.weights)
    before = x.copy()
    velocity = np.zeros_like(x)
    for stage in range(STAGES + 1):
        posed = part_way(joints, final, stage / STAGES, legs_first)
        target = posed.skin(mesh.points, piece.weights)
        x = x + (target - before)
        before = target
        # displacements from the target are solved for: they are small, so that single precision is plenty
        still = -(inner @ target.astype(float)).astype(np.float32)
        # sleeves know of their arm only: what of them lies inside the trunk is out of sight
        surfaces = [(mask, Surface(*solid.placed(posed, some), solid.gap, depth)) for mask, some, depth in parts]
        if stage >= STAGES - 1:
            # beyond the rim of a waistband there is nothing to lie on
            every = np.ones(count, bool)
            surfaces += [(every, Surface(layer.points, layer.normals, 0.004, aside=0.014)) for layer in layers]
        walking = stage < STAGES
        for step in range(STEPS if walking else LAST):
            guess = x + DAMPING * STEP * velocity + STEP * STEP * GRAVITY
            constant = inertia * (guess - target) + still
            new = guess
            for _ in range(WALKING if walking else ITERATIONS):
                d = ends @ new
                d *= (rest / (np.sqrt(np.einsum("ij,ij->i", d, d)) + 1e-9))[:, None]
                new = target + solve(constant + joined @ d)
            for mask, surface in surfaces:
                if step % 2 == 0:
                    surface.look(new[mask])
                new[mask] = surface.push(new[mask])
            velocity = np.clip((new - x) / STEP, -2, 2)
            x = new
    length = np.linalg.norm(x[j] - x[i], axis=1)
    around, outward = solid.placed(final, solid.trunk & reach)
    _, index = cKDTree(around).query(x)
    height = np.einsum("ij,ij->i", x - around[index], outward[index])
    return Fall(x.astype(np.float32), (length / rest).astype(np.float32), float((height < -0.001).mean()))


def tuck_under(points: Floats, covered: Bools, over: Floats, outward: Floats, gap: float, depth: float) -> Floats:
    """What lies under cloth moved to the inside of it, wherever it would show through.

    Args:
        points: ``(N, 3)``.
        covered: ``(N,)`` which of them the cloth hides.
        over: ``(V, 3)`` the cloth.
        outward: its normals.
        gap: metres kept between the two.
        depth: points further outside belong to something else.
    """
    out = points.copy()
    mine = np.flatnonzero(covered)
    if len(mine) == 0:
        return out
    distance, index = cKDTree(over).query(points[mine], distance_upper_bound=depth + 0.02)
    mine, index = mine[np.isfinite(distance)], index[np.isfinite(distance)]
    away = points[mine] - over[index]
    height = np.einsum("ij,ij->i", away, outward[index])
    along = np.einsum("ij,ij->i", away, away) - height**2
    chosen = (height > -gap) & (height < depth) & (along < 0.007**2)
    out[mine[chosen]] -= ((height[chosen] + gap)[:, None] * outward[index[chosen]]).astype(out.dtype)
    return out


def layer_of(piece: Piece, points: Floats) -> Layer:
    """Fallen cloth as something that other cloth lies on."""
    normals = normals_of(points, piece.mesh.faces)
    # outwards only: the rim of a waistband must not lift what hangs over it
    normals[:, 1] = 0
    return Layer(points, normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-6))

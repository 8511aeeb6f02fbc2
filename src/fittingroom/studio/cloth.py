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
from .sdf import Bools, Floats
from .skeleton import BONE, SIDES, Posed, part_way

STRETCH, BEND, MASS, STEP, DAMPING = 6000.0, 60.0, 0.01, 1 / 40, 0.90
GRAVITY = np.array([0.0, -9.81, 0.0])
#: between skin and cloth, and between cloth and cloth
GAP = 0.0045
ITERATIONS = 5
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


def _push(
    points: Floats, tree: cKDTree, around: Floats, normals: Floats, gap: float, depth: float = 0.06, aside: float = 1.0
) -> Floats:
    """Points pushed out of a surface given by close vertices.

    Args:
        points: ``(N, 3)``.
        tree: of ``around``.
        around: the surface's vertices.
        normals: theirs.
        gap: metres kept.
        depth: points further below the surface are on the other side of a thin part, and left alone.
        aside: as are points further than this from the nearest vertex along the surface.
    """
    distance, index = tree.query(points, distance_upper_bound=0.08)
    close = np.isfinite(distance)
    nearest = index[close]
    height = np.einsum("ij,ij->i", points[close] - around[nearest], normals[nearest])
    away = np.sqrt(np.maximum(distance[close] ** 2 - height**2, 0))
    push = np.where((height < gap) & (height > -depth) & (away < aside), np.minimum(gap - height, 0.015), 0)
    out = points.copy()
    out[close] += push[:, None] * normals[nearest]
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
    pins = piece.pins
    inertia = MASS / STEP**2
    matrix = inertia * identity(count) + STRETCH * ends.T @ ends + BEND * umbrella.T @ umbrella + diags(pins)
    solve = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve
    sleeves = np.isin(np.round(mesh.values["region"]), (LEFT_SLEEVE, RIGHT_SLEEVE))
    legs_first, joints = piece.pattern.cut.open_below, piece.pattern.body.joints

    x = part_way(joints, final, 0.0, legs_first).skin(mesh.points, piece.weights).astype(float)
    before = x.copy()
    velocity = np.zeros_like(x)
    for stage in range(STAGES + 1):
        posed = part_way(joints, final, stage / STAGES, legs_first)
        target = posed.skin(mesh.points, piece.weights).astype(float)
        x += target - before
        before = target
        skin = posed.skin(solid.skin.points, solid.skin.weights)
        normals = np.einsum("nb,bij,nj->ni", solid.skin.weights, posed.rotate, solid.skin.normals)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        # sleeves know of their arm only: what of them lies inside the trunk is out of sight
        trees = {
            arm: (cKDTree(skin[some]), skin[some], normals[some])
            for arm, some in ((True, solid.arms), (False, solid.trunk))
        }
        under = (
            [(cKDTree(layer.points), layer.points, layer.normals) for layer in layers] if stage >= STAGES - 1 else []
        )
        for _ in range(LAST if stage == STAGES else STEPS):
            guess = x + DAMPING * STEP * velocity + STEP * STEP * GRAVITY
            new = guess
            for _ in range(ITERATIONS):
                d = new[j] - new[i]
                d *= (rest / (np.linalg.norm(d, axis=1) + 1e-12))[:, None]
                new = solve(inertia * guess + STRETCH * (ends.T @ d) + pins[:, None] * target)
            for mask, arm, depth in ((sleeves, True, 0.045), (~sleeves, False, 0.06)):
                new[mask] = _push(new[mask], *trees[arm], solid.gap, depth)
            for tree, around, outward in under:
                # beyond the rim of a waistband there is nothing to lie on
                new = _push(new, tree, around, outward, 0.004, aside=0.014)
            velocity = np.clip((new - x) / STEP, -2, 2)
            x = new
    length = np.linalg.norm(x[j] - x[i], axis=1)
    tree, around, outward = trees[False]
    _, index = tree.query(x)
    height = np.einsum("ij,ij->i", x - around[index], outward[index])
    return Fall(x.astype(np.float32), (length / rest).astype(np.float32), float((height < -0.001).mean()))


def layer_of(piece: Piece, points: Floats) -> Layer:
    """Fallen cloth as something that other cloth lies on."""
    normals = normals_of(points, piece.mesh.faces)
    # outwards only: the rim of a waistband must not lift what hangs over it
    normals[:, 1] = 0
    return Layer(points, normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-6))

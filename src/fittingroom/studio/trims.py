"""Hoods and collars: parts of a garment that keep their shape and follow the chest."""

from __future__ import annotations

import numpy as np

from .garment import COLLAR, HOOD, Pattern, Piece
from .meshes import Mesh, relax
from .sdf import Floats, ellipsoid, gradient, limb, mesh, smooth_union, vector


def hood(pattern: Pattern) -> Piece:
    """A hood lying on the back, open in front of the neck."""
    top = pattern._neck_top
    angles = np.radians(np.linspace(-172, 172, 21))
    back = (1 + np.cos(angles)) / 2
    front = np.clip((np.abs(np.degrees(angles)) - 95) / 77, 0, 1)
    path = np.stack(
        [
            0.088 * np.sin(angles),
            top - 0.022 + 0.020 * np.sqrt(back) - (pattern.cut.neck_depth - 0.012) * front**1.6,
            -0.022 - (0.074 + 0.022 * back + 0.028 * front**2) * np.cos(angles),
        ],
        axis=1,
    ).astype(np.float32)
    radius = (0.019 + 0.018 * back) * (1 - 0.45 * front**2)

    def distance(points: Floats) -> Floats:
        out = np.full(len(points), 0.3, np.float32)
        for k in range(len(path) - 1):
            out = smooth_union(out, limb(points, path[k], path[k + 1], (float(radius[k]), float(radius[k + 1]))), 0.012)
        bag = ellipsoid(points, (0, top - 0.085, -0.128), (0.105, 0.085, 0.034))
        out = smooth_union(out, bag, 0.05)
        fold = ellipsoid(points, (0, top + 0.004, -0.105), (0.055, 0.045, 0.016))
        return -smooth_union(-out, fold, 0.02)

    points, faces = mesh(distance, vector(-0.17, top - 0.21, -0.22), vector(0.17, top + 0.06, 0.12), 0.007)
    shell = relax(Mesh(points, faces).largest(), distance, 2)
    values = {name: np.ones(len(shell.points), np.float32) for name in ("neck", "hem", "sleeve", "armhole")}
    values["region"] = np.full(len(shell.points), HOOD, np.float32)
    shell = Mesh(shell.points, shell.faces, values)
    return Piece(pattern, shell, pattern.hang(shell.points))


def collar(piece: Piece) -> Piece | None:
    """A turned-down collar along the neckline of a garment; None where the neckline has no clean edge."""
    pattern, points = piece.pattern, piece.mesh.points
    edge = np.flatnonzero(piece.mesh.border() & (np.abs(piece.mesh.values["neck"]) < 1e-5))
    if len(edge) < 12:
        return None
    rim = points[edge]
    angle = np.arctan2(rim[:, 0], -(rim[:, 2] + 0.028))
    order = np.argsort(angle)
    angle, rim = angle[order], rim[order]
    bottom, top = float(rim[:, 1].min()), float(rim[:, 1].max())
    turns = np.radians(np.linspace(-163, 163, 61))
    base = np.stack([np.interp(turns, angle, rim[:, k]) for k in range(3)], axis=1)
    for _ in range(2):
        base[1:-1] = 0.5 * base[1:-1] + 0.25 * (base[2:] + base[:-2])
    high = np.clip((base[:, 1] - bottom) / (top - bottom), 0, 1)
    keep = high > 0.30
    base, high, turns = base[keep], high[keep], turns[keep]
    outward = np.stack([np.sin(turns), np.zeros_like(turns), -np.cos(turns)], axis=1)
    stand = 0.006 + 0.024 * np.clip((high - 0.25) / 0.5, 0, 1)
    front = np.clip((np.abs(turns) - np.radians(70)) / np.radians(80), 0, 1)
    leaf = 0.036 + 0.026 * front**2
    rows = []
    for rise, out, inward in (
        (0.0, 0.0, 0.002),
        (0.5, 0.0, 0.004),
        (0.95, 0.0, 0.006),
        (1.08, 0.0, 0.001),
        (1.0, 0.0, -0.006),
    ):
        rows.append(base + stand[:, None] * rise * vector(0, 1, 0) - outward * (inward + out))
    fold = rows[-1]
    for share in (0.3, 0.65, 1.0):
        away = leaf * share
        down = np.minimum(away, stand)[:, None] * vector(0, -1, 0)
        point = (
            fold
            + down
            + (away - np.minimum(away, stand))[:, None] * (0.75 * outward + vector(0, -0.66, 0))
            + 0.004 * outward
        )
        point = point.astype(np.float32)
        for _ in range(3):
            height = pattern.distance(point)
            slope = gradient(pattern.distance, point, 0.004)
            point = point + (np.maximum(0.0075 - height, 0)[:, None] * slope).astype(np.float32)
        rows.append(point)
    grid = np.stack(rows)
    levels, count = grid.shape[:2]
    number = np.arange(levels * count).reshape(levels, count)
    a, b, c, d = (number[:-1, :-1].ravel(), number[:-1, 1:].ravel(), number[1:, 1:].ravel(), number[1:, :-1].ravel())
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)]).astype(np.int32)
    flat = grid.reshape(-1, 3).astype(np.float32)
    depth = np.repeat(np.array([1.0, 1.0, 1.0, 1.0, 0.03, 0.02, 0.01, 0.0]), count).astype(np.float32)
    values = {name: np.ones(len(flat), np.float32) for name in ("neck", "hem", "sleeve", "armhole")}
    values["hem"] = depth
    values["region"] = np.full(len(flat), COLLAR, np.float32)
    weights = np.tile(pattern.hang(base.astype(np.float32)), (levels, 1))
    return Piece(pattern, Mesh(flat, faces, values), weights)

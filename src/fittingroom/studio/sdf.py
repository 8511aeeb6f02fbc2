"""Modelling with signed distances: limbs, lofts, ellipsoids, smooth union, and a mesh of the zero set by surface nets.

Distances are in metres, negative inside; lofts and ellipsoids give the usual first-order estimate, which is exact on the surface
and good enough near it. Points are ``(N, 3)``: x to the person's left, y up, z forward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import zoom

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Ints: TypeAlias = npt.NDArray[np.integer[Any]]
Bools: TypeAlias = npt.NDArray[np.bool_]
Field: TypeAlias = Callable[[Floats], Floats]

#: distance said of points that are far from a shape
FAR = 0.3


def vector(*values: float) -> Floats:
    """``(n,)`` float32."""
    return np.array(values, dtype=np.float32)


def smooth_union(first: Floats, second: Floats, k: float) -> Floats:
    """Union that fills the crease with a fillet of about ``k`` metres; bulges by at most k/4."""
    if k <= 0:
        return np.minimum(first, second)
    blend = np.maximum(k - np.abs(first - second), 0) / k
    return np.minimum(first, second) - blend * blend * (k * 0.25)


def limb(points: Floats, start: Floats, end: Floats, radii: Sequence[float]) -> Floats:
    """Round bar from ``start`` to ``end`` whose radius passes through evenly spaced ``radii``."""
    axis = (end - start).astype(points.dtype)
    length = float(axis @ axis)
    along = np.clip(((points - start) @ axis) / length, 0, 1)
    radius = np.interp(along, np.linspace(0, 1, len(radii)), radii).astype(points.dtype)
    away = points - start - along[:, None] * axis
    return np.sqrt(np.einsum("ij,ij->i", away, away)) - radius


def ellipsoid(points: Floats, centre: Sequence[float] | Floats, radii: Sequence[float]) -> Floats:
    """Ellipsoid with half-axes ``radii`` along x, y and z."""
    scaled = (points - np.asarray(centre, points.dtype)) / np.asarray(radii, points.dtype)
    one = np.sqrt(np.einsum("ij,ij->i", scaled, scaled)) + 1e-9
    two = scaled / np.asarray(radii, points.dtype)
    return one * (one - 1) / (np.sqrt(np.einsum("ij,ij->i", two, two)) + 1e-9)


def ring(
    x: Floats,
    z: Floats,
    y: Floats,
    half_width: Floats,
    half_depth: Floats,
    span: tuple[float, float],
    power: float = 2.3,
) -> Floats:
    """Distance to an upright tube with the given half-axes at every height, closed by flat ends at ``span``."""
    u, v = np.abs(x) / half_width, np.abs(z) / half_depth
    radius = np.power(np.power(u, power) + np.power(v, power), 1 / power) + 1e-6
    side = np.sqrt(x * x + z * z) * (1 - 1 / radius)
    inner = np.minimum(half_width, half_depth)
    side = np.where(radius < 0.2, -0.8 * inner, side)
    beyond = np.maximum(np.maximum(span[0] - y, y - span[1]), 0)
    return np.where(beyond > 0, np.hypot(np.maximum(side, 0), beyond), side)


def near(points: Floats, low: Floats, high: Floats, margin: float, inside: Field) -> Floats:
    """``inside`` evaluated only within a box grown by ``margin``; elsewhere :data:`FAR`."""
    chosen = ((points > low - margin) & (points < high + margin)).all(axis=1)
    out = np.full(len(points), FAR, dtype=points.dtype)
    if chosen.any():
        out[chosen] = inside(points[chosen])
    return out


def gradient(field: Field, points: Floats, step: float = 0.002) -> Floats:
    """``(N, 3)`` unit gradient by four evaluations at the corners of a tetrahedron."""
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], points.dtype)
    total = sum(field(points + step * corner)[:, None] * corner for corner in corners)
    slope = np.asarray(total)
    return slope / (np.linalg.norm(slope, axis=1, keepdims=True) + 1e-12)


def mesh(field: Field, low: Floats, high: Floats, step: float) -> tuple[Floats, Ints]:
    """Surface nets of a field's zero set in a box.

    The field is evaluated on a grid four times as coarse first, and on the fine grid only near its zero set.

    Returns:
        ``(V, 3)`` float32 vertices and ``(F, 3)`` int32 faces, normals pointing to positive values.
    """
    coarse = 4
    cells = np.maximum(np.ceil((high - low) / (step * coarse)).astype(int), 2)
    axes = [low[k] + step * coarse * np.arange(cells[k] + 1) for k in range(3)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
    rough = field(nodes).reshape(cells + 1).astype(np.float32)
    shape = cells * coarse + 1
    values = np.asarray(zoom(rough, shape / (cells + 1), order=1, grid_mode=False), np.float32)
    close = np.argwhere(np.abs(values) < 5.0 * step)
    values[tuple(close.T)] = field((low + step * close).astype(np.float32))
    return _nets(values, low, step)


def _nets(values: Floats, low: Floats, step: float) -> tuple[Floats, Ints]:
    inside = values < 0
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    shape = np.array(values.shape) - 1
    count = sum(inside[i : i + shape[0], j : j + shape[1], k : k + shape[2]].astype(np.int8) for i, j, k in corners)
    active = np.argwhere((np.asarray(count) > 0) & (np.asarray(count) < 8))
    index = np.full(shape, -1, np.int32)
    index[tuple(active.T)] = np.arange(len(active))
    total, weight = np.zeros((len(active), 3)), np.zeros(len(active))
    at = {tuple(corner): values[tuple((active + corner).T)] for corner in corners}
    for one in corners:
        for axis in range(3):
            if one[axis]:
                continue
            two = one.copy()
            two[axis] = 1
            a, b = at[tuple(one)], at[tuple(two)]
            crossing = (a < 0) != (b < 0)
            t = np.where(crossing, a / np.where(a == b, 1, a - b), 0)
            point = np.broadcast_to(one, (len(active), 3)).astype(float)
            point[:, axis] = t
            total += np.where(crossing[:, None], point, 0)
            weight += crossing
    vertices = low + step * (active + total / np.maximum(weight, 1)[:, None])
    faces = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        first = [slice(None)] * 3
        first[axis] = slice(0, -1)
        second = [slice(None)] * 3
        second[axis] = slice(1, None)
        edges = np.argwhere(inside[tuple(first)] != inside[tuple(second)])
        edges = edges[(edges[:, u] > 0) & (edges[:, v] > 0) & (edges[:, u] < shape[u]) & (edges[:, v] < shape[v])]
        quad = []
        for du, dv in ((-1, -1), (0, -1), (0, 0), (-1, 0)):
            cell = edges.copy()
            cell[:, u] += du
            cell[:, v] += dv
            quad.append(index[tuple(cell.T)])
        ring_of = np.stack(quad, axis=1)
        outward = inside[tuple(edges.T)]
        ring_of[~outward] = ring_of[~outward][:, ::-1]
        faces += [ring_of[:, [0, 1, 2]], ring_of[:, [0, 2, 3]]]
    return vertices.astype(np.float32), np.concatenate(faces).astype(np.int32)

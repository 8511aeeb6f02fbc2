"""Work on triangle meshes: cutting along a scalar's zero set, evening out, and the largest piece."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from .sdf import Bools, Field, Floats, Ints, gradient


@dataclass(frozen=True)
class Mesh:
    """Triangles with values at their corners.

    Args:
        points: ``(V, 3)`` metres.
        faces: ``(F, 3)`` int32.
        values: name -> ``(V,)`` float32, interpolated wherever an edge is cut.
    """

    points: Floats
    faces: Ints
    values: dict[str, Floats] = field(default_factory=dict)

    def edges(self) -> Ints:
        """``(E, 2)`` every edge once, the lower number first."""
        return self._edges[0]

    @cached_property
    def _edges(self) -> tuple[Ints, Ints, Ints]:
        """Edges, how many faces have each, and ``(F, 3)`` the edges of every face (between corners 0-1, 1-2, 2-0)."""
        one, two = self.faces.astype(np.int64), self.faces[:, [1, 2, 0]].astype(np.int64)
        # both ends in one number: sorting those is far quicker than sorting rows
        packed = (np.minimum(one, two) << 32) | np.maximum(one, two)
        found, number, uses = np.unique(packed.ravel(), return_inverse=True, return_counts=True)
        edges = np.stack([found >> 32, found & 0xFFFFFFFF], axis=1)
        return edges, uses, number.reshape(-1, 3)

    def border(self) -> Bools:
        """``(V,)`` whether a vertex lies on an open edge."""
        edges, uses, _ = self._edges
        out = np.zeros(len(self.points), bool)
        out[edges[uses == 1].ravel()] = True
        return out

    def neighbours(self) -> csr_matrix:
        """``(V, V)`` 1 where two vertices share an edge."""
        edges = self.edges()
        ones = np.ones(len(edges))
        half = coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(len(self.points),) * 2)
        return (half + half.T).tocsr()

    def only(self, faces: Bools) -> Mesh:
        """The chosen faces, without vertices that nothing uses any more."""
        kept = self.faces[faces]
        used, renumbered = np.unique(kept, return_inverse=True)
        values = {name: value[used] for name, value in self.values.items()}
        return Mesh(self.points[used], renumbered.reshape(-1, 3).astype(np.int32), values)

    def largest(self) -> Mesh:
        """The largest connected piece."""
        if len(self.faces) == 0:
            return self
        _, group = connected_components(self.neighbours(), directed=False)
        counts = np.bincount(group[self.faces[:, 0]])
        return self.only(group[self.faces[:, 0]] == counts.argmax())


def relax(mesh: Mesh, surface: Field, rounds: int = 4) -> Mesh:
    """Even out the triangles of a surface: move vertices to their neighbours' mean, and back onto the zero set."""
    near = mesh.neighbours()
    degree = np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1)[:, None]
    points = mesh.points.astype(np.float32)
    for _ in range(rounds):
        points = (0.5 * points + 0.5 * (near @ points) / degree).astype(np.float32)
        slope = gradient(surface, points, 0.004).astype(np.float32)
        points = points - np.clip(surface(points), -0.01, 0.01)[:, None] * slope
    return replace(mesh, points=points.astype(np.float32))


def cut(mesh: Mesh, name: str) -> Mesh:
    """Keep what has positive ``values[name]``, with a clean edge along the zero set.

    Vertices close to the zero set are first moved onto it, so that no sliver remains.
    """
    points, value = mesh.points.copy(), mesh.values[name].copy()
    values = {key: one.copy() for key, one in mesh.values.items()}
    edges = mesh.edges()
    a, b = value[edges[:, 0]], value[edges[:, 1]]
    crossing = (a > 0) != (b > 0)
    first, second = edges[crossing].T
    a, b = a[crossing], b[crossing]
    t = a / (a - b)
    for near, far, share in ((first, second, t), (second, first, 1 - t)):
        close = np.flatnonzero(share < 0.3)
        close = close[np.unique(near[close], return_index=True)[1]]
        close = close[value[near[close]] != 0]
        one, two, s = near[close], far[close], share[close]
        points[one] += s[:, None] * (points[two] - points[one])
        for key in values:
            values[key][one] += s * (values[key][two] - values[key][one])
        values[name][one] = 0
        value[one] = 0
    keep, drop = value > 0, value < 0
    count = len(points)
    inside = keep[mesh.faces].any(axis=1)
    whole = inside & ~drop[mesh.faces].any(axis=1)
    mixed = mesh.faces[inside & ~whole]
    new_points, new_values, made = [points], {key: [one] for key, one in values.items()}, {}

    def between(i: int, j: int) -> int:
        nonlocal count
        key = (min(i, j), max(i, j))
        if key not in made:
            s = value[i] / (value[i] - value[j])
            new_points.append((points[i] + s * (points[j] - points[i]))[None])
            for other, one in values.items():
                between_value = one[i] + s * (one[j] - one[i])
                new_values[other].append(np.array([0 if other == name else between_value], np.float32))
            made[key] = count
            count += 1
        return made[key]

    faces = []
    for corners in mixed.tolist():
        polygon: list[int] = []
        for k in range(3):
            i, j = corners[k], corners[(k + 1) % 3]
            if value[i] >= 0:
                polygon.append(i)
            if (value[i] > 0 and value[j] < 0) or (value[i] < 0 and value[j] > 0):
                polygon.append(between(i, j))
        faces += [[polygon[0], polygon[k], polygon[k + 1]] for k in range(1, len(polygon) - 1)]
    total = np.concatenate([mesh.faces[whole], np.array(faces, np.int32).reshape(-1, 3)]).astype(np.int32)
    joined = {key: np.concatenate(one).astype(np.float32) for key, one in new_values.items()}
    out = Mesh(np.concatenate(new_points).astype(np.float32), total, joined)
    return out.only(np.ones(len(total), bool))


def subdivide(mesh: Mesh, smooth: bool = True) -> tuple[Mesh, csr_matrix]:
    """Every triangle in four, by Loop's rule (borders stay curves of their own).

    Returns:
        The finer mesh, and the ``(V', V)`` matrix that takes any value at the old vertices to the new ones.
    """
    edges, uses, number = mesh._edges
    count, opposite = len(mesh.points), mesh.faces[:, [2, 0, 1]]
    rows, columns, weights = [], [], []
    inner = uses == 2
    ends = np.where(inner & smooth, 3 / 8, 1 / 2)
    for side in (0, 1):
        rows.append(count + np.arange(len(edges)))
        columns.append(edges[:, side])
        weights.append(ends)
    if smooth:
        chosen = inner[number.ravel()]
        rows.append(count + number.ravel()[chosen])
        columns.append(opposite.ravel()[chosen])
        weights.append(np.full(int(chosen.sum()), 1 / 8))
    border = np.zeros(count, bool)
    rim = edges[uses == 1]
    border[rim.ravel()] = True
    if smooth:
        degree = np.bincount(edges.ravel(), minlength=count)
        beta = np.where(degree > 3, 3 / (8 * np.maximum(degree, 1)), 3 / 16)
        own = np.where(border, 3 / 4, 1 - degree * beta)
        for one, two in ((0, 1), (1, 0)):
            free = ~border[edges[:, one]]
            rows.append(edges[free, one])
            columns.append(edges[free, two])
            weights.append(beta[edges[free, one]])
            rows.append(rim[:, one])
            columns.append(rim[:, two])
            weights.append(np.full(len(rim), 1 / 8))
    else:
        own = np.ones(count)
    rows.append(np.arange(count))
    columns.append(np.arange(count))
    weights.append(own)
    table = csr_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(count + len(edges), count)
    )
    total = np.asarray(table.sum(axis=1)).ravel()
    table = csr_matrix(table.multiply(1 / total[:, None]))
    i, j, k = mesh.faces.T
    ij, jk, ki = (count + number).T
    faces = np.concatenate([np.stack(f, axis=1) for f in ((i, ij, ki), (ij, j, jk), (ki, jk, k), (ij, jk, ki))])
    values = {name: np.asarray(table @ value, np.float32) for name, value in mesh.values.items()}
    return Mesh(np.asarray(table @ mesh.points, np.float32), faces.astype(np.int32), values), table

"""Measuring outlines: which pixels belong to sleeves and which to the trunk, and how wide both are along their lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .figure import SIDES, Figure, Mask, Points, fixed, kept

#: half-width of the zone around an arm's bones that a sleeve may fill, relative to the trunk: at shoulder, elbow, wrist
_SLEEVE_RADIUS = (0.20, 0.17, 0.16)
#: how far a trunk's edge may lie from the axis, relative to half the shoulders' breadth
_FARTHEST = 2.6


@dataclass(frozen=True)
class Limb:
    """Every pixel of a photo in the coordinates of a bent limb.

    Args:
        along: ``(H, W)`` 0 at the first joint, 1 at the second, 2 at the third; beyond both ends it goes on.
        across: ``(H, W)`` distance from the bone in pixels, with a sign (positive towards the wearer's left for a
            limb that points down).
        away: ``(H, W)`` distance from the bones in pixels.
    """

    along: npt.NDArray[np.float64]
    across: npt.NDArray[np.float64]
    away: npt.NDArray[np.float64]


def limb(bones: Points, size: tuple[int, int]) -> Limb:
    """Coordinates of all pixels of a photo of ``size`` along the bones ``(3, 2)``; must not be changed."""
    return _limb(np.ascontiguousarray(bones, np.float64).tobytes(), size)


@kept
def _limb(key: bytes, size: tuple[int, int]) -> Limb:
    bones = np.frombuffer(key, np.float64).reshape(3, 2)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float64)
    best: list[tuple[npt.NDArray[np.float64], ...]] = []
    for index in (0, 1):
        start, end = bones[index], bones[index + 1]
        vector = end - start
        length = max(float(np.linalg.norm(vector)), 1e-6)
        unit = vector / length
        x, y = columns - start[0], rows - start[1]
        along = (x * unit[0] + y * unit[1]) / length
        across = x * unit[1] - y * unit[0]
        inside = np.clip(along, 0, 1)
        away = np.hypot(x - inside * vector[0], y - inside * vector[1])
        along = np.maximum(along, 0) if index == 1 else np.minimum(along, 1)
        best.append((along + index, across, away))
    second = best[1][2] < best[0][2]
    first_along, second_along = best[0][0], best[1][0]
    return Limb(
        fixed(np.where(second, second_along, first_along)),
        fixed(np.where(second, best[1][1], best[0][1])),
        fixed(np.where(second, best[1][2], best[0][2])),
    )


def sleeve_zone(figure: Figure, side: str, size: tuple[int, int]) -> Mask:
    """``(H, W)`` bool: pixels near the arm's bones that are not in the core of the trunk."""
    arm = limb(figure.arm(side), size)
    radius = np.interp(arm.along, (0, 1, 2), np.array(_SLEEVE_RADIUS) * figure.trunk)
    near = (arm.away < radius) & (arm.along < 2.3)
    return near & ~trunk_core(figure, size)


def arm_zones(figure: Figure, size: tuple[int, int]) -> Mask:
    """``(H, W)`` bool: :func:`sleeve_zone` of both arms."""
    return sleeve_zone(figure, "right", size) | sleeve_zone(figure, "left", size)


def trunk_core(figure: Figure, size: tuple[int, int]) -> Mask:
    """``(H, W)`` bool: what is surely trunk: between lines from just inside the shoulders to just outside the hips; must not be changed."""
    return _trunk_core(figure.key, size)


@kept
def _trunk_core(key: bytes, size: tuple[int, int]) -> Mask:
    figure = Figure.of(key)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float64)
    down = figure.hips - figure.shoulders
    length = max(float(np.linalg.norm(down)), 1e-6)
    level = ((columns - figure.shoulders[0]) * down[0] + (rows - figure.shoulders[1]) * down[1]) / length**2
    flat = np.clip(level, -0.3, 2.0)
    points, across = figure.axis(np.linspace(-0.3, 2.0, 47))
    index = np.clip(np.round((flat + 0.3) / 2.3 * 46).astype(int), 0, 46)
    offset = (columns - points[index, 0]) * across[index, 0] + (rows - points[index, 1]) * across[index, 1]
    half = np.interp(flat, (0.0, 0.25, 1.0, 2.0), (0.42, 0.46, 0.48, 0.50)) * figure.breadth
    return fixed((np.abs(offset) < half) & (level > -0.35))


def trunk_edges(
    mask: Mask, figure: Figure, levels: npt.NDArray[np.float64], *, gap: int = 3
) -> npt.NDArray[np.float64]:
    """Where a mask ends to both sides of the axis.

    Args:
        mask: ``(H, W)`` bool, sleeves left out.
        figure: gives the axis.
        levels: ``(L,)`` along the axis.
        gap: holes up to so many pixels are stepped over.

    Returns:
        ``(L, 2)`` distances in pixels to the wearer's right and left, positive outwards; NaN where the axis itself is
        outside the mask.
    """
    centres, across = figure.axis(levels)
    reach = int(_FARTHEST * figure.breadth / 2) + 2
    steps = np.arange(reach)
    out = np.full((len(levels), 2), np.nan)
    for column, sign in ((0, -1.0), (1, 1.0)):
        x = np.round(centres[:, :1] + sign * across[:, :1] * steps).astype(int)
        y = np.round(centres[:, 1:] + sign * across[:, 1:] * steps).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
        hit = np.zeros(x.shape, dtype=bool)
        hit[inside] = mask[y[inside], x[inside]]
        for row in range(len(levels)):
            positions = np.flatnonzero(hit[row])
            if not len(positions) or positions[0] > 0.35 * figure.breadth:
                continue
            breaks = np.flatnonzero(np.diff(positions) > gap + 1)
            out[row, column] = positions[breaks[0]] if len(breaks) else positions[-1]
    return out


def limb_edges(mask: Mask, bones: Points, along: npt.NDArray[np.float64], reach: float) -> npt.NDArray[np.float64]:
    """Where a mask ends to both sides of a limb's bones.

    Args:
        mask: ``(H, W)`` bool.
        bones: ``(3, 2)``.
        along: ``(L,)`` 0 at the first joint, 2 at the third.
        reach: look so many pixels to each side.

    Returns:
        ``(L, 2)`` signed distances (negative side, positive side) as in :class:`Limb`; NaN where nothing is met.
    """
    points, normals = limb_points(bones, along)
    steps = np.arange(-int(reach), int(reach) + 1)
    x = np.round(points[:, :1] + normals[:, :1] * steps).astype(int)
    y = np.round(points[:, 1:] + normals[:, 1:] * steps).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    hit = np.zeros(x.shape, dtype=bool)
    hit[inside] = mask[y[inside], x[inside]]
    out = np.full((len(along), 2), np.nan)
    for row in range(len(along)):
        positions = np.flatnonzero(hit[row])
        if not len(positions):
            continue
        groups = np.split(positions, np.flatnonzero(np.diff(positions) > 4) + 1)
        nearest = min(groups, key=lambda group: np.abs(steps[group]).min())
        if np.abs(steps[nearest]).min() <= 0.6 * reach:
            out[row] = steps[nearest[0]], steps[nearest[-1]]
    return out


def limb_points(bones: Points, along: npt.NDArray[np.float64]) -> tuple[Points, Points]:
    """Points ``(L, 2)`` on the bones and unit normals ``(L, 2)`` there, turned smoothly around the middle joint."""
    directions = np.stack([bones[1] - bones[0], bones[2] - bones[1]])
    directions = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    share = np.clip((along - 0.75) / 0.5, 0, 1)[:, None]
    tangent = (1 - share) * directions[0] + share * directions[1]
    tangent = tangent / np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    upper = bones[0] + along[:, None] * (bones[1] - bones[0])
    lower = bones[1] + (along[:, None] - 1) * (bones[2] - bones[1])
    return np.where(along[:, None] <= 1, upper, lower), np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)


def lowest_level(mask: Mask, figure: Figure, *, start: float = 0.2, end: float = 2.4) -> float:
    """How far down the axis a mask reaches (its hem): the last level at which the axis lies in it, else NaN."""
    levels = np.arange(start, end, 0.01)
    points, _ = figure.axis(levels)
    x, y = np.round(points[:, 0]).astype(int), np.round(points[:, 1]).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    hit = np.zeros(len(levels), dtype=bool)
    hit[inside] = mask[y[inside], x[inside]]
    return float(levels[np.flatnonzero(hit)[-1]]) if hit.any() else float("nan")


def sleeves(mask: Mask, figure: Figure) -> dict[str, Mask]:
    """The pixels of a garment that are sleeves, by side; a pixel in both zones goes to the nearer arm."""
    size = (mask.shape[0], mask.shape[1])
    zones = {side: sleeve_zone(figure, side, size) & mask for side in SIDES}
    away = {side: limb(figure.arm(side), size).away for side in SIDES}
    right_nearer = away["right"] <= away["left"]
    return {
        "right": zones["right"] & (right_nearer | ~zones["left"]),
        "left": zones["left"] & (~right_nearer | ~zones["right"]),
    }

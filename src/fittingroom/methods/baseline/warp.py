"""Thin-plate-spline warps of a garment's pieces from the body that shows them to the body that shall wear them.

Each piece (trunk, sleeve, leg) has control points on the target and their partners on the source: the line that it
hangs on (axis or bones) and its outline to both sides, level by level. The spline maps target to source, so every
target pixel looks up its colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ...core.fill import Image
from ...nn import tps
from .body import Kind, limb_half, trunk_half
from .figure import Figure, Mask, Points
from .outline import limb_edges, limb_points, lowest_level, trunk_edges

#: weight of the bending energy against squared distances in units of the photo's height
SMOOTHING = 1e-6
#: the map is evaluated on every so many-th pixel and interpolated between
_GRID = 4
_LEVELS = 9


@dataclass(frozen=True)
class Layer:
    """A piece of garment in the target photo.

    Args:
        colour: ``(H, W, 3)`` float32, 0 to 255.
        alpha: ``(H, W)`` float32, 0 to 1.
    """

    colour: Image
    alpha: npt.NDArray[np.float32]


def spline_map(
    target: Points, source: Points, size: tuple[int, int], smoothing: float = SMOOTHING
) -> npt.NDArray[np.float32]:
    """Backward map of a photo: where each target pixel comes from.

    Args:
        target: ``(N, 2)`` control points in the target photo.
        source: ``(N, 2)`` their partners in the source photo.
        size: (height, width) of the target photo.
        smoothing: of the spline, on coordinates divided by the height.

    Returns:
        ``(H, W, 2)`` float32, x and y in source pixels.
    """
    scale = float(size[0])
    fitted = tps.fit(torch.from_numpy(target / scale)[None], torch.from_numpy(source / scale)[None], smoothing)
    rows, columns = np.arange(0, size[0] + _GRID, _GRID), np.arange(0, size[1] + _GRID, _GRID)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(1, -1, 2) / scale
    coarse = fitted(torch.from_numpy(grid))[0].reshape(len(rows), len(columns), 2).numpy() * scale
    x = (np.arange(size[1], dtype=np.float32) / _GRID)[None].repeat(size[0], axis=0)
    y = (np.arange(size[0], dtype=np.float32) / _GRID)[:, None].repeat(size[1], axis=1)
    return np.asarray(cv2.remap(coarse.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def sample(image: Image, mask: Mask, where: npt.NDArray[np.float32]) -> Layer:
    """Look a garment up through a backward map; outside the source photo there is none."""
    x, y = np.ascontiguousarray(where[..., 0]), np.ascontiguousarray(where[..., 1])
    colour = np.asarray(cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    alpha = np.asarray(
        cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    )
    return Layer(np.clip(colour, 0, 255).astype(np.float32), np.clip(alpha, 0, 1).astype(np.float32))


@dataclass(frozen=True)
class Controls:
    """Control points of one piece, and how wide it becomes, so that nothing of it lands elsewhere.

    Args:
        target: ``(N, 2)`` points in the target photo.
        source: ``(N, 2)`` their partners.
        levels: ``(L,)`` levels on the target.
        widths: ``(L, 2)`` half-widths there to the two sides, in pixels, positive outwards.
    """

    target: Points
    source: Points
    levels: npt.NDArray[np.float64]
    widths: npt.NDArray[np.float64]

    def guard(self, level: npt.NDArray[np.float64], offset: npt.NDArray[np.float64], slack: float) -> Mask:
        """Pixels inside the outline, ``slack`` pixels and an eighth more: a spline is not to be trusted far outside."""
        right = np.interp(level, self.levels, self.widths[:, 0]) * 1.125 + slack
        left = np.interp(level, self.levels, self.widths[:, 1]) * 1.125 + slack
        return (offset > -right) & (offset < left)


def steady(widths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Half-widths without gaps and slips: NaN interpolated, lonely dents and spikes taken out.

    Args:
        widths: ``(L, 2)``; a column of NaN only comes back as it is.
    """
    out = widths.copy()
    rows = np.arange(len(widths))
    for column in (0, 1):
        known = ~np.isnan(out[:, column])
        if not known.any():
            continue
        line = np.interp(rows, rows[known], out[known, column])
        padded = np.pad(line, 1, mode="edge")
        out[:, column] = np.median(np.stack([padded[:-2], line, padded[2:]]), axis=0)
    return out


def fitted_width(
    source: npt.NDArray[np.float64],
    worn: npt.NDArray[np.float64],
    scale: float,
    widest: npt.NDArray[np.float64] | float,
    body: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Half-widths on the target: the garment's own, scaled by the bodies, but never inside the body.

    A wider one keeps its width up to ``widest`` times the silhouette of what the person wears now.

    Args:
        source: ``(L, 2)`` half-widths of the garment.
        worn: ``(L, 2)`` half-widths of what the person wears; NaN where unknown.
        scale: size of the target body relative to the source body.
        widest: factor, for all levels or ``(L, 1)``.
        body: ``(L, 1)`` half-widths of the body, in tight clothes; where the silhouette is narrower, that counts.
    """
    own = source * scale
    silhouette = np.maximum(worn, 1.0)
    return np.where(np.isnan(worn), own, np.clip(own, np.minimum(silhouette, body), silhouette * widest + 1.0))


def trunk_controls(
    garment: Mask,
    source: Figure,
    worn: Mask,
    target: Figure,
    *,
    first: float = 0.14,
    last: float = 2.4,
    hem: float | None = None,
    anchored: bool = True,
) -> Controls | None:
    """Control points of a trunk: three on each level from the chest to the hem, and the shoulders.

    Args:
        garment: ``(h, w)`` bool, the garment without sleeves.
        source: body that shows it.
        worn: ``(H, W)`` bool, what the person wears there now, without sleeves.
        target: body that shall wear it.
        first: topmost level.
        last: lowest level.
        hem: level of the hem on the target; the source's where not given.
        anchored: whether neck and shoulders are control points (not for skirts and trousers).

    Returns:
        None where the garment is not met along the axis.
    """
    low = lowest_level(garment, source, start=first)
    if np.isnan(low) or low - first < 0.08:
        return None
    low = min(low, last)
    bottom = low if hem is None else hem
    levels = np.linspace(first, low - 0.03, _LEVELS)
    goal = first + (levels - first) * (bottom - 0.03 - first) / max(low - 0.03 - first, 1e-6)
    own = trunk_edges(garment, source, levels)
    if (~np.isnan(own).any(axis=1)).sum() < 2:
        return None
    own = steady(own)
    # below the hips a garment may stand off from the body as far as it likes
    widest = np.where(goal < 1.0, 1.30, 1e6)[:, None]
    out = fitted_width(
        own,
        steady(trunk_edges(worn, target, goal)),
        target.breadth / source.breadth,
        widest,
        1.04 * trunk_half(goal, target.breadth)[:, None],
    )
    source_axis, source_across = source.axis(levels)
    target_axis, target_across = target.axis(goal)
    here = [target_axis, target_axis - target_across * out[:, :1], target_axis + target_across * out[:, 1:]]
    there = [source_axis, source_axis - source_across * own[:, :1], source_axis + source_across * own[:, 1:]]
    if anchored:
        for body, points in ((target, here), (source, there)):
            points.append(np.stack([body.point("right-shoulder"), body.point("left-shoulder"), body.shoulders]))
    return Controls(np.concatenate(here), np.concatenate(there), goal, out)


def limb_controls(
    garment: Mask,
    source: Points,
    worn: Mask,
    target: Points,
    *,
    kind: Kind,
    trunk: float,
    scale: float,
    radius: tuple[float, float],
    end: float,
    start: float = 0.0,
    widest: float = 1.35,
    mirrored: bool = False,
    stretch: float = 1.0,
) -> Controls:
    """Control points of a sleeve or a leg: bone and both edges on each level.

    Args:
        garment: ``(h, w)`` bool, the piece.
        source: ``(3, 2)`` bones of the limb that shows it.
        worn: ``(H, W)`` bool, what is on the target limb now (garment and skin).
        target: ``(3, 2)`` bones of the limb that shall wear it.
        kind: arm or leg.
        trunk: length of the target's trunk in pixels.
        scale: size of the target body relative to the source body.
        radius: how far to look for edges, in source and in target pixels.
        end: level of the end, 0 at the first joint and 2 at the third.
        start: topmost level.
        widest: see :func:`fitted_width`.
        mirrored: whether the source shows a limb of the other side of the body.
        stretch: levels on the target relative to those on the source.
    """
    along = np.linspace(start, max(end - 0.04, start + 0.2), 7)
    outwards = np.array([-1.0, 1.0])
    own = steady(limb_edges(garment, source, along, radius[0]) * outwards)
    own = np.where(np.isnan(own) | (own < 0.12 * radius[0]), 0.35 * radius[0], own)
    source_points, source_normals = limb_points(source, along)
    if mirrored:
        own, source_normals = own[:, ::-1], -source_normals
    along = along * stretch
    now = steady(limb_edges(worn, target, along, radius[1]) * outwards)
    bare = 1.12 * limb_half(kind, along, trunk)[:, None]
    goal = fitted_width(own, np.where(now <= 1, np.nan, now), scale, widest, bare)
    target_points, target_normals = limb_points(target, along)
    here = [target_points, target_points - goal[:, :1] * target_normals, target_points + goal[:, 1:] * target_normals]
    there = [source_points, source_points - own[:, :1] * source_normals, source_points + own[:, 1:] * source_normals]
    return Controls(np.concatenate(here), np.concatenate(there), along, goal)


def joined(first: Controls | None, second: Controls) -> tuple[Points, Points]:
    """The points of two pieces that hang together, target and source."""
    if first is None:
        return second.target, second.source
    return np.concatenate([first.target, second.target]), np.concatenate([first.source, second.source])

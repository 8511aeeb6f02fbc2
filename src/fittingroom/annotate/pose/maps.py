"""Heat maps and part affinity fields: the ideal ones of known people, and resampling of any.

Maps are ``(C, h, w)`` float32. A cell's centre is its index: cell k of a map with ``stride`` covers the photo's pixels
``stride * k`` to ``stride * (k + 1) - 1``, so pixel x lies at cell ``(x + 0.5) / stride - 0.5``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...core.pose import Float32
from .skeletons import Skeleton


def to_cells(pixels: npt.NDArray[np.floating], stride: float) -> Float32:
    """Positions in pixels as positions in cells."""
    return np.asarray((pixels + 0.5) / stride - 0.5, dtype=np.float32)


def to_pixels(cells: npt.NDArray[np.floating], stride: float | npt.NDArray[np.floating]) -> Float32:
    """Positions in cells as positions in pixels."""
    return np.asarray((cells + 0.5) * stride - 0.5, dtype=np.float32)


def ideal_heat(people: npt.NDArray[np.floating], grid: tuple[int, int], sigma: float = 0.875) -> Float32:
    """Heat maps that training aims at: a Gaussian per joint, of several people the maximum (TPAMI 2019, equations 6 and 7).

    Args:
        people: ``(P, J, 3)`` of x, y in cells and visibility; joints with a visibility of zero leave no trace.
        grid: (h, w).
        sigma: standard deviation in cells; the published networks were trained with 7 pixels at a stride of 8.

    Returns:
        ``(J + 1, h, w)``; the last map is the background, one minus the maximum of the others.
    """
    rows, columns = np.arange(grid[0], dtype=np.float32), np.arange(grid[1], dtype=np.float32)
    across = np.exp(-((columns - people[..., 0, None]) ** 2) / (2 * sigma**2))
    down = np.exp(-((rows - people[..., 1, None]) ** 2) / (2 * sigma**2))
    seen = (people[..., 2] > 0)[..., None, None]
    heat = np.max(down[..., :, None] * across[..., None, :] * seen, axis=0, initial=0.0)
    return np.concatenate([heat, 1 - heat.max(axis=0, keepdims=True)]).astype(np.float32)


def ideal_fields(
    people: npt.NDArray[np.floating], grid: tuple[int, int], skeleton: Skeleton, half_width: float = 1.0
) -> Float32:
    """Fields that training aims at: the unit vector along a limb upon the limb, of several people the mean (equations 8 and 9).

    Args:
        people: as for :func:`ideal_heat`.
        grid: (h, w).
        skeleton: which limbs, in which channels.
        half_width: of a limb, in cells.

    Returns:
        ``(2 * limbs, h, w)``.
    """
    rows, columns = np.mgrid[: grid[0], : grid[1]].astype(np.float32)
    out = np.zeros((2 * len(skeleton.limbs), *grid), np.float32)
    for (start, end), channel in zip(skeleton.limbs, skeleton.fields, strict=True):
        both = (people[:, start, 2] > 0) & (people[:, end, 2] > 0)
        first, second = people[both, start, :2], people[both, end, :2]
        length = np.linalg.norm(second - first, axis=1)
        first, second, length = first[length > 0], second[length > 0], length[length > 0]
        unit = ((second - first) / length[:, None])[..., None, None]
        right, down = columns - first[:, 0, None, None], rows - first[:, 1, None, None]
        along = right * unit[:, 0] + down * unit[:, 1]
        aside = np.abs(down * unit[:, 0] - right * unit[:, 1])
        on = (along >= 0) & (along <= length[:, None, None]) & (aside <= half_width)
        count = np.maximum(on.sum(axis=0), 1)
        out[channel : channel + 2] = (unit * on[:, None]).sum(axis=0) / count
    return out


def cubic_rows(count: int, positions: npt.NDArray[np.floating]) -> Float32:
    """Weights that read a row of numbers between its cells: cubic convolution (Keys 1981, a = -0.75), edges repeated.

    Args:
        count: how many numbers the row has.
        positions: ``(n,)``, in cells.

    Returns:
        ``(n, count)``.
    """
    a = -0.75
    base = np.floor(positions).astype(int)
    out = np.zeros((len(positions), count), np.float32)
    for shift in range(-1, 3):
        distance = np.abs(positions - (base + shift))
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = a * (((distance - 5) * distance + 8) * distance - 4)
        weight = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
        np.add.at(out, (np.arange(len(positions)), np.clip(base + shift, 0, count - 1)), weight)
    return out


def resample(maps: Float32, rows: npt.NDArray[np.floating], columns: npt.NDArray[np.floating]) -> Float32:
    """Maps read at other rows and columns.

    Args:
        maps: ``(C, h, w)``.
        rows: ``(H,)`` positions in cells.
        columns: ``(W,)`` positions in cells.

    Returns:
        ``(C, H, W)``.
    """
    down, across = cubic_rows(maps.shape[1], rows), cubic_rows(maps.shape[2], columns)
    return np.asarray(down @ (maps @ across.T), dtype=np.float32)

"""Filling a polygon by the rule of the COCO annotation tools, which the published hand masks follow to the pixel.

The rule, in our own words: vertices are put on a grid five times finer than the pixels; the outline is walked on that
grid; wherever the walk goes from one fine column to the next and this happens in the middle of a pixel's column, the
outline crosses that column. Down a column, every crossing turns the fill on or off.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.images import Size, UInt8

Float64: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

_FINER = 5


def _walk(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Fine columns and rows of a straight line, one step at a time along its longer direction, both ends included."""
    run = np.abs(end - start)
    main = 0 if run[0] >= run[1] else 1
    steps = np.arange(run[main] + 1)
    back = start[main] > end[main]
    low, high = (end, start) if back else (start, end)
    slope = (high[1 - main] - low[1 - main]) / run[main] if run[main] else 0.0
    line = (low[main] + steps, np.trunc(low[1 - main] + slope * steps + 0.5).astype(np.int64))
    columns, rows = line if main == 0 else line[::-1]
    return (columns[::-1], rows[::-1]) if back else (columns, rows)


def fill_polygon(corners: Float64, size: Size) -> UInt8:
    """Mask of a closed polygon.

    Args:
        corners: ``(N, 2)`` x, y in pixels; may lie outside.
        size: (height, width) of the mask.

    Returns:
        ``(H, W)`` uint8, 0 or 1.
    """
    height, width = size
    fine = np.trunc(np.asarray(corners, dtype=np.float64) * _FINER + 0.5).astype(np.int64)
    lines = [_walk(start, end) for start, end in zip(fine, np.roll(fine, -1, axis=0), strict=True)]
    columns, rows = (np.concatenate([line[axis] for line in lines]) for axis in range(2))
    before, after = columns[:-1], columns[1:]
    crossing = np.flatnonzero(before != after)
    at = (np.where(after < before, after, after - 1)[crossing] + 0.5) / _FINER - 0.5
    depth = (np.minimum(rows[:-1], rows[1:])[crossing] + 0.5) / _FINER - 0.5
    hit = (np.floor(at) == at) & (at >= 0) & (at <= width - 1)
    column, row = at[hit].astype(np.int64), np.ceil(np.clip(depth[hit], 0, height)).astype(np.int64)
    out = np.zeros((height, width), np.uint8)
    if not len(column):
        return out
    first, last = int(column.min()), int(column.max()) + 1
    turns = np.zeros((height + 1, last - first), np.uint8)
    np.add.at(turns, (row, column - first), 1)
    out[:, first:last] = np.cumsum(turns[:-1], axis=0, dtype=np.uint8) & 1
    return out

"""From heat maps to candidate joints: local maxima, placed between the cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...core.pose import Float32

#: neighbours that come before a cell in reading order: a tie is won by the first
_BEFORE = ((-1, -1), (-1, 0), (-1, 1), (0, -1))
_AFTER = ((0, 1), (1, -1), (1, 0), (1, 1))
_SMALLEST = 1e-6


@dataclass(frozen=True)
class Peaks:
    """Candidates of all joints, in the order of the joints.

    Args:
        joint: ``(N,)`` int, which joint.
        position: ``(N, 2)`` float32 x, y in cells.
        score: ``(N,)`` float32, the heat at the peak, in (0, 1].
        first: ``(J + 1,)`` int; candidates of joint j are ``first[j]`` to ``first[j + 1]``.
    """

    joint: npt.NDArray[np.intp]
    position: Float32
    score: Float32
    first: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.joint)


def find_peaks(heat: Float32, threshold: float = 0.1, most: int = 100) -> Peaks:
    """Non-maximum suppression over the eight neighbours, then the vertex of a parabola through the logarithm of the heat.

    The logarithm of a Gaussian is a parabola, so for a joint that stands alone the vertex is exact, whatever the grid.

    Args:
        heat: ``(J, h, w)``, without the background.
        threshold: of the heat.
        most: candidates per joint that are kept, the hottest.

    Returns:
        The candidates.
    """
    # a network's heat may be a little above 1; what is far above, or no number, is broken
    heat = np.clip(np.where(np.isnan(heat), 0, heat), 0, 4).astype(np.float32)
    joints, height, width = heat.shape
    padded = np.full((joints, height + 2, width + 2), -np.inf, np.float32)
    padded[:, 1:-1, 1:-1] = heat
    flat = padded.reshape(-1)
    cells = np.flatnonzero(flat > threshold)
    value = flat[cells]
    top = np.ones(len(cells), dtype=bool)
    for down, right in _BEFORE:
        top &= value > flat[cells + down * (width + 2) + right]
    for down, right in _AFTER:
        top &= value >= flat[cells + down * (width + 2) + right]
    cells, value = cells[top], value[top]
    joint, row, column = np.unravel_index(cells, padded.shape)
    # the hottest of each joint come first; a stable order keeps equal ones in reading order
    order = np.lexsort((-value, joint))
    joint, row, column = joint[order], row[order] - 1, column[order] - 1
    rank = np.arange(len(joint)) - np.searchsorted(joint, joint)
    joint, row, column = (part[rank < most] for part in (joint, row, column))
    x, gain_x = _vertex(heat, joint, row, column, axis=2)
    y, gain_y = _vertex(heat, joint, row, column, axis=1)
    score = np.clip(heat[joint, row, column] * np.exp(gain_x + gain_y), 0, 1)
    first = np.searchsorted(joint, np.arange(joints + 1))
    return Peaks(joint, np.stack([x, y], axis=1).astype(np.float32), score.astype(np.float32), first)


def _vertex(
    heat: Float32,
    joint: npt.NDArray[np.intp],
    row: npt.NDArray[np.intp],
    column: npt.NDArray[np.intp],
    axis: int,
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Position of the vertex along one axis, and the logarithm's gain from the peak's cell to it.

    At an edge the three cells next to it are taken, so that a joint in the outer half of an edge's cell is found there.
    """
    at, side = (row, heat.shape[1]) if axis == 1 else (column, heat.shape[2])
    if side < 3:
        return at.astype(np.float64), np.zeros(len(at))
    middle = np.clip(at, 1, side - 2)
    around = [
        heat[joint, middle + step, column] if axis == 1 else heat[joint, row, middle + step] for step in (-1, 0, 1)
    ]
    low, centre, high = np.log(np.maximum(np.stack(around).astype(np.float64), _SMALLEST))
    own: npt.NDArray[np.floating] = (at - middle).astype(np.float64)
    origin: npt.NDArray[np.floating] = middle.astype(np.float64)
    slope, bend = (high - low) / 2, high - 2 * centre + low
    sound = (bend < -_SMALLEST) & (np.min(around, axis=0) > _SMALLEST)
    step = np.where(sound, -slope / np.where(sound, bend, 1.0), 0.0)
    step = np.where(sound, np.clip(step, own - 0.75, own + 0.75), own)

    def parabola(offset: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        return slope * offset + bend / 2 * offset**2

    return origin + step, np.where(sound, parabola(step) - parabola(own), 0.0)

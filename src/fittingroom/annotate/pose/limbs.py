"""From candidate joints to limbs: line integrals of all pairs at once, then the best assignment of each limb.

TPAMI 2019, section 2.3: the score of a pair is the integral of the field along the segment between the two candidates, in the
direction of the segment (equations 10 and 11); of a limb's pairs those with the greatest sum are taken, each candidate once
(equations 13 to 15).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from ...core.pose import Float32
from .peaks import Peaks
from .skeletons import Skeleton

#: cells beyond a candidate where a limb's own field is over
_BEYOND = 1.25
#: how much of the square of the field beyond both ends is taken off a pair's score
_END_WEIGHT = 0.05
#: of the root of a limb's length, in heights of the map
_LENGTH_WEIGHT = 0.1
Matching: TypeAlias = Literal["optimal", "greedy"]


@dataclass(frozen=True)
class Connections:
    """Pairs of candidates that make limbs.

    Args:
        limb: ``(C,)`` int.
        start: ``(C,)`` int, index into the peaks.
        end: ``(C,)`` int, index into the peaks.
        score: ``(C,)`` float32, the mean of the field along the limb, at most 1.
    """

    limb: npt.NDArray[np.intp]
    start: npt.NDArray[np.intp]
    end: npt.NDArray[np.intp]
    score: Float32


def all_pairs(peaks: Peaks, skeleton: Skeleton) -> tuple[npt.NDArray[np.intp], ...]:
    """(limb, start, end) of every pair of candidates that a limb could join, limb by limb, row by row."""
    pairs = np.array(skeleton.limbs)
    count = np.diff(peaks.first)
    rows, columns = count[pairs[:, 0]], count[pairs[:, 1]]
    total = rows * columns
    limb = np.repeat(np.arange(len(pairs)), total)
    within = np.arange(total.sum()) - np.repeat(np.cumsum(total) - total, total)
    start = peaks.first[pairs[limb, 0]] + within // np.maximum(columns[limb], 1)
    end = peaks.first[pairs[limb, 1]] + within % np.maximum(columns[limb], 1)
    return limb, start, end


def along(fields: Float32, channel: npt.NDArray[np.intp], start: Float32, end: Float32, samples: int) -> Float32:
    """The field's part in the direction of segments, at equal steps along each, read between the cells.

    Args:
        fields: ``(2L, h, w)``.
        channel: ``(P,)``, the channel of x; that of y follows.
        start: ``(P, 2)`` x, y in cells.
        end: ``(P, 2)``.
        samples: points per segment; its ends are not among them, since a field begins and ends there.

    Returns:
        ``(P, samples)``; zero where a segment has no length.
    """
    height, width = fields.shape[1:]
    way = end - start
    length = np.linalg.norm(way, axis=1, keepdims=True)
    unit = np.divide(way, length, out=np.zeros_like(way), where=length > 0)
    steps = np.arange(1, samples + 1, dtype=np.float32) / (samples + 1)
    x = np.clip(start[:, :1] + way[:, :1] * steps, 0, width - 1)
    y = np.clip(start[:, 1:] + way[:, 1:] * steps, 0, height - 1)
    left, top = np.minimum(x.astype(np.intp), max(width - 2, 0)), np.minimum(y.astype(np.intp), max(height - 2, 0))
    right, down = (x - left).astype(np.float32), (y - top).astype(np.float32)
    next_column, next_row = int(width > 1), width * int(height > 1)
    flat = fields.reshape(-1)
    out = np.zeros(x.shape, np.float32)
    for part in (0, 1):
        corner = (channel + part)[:, None] * (height * width) + top * width + left
        upper = flat[corner] * (1 - right) + flat[corner + next_column] * right
        corner = corner + next_row
        lower = flat[corner] * (1 - right) + flat[corner + next_column] * right
        out += unit[:, part, None] * (upper * (1 - down) + lower * down)
    return out


def connect(
    peaks: Peaks,
    fields: Float32,
    skeleton: Skeleton,
    *,
    threshold: float = 0.05,
    agreement: float = 0.8,
    samples: int = 20,
    matching: Matching = "optimal",
    ends: bool = True,
) -> Connections:
    """The limbs of everybody.

    Args:
        peaks: candidates.
        fields: ``(2L, h, w)``, on the same grid as the candidates.
        skeleton: the limbs.
        threshold: of the field along a limb.
        agreement: share of the samples that must reach it.
        samples: per pair.
        matching: ``optimal`` maximises the sum of scores of a limb's pairs; ``greedy`` takes the best pair again and again, as the
            authors' release does.
        ends: with ``optimal``, also ask whether the field ends where the candidates are, which the authors' release does not.
            A field that goes on beyond one of them counts a little against the pair when it is matched; one that goes on beyond
            both is somebody else's limb that passes by. It matters where limbs of one kind lie upon each other.

    Returns:
        Accepted pairs, limb by limb. A pair farther apart than half the map's height loses score in proportion, which is the
        release's prior against limbs across the whole photo.
    """
    limb, start, end = all_pairs(peaks, skeleton)
    values = along(fields, np.array(skeleton.fields)[limb], peaks.position[start], peaks.position[end], samples)
    length = np.linalg.norm(peaks.position[end] - peaks.position[start], axis=1)
    score = values.mean(axis=1) + np.minimum(0.5 * fields.shape[1] / np.maximum(length, 1e-6) - 1, 0)
    # half a sample of tolerance: 0.8 of ten samples is eight, whatever the rounding
    enough = (values > threshold).sum(axis=1) >= agreement * samples - 0.5
    weight = score
    if ends and matching == "optimal":
        beyond = _beyond(fields, np.array(skeleton.fields)[limb], peaks.position[start], peaks.position[end])
        # of two ways to pair four candidates in a row, the one with limbs of like length: the root is concave
        alike = _LENGTH_WEIGHT * np.sqrt(length / fields.shape[1])
        weight = np.maximum(score + alike - _END_WEIGHT * beyond.sum(axis=0) ** 2, 1e-3)
        enough &= beyond.min(axis=0) < 0.5 * score
    good = enough & (score > 0)
    score = np.where(good, score, 0).astype(np.float32)
    weight = np.where(good, weight, 0).astype(np.float32)
    kept: list[npt.NDArray[np.intp]] = []
    bounds = np.searchsorted(limb, np.arange(len(skeleton.limbs) + 1))
    for index, (first, second) in enumerate(skeleton.limbs):
        table = weight[bounds[index] : bounds[index + 1]].reshape(_count(peaks, first), _count(peaks, second))
        if table.any():
            rows, columns = linear_sum_assignment(table, maximize=True) if matching == "optimal" else _greedy(table)
            chosen = bounds[index] + rows * table.shape[1] + columns
            kept.append(chosen[score[chosen] > 0])
    chosen = np.concatenate(kept) if kept else np.zeros(0, np.intp)
    return Connections(limb[chosen], start[chosen], end[chosen], score[chosen])


def _beyond(fields: Float32, channel: npt.NDArray[np.intp], start: Float32, end: Float32) -> Float32:
    """``(2, P)``: the field in the segment's direction a little before its start and a little after its end, in [0, 1]."""
    way = end - start
    unit = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)
    height, width = fields.shape[1:]
    out = []
    for point, step in ((start, -_BEYOND), (end, _BEYOND)):
        there = point + step * unit
        inside = ((there >= 0) & (there <= np.array([width - 1, height - 1]))).all(axis=1)
        # a segment of a hundredth of a cell has the direction asked for, and one point's value
        value = along(fields, channel, there, there + 0.01 * unit, 1)[:, 0]
        out.append(np.clip(value, 0, 1) * inside)
    return np.stack(out).astype(np.float32)


def _count(peaks: Peaks, joint: int) -> int:
    return int(peaks.first[joint + 1] - peaks.first[joint])


def _greedy(table: Float32) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    left = table.copy()
    rows, columns = [], []
    while left.any():
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        rows.append(row)
        columns.append(column)
        left[row] = 0
        left[:, column] = 0
    return np.array(rows), np.array(columns)

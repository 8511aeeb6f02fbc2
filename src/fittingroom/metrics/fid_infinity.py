r"""Extrapolation of the Fréchet distance to infinitely many pictures (Chong & Forsyth, 2020, arXiv:1911.07023).

The distance of N pictures exceeds that of infinitely many by about c/N, where c depends on the model: that is why two
models must not be compared at different N, and why even at equal N the order can be wrong. The remedy of the paper:
measure the distance on subsets of several sizes, fit a line over 1/n, and take its value at 1/n = 0. Where the paper
draws subsets from one tenth of its 50,000 pictures upwards, test sets here have some hundreds: sizes run from N/2 to N,
where the line is straightest, and each size is averaged over several subsets.

The line is only a good model once N is about the number of features. On synthetic features (d = 256, three
distributions, 12 draws each; ``benchmarks/small_sets.py extrapolation``) the ratio of the mean distance to the true one was

=========  ==============  ================
N / d      plain distance  extrapolated
=========  ==============  ================
0.5        4.7 to 6.2      0.8 to 2.1
0.8        3.3 to 4.4      0.6 to 1.7
1.6        2.0 to 2.9      0.7 to 1.2
3.9        1.4 to 1.9      1.0 to 1.2
7.8        1.2 to 1.4      1.0
=========  ==============  ================

so below N = d/2 no value is given, and below 2d it carries a note. The reference's own small-N bias stays in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .features import Features, check_same_width, checked_features
from .frechet import ReferenceFactor, centred_root, nuclear_norm

_SIZES = 6


@dataclass(frozen=True)
class Extrapolation:
    """What :func:`fid_infinity` gives.

    Args:
        value: distance at infinitely many pictures; NaN where N is too small. May fall below zero.
        stderr: standard error of the line at 1/n = 0. It says how straight the points lie, not how the value would vary
            with other pictures.
        slope: c of c/N.
        residual: root mean square distance of the points from the line.
        sizes: subset sizes.
        distances: mean distance at each size.
        note: why there is no value, or why it is rough; else empty.
    """

    value: float
    stderr: float
    slope: float
    residual: float
    sizes: tuple[int, ...]
    distances: tuple[float, ...]
    note: str = ""


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Least squares: (intercept, its standard error, slope, rms residual)."""
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    intercept = float(y.mean() - slope * x.mean())
    squares = float(np.square(y - intercept - slope * x).sum())
    variance = squares / (len(x) - 2)
    stderr = math.sqrt(variance * (1.0 / len(x) + float(x.mean()) ** 2 / spread))
    return intercept, stderr, slope, math.sqrt(squares / len(x))


def fid_infinity(features: Features, reference: ReferenceFactor, *, repeats: int = 4, seed: int = 0) -> Extrapolation:
    """Fréchet distance extrapolated to infinitely many pictures.

    Costs about ``5 * repeats`` distances of N/2 to N pictures from a prepared reference.

    Args:
        features: ``(N, d)``.
        reference: of the same length d; always whole.
        repeats: random subsets per size.
        seed: of the subsets.

    Returns:
        :class:`Extrapolation`; value NaN with a note where N < max(d/2, 16).

    Raises:
        InputError: fewer than two pictures, different lengths, or values that are not finite.
    """
    array = checked_features(features)
    n, d = array.shape
    check_same_width(d, len(reference.mean))
    least = max(math.ceil(d / 2), 16)
    if n < least:
        note = f"no extrapolation from {n} pictures: with {d} features it needs at least {least}"
        return Extrapolation(math.nan, math.nan, math.nan, math.nan, (), (), note)
    projected = (array - reference.mean) @ reference.root.T
    gap = array - reference.mean
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    sizes = np.linspace(n / 2, n, _SIZES).round().astype(int)

    def distance(rows: np.ndarray) -> float:
        mean = gap[rows].mean(axis=0)
        squares = float(np.square(gap[rows]).sum())
        trace = (squares - len(rows) * float(mean @ mean)) / (len(rows) - 1)
        return float(mean @ mean) + trace + reference.trace - 2.0 * nuclear_norm(centred_root(projected[rows]))

    orders = [generator.permutation(n) for _ in range(repeats)]
    means = [
        distance(np.arange(n)) if size == n else float(np.mean([distance(order[:size]) for order in orders]))
        for size in sizes
    ]
    value, stderr, slope, residual = _line(1.0 / sizes, np.array(means))
    note = f"rough: only {n} pictures for {d} features" if n < 2 * d else ""
    return Extrapolation(value, stderr, slope, residual, tuple(int(s) for s in sizes), tuple(means), note)

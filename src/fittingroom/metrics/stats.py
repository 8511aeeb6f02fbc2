r"""Intervals and tests over values that were measured picture by picture.

Methods are compared on the same pictures, so every test is paired and every bootstrap uses the same resamples for all
methods (:func:`resample_indices` depends on the number of pictures and the seed only).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from ..core.errors import InputError
from .features import Float64

#: up to this many non-zero differences the signed-rank test is exact, ties included
EXACT_UP_TO = 200
#: resamples unless asked otherwise
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A value with its interval.

    Args:
        value: the estimate.
        low: lower end; NaN where there is none (fewer than two pictures).
        high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two methods on the same pictures.

    Args:
        a: first method.
        b: second method.
        n: pictures that both have.
        mean_difference: mean of (value of a - value of b).
        low: lower end of its 95 % bootstrap interval.
        high: upper end.
        p: two-sided p of the Wilcoxon signed-rank test.
        p_holm: the same after Holm's correction over all pairs of methods.
    """

    a: str
    b: str
    n: int
    mean_difference: float
    low: float
    high: float
    p: float
    p_holm: float


def resample_indices(n: int, resamples: int = RESAMPLES, seed: int = 0) -> npt.NDArray[np.int32]:
    """Row indices of bootstrap resamples, ``(resamples, n)``; the same for everything with n pictures and this seed."""
    generator = np.random.Generator(np.random.Philox(key=[seed, n]))
    return generator.integers(0, n, size=(resamples, n), dtype=np.int32)


def percentile_interval(value: float, replicates: Float64, level: float = 0.95) -> Interval:
    """The middle share of replicates; NaN replicates are left out.

    Args:
        value: the estimate itself.
        replicates: ``(R,)``.
        level: share of replicates inside.
    """
    found = replicates[~np.isnan(replicates)]
    if not found.size or math.isnan(value):
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def mean_interval(
    values: npt.ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    kind: Literal["bca", "percentile"] = "bca",
) -> Interval:
    r"""Bootstrap interval of a mean over pictures.

    ``bca`` corrects the percentiles for bias and skew (Efron, "Better Bootstrap Confidence Intervals", 1987); the
    acceleration comes from the jackknife, which for a mean is :math:`\sum d_i^3 / (6 (\sum d_i^2)^{3/2})` with
    :math:`d_i=x_i-\bar x`.

    Args:
        values: ``(N,)`` one per picture; NaN ones are left out.
        seed: of the resamples.
        resamples: number of them.
        level: of confidence.
        kind: of interval.

    Returns:
        Mean and interval; no interval for fewer than two pictures.

    Raises:
        InputError: not a vector, an infinite value, or a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise InputError(f"confidence level {level}", mend="choose one between 0 and 1")
    found = _vector(values)
    found = found[~np.isnan(found)]
    if not found.size:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(found.mean())
    if found.size < 2:
        return Interval(mean, math.nan, math.nan)
    if np.ptp(found) == 0.0:
        return Interval(mean, mean, mean)
    replicates: Float64 = found[resample_indices(found.size, resamples, seed)].mean(axis=1)
    if kind == "percentile":
        return percentile_interval(mean, replicates, level)
    below = (float((replicates < mean).sum()) + 0.5 * float((replicates == mean).sum())) / resamples
    bias = float(ndtri(min(max(below, 0.5 / resamples), 1 - 0.5 / resamples)))
    deviation = found - mean
    acceleration = float((deviation**3).sum() / (6.0 * (deviation**2).sum() ** 1.5))
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        z = bias + float(ndtri(share))
        ends.append(float(ndtr(bias + z / (1.0 - acceleration * z))))
    low, high = np.quantile(replicates, ends)
    return Interval(mean, float(low), float(high))


def paired_difference(a: npt.ArrayLike, b: npt.ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Mean of ``a - b`` over pictures with its 95 % percentile interval.

    Args:
        a: ``(N,)`` values of one method.
        b: ``(N,)`` values of another, of the same pictures in the same order.
        seed: of the resamples.
        resamples: number of them.

    Raises:
        InputError: lengths differ, or values that are not finite.
    """
    first, second = _vector(a), _vector(b)
    if first.shape != second.shape:
        raise InputError(f"{first.size} and {second.size} values cannot be paired")
    return mean_interval(first - second, seed=seed, resamples=resamples, kind="percentile")


def signed_rank_p(differences: npt.ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test that differences are symmetric about zero.

    Zeros are dropped (Wilcoxon, 1945), ties share the mean of their ranks. Exact, ties included, up to
    :data:`EXACT_UP_TO` non-zero differences: all 2^n signs are counted by adding one rank at a time. Above, the normal
    approximation with tie and continuity correction.

    Args:
        differences: ``(N,)``; NaN ones are left out.

    Returns:
        p in (0, 1]; 1 where every difference is zero.

    Raises:
        InputError: not a vector, or an infinite value.
    """
    found = _vector(differences)
    found = found[~np.isnan(found) & (found != 0.0)]
    n = found.size
    if n == 0:
        return 1.0
    # mean ranks are multiples of one half: doubled they are whole numbers
    ranks = np.rint(2.0 * rankdata(np.abs(found))).astype(np.int64)
    positive = int(ranks[found > 0].sum())
    total = int(ranks.sum())
    smaller = min(positive, total - positive)
    if n <= EXACT_UP_TO:
        chances = np.zeros(total + 1)
        chances[0] = 1.0
        reach = 0
        for rank in ranks.tolist():
            reach += rank
            chances[rank : reach + 1] = 0.5 * (chances[rank : reach + 1] + chances[: reach + 1 - rank])
            chances[:rank] *= 0.5
        return min(1.0, 2.0 * float(chances[: smaller + 1].sum()))
    spread = math.sqrt(float((ranks.astype(np.float64) ** 2).sum()) / 4.0)
    z = (smaller - total / 2.0 + 1.0) / spread  # ranks are doubled, so the continuity correction of one half is one
    return min(1.0, 2.0 * float(ndtr(z)))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): controls the chance of any false claim in a family of tests.

    Args:
        p: of every test of the family; NaN ones stay NaN and do not count.

    Returns:
        Corrected p, in the order given; each at least its own p, at most 1.
    """
    corrected = [math.nan] * len(p)
    order = sorted((index for index in range(len(p)) if not math.isnan(p[index])), key=lambda index: p[index])
    running = 0.0
    for place, index in enumerate(order):
        running = max(running, min(1.0, (len(order) - place) * p[index]))
        corrected[index] = running
    return corrected


def compare_methods(
    values: Mapping[str, npt.ArrayLike], *, seed: int = 0, resamples: int = RESAMPLES
) -> list[Comparison]:
    """Compare every two methods on one metric.

    Args:
        values: method -> ``(N,)`` values of the same pictures in the same order. A picture that is NaN for one method of a
            pair is left out of that pair.
        seed: of the resamples.
        resamples: number of them.

    Returns:
        One :class:`Comparison` for each pair of methods, in the order given.

    Raises:
        InputError: lengths differ, or infinite values (see :func:`fittingroom.metrics.psnr.capped`).
    """
    arrays = {method: _vector(entries) for method, entries in values.items()}
    if len({array.size for array in arrays.values()}) > 1:
        sizes = ", ".join(f"{method}: {array.size}" for method, array in arrays.items())
        raise InputError(
            f"methods with different numbers of values ({sizes})", mend="compare them on the same pictures"
        )
    found = []
    for a, b in itertools.combinations(arrays, 2):
        difference = arrays[a] - arrays[b]
        difference = difference[~np.isnan(difference)]
        interval = mean_interval(difference, seed=seed, resamples=resamples, kind="percentile")
        p = signed_rank_p(difference) if difference.size else math.nan
        found.append((a, b, difference.size, interval, p))
    corrected = holm([entry[-1] for entry in found])
    return [
        Comparison(a, b, n, interval.value, interval.low, interval.high, p, p_holm)
        for (a, b, n, interval, p), p_holm in zip(found, corrected, strict=True)
    ]


def _vector(values: npt.ArrayLike) -> Float64:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"values of shape {array.shape}, expected one per picture")
    if np.isinf(array).any():
        raise InputError("infinite values have no mean", mend="cap them first (metrics.psnr.capped)")
    return array

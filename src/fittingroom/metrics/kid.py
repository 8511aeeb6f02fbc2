r"""Kernel distance (KID): unbiased squared maximum mean discrepancy under a cubic polynomial kernel.

Bińkowski et al., "Demystifying MMD GANs", 2018, section 4: :math:`k(x,y)=(x^\top y/d+1)^3`. All sums that are asked for
(the whole sets, seeded subsets, bootstrap resamples) are quadratic forms :math:`w^\top K w` of one kernel matrix, so K
is computed once, in float64, a block of rows at a time, and all weight vectors meet it in one matrix product.

Values are reported times 1000 (:data:`SCALE`), as most papers do. They can be negative: the estimate is unbiased, so
that sets of the same distribution give values on both sides of zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError
from .features import Features, Float64, check_same_width, checked_features, checked_resamples

#: reported values are the squared discrepancy times this
SCALE = 1000.0
_BLOCK = 1024


@dataclass(frozen=True)
class Kid:
    """What :func:`kid` gives; every value times 1000.

    Args:
        value: unbiased estimate from all pictures: no subset noise, no seed.
        subset_mean: mean over seeded subsets, the convention of the literature.
        subset_std: population standard deviation over the subsets; depends on their size, and is no error of the value.
        subset_size: pictures of either set in a subset.
        replicates: ``(R,)`` bootstrap replicates of ``value``, NaN where a resample holds a single picture over and over;
            empty when no resamples were given.
    """

    value: float
    subset_mean: float
    subset_std: float
    subset_size: int
    replicates: Float64


def polynomial_kernel(x: Float64, y: Float64) -> Float64:
    """``(x . y / d + 1)^3`` for rows of ``(N, d)`` and ``(M, d)``; ``(N, M)`` float64."""
    kernel: Float64 = x @ y.T
    kernel /= x.shape[1]
    kernel += 1.0
    squared = kernel * kernel
    kernel *= squared
    return kernel


def _within(x: Float64, weights: Float64) -> Float64:
    """Sum over pairs of different rows of ``w_i w_j k(x_i, x_j)``, for each row w of ``(S, N)`` weights; ``(S,)``."""
    total = np.zeros(len(weights))
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, start + _BLOCK)
        kernel = polynomial_kernel(x[rows], x)
        local = np.arange(len(kernel))
        kernel[local, start + local] = 0.0
        total += np.einsum("sn,sn->s", weights[:, rows] @ kernel, weights)
    return total


def _between(x: Float64, y: Float64, weights_x: Float64, weights_y: Float64) -> Float64:
    """``w_x^T K w_y`` for each pair of rows of ``(S, N)`` and ``(S, M)`` weights; ``(S,)``."""
    total = np.zeros(len(weights_x))
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, start + _BLOCK)
        kernel = polynomial_kernel(x[rows], y)
        total += np.einsum("sm,sm->s", weights_x[:, rows] @ kernel, weights_y)
    return total


def _pairs(weights: Float64) -> Float64:
    """Total weight of pairs of different rows: what the sums of :func:`_within` are divided by; ``(S,)``."""
    total: Float64 = weights.sum(axis=1) ** 2 - np.einsum("sn,sn->s", weights, weights)
    return total


def _discrepancy(x: Float64, y: Float64, weights_x: Float64, weights_y: Float64) -> Float64:
    cross = _between(x, y, weights_x, weights_y) / (weights_x.sum(axis=1) * weights_y.sum(axis=1))
    result: Float64 = (
        _within(x, weights_x) / _pairs(weights_x) + _within(y, weights_y) / _pairs(weights_y) - 2.0 * cross
    )
    return result


def _indicator(chosen: npt.NDArray[np.integer], n: int) -> Float64:
    """``(S, m)`` row indices -> ``(S, n)`` counts."""
    counts = np.zeros((len(chosen), n))
    np.add.at(counts, (np.arange(len(chosen))[:, None], chosen), 1.0)
    return counts


def subset_discrepancies(
    features: Features,
    reference: Features,
    chosen: npt.NDArray[np.integer],
    chosen_reference: npt.NDArray[np.integer],
) -> Float64:
    """Unbiased discrepancy of each given pair of subsets, **not** times 1000.

    Args:
        features: ``(N, d)``.
        reference: ``(M, d)``.
        chosen: ``(S, m)`` rows of ``features``, without repetition within a subset.
        chosen_reference: ``(S, m)`` rows of ``reference``.

    Returns:
        ``(S,)`` float64.

    Raises:
        InputError: see :func:`kid`.
    """
    x, y = checked_features(features), checked_features(reference, what="reference features")
    check_same_width(x.shape[1], y.shape[1])
    if chosen.ndim != 2 or chosen.shape[1] < 2 or chosen_reference.ndim != 2 or chosen_reference.shape[1] < 2:
        raise InputError("subsets of fewer than 2 pictures")
    return _discrepancy(x, y, _indicator(chosen, len(x)), _indicator(chosen_reference, len(y)))


def seeded_subsets(n: int, size: int, subsets: int, seed: int, stream: int) -> npt.NDArray[np.int64]:
    """``(subsets, size)`` indices below n, without repetition within a subset; the same on every machine."""
    generator = np.random.Generator(np.random.Philox(key=[seed, stream]))
    return np.stack([generator.permutation(n)[:size] for _ in range(subsets)])


def kid(
    features: Features,
    reference: Features,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
    resamples: npt.NDArray[np.integer] | None = None,
) -> Kid:
    """Kernel distance between two sets of features.

    Bootstrap replicates count only pairs of different pictures: a picture drawn twice would otherwise be compared with
    itself, and every replicate would lie above the estimate. The reference is not resampled; the interval is for other
    pictures of the same model.

    Costs three products of ``(N, d)`` blocks and O((R + subsets) N^2). Holds the weights, ``(1 + subsets + R, N)``
    float64, but never a whole kernel matrix.

    Args:
        features: ``(N, d)``, any floating type; computed in float64.
        reference: ``(M, d)``.
        subsets: number of subsets.
        subset_size: pictures of either set in a subset; min(1000, min(N, M) // 2) by default.
        seed: of the subsets.
        resamples: ``(R, N)`` row indices, the same for every method, for the replicates.

    Returns:
        :class:`Kid`, times 1000.

    Raises:
        InputError: fewer than four pictures in a set, different lengths, values that are not finite, or a subset size
            out of range.
    """
    x = checked_features(features, least=4)
    y = checked_features(reference, what="reference features", least=4)
    check_same_width(x.shape[1], y.shape[1])
    smaller = min(len(x), len(y))
    size = min(1000, smaller // 2) if subset_size is None else subset_size
    if not 2 <= size <= smaller or subsets < 1:
        raise InputError(f"{subsets} subsets of {size} pictures out of {smaller}", mend="choose a size from 2 to N")
    chosen_x = _indicator(seeded_subsets(len(x), size, subsets, seed, 0), len(x))
    chosen_y = _indicator(seeded_subsets(len(y), size, subsets, seed, 1), len(y))
    counts = np.zeros((0, len(x))) if resamples is None else _indicator(checked_resamples(resamples, len(x)), len(x))
    weights_x = np.concatenate([np.ones((1, len(x))), chosen_x, counts])
    weights_y = np.concatenate([np.ones((1, len(y))), chosen_y])

    pairs_x = _pairs(weights_x)
    pairs_x[pairs_x == 0.0] = np.nan  # a resample of one picture over and over has no pair of different ones
    within_y = _within(y, weights_y) / _pairs(weights_y)
    whole = np.ones((len(counts), len(y)))  # replicates meet the whole reference
    cross = _between(x, y, weights_x, np.concatenate([weights_y, whole]))
    sizes_y = np.concatenate([weights_y.sum(axis=1), whole.sum(axis=1)])
    values = _within(x, weights_x) / pairs_x - 2.0 * cross / (weights_x.sum(axis=1) * sizes_y)
    values += np.concatenate([within_y, np.full(len(counts), within_y[0])])
    values *= SCALE
    subset_values = values[1 : 1 + subsets]
    return Kid(float(values[0]), float(subset_values.mean()), float(subset_values.std()), size, values[1 + subsets :])

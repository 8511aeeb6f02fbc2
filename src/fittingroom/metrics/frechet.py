r"""Fréchet distance between two sets of features, without a matrix square root.

For Gaussians fitted to both sets (Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017, eq. 6)

.. math:: d^2 = \|\mu_1-\mu_2\|^2 + \mathrm{Tr}\,\Sigma_1 + \mathrm{Tr}\,\Sigma_2
          - 2\,\mathrm{Tr}\,(\Sigma_1\Sigma_2)^{1/2}.

Every covariance here is held as a root :math:`R` with :math:`R^\top R=\Sigma`. Then the eigenvalues of
:math:`\Sigma_1\Sigma_2` are the squared singular values of :math:`R_1R_2^\top`, so

.. math:: \mathrm{Tr}\,(\Sigma_1\Sigma_2)^{1/2} = \|R_1R_2^\top\|_*

(the nuclear norm). With fewer pictures than features the root is simply the centred features, and the matrix is
``(N_1 - 1, N_2 - 1)`` instead of ``(d, d)``: that is where the speed comes from. Nothing is added to a diagonal, no
complex number occurs, and ``eigvalsh`` is only ever given symmetric matrices.

The name FID belongs to distances on Inception features; this file does not know where its features come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .features import Features, Float64, check_same_width, checked_features, checked_resamples

#: up to this side singular values are computed directly; above, from the Gram matrix, which takes a third of the time
#: and whose error (1e-8 of the largest singular value, on the smallest ones) no longer matters in a sum of so many
_DIRECT_SIDE = 256


def centred_root(features: Float64) -> Float64:
    r"""A root of the sample covariance (divisor N - 1) with one row fewer than there are pictures.

    Centring leaves N rows of rank N - 1. A Householder reflection that takes the vector of ones to the first axis moves
    all of the mean into the first row; the others are :math:`x_i - (\sqrt N\,\mu + x_0)/(\sqrt N + 1)`. Dropping the
    first row therefore centres exactly, without leaving a zero singular value whose rounding error would be added up.

    Args:
        features: ``(N, d)``.

    Returns:
        ``(N - 1, d)`` R with ``R.T @ R`` the covariance.
    """
    n = features.shape[0]
    root_n = np.sqrt(n)
    pivot = (root_n * features.mean(axis=0) + features[0]) / (root_n + 1.0)
    root: Float64 = (features[1:] - pivot) / np.sqrt(n - 1.0)
    return root


def covariance_root(cov: Float64) -> Float64:
    """A root of a covariance matrix: its Cholesky factor, or its scaled eigenvectors where it has no full rank.

    Args:
        cov: ``(d, d)`` symmetric, positive semi-definite up to rounding.

    Returns:
        ``(r, d)`` R with ``R.T @ R = cov``, r <= d.
    """
    try:
        upper: Float64 = scipy.linalg.cholesky(cov, lower=False, check_finite=False)
        return upper
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh((cov + cov.T) / 2.0)
        kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
        root: Float64 = (vectors[:, kept] * np.sqrt(values[kept])).T
        return root


def nuclear_norm(matrix: Float64) -> float:
    """Sum of the singular values of ``(p, q)``.

    Costs O(p q min(p, q)); three times less than a full singular value decomposition when min(p, q) is large.
    """
    if 0 in matrix.shape:
        return 0.0
    if min(matrix.shape) <= _DIRECT_SIDE:
        return float(np.linalg.svd(matrix, compute_uv=False).sum())
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    values = np.linalg.eigvalsh(wide @ wide.T)
    return float(np.sqrt(np.clip(values, 0.0, None)).sum())


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of a set of features.

    Args:
        mean: ``(d,)`` float64.
        cov: ``(d, d)`` float64, divisor N - 1.
        n: number of pictures.
    """

    mean: Float64
    cov: Float64
    n: int

    @classmethod
    def of(cls, features: Features) -> Self:
        """Moments of ``(N, d)`` features.

        Raises:
            InputError: see :func:`fittingroom.metrics.features.checked_features`.
        """
        values = checked_features(features)
        root = centred_root(values)
        return cls(values.mean(axis=0), root.T @ root, len(values))


@dataclass(frozen=True)
class ReferenceFactor:
    """A reference set, prepared once for many comparisons; can be kept on disk as its arrays.

    Args:
        mean: ``(d,)`` float64.
        root: ``(r, d)`` float64, ``root.T @ root`` is the covariance; r is at most min(N - 1, d).
        n: number of pictures.
    """

    mean: Float64
    root: Float64
    n: int

    @classmethod
    def of(cls, reference: Features | Moments) -> Self:
        """Factorise features ``(N, d)`` or moments.

        Costs nothing for N <= d; one matrix product and one Cholesky factorisation of ``(d, d)`` otherwise.

        Raises:
            InputError: see :func:`fittingroom.metrics.features.checked_features`.
        """
        if isinstance(reference, Moments):
            return cls(reference.mean, covariance_root(reference.cov), reference.n)
        values = checked_features(reference, what="reference features")
        root = centred_root(values)
        if root.shape[0] > root.shape[1]:
            root = covariance_root(root.T @ root)
        return cls(values.mean(axis=0), root, len(values))

    @property
    def trace(self) -> float:
        """Trace of the covariance."""
        return float(np.einsum("ij,ij->", self.root, self.root))


def frechet_to_reference(features: Features | Moments, reference: ReferenceFactor) -> float:
    """Squared Fréchet distance of a set from a prepared reference.

    Args:
        features: ``(N, d)``, or their moments.
        reference: of the same length d.

    Returns:
        The distance, never negative. Same unit as the features, squared.

    Raises:
        InputError: fewer than two pictures, different lengths, or values that are not finite.
    """
    if isinstance(features, Moments):
        mean, cov = features.mean, features.cov
        check_same_width(len(mean), len(reference.mean))
        trace = float(np.trace(cov))
        inner = reference.root @ cov @ reference.root.T
        values = np.linalg.eigvalsh((inner + inner.T) / 2.0)
        overlap = float(np.sqrt(np.clip(values, 0.0, None)).sum())
    else:
        array = checked_features(features)
        check_same_width(array.shape[1], len(reference.mean))
        mean = array.mean(axis=0)
        root = centred_root(array)
        trace = float(np.einsum("ij,ij->", root, root))
        if root.shape[0] > root.shape[1] and reference.root.shape[0] >= root.shape[1]:
            root = covariance_root(root.T @ root)
        overlap = nuclear_norm(root @ reference.root.T)
    gap = mean - reference.mean
    return max(0.0, float(gap @ gap) + trace + reference.trace - 2.0 * overlap)


def frechet_distance(features_a: Features, features_b: Features) -> float:
    """Squared Fréchet distance between two sets of features.

    Symmetric up to rounding. Costs O(N_a N_b d + min(N_a, N_b, d)^3); for N = 200, d = 2048 that is milliseconds where
    the square root of the ``(d, d)`` product takes many seconds (``benchmarks/frechet.py`` measures both).

    Args:
        features_a: ``(N_a, d)``, any floating type; computed in float64.
        features_b: ``(N_b, d)``.

    Returns:
        The distance, never negative. **Biased upwards** by about c/N, where c depends on the model: compare only values
        of equal N, and see :mod:`fittingroom.metrics.fid_infinity` and :mod:`fittingroom.metrics.kid`.

    Raises:
        InputError: fewer than two pictures in a set, different lengths, or values that are not finite.
    """
    a = checked_features(features_a, what="features of the first set")
    b = checked_features(features_b, what="features of the second set")
    check_same_width(a.shape[1], b.shape[1])
    if min(len(a), len(b)) <= a.shape[1] < len(b):  # the small set decides the cost: leave the large one as it is
        return frechet_to_reference(a, ReferenceFactor(b.mean(axis=0), centred_root(b), len(b)))
    return frechet_to_reference(a, ReferenceFactor.of(b))


def frechet_influence(features: Features, reference: ReferenceFactor) -> Float64:
    r"""How strongly each picture pulls the distance: its empirical influence function.

    To first order, giving picture i the weight :math:`w_i` (instead of 1/N) changes the distance by
    :math:`\sum_i (w_i - 1/N)\,\varphi_i`. With :math:`x_i` centred and :math:`\Delta=\mu_1-\mu_2`,

    .. math:: \varphi_i = 2\Delta^\top x_i + \tfrac{N}{N-1}\|x_i\|^2 - N\,[(PP^\top)^{1/2}]_{ii} + \mathrm{const},

    where P is :math:`X_1R_2^\top/\sqrt{N-1}`; the constant makes the mean zero. One eigendecomposition of side
    min(N, r) gives all of them, so the pictures with the largest values are the worst outliers of a set at no extra cost.

    Args:
        features: ``(N, d)``.
        reference: of the same length d.

    Returns:
        ``(N,)`` float64 with mean zero.

    Raises:
        InputError: see :func:`frechet_to_reference`.
    """
    array = checked_features(features)
    check_same_width(array.shape[1], len(reference.mean))
    n = len(array)
    mean = array.mean(axis=0)
    centred = array - mean
    projected = centred @ reference.root.T / np.sqrt(n - 1.0)
    if n <= projected.shape[1]:
        values, vectors = np.linalg.eigh(projected @ projected.T)
        overlap = (vectors**2) @ np.sqrt(np.clip(values, 0.0, None))
    else:
        values, vectors = np.linalg.eigh(projected.T @ projected)
        kept = values > max(values[-1], 0.0) * len(values) * np.finfo(np.float64).eps
        overlap = ((projected @ vectors[:, kept]) ** 2) @ (1.0 / np.sqrt(values[kept]))
    spread = np.einsum("ij,ij->i", centred, centred) * (n / (n - 1.0))
    influence: Float64 = 2.0 * (centred @ (mean - reference.mean)) + spread - n * overlap
    influence -= influence.mean()
    return influence


def bootstrap_frechet(
    features: Features, reference: ReferenceFactor, resamples: npt.NDArray[np.integer], *, distance: float | None = None
) -> Float64:
    """Bootstrap replicates of the distance, for intervals and for differences between methods.

    A plain bootstrap is useless here: a resample holds only 63 % different pictures, and the distance grows as their
    number falls, so every replicate lies above the estimate. Replicates are therefore linear in the resampling weights,
    through :func:`frechet_influence` (the infinitesimal jackknife), which adds no bias. On synthetic features (d = 256;
    N = 50, 200, 600; three distributions; 120 draws each; ``benchmarks/small_sets.py coverage``) intervals that claim 95 %
    held the expected distance in 92 to 99 % of draws; plain percentile intervals did in 0 to 25 %, "basic" ones in 0 to
    37 %. Where N is far below d they err on the wide side: the spread is overestimated by up to one half.

    What the interval is of: the distance *at this N*, were other pictures of the same model drawn, the reference fixed.
    The bias of a small N is not an uncertainty and is not in it.

    Costs one eigendecomposition of side min(N, r), then O(R N). Giving the same ``resamples`` for every method makes
    replicates comparable row by row.

    Args:
        features: ``(N, d)``.
        reference: of the same length d.
        resamples: ``(R, N)`` row indices.
        distance: the distance itself, where it is already known.

    Returns:
        ``(R,)`` float64 around the distance; the lower tail of a small distance may be negative.

    Raises:
        InputError: see :func:`frechet_to_reference`; or resamples of another shape.
    """
    influence = frechet_influence(features, reference)
    checked_resamples(resamples, len(influence))
    value = frechet_to_reference(features, reference) if distance is None else distance
    replicates: Float64 = value + influence[resamples].mean(axis=1)
    return replicates

"""The Fréchet distance against closed forms, against scipy's matrix square root, and its intervals against repeated draws."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.core.errors import InputError
from fittingroom.metrics.frechet import (
    Moments,
    ReferenceFactor,
    bootstrap_frechet,
    centred_root,
    covariance_root,
    frechet_distance,
    frechet_influence,
    frechet_to_reference,
    nuclear_norm,
)
from fittingroom.metrics.stats import percentile_interval, resample_indices


def features(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Non-negative features with a decaying spectrum, like those behind a ReLU."""
    mix = np.random.default_rng(99).normal(size=(d, d)) / np.sqrt(d)
    scale = (1.0 + np.arange(d)) ** -0.7
    return np.maximum(np.random.default_rng(seed).normal(size=(n, d)) * scale @ mix * 3 + 0.1 + shift, 0)


def by_square_root(a: np.ndarray, b: np.ndarray) -> float:
    """The formula as it is written, with scipy's matrix square root."""
    root = scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    gap = a.mean(0) - b.mean(0)
    trace = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    return float(gap @ gap + trace - 2 * np.trace(root).real)


def by_eigenvalues(a: np.ndarray, b: np.ndarray) -> float:
    """The same through the symmetric matrix S_a^1/2 S_b S_a^1/2, exact for deficient ranks too."""
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    overlap = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    gap = a.mean(0) - b.mean(0)
    return float(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * overlap)


def test_one_feature_has_a_closed_form() -> None:
    a, b = np.array([[0.0], [2.0], [4.0]]), np.array([[10.0], [11.0]])
    expected = (2 - 10.5) ** 2 + (2.0 - np.sqrt(0.5)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-12)


def test_shift_and_scale_have_closed_forms() -> None:
    a = features(400, 20, 1)
    shift = np.linspace(-1, 1, 20)
    assert frechet_distance(a, a + shift) == pytest.approx(shift @ shift, rel=1e-9)
    trace = np.trace(np.cov(a, rowvar=False))
    centre = a.mean(0)
    assert frechet_distance(a, centre + 3 * (a - centre)) == pytest.approx(4 * trace, rel=1e-9)


@pytest.mark.parametrize(("n_a", "n_b", "d"), [(300, 250, 40), (1000, 130, 64), (90, 2000, 64)])
def test_equals_the_matrix_square_root_where_that_is_well_conditioned(n_a: int, n_b: int, d: int) -> None:
    a, b = features(n_a, d, 1), features(n_b, d, 2, 0.05)
    assert frechet_distance(a, b) == pytest.approx(by_square_root(a, b), rel=1e-6)


@pytest.mark.parametrize(("n_a", "n_b", "d"), [(30, 50, 64), (30, 500, 64), (500, 30, 64), (2, 3, 10), (64, 65, 64)])
def test_equals_the_eigenvalue_form_where_rank_is_deficient(n_a: int, n_b: int, d: int) -> None:
    a, b = features(n_a, d, 1), features(n_b, d, 2, 0.05)
    assert frechet_distance(a, b) == pytest.approx(by_eigenvalues(a, b), rel=2e-6)


def test_large_matrices_take_the_other_way_to_the_same_value() -> None:
    matrix = centred_root(features(400, 500, 5)) @ centred_root(features(350, 500, 6)).T
    assert min(matrix.shape) > 256
    expected = np.linalg.svd(matrix, compute_uv=False).sum()
    assert nuclear_norm(matrix) == pytest.approx(expected, rel=1e-9)
    assert nuclear_norm(matrix.T) == pytest.approx(expected, rel=1e-9)


def test_zero_for_equal_sets_and_symmetric() -> None:
    a, b = features(150, 64, 1), features(120, 64, 2)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-10)
    assert frechet_distance(a, b) > 0.01


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 30), m=st.integers(2, 30), d=st.integers(1, 20), seed=st.integers(0, 1000))
def test_any_shape_equals_the_eigenvalue_form(n: int, m: int, d: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=(n, d)), 2 * generator.normal(size=(m, d)) + 1
    cov = [np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b)]
    values, vectors = np.linalg.eigh(cov[0])
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    overlap = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov[1] @ root), 0, None)).sum()
    gap = a.mean(0) - b.mean(0)
    expected = gap @ gap + np.trace(cov[0]) + np.trace(cov[1]) - 2 * overlap
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_roots_give_the_covariance_back() -> None:
    a = features(37, 12, 3)
    root = centred_root(a)
    assert root.shape == (36, 12)
    np.testing.assert_allclose(root.T @ root, np.cov(a, rowvar=False), rtol=1e-10, atol=1e-14)
    deficient = np.cov(a[:5], rowvar=False)
    root = covariance_root(deficient)
    np.testing.assert_allclose(root.T @ root, deficient, atol=1e-12)


@pytest.mark.parametrize(("n_a", "n_b"), [(30, 300), (300, 30), (300, 400)])
def test_prepared_references_and_moments_agree(n_a: int, n_b: int) -> None:
    a, b = features(n_a, 64, 1), features(n_b, 64, 2)
    expected = frechet_distance(a, b)
    for reference in (ReferenceFactor.of(b), ReferenceFactor.of(Moments.of(b))):
        assert reference.trace == pytest.approx(np.trace(np.cov(b, rowvar=False)), rel=1e-9)
        assert frechet_to_reference(a, reference) == pytest.approx(expected, rel=1e-6)
        assert frechet_to_reference(Moments.of(a), reference) == pytest.approx(expected, rel=1e-6)


def test_a_dead_feature_is_no_trouble() -> None:
    a, b = features(100, 16, 1), features(100, 16, 2)
    wide_a, wide_b = (np.concatenate([x, np.zeros((100, 1))], axis=1) for x in (a, b))
    assert frechet_distance(wide_a, wide_b) == pytest.approx(frechet_distance(a, b), rel=1e-7)


def test_float32_features_are_computed_in_float64() -> None:
    a, b = (features(50, 32, seed).astype(np.float32) for seed in (1, 2))
    assert frechet_distance(a + np.float32(1000), b + np.float32(1000)) == pytest.approx(
        frechet_distance((a + np.float32(1000)).astype(np.float64), (b + np.float32(1000)).astype(np.float64)),
        rel=1e-12,
    )


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((1, 4)), np.zeros((5, 4)), "at least 2"),
        (np.zeros((5, 4)), np.zeros((1, 4)), "at least 2"),
        (np.zeros((5, 4)), np.zeros((5, 3)), "different lengths"),
        (np.zeros(5), np.zeros((5, 3)), "expected"),
        (np.full((5, 4), np.nan), np.zeros((5, 4)), "not finite"),
    ],
)
def test_what_cannot_be_measured_is_refused(a: np.ndarray, b: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        frechet_distance(a, b)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n", [40, 300])
def test_influence_is_the_derivative_of_the_distance(n: int) -> None:
    """Doubling a picture's weight by repeating the whole set many times and the picture once more."""
    a, b = features(n, 24, 1), features(200, 24, 2, 0.1)
    reference = ReferenceFactor.of(b)
    influence = frechet_influence(a, reference)
    assert influence.mean() == pytest.approx(0, abs=1e-9)

    def weighted(weights: np.ndarray) -> float:
        mean = weights @ a
        cov = (a - mean).T @ ((a - mean) * weights[:, None]) * (n / (n - 1))
        return frechet_to_reference(Moments(mean, cov, n), reference)

    step = 1e-5
    for picture in (0, n // 2, int(influence.argmax())):
        weights = np.full(n, (1 - step) / n)
        weights[picture] += step
        opposite = np.full(n, (1 + step) / n)
        opposite[picture] -= step
        slope = (weighted(weights) - weighted(opposite)) / (2 * step)
        assert slope == pytest.approx(influence[picture], rel=1e-3, abs=1e-4)


def test_the_outlier_has_the_largest_influence() -> None:
    a = features(60, 24, 1)
    a[17] += 4
    assert frechet_influence(a, ReferenceFactor.of(features(200, 24, 2))).argmax() == 17


def test_intervals_cover_the_expected_distance() -> None:
    """Out of 150 draws, the 95 % interval holds the mean distance of such draws about as often as it says.

    A plain bootstrap does not: it never covered it when this was tried.
    """
    n, draws = 60, 150
    reference = ReferenceFactor.of(features(300, 48, 7))
    resamples = resample_indices(n, 500)
    sets = [features(n, 48, 1000 + draw, 0.05) for draw in range(draws)]
    distances = [frechet_to_reference(a, reference) for a in sets]
    expected = float(np.mean(distances))
    covered = plain = 0
    for a, distance in zip(sets, distances, strict=True):
        interval = percentile_interval(distance, bootstrap_frechet(a, reference, resamples, distance=distance))
        assert interval.low < distance < interval.high
        covered += interval.low <= expected <= interval.high
    for a in sets[:30]:
        naive = np.array([frechet_to_reference(a[rows], reference) for rows in resamples[:60]])
        low, high = np.quantile(naive, [0.025, 0.975])
        plain += low <= expected <= high
    assert 0.88 <= covered / draws <= 1.0
    assert plain / 30 < 0.5


def test_resamples_of_another_size_are_refused() -> None:
    a, reference = features(10, 4, 1), ReferenceFactor.of(features(20, 4, 2))
    with pytest.raises(InputError, match="expected \\(R, 10\\)"):
        bootstrap_frechet(a, reference, np.zeros((3, 9), dtype=int))
    with pytest.raises(InputError, match="outside"):
        bootstrap_frechet(a, reference, np.full((3, 10), 10))


def test_far_faster_than_the_matrix_square_root() -> None:
    a, b = features(100, 512, 1), features(100, 512, 2)
    start = time.perf_counter()
    by_square_root(a, b)
    slow = time.perf_counter() - start
    fast = []
    for _ in range(3):
        start = time.perf_counter()
        frechet_distance(a, b)
        fast.append(time.perf_counter() - start)
    assert slow / min(fast) > 5

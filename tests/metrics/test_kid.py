"""KID against the definition written as loops, and its replicates against repeated draws."""

from __future__ import annotations

import numpy as np
import pytest

from fittingroom.core.errors import InputError
from fittingroom.metrics.kid import SCALE, kid, polynomial_kernel, seeded_subsets, subset_discrepancies
from fittingroom.metrics.stats import percentile_interval, resample_indices


def draw(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, size=(n, d))


def kernel(x: np.ndarray, y: np.ndarray) -> float:
    return (float(x @ y) / len(x) + 1) ** 3


def by_loops(a: np.ndarray, b: np.ndarray) -> float:
    """Bińkowski et al., eq. 4, term by term."""
    n, m = len(a), len(b)
    aa = sum(kernel(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    bb = sum(kernel(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    ab = sum(kernel(x, y) for x in a for y in b) / (n * m)
    return aa + bb - 2 * ab


def test_the_whole_sets_equal_the_loops() -> None:
    a, b = draw(13, 7, 1), draw(17, 7, 2, 0.3)
    assert kid(a, b).value == pytest.approx(SCALE * by_loops(a, b), rel=1e-12)


def test_subsets_equal_the_loops() -> None:
    a, b = draw(40, 7, 1), draw(30, 7, 2, 0.3)
    result = kid(a, b, subsets=5, seed=3)
    assert result.subset_size == 15
    chosen_a, chosen_b = seeded_subsets(40, 15, 5, 3, 0), seeded_subsets(30, 15, 5, 3, 1)
    assert all(len(set(row)) == 15 for row in chosen_a.tolist())
    values = [SCALE * by_loops(a[i], b[j]) for i, j in zip(chosen_a, chosen_b, strict=True)]
    assert len(set(values)) == 5
    assert result.subset_mean == pytest.approx(np.mean(values), rel=1e-10)
    assert result.subset_std == pytest.approx(np.std(values), rel=1e-10)
    np.testing.assert_allclose(SCALE * subset_discrepancies(a, b, chosen_a, chosen_b), values, rtol=1e-10)


def test_blocks_do_not_change_the_value() -> None:
    a, b = draw(1500, 16, 1), draw(1100, 16, 2, 0.1)
    k_aa, k_bb, k_ab = (polynomial_kernel(x, y) for x, y in ((a, a), (b, b), (a, b)))
    expected = (k_aa.sum() - np.trace(k_aa)) / (1500 * 1499) + (k_bb.sum() - np.trace(k_bb)) / (1100 * 1099)
    expected -= 2 * k_ab.mean()
    result = kid(a, b)
    assert result.value == pytest.approx(SCALE * expected, rel=1e-9)
    assert result.subset_size == 550


def test_replicates_leave_out_pairs_of_a_picture_with_itself() -> None:
    a, b = draw(9, 5, 1), draw(8, 5, 2, 0.5)
    resamples = resample_indices(9, 4, seed=1)
    result = kid(a, b, resamples=resamples)
    for rows, value in zip(resamples, result.replicates, strict=True):
        pairs = [(i, j) for i in rows for j in rows if i != j]
        aa = np.mean([kernel(a[i], a[j]) for i, j in pairs])
        bb = np.mean([kernel(b[i], b[j]) for i in range(8) for j in range(8) if i != j])
        ab = np.mean([kernel(a[i], y) for i in rows for y in b])
        assert value == pytest.approx(SCALE * (aa + bb - 2 * ab), rel=1e-10)


def test_a_resample_of_one_picture_has_no_value() -> None:
    a, b = draw(4, 5, 1), draw(8, 5, 2)
    replicates = kid(a, b, resamples=np.array([[0, 0, 0, 0], [0, 1, 2, 3]])).replicates
    assert np.isnan(replicates[0])
    assert replicates[1] == pytest.approx(kid(a, b).value)


def test_unbiased_where_the_distributions_agree() -> None:
    values = [kid(draw(20, 6, 2 * seed), draw(20, 6, 2 * seed + 1), subsets=1).value for seed in range(300)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0 < max(values)


def test_intervals_cover_the_expected_value() -> None:
    reference, n, draws = draw(300, 12, 7), 60, 150
    resamples = resample_indices(n, 400)
    results = [kid(draw(n, 12, 100 + seed, 0.15), reference, subsets=1, resamples=resamples) for seed in range(draws)]
    expected = np.mean([result.value for result in results])
    covered = 0
    for result in results:
        interval = percentile_interval(result.value, result.replicates)
        covered += interval.low <= expected <= interval.high
    assert 0.88 <= covered / draws <= 0.99


def test_the_seed_decides_the_subsets_and_nothing_else() -> None:
    a, b = draw(50, 6, 1), draw(50, 6, 2)
    assert kid(a, b, seed=1).subset_mean == kid(a, b, seed=1).subset_mean
    assert kid(a, b, seed=1).subset_mean != kid(a, b, seed=2).subset_mean
    assert kid(a, b, seed=1).value == pytest.approx(kid(a, b, seed=2).value, rel=1e-9)


@pytest.mark.parametrize(
    ("n", "m", "options", "message"),
    [
        (3, 9, {}, "at least 4"),
        (9, 9, {"subset_size": 10}, "out of 9"),
        (9, 9, {"subset_size": 1}, "out of 9"),
        (9, 9, {"subsets": 0}, "0 subsets"),
        (9, 9, {"resamples": np.zeros((2, 8), dtype=int)}, "expected \\(R, 9\\)"),
    ],
)
def test_what_cannot_be_measured_is_refused(n: int, m: int, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        kid(draw(n, 4, 1), draw(m, 4, 2), **options)

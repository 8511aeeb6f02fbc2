"""Intervals and tests against scipy, against counting every case, and against worked examples."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.core.errors import InputError
from fittingroom.metrics.stats import (
    Interval,
    compare_methods,
    holm,
    mean_interval,
    paired_difference,
    percentile_interval,
    resample_indices,
    signed_rank_p,
)


def by_enumeration(differences: np.ndarray) -> float:
    """Every assignment of signs to the ranks, counted."""
    found = differences[differences != 0]
    ranks = scipy.stats.rankdata(np.abs(found))
    smaller = min(ranks[found > 0].sum(), ranks[found < 0].sum())
    sums = [
        sum(r for r, s in zip(ranks, signs, strict=True) if s) for signs in itertools.product((0, 1), repeat=len(found))
    ]
    return min(1.0, 2 * float(np.mean(np.array(sums) <= smaller + 1e-9)))


@pytest.mark.parametrize("n", [5, 12, 30, 120])
def test_signed_ranks_equal_scipy_without_ties(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.3, 1.0, n)
    expected = scipy.stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=10).filter(lambda values: any(values)))
def test_ties_and_zeros_equal_counting_every_case(values: list[int]) -> None:
    differences = np.array(values, dtype=float)
    assert signed_rank_p(differences) == pytest.approx(by_enumeration(differences), rel=1e-12)


def test_many_differences_equal_scipys_approximation() -> None:
    differences = np.round(np.random.default_rng(0).normal(0.05, 1.0, 700), 1)
    assert (differences == 0).any()
    expected = scipy.stats.wilcoxon(differences, method="asymptotic", correction=True).pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-9)


def test_exact_and_approximate_meet() -> None:
    differences = np.random.default_rng(1).normal(0.12, 1.0, 200)
    expected = scipy.stats.wilcoxon(differences, method="asymptotic", correction=True).pvalue
    assert 0.001 < expected < 0.5
    assert signed_rank_p(differences) == pytest.approx(expected, rel=0.03)


def test_signed_ranks_of_a_worked_example() -> None:
    """Ranks 1 to 6, only rank 2 negative: sums up to 2 are {}, {1}, {2}, so p = 2 * 3 / 64."""
    assert signed_rank_p([1.0, -2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx(6 / 64)
    assert signed_rank_p([0.0, 0.0, math.nan]) == 1.0
    assert signed_rank_p([0.0, 5.0]) == 1.0


def test_false_alarms_are_as_rare_as_promised() -> None:
    generator = np.random.default_rng(2)
    alarms = np.mean([signed_rank_p(generator.normal(size=20)) < 0.05 for _ in range(1000)])
    assert 0.03 < alarms < 0.065


def test_holm_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []
    found = holm([0.02, math.nan, 0.01])
    assert found[0] == pytest.approx(0.02)
    assert math.isnan(found[1])
    assert found[2] == pytest.approx(0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_none_and_bonferroni(p: list[float]) -> None:
    for raw, corrected in zip(p, holm(p), strict=True):
        assert raw <= corrected <= min(1.0, raw * len(p)) + 1e-12


def test_resamples_depend_on_size_and_seed_only() -> None:
    a = resample_indices(30, 100, seed=1)
    assert a.shape == (100, 30)
    assert a.min() == 0
    assert a.max() == 29
    np.testing.assert_array_equal(a, resample_indices(30, 100, seed=1))
    assert not np.array_equal(a, resample_indices(30, 100, seed=2))


@pytest.mark.parametrize("kind", ["bca", "percentile"])
def test_intervals_agree_with_scipy(kind: str) -> None:
    values = np.random.default_rng(3).exponential(size=40)
    ours = mean_interval(values, resamples=20_000, kind=kind)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method=kind, random_state=np.random.default_rng(0)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.value == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.02 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.02 * width)


def test_bca_follows_the_skew() -> None:
    values = np.random.default_rng(3).exponential(size=40)
    plain, corrected = mean_interval(values, kind="percentile"), mean_interval(values)
    assert corrected.low > plain.low
    assert corrected.high > plain.high


def test_intervals_cover_the_mean_as_often_as_they_say() -> None:
    generator = np.random.default_rng(4)
    found = [mean_interval(generator.exponential(size=40), resamples=400) for _ in range(400)]
    covered = np.mean([interval.low <= 1.0 <= interval.high for interval in found])
    assert 0.90 <= covered <= 0.97


def test_other_levels_are_wider_or_narrower() -> None:
    values = np.random.default_rng(3).normal(size=50)
    half, most = mean_interval(values, level=0.5), mean_interval(values, level=0.99)
    assert most.low < half.low < half.high < most.high
    with pytest.raises(InputError, match="level"):
        mean_interval(values, level=95)


def test_degenerate_values() -> None:
    assert mean_interval([2.0, 2.0, 2.0]) == Interval(2.0, 2.0, 2.0)
    single = mean_interval([2.0])
    assert single.value == 2.0
    assert math.isnan(single.low)
    assert math.isnan(mean_interval([]).value)
    assert mean_interval([1.0, math.nan, 3.0]).value == 2.0
    with pytest.raises(InputError, match="cap them"):
        mean_interval([1.0, math.inf])
    with pytest.raises(InputError, match="one per picture"):
        mean_interval(np.zeros((2, 2)))
    assert math.isnan(percentile_interval(1.0, np.array([math.nan])).low)


def test_paired_differences_use_the_pairs() -> None:
    generator = np.random.default_rng(5)
    difficulty = generator.normal(0, 10, 60)
    a, b = difficulty + generator.normal(0, 0.1, 60), difficulty + generator.normal(0.2, 0.1, 60)
    found = paired_difference(a, b)
    assert found.value == pytest.approx(np.mean(a - b))
    assert -0.3 < found.low < found.value < found.high < -0.1
    with pytest.raises(InputError, match="paired"):
        paired_difference(a, b[:-1])


def test_three_methods_on_the_same_pictures() -> None:
    generator = np.random.default_rng(6)
    base = generator.normal(0.3, 0.1, 25)
    values = {
        "one": base,
        "two": base + 0.05 + generator.normal(0, 0.01, 25),
        "three": base + generator.normal(0, 0.02, 25),
    }
    found = compare_methods(values, seed=1)
    assert [(entry.a, entry.b) for entry in found] == [("one", "two"), ("one", "three"), ("two", "three")]
    first, second, third = found
    assert first.n == 25
    assert first.mean_difference == pytest.approx(np.mean(values["one"] - values["two"]))
    assert first.low < first.mean_difference < first.high < 0 < third.low
    assert first.p == pytest.approx(scipy.stats.wilcoxon(values["one"], values["two"], method="exact").pvalue)
    assert first.p_holm <= 3 * first.p * (1 + 1e-12)
    assert first.p_holm < 0.001
    assert second.p_holm > 0.05
    assert [entry.p_holm for entry in found] == pytest.approx(holm([entry.p for entry in found]))
    assert found == compare_methods(values, seed=1)


def test_missing_values_leave_only_their_pairs() -> None:
    a, b, c = np.arange(8.0), np.arange(8.0) ** 2, np.arange(8.0) + 1
    b[3] = math.nan
    found = {(entry.a, entry.b): entry for entry in compare_methods({"a": a, "b": b, "c": c})}
    assert found["a", "b"].n == 7
    assert found["a", "c"].n == 8
    assert found["a", "c"].mean_difference == -1.0
    with pytest.raises(InputError, match="different numbers"):
        compare_methods({"a": a, "b": b[:-1]})
    assert compare_methods({"a": a}) == []

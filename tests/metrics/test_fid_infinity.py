"""The extrapolated distance against the distance of very many pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fittingroom.metrics.fid_infinity import _line, fid_infinity
from fittingroom.metrics.frechet import ReferenceFactor, frechet_to_reference


def draw(n: int, seed: int, d: int = 64, shift: float = 0.05) -> np.ndarray:
    scale = (1.0 + np.arange(d)) ** -0.5
    return np.maximum(np.random.default_rng(seed).normal(size=(n, d)) * scale + 0.1 + shift, 0)


def test_the_line_is_least_squares() -> None:
    x, y = np.array([1.0, 2.0, 3.0, 5.0]), np.array([2.0, 4.5, 5.5, 11.0])
    coefficients, covariance = np.polyfit(x, y, 1, cov="unscaled")
    residuals = y - np.polyval(coefficients, x)
    intercept, stderr, slope, rms = _line(x, y)
    assert (slope, intercept) == pytest.approx(tuple(coefficients))
    assert stderr == pytest.approx(math.sqrt(covariance[1, 1] * (residuals @ residuals) / 2))
    assert rms == pytest.approx(math.sqrt(np.mean(residuals**2)))


def test_much_nearer_to_the_distance_of_many_pictures() -> None:
    reference = ReferenceFactor.of(draw(3000, 1, shift=0.0))
    truth = frechet_to_reference(draw(200_000, 2), reference)
    plain, extrapolated = [], []
    for seed in range(10, 16):
        few = draw(300, seed)
        result = fid_infinity(few, reference, seed=seed)
        plain.append(frechet_to_reference(few, reference))
        extrapolated.append(result.value)
        assert result.sizes[0] == 150
        assert result.sizes[-1] == 300
        assert result.distances[-1] == pytest.approx(plain[-1], rel=1e-9)
        assert result.slope > 0
        assert result.note == ""
    assert abs(np.mean(extrapolated) - truth) < 0.15 * abs(np.mean(plain) - truth)


def test_each_point_is_the_distance_of_its_subset() -> None:
    reference, few = ReferenceFactor.of(draw(500, 1)), draw(90, 3)
    order = np.random.Generator(np.random.Philox(key=[5, 0])).permutation(90)
    result = fid_infinity(few, reference, repeats=1, seed=5)
    expected = [frechet_to_reference(few[order[:size]], reference) for size in result.sizes]
    assert result.distances == pytest.approx(expected, rel=1e-9)


def test_no_value_from_too_few_and_a_note_on_few() -> None:
    reference = ReferenceFactor.of(draw(300, 1))
    none = fid_infinity(draw(31, 2), reference)
    assert math.isnan(none.value)
    assert "31 pictures" in none.note
    assert "at least 32" in none.note
    rough = fid_infinity(draw(100, 2), reference)
    assert math.isfinite(rough.value)
    assert "rough" in rough.note
    assert fid_infinity(draw(128, 2), reference).note == ""


def test_the_seed_decides() -> None:
    reference, few = ReferenceFactor.of(draw(300, 1)), draw(100, 2)
    assert fid_infinity(few, reference, seed=4) == fid_infinity(few, reference, seed=4)
    assert fid_infinity(few, reference, seed=4).value != fid_infinity(few, reference, seed=5).value

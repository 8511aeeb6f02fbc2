"""Thin-plate splines: what they must go through, and that they bend least."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.nn import tps


def points(seed: int, count: int = 12) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, (1, count, 2)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_it_goes_through_its_points(seed: int) -> None:
    centres, values = points(seed), points(seed + 1)
    assert torch.allclose(tps.fit(centres, values)(centres), values, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 10))
def test_affine_maps_are_exact_and_cost_nothing(seed: int, smoothing: float) -> None:
    centres = points(seed)
    matrix = torch.from_numpy(np.random.default_rng(seed + 2).normal(size=(2, 2)))
    spline = tps.fit(centres, centres @ matrix + 0.3, smoothing)
    anywhere = points(seed + 3, 50) * 4 - 2
    assert torch.allclose(spline(anywhere), anywhere @ matrix + 0.3, atol=1e-6)
    assert float(spline.bending_energy()) == pytest.approx(0, abs=1e-8)


def test_bending_energy_equals_the_integral_of_squared_second_derivatives() -> None:
    spline = tps.fit(points(5, 6), points(6, 6)[..., :1])
    # the integrand falls as r**-4 (the weights sum to zero, and so do their moments): a wide grid holds nearly all of it
    step, half = 0.02, 12.0
    axis = torch.arange(-half, half, step, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
    f = spline(grid.reshape(1, -1, 2))[0, :, 0].reshape(len(axis), len(axis)).numpy()
    fxx = (f[1:-1, 2:] - 2 * f[1:-1, 1:-1] + f[1:-1, :-2]) / step**2
    fyy = (f[2:, 1:-1] - 2 * f[1:-1, 1:-1] + f[:-2, 1:-1]) / step**2
    fxy = (f[2:, 2:] - f[2:, :-2] - f[:-2, 2:] + f[:-2, :-2]) / (4 * step**2)
    integral = (fxx**2 + 2 * fxy**2 + fyy**2).sum() * step**2
    assert float(spline.bending_energy()) == pytest.approx(integral, rel=0.03)


@pytest.mark.parametrize("smoothing", [1e-4, 1e-2, 1.0])
def test_the_smoothing_spline_minimises_its_functional(smoothing: float) -> None:
    centres, values = points(7), points(8)

    def total(spline: tps.ThinPlateSpline) -> float:
        residual = (spline(centres) - values).square().sum()
        return float(residual + smoothing * spline.bending_energy()[0])

    best = tps.fit(centres, values, smoothing)
    generator = torch.Generator().manual_seed(1)
    # other splines of the same family: those through values slightly off the fitted ones
    for _ in range(20):
        change = 1e-2 * torch.randn(values.shape, generator=generator, dtype=torch.float64)
        other = tps.fit(centres, best(centres) + change)
        assert total(other) > total(best)


def test_gradients_reach_both_inputs() -> None:
    centres, values = points(1).requires_grad_(), points(2).requires_grad_()
    tps.fit(centres, values, 0.1)(points(3)).square().sum().backward()
    assert centres.grad is not None
    assert values.grad is not None
    assert centres.grad.abs().sum() > 0
    assert values.grad.abs().sum() > 0


def test_chunks_change_nothing() -> None:
    spline = tps.fit(points(1), points(2))
    anywhere = points(4, 100)
    assert torch.allclose(spline(anywhere, chunk=7), spline(anywhere), atol=1e-12)


@pytest.mark.parametrize(
    ("centres", "values", "smoothing"),
    [
        (torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), 0),
        (torch.zeros(1, 4, 3), torch.zeros(1, 4, 2), 0),
        (points(1), points(2), -1),
        (points(1), points(2, 5), 0),
    ],
)
def test_what_cannot_be_fitted_is_refused(centres: torch.Tensor, values: torch.Tensor, smoothing: float) -> None:
    with pytest.raises(ValueError):
        tps.fit(centres, values, smoothing)

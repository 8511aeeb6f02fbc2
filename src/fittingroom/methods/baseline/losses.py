r"""What the baseline minimises: the smoothing functional of thin-plate splines, solved in closed form.

The two terms of :math:`E(f) = \sum_i |f(c_i) - v_i|^2 + \lambda J(f)`; :func:`fittingroom.nn.tps.fit` finds the
minimiser, these functions evaluate it.
"""

from __future__ import annotations

import torch

from ...nn.tps import ThinPlateSpline
from ..base import Loss
from .warp import SMOOTHING


def landmark_residual(spline: ThinPlateSpline, values: torch.Tensor) -> torch.Tensor:
    """Sum of squared distances between the spline at its control points and what it should be there.

    Args:
        spline: fitted, for a batch of B.
        values: ``(B, N, K)``.

    Returns:
        Scalar: mean over the batch.
    """
    return (spline(spline.centres) - values).square().sum(dim=(-2, -1)).mean()


def bending_energy(spline: ThinPlateSpline) -> torch.Tensor:
    """Integral of the squared second derivatives over the plane, summed over outputs, mean over the batch; a scalar."""
    return spline.bending_energy().mean()


LANDMARKS = Loss(
    name="landmarks",
    symbol=r"E_{\mathrm{land}}",
    formula=r"\sum_{i=1}^{N} \left\| f(c_i) - v_i \right\|^2",
    weight=1.0,
    source="Wahba, Spline Models for Observational Data, SIAM 1990, section 2.4",
    text={
        "en": "Every landmark of the target body should look up its partner on the garment's photo: joints, the body's axis, "
        "and the garment's outline to both sides.",
        "ru": "Каждая опорная точка тела должна находить свою пару на фотографии одежды: суставы, ось тела и контур одежды "
        "по обе стороны от неё.",
    },
    where={
        "en": r"$f$: map from the target photo to the garment's photo; $c_i$: landmark on the target; $v_i$: its partner; coordinates are divided by the photo's height",
        "ru": r"$f$ — отображение из целевой фотографии в фотографию одежды; $c_i$ — опорная точка цели; $v_i$ — её пара; координаты делятся на высоту фотографии",
    },
    function=landmark_residual,
)

BENDING = Loss(
    name="bending",
    symbol=r"J(f)",
    formula=r"\iint_{\mathbb{R}^2} \left( f_{xx}^2 + 2 f_{xy}^2 + f_{yy}^2 \right) dx\, dy = 8 \pi\, w^{\top} K w",
    weight=SMOOTHING,
    source="Bookstein, Principal Warps, IEEE TPAMI 11(6), 1989, equations 5 to 8",
    text={
        "en": "Among all maps that fit the landmarks, the one that bends least is taken: it moves cloth as a thin metal plate would bend, "
        "and moves it rigidly where no landmark pulls.",
        "ru": "Из всех отображений, согласных с опорными точками, берётся то, которое меньше всего изгибается: ткань ведёт себя как "
        "тонкая металлическая пластина и остаётся жёсткой там, где её ничто не тянет.",
    },
    where={
        "en": r"$w$: weights of the kernels $U(r) = r^2 \ln r$ placed on the landmarks; $K_{ij} = U(\|c_i - c_j\|)$",
        "ru": r"$w$ — веса ядер $U(r) = r^2 \ln r$ в опорных точках; $K_{ij} = U(\|c_i - c_j\|)$",
    },
    function=bending_energy,
)

LOSSES = (LANDMARKS, BENDING)

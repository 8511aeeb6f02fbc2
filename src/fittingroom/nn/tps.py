r"""Thin-plate splines: smooth maps through (or near) given points that bend as little as possible.

A spline :math:`f(x) = a_0 + A x + \sum_i w_i U(|x - c_i|)` with :math:`U(r) = r^2 \ln r` minimises
:math:`\sum_i |f(c_i) - v_i|^2 + \lambda J(f)`, where :math:`J` is the bending energy, the integral of the squared second
derivatives (Duchon 1977; Bookstein, Principal Warps, TPAMI 1989; Wahba, Spline Models for Observational Data, 1990).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


def kernel(squared: torch.Tensor) -> torch.Tensor:
    r""":math:`U(r) = r^2 \ln r` from squared distances of any shape; 0 at 0."""
    return torch.where(
        squared > 0,
        0.5 * squared * torch.log(squared.clamp_min(1e-300 if squared.dtype == torch.float64 else 1e-38)),
        squared.new_zeros(()),
    )


def _squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a[..., :, None, :] - b[..., None, :, :]).square().sum(dim=-1)


@dataclass(frozen=True)
class ThinPlateSpline:
    """A fitted spline, for a batch.

    Args:
        centres: ``(B, N, 2)`` control points.
        weights: ``(B, N, K)`` coefficients of the kernels.
        affine: ``(B, 3, K)`` coefficients of 1, x, y.
    """

    centres: torch.Tensor
    weights: torch.Tensor
    affine: torch.Tensor

    def __call__(self, points: torch.Tensor, chunk: int = 1 << 16) -> torch.Tensor:
        """Values at ``(B, M, 2)`` points: ``(B, M, K)``. ``chunk`` points are done at a time, to bound the memory."""
        parts = []
        for part in torch.split(points, chunk, dim=-2):
            bend = kernel(_squared_distances(part, self.centres)) @ self.weights
            parts.append(bend + self.affine[..., :1, :] + part @ self.affine[..., 1:, :])
        return torch.cat(parts, dim=-2)

    def bending_energy(self) -> torch.Tensor:
        r"""``(B,)`` bending energy, summed over the K outputs: :math:`8\pi\, w^\top K w` (Bookstein 1989)."""
        inner = kernel(_squared_distances(self.centres, self.centres)) @ self.weights
        return 8.0 * math.pi * (self.weights * inner).sum(dim=(-2, -1))


def fit(centres: torch.Tensor, values: torch.Tensor, smoothing: float = 0.0) -> ThinPlateSpline:
    r"""Fit a spline.

    Args:
        centres: ``(B, N, 2)`` floating, N >= 3 and not all on one line; float64 is advised.
        values: ``(B, N, K)`` what the spline should be there.
        smoothing: :math:`\lambda \ge 0` in the module's formula; 0 goes through every value.

    Returns:
        The spline, differentiable with respect to both inputs.

    Raises:
        ValueError: shapes that do not fit, fewer than three points, negative smoothing.
        torch.linalg.LinAlgError: points on one line, or equal ones without smoothing.
    """
    if centres.ndim != 3 or centres.shape[-1] != 2 or values.shape[:2] != centres.shape[:2] or values.ndim != 3:
        raise ValueError(
            f"centres (B, N, 2) and values (B, N, K) expected, not {tuple(centres.shape)} and {tuple(values.shape)}"
        )
    if centres.shape[1] < 3:
        raise ValueError("three points or more are needed")
    if smoothing < 0:
        raise ValueError("smoothing is negative")
    batch, count, _ = centres.shape
    gram = kernel(_squared_distances(centres, centres))
    # the minimiser of |f(c) - v|^2 + lambda * 8 pi w'Kw solves (K + 8 pi lambda I) w + P a = v, P'w = 0
    gram = gram + 8.0 * math.pi * smoothing * torch.eye(count, dtype=centres.dtype, device=centres.device)
    ones = torch.cat([torch.ones_like(centres[..., :1]), centres], dim=-1)
    top = torch.cat([gram, ones], dim=-1)
    bottom = torch.cat([ones.transpose(-1, -2), centres.new_zeros(batch, 3, 3)], dim=-1)
    target = torch.cat([values, values.new_zeros(batch, 3, values.shape[-1])], dim=1)
    solution = torch.linalg.solve(torch.cat([top, bottom], dim=1), target)
    return ThinPlateSpline(centres, solution[:, :count], solution[:, count:])

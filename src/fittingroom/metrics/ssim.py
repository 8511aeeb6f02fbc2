r"""Structural similarity, at one scale and at five, per picture and as a map.

Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004, eq. 13; Wang et al.,
"Multi-scale Structural Similarity for Image Quality Assessment", 2003, eq. 7. Window: 11 x 11 Gaussian, sigma 1.5;
K1 = 0.01, K2 = 0.03, dynamic range 1. Borders follow the convention of the try-on literature (torchmetrics): pictures are
mirrored at their edges and SSIM is the mean over every pixel and channel; the contrast terms of the coarser scales leave
out the five outermost pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..core.errors import InputError

_RADIUS = 5
_SIGMA = 1.5
_C1 = 0.01**2
_C2 = 0.03**2
#: exponents of the five scales, finest first
BETAS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
#: five scales need a window to fit into the coarsest
LEAST_MULTISCALE = 11 * 2 ** (len(BETAS) - 1)


@dataclass(frozen=True)
class _Maps:
    similarity: torch.Tensor  # (B, C, H, W)
    contrast: torch.Tensor  # (B, C, H, W)


@functools.cache
def _window(dtype: torch.dtype, device: str) -> torch.Tensor:
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, dtype=torch.float64)
    weights = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    return (weights / weights.sum()).to(dtype=dtype, device=device)


def _blur(planes: torch.Tensor) -> torch.Tensor:
    """Gaussian mean around every pixel of ``(B, C, H, W)``, mirrored at the edges."""
    channels = planes.shape[1]
    padded = F.pad(planes, (_RADIUS,) * 4, mode="reflect")
    # depthwise convolution of this memory format is thirty times faster on a CPU than of the default one
    padded = padded.contiguous(memory_format=torch.channels_last)
    window = _window(planes.dtype, str(planes.device))
    down = window.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    across = window.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    return F.conv2d(F.conv2d(padded, down, groups=channels), across, groups=channels)


def _maps(images: torch.Tensor, truth: torch.Tensor) -> _Maps:
    # Only the sum of both variances occurs in the formula: four blurs instead of five. Variances do not change with the
    # origin, but the rounding error of "mean of squares less square of mean" does: it is smallest around mid-grey.
    a, b = images - 0.5, truth - 0.5
    mean_a, mean_b, squares, product = _blur(torch.cat([a, b, a * a + b * b, a * b], dim=1)).chunk(4, dim=1)
    covariance = product - mean_a * mean_b
    variances = (squares - mean_a * mean_a - mean_b * mean_b).clamp_(min=0)
    contrast = (2 * covariance + _C2) / (variances + _C2)
    mean_a, mean_b = mean_a + 0.5, mean_b + 0.5
    similarity = contrast * (2 * mean_a * mean_b + _C1) / (mean_a * mean_a + mean_b * mean_b + _C1)
    return _Maps(similarity, contrast)


def _check(images: torch.Tensor, truth: torch.Tensor, least: int) -> None:
    if images.ndim != 4 or images.shape != truth.shape:
        raise InputError(
            f"SSIM of tensors of shapes {tuple(images.shape)} and {tuple(truth.shape)}, expected (B, C, H, W)"
        )
    if not images.is_floating_point() or images.dtype != truth.dtype:
        raise InputError(f"SSIM of {images.dtype} and {truth.dtype}", mend="give floating point values in [0, 1]")
    for tensor in (images, truth):
        low, high = (float(value) for value in torch.aminmax(tensor))
        if not (low >= -1e-4 and high <= 1.0001):
            raise InputError(f"SSIM of values from {low:.3g} to {high:.3g}", mend="scale them to [0, 1]")
    if min(images.shape[2:]) < least:
        size = f"{images.shape[2]}x{images.shape[3]}"
        raise InputError(f"pictures of {size} are too small for this SSIM", mend=f"both sides need {least} pixels")


def ssim_map(images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Similarity around every pixel, mean over channels.

    Args:
        images: ``(B, C, H, W)`` floating point in [0, 1].
        truth: of the same shape and type.

    Returns:
        ``(B, H, W)``, 1 where the surroundings agree.

    Raises:
        InputError: shapes or types differ, values out of range, or a side shorter than 11 pixels.
    """
    _check(images, truth, 2 * _RADIUS + 1)
    return _maps(images, truth).similarity.mean(dim=1)


def ssim(images: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Structural similarity of each picture.

    Args:
        images: ``(B, C, H, W)`` floating point in [0, 1].
        truth: of the same shape and type.
        mask: ``(B, H, W)`` bool: mean over these pixels only (their windows still reach five pixels further).

    Returns:
        ``(B,)``, at most 1, higher is better; NaN for an empty mask.

    Raises:
        InputError: see :func:`ssim_map`; or a mask of another shape.
    """
    values = ssim_map(images, truth)
    if mask is None:
        return values.mean(dim=(1, 2))
    if mask.shape != values.shape or mask.dtype != torch.bool:
        raise InputError(f"mask {mask.dtype} {tuple(mask.shape)}, expected bool {tuple(values.shape)}")
    return (values * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))


def ms_ssim(images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Structural similarity over five scales, each half of the one before (2 x 2 means).

    Negative terms count as zero: their fractional powers would not be real.

    Args:
        images: ``(B, C, H, W)`` floating point in [0, 1].
        truth: of the same shape and type.

    Returns:
        ``(B,)`` in [0, 1], higher is better.

    Raises:
        InputError: see :func:`ssim_map`; both sides need 176 pixels.
    """
    _check(images, truth, LEAST_MULTISCALE)
    result = torch.ones(images.shape[0], dtype=images.dtype, device=images.device)
    inner = slice(_RADIUS, -_RADIUS)
    for scale, beta in enumerate(BETAS):
        maps = _maps(images, truth)
        if scale == len(BETAS) - 1:
            term = maps.similarity.mean(dim=(1, 2, 3))
        else:
            term = maps.contrast[..., inner, inner].mean(dim=(1, 2, 3))
            images, truth = F.avg_pool2d(images, 2), F.avg_pool2d(truth, 2)
        result = result * term.clamp(min=0) ** beta
    return result

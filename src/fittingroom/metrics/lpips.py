r"""Learned perceptual distance (LPIPS), version 0.1, over the taps of any trunk.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018, eq. 1:

.. math:: d(x, x_0) = \sum_l \frac{1}{H_l W_l} \sum_{h,w} \sum_c w_{lc}\,
          (\hat y^l_{chw} - \hat y^l_{0chw})^2,

where :math:`\hat y` are features of tap l divided by their norm over the channels. Details that change the value, as in
the published implementation: pictures in [-1, 1] are shifted and scaled per channel, 1e-10 is **added to the norm** (not
under its root), nothing is resized. A value depends on the trunk: its name belongs into the metric's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F

from ..core.errors import InputError

Taps: TypeAlias = Sequence[torch.Tensor]
#: ``(B, 3, H, W)``, already shifted and scaled -> one ``(B, C_l, H_l, W_l)`` per tap
Trunk: TypeAlias = Callable[[torch.Tensor], Taps]

#: per channel; a picture x in [-1, 1] enters the trunk as (x - SHIFT) / SCALE
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
_EPS = 1e-10


def scaled_input(images: torch.Tensor) -> torch.Tensor:
    """What a trunk is given: ``(B, 3, H, W)`` in [-1, 1], shifted and scaled per channel.

    Raises:
        InputError: another shape or type, or values outside [-1, 1].
    """
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise InputError(f"LPIPS of {images.dtype} {tuple(images.shape)}, expected floating point (B, 3, H, W)")
    low, high = (float(value) for value in torch.aminmax(images))
    if not (low >= -1.0001 and high <= 1.0001):
        raise InputError(f"LPIPS of values from {low:.3g} to {high:.3g}", mend="scale them to [-1, 1]")
    shift = images.new_tensor(SHIFT).view(1, 3, 1, 1)
    scale = images.new_tensor(SCALE).view(1, 3, 1, 1)
    return (images - shift) / scale


def heads_from_tensors(tensors: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Channel weights out of the published files, keys ``lin{l}.model.1.weight``.

    Args:
        tensors: key -> ``(1, C_l, 1, 1)``; other keys are refused, so that a wrong file is noticed.

    Returns:
        One ``(C_l,)`` per tap, first tap first.

    Raises:
        InputError: keys or shapes are not those of LPIPS heads, or a weight is negative.
    """
    heads = []
    for tap in range(len(tensors)):
        key = f"lin{tap}.model.1.weight"
        if key not in tensors:
            raise InputError(f"not the heads of LPIPS: no {key} among {', '.join(sorted(tensors)[:3])} ...")
        weight = tensors[key]
        if weight.ndim != 4 or weight.shape[0] != 1 or weight.shape[2:] != (1, 1):
            raise InputError(f"{key} of shape {tuple(weight.shape)}, expected (1, C, 1, 1)")
        if not bool((weight >= 0).all()):
            raise InputError(f"{key} has weights below zero: no distance")
        heads.append(weight.detach().reshape(-1))
    if not heads:
        raise InputError("not the heads of LPIPS: the file is empty")
    return tuple(heads)


def uniform_heads(channels: Sequence[int]) -> tuple[torch.Tensor, ...]:
    """Weights 1/C for trunks without learnt heads: each tap gives the mean over channels of the squared difference."""
    return tuple(torch.full((count,), 1.0 / count) for count in channels)


def _normalised(tap: torch.Tensor) -> torch.Tensor:
    norm: torch.Tensor = torch.linalg.vector_norm(tap, dim=1, keepdim=True)
    return tap / (norm + _EPS)


def tap_maps(taps_a: Taps, taps_b: Taps, heads: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Weighted squared difference at every place of every tap.

    Args:
        taps_a: one ``(B, C_l, H_l, W_l)`` per tap.
        taps_b: of the same shapes (or B = 1).
        heads: one ``(C_l,)`` per tap.

    Returns:
        One ``(B, 1, H_l, W_l)`` per tap.

    Raises:
        InputError: numbers or shapes do not fit.
    """
    if not len(taps_a) == len(taps_b) == len(heads):
        raise InputError(f"{len(taps_a)} and {len(taps_b)} taps, {len(heads)} heads")
    maps = []
    for a, b, head in zip(taps_a, taps_b, heads, strict=True):
        if a.shape[1:] != b.shape[1:] or a.shape[1] != head.numel():
            raise InputError(f"taps of shapes {tuple(a.shape)} and {tuple(b.shape)}, head of {head.numel()} channels")
        squared = (_normalised(a) - _normalised(b)).square_()
        maps.append(F.conv2d(squared, head.to(squared).view(1, -1, 1, 1)))
    return maps


def lpips_from_taps(taps_a: Taps, taps_b: Taps, heads: Sequence[torch.Tensor]) -> torch.Tensor:
    """Distance of each pair of pictures from their taps; arguments and errors as of :func:`tap_maps`.

    Returns:
        ``(B,)``, never negative; zero for equal taps.
    """
    means = [values.mean(dim=(1, 2, 3)) for values in tap_maps(taps_a, taps_b, heads)]
    return torch.stack(means).sum(dim=0)


def lpips_map_from_taps(
    taps_a: Taps, taps_b: Taps, heads: Sequence[torch.Tensor], size: tuple[int, int]
) -> torch.Tensor:
    """Distance at every pixel: the maps of all taps, enlarged bilinearly (pixel centres aligned) and added.

    Its mean differs a little from :func:`lpips_from_taps`, because enlarging does not keep means.

    Args:
        taps_a: see :func:`tap_maps`.
        taps_b: see :func:`tap_maps`.
        heads: see :func:`tap_maps`.
        size: (height, width) of the pictures.

    Returns:
        ``(B, H, W)``.
    """
    maps = tap_maps(taps_a, taps_b, heads)
    enlarged = [F.interpolate(values, size=size, mode="bilinear", align_corners=False) for values in maps]
    return torch.stack(enlarged).sum(dim=0)[:, 0]


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of ``(B, H, W)`` values inside ``(B, H, W)`` bool masks: masked LPIPS, given a map.

    Returns:
        ``(B,)``, NaN for an empty mask.

    Raises:
        InputError: shapes differ, or the mask is not bool.
    """
    if mask.shape != values.shape or mask.dtype != torch.bool:
        raise InputError(f"mask {mask.dtype} {tuple(mask.shape)}, expected bool {tuple(values.shape)}")
    return torch.where(mask, values, 0).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))


@dataclass(frozen=True)
class Lpips:
    """A trunk with its heads. Runs in whatever gradient mode and device it is called in.

    Args:
        trunk: gives the taps of shifted and scaled pictures.
        heads: one ``(C_l,)`` per tap.
    """

    trunk: Trunk
    heads: Sequence[torch.Tensor]

    def taps(self, images: torch.Tensor) -> Taps:
        """Taps of ``(B, 3, H, W)`` in [-1, 1]; keep them to compare one picture with several.

        Raises:
            InputError: see :func:`scaled_input`.
        """
        return self.trunk(scaled_input(images))

    def distance(self, images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """``(B,)`` distances of two ``(B, 3, H, W)`` in [-1, 1]."""
        self._check(images, truth)
        return lpips_from_taps(self.taps(images), self.taps(truth), self.heads)

    def map(self, images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """``(B, H, W)`` distance at every pixel."""
        self._check(images, truth)
        size = (images.shape[2], images.shape[3])
        return lpips_map_from_taps(self.taps(images), self.taps(truth), self.heads, size)

    @staticmethod
    def _check(images: torch.Tensor, truth: torch.Tensor) -> None:
        if images.shape != truth.shape:
            raise InputError(
                f"LPIPS of pictures of shapes {tuple(images.shape)} and {tuple(truth.shape)}",
                mend="resize one of them first",
            )

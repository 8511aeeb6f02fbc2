"""Metrics of one picture: those that need no network, and those that do."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ..core.errors import FittingroomError
from ..core.images import UInt8
from .backbones import LpipsBackbone
from .colour import garment_colour_difference, mean_delta_e
from .lpips import lpips_from_taps, lpips_map_from_taps, masked_mean
from .picture import Context
from .psnr import capped, psnr
from .ssim import ms_ssim, ssim


def _unit(image: UInt8) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()[None] / 255.0


def picture_values(
    image: UInt8, truth: UInt8 | None, context: Context | None, wanted: Sequence[str]
) -> tuple[dict[str, float], list[str]]:
    """Everything of one picture that needs no network.

    Args:
        image: ``(H, W, 3)`` uint8, generated.
        truth: of the same shape, or None.
        context: what regional metrics need, or None.
        wanted: names of metrics; others than those below are passed over.

    Returns:
        Name -> value, and one line for everything that could not be computed.
    """
    values: dict[str, float] = {}
    problems: list[str] = []
    if truth is not None:
        if "psnr" in wanted:
            values["psnr"] = float(capped(psnr(image, truth)))
        a, b = _unit(image), _unit(truth)
        for name, function in (("ssim", ssim), ("ms-ssim", ms_ssim)):
            if name in wanted:
                try:
                    values[name] = float(function(a, b)[0])
                except FittingroomError as error:
                    problems.append(f"{name}: {error}")
    if context is not None:
        if "psnr-outside" in wanted:
            values["psnr-outside"] = float(capped(psnr(image, context.person, context.outside)))
        if "de2000-outside" in wanted:
            values["de2000-outside"] = mean_delta_e(image, context.person, context.outside)
        if "garment-de2000" in wanted:
            values["garment-de2000"] = garment_colour_difference(
                image, context.region, context.garment, context.garment_mask
            )
        if "garment-de2000-truth" in wanted and truth is not None:
            values["garment-de2000-truth"] = mean_delta_e(image, truth, context.region)
    return {name: value for name, value in values.items() if not math.isnan(value)}, problems


def torch_values(
    image: UInt8,
    truth: UInt8 | None,
    context: Context | None,
    wanted: Sequence[str],
    trunks: Mapping[str, LpipsBackbone],
) -> tuple[dict[str, float], float]:
    """LPIPS of one picture, whole and inside the garment's region, through every trunk.

    Returns:
        Name -> value, and the seconds spent in the networks.
    """
    values: dict[str, float] = {}
    spent = 0.0
    if truth is None:
        return values, spent
    for name, trunk in trunks.items():
        begin = time.perf_counter()
        with torch.inference_mode():
            taps, true_taps = trunk.taps(image), trunk.taps(truth)
            spent += time.perf_counter() - begin
            if f"lpips-{name}" in wanted:
                values[f"lpips-{name}"] = float(lpips_from_taps(taps, true_taps, trunk.lpips.heads)[0])
            if f"lpips-{name}-region" in wanted and context is not None and context.region.any():
                inside = lpips_map_from_taps(taps, true_taps, trunk.lpips.heads, (image.shape[0], image.shape[1]))
                mask = torch.from_numpy(context.region)[None].to(inside.device)
                values[f"lpips-{name}-region"] = float(masked_mean(inside, mask)[0])
    return values, spent

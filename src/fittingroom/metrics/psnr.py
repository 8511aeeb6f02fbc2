"""Peak signal-to-noise ratio, of whole pictures and of a region."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError
from ..core.images import UInt8

#: what an identical picture (infinite ratio) counts as in a mean, in dB. Two 8-bit photos of 512 x 320 that differ by one
#: grey level in three of their values have 100.3 dB: hardly anything that differs is cut off.
CAP = 100.0


def psnr(image: UInt8, truth: UInt8, mask: npt.NDArray[np.bool_] | None = None) -> float:
    """``10 log10(255^2 / MSE)``, over all values or those of a region.

    Args:
        image: ``(H, W, C)`` or ``(H, W)`` uint8.
        truth: of the same shape.
        mask: ``(H, W)`` bool; None for the whole picture.

    Returns:
        Decibels; infinite for identical pictures, NaN for an empty region.

    Raises:
        InputError: shapes differ, or values that are not uint8.
    """
    if image.dtype != np.uint8 or truth.dtype != np.uint8:
        raise InputError(f"PSNR of {image.dtype} and {truth.dtype} pictures", mend="give uint8")
    if image.shape != truth.shape:
        raise InputError(f"PSNR of pictures of shapes {image.shape} and {truth.shape}", mend="resize one of them first")
    a, b = image, truth
    if mask is not None:
        if mask.shape != image.shape[:2] or mask.dtype != np.bool_:
            raise InputError(f"mask {mask.dtype} {mask.shape} for a picture of shape {image.shape}")
        if not mask.any():
            return math.nan
        inside = np.flatnonzero(mask)
        a, b = (np.take(x.reshape(mask.size, -1), inside, axis=0) for x in (image, truth))
    # squares of differences of bytes, summed exactly in integers: the order of summation cannot matter
    difference = a.astype(np.int32) - b
    total = int(np.square(difference, out=difference).sum(dtype=np.int64))
    if total == 0:
        return math.inf
    return 10.0 * math.log10(255.0**2 * a.size / total)


def capped(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Ratios as they enter means, intervals and tests: infinite (and larger than :data:`CAP`) ones count as the cap.

    A mean over infinite values is infinite and hides every other picture; leaving identical pictures out would punish the
    methods that keep most of them. NaN stays NaN.
    """
    return np.minimum(np.asarray(values, dtype=np.float64), CAP)


def mean_psnr(values: npt.ArrayLike) -> float:
    """Mean over pictures of the capped ratios, in dB; pictures with an empty region (NaN) are left out."""
    ratios = capped(values)
    ratios = ratios[~np.isnan(ratios)]
    return float(ratios.mean()) if ratios.size else math.nan

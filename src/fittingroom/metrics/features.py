"""What every distance between two sets of features asks of them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError

Float64: TypeAlias = npt.NDArray[np.float64]
Features: TypeAlias = npt.NDArray[np.floating]


def checked_features(features: Features, *, what: str = "features", least: int = 2) -> Float64:
    """The features in float64, after the checks that keep a NaN or a wrong shape from becoming a number.

    Args:
        features: ``(N, d)``, one row per picture, any value range.
        what: how an error names them.
        least: smallest N accepted.

    Returns:
        ``(N, d)`` float64; the same array where it already was.

    Raises:
        InputError: not a matrix, too few rows, no columns, or values that are not finite.
    """
    array = np.asarray(features)
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"{what} of shape {array.shape}, expected (N, d)")
    if array.shape[0] < least:
        raise InputError(f"{what} of {array.shape[0]} pictures, at least {least} are needed", mend="give more pictures")
    converted = array.astype(np.float64, copy=False)
    if not np.isfinite(converted).all():
        raise InputError(f"{what} contain values that are not finite", mend="check the backbone's weights")
    return converted


def check_same_width(a: int, b: int) -> None:
    """Refuse features of different lengths.

    Raises:
        InputError: ``a`` and ``b`` differ.
    """
    if a != b:
        raise InputError(f"features of different lengths ({a} and {b})", mend="embed both sets with one backbone")


def checked_resamples(resamples: npt.NDArray[np.integer], n: int) -> npt.NDArray[np.integer]:
    """Row indices of bootstrap resamples, ``(R, n)``, each in ``[0, n)``.

    Raises:
        InputError: another shape, or an index out of range.
    """
    if resamples.ndim != 2 or resamples.shape[1] != n:
        raise InputError(f"resamples of shape {resamples.shape}, expected (R, {n})")
    if resamples.size and (int(resamples.min()) < 0 or int(resamples.max()) >= n):
        raise InputError(f"resamples with indices outside 0..{n - 1}")
    return resamples

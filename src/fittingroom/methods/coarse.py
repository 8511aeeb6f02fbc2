"""Coarse colours of pictures: what the settings need that mend a small network's picture afterwards."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ..core.images import UInt8

Plane: TypeAlias = npt.NDArray[np.float32]


def lab(picture: UInt8) -> Plane:
    """``(H, W, 3)`` uint8 sRGB -> ``(H, W, 3)`` float32 CIE Lab."""
    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), dtype=np.float32)


def linear(picture: npt.NDArray[np.uint8] | Plane) -> Plane:
    """sRGB, 0 to 255 -> linear light, 0 to 1 (IEC 61966-2-1)."""
    share = np.asarray(picture, np.float32) / np.float32(255)
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4).astype(np.float32)


def encoded(light: Plane) -> UInt8:
    """Linear light -> uint8 sRGB: what :func:`linear` takes back."""
    light = np.clip(light, 0, 1)
    share = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * share).astype(np.uint8)


def blurred(plane: Plane, sigma: float) -> Plane:
    """Gaussian mean of ``(H, W)`` or ``(H, W, C)`` float32; borders go on outside."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def mean_inside(plane: Plane, inside: Plane, sigma: float) -> Plane:
    """Gaussian mean of ``(H, W, C)`` over a mask ``(H, W)``, 0 or 1, only: what lies beside it does not count."""
    share = np.maximum(blurred(inside, sigma), np.float32(1e-3))
    return np.asarray(blurred(plane * inside[..., None], sigma) / share[..., None], dtype=np.float32)

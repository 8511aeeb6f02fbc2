"""Other colours for a garment in a photo: trainings on few photos then see more garments."""

from __future__ import annotations

import cv2
import numpy as np

from ..core.images import UInt8


def dyed(image: UInt8, hue: float, saturation: float, gamma: float, tint: float = 0.0) -> UInt8:
    """``(H, W, 3)`` in other colours; folds and prints keep their contrast, and without a tint white stays white.

    Args:
        image: RGB.
        hue: degrees by which hues are turned.
        saturation: factor.
        gamma: exponent of the brightness.
        tint: share of the way to full saturation that even grey goes.
    """
    found = cv2.split(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV))
    turned, strong = (found[0] + hue) % 360, found[1] * saturation
    strong = strong + tint * (1 - strong)
    bright = np.power(np.clip(found[2], 0, 1), gamma)
    planes = np.stack([turned, np.clip(strong, 0, 1), bright], axis=-1).astype(np.float32)
    pixels: UInt8 = np.clip(np.rint(cv2.cvtColor(planes, cv2.COLOR_HSV2RGB) * 255), 0, 255).astype(np.uint8)
    return pixels

"""Other colours for a garment in a photo: trainings on few photos then see more garments."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..core.images import UInt8

#: saturation and brightness of a random dye change by factors up to these and exponents up to these
_SATURATION, _GAMMA = 1.5, 1.35


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


def dyed_together(
    photo: UInt8, worn: npt.NDArray[np.bool_], garment: UInt8, draw: np.random.Generator
) -> tuple[UInt8, UInt8]:
    """What is worn and the garment alone, in the same other colours.

    Args:
        photo: ``(H, W, 3)`` of a person.
        worn: ``(H, W)``, where the garment is.
        garment: ``(h, w, 3)`` on white, which stays white.
        draw: where randomness comes from.
    """
    hue = draw.uniform(0, 360)
    saturation, gamma = (most ** draw.uniform(-1, 1) for most in (_SATURATION, _GAMMA))
    new, alone = (dyed(image, hue, saturation, gamma) for image in (photo, garment))
    return np.where(worn[..., None], new, photo), alone

"""Other colours for what is worn on a photo, so that few photos show many garments.

Not a part of the published training, which has tens of thousands of photos; the option ``recolour``.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ...core.images import UInt8
from .body import Body
from .regions import Mask

#: how far saturation and brightness may go: factors from 1 / so much to so much
_SATURATION, _GAMMA = 1.6, 1.5
#: share of the garments that get some colour even if they are grey, and how much at most
_TINTED, _TINT = 0.5, 0.5


def recoloured(body: Body, chance: float, draw: np.random.Generator) -> Body:
    """The same body in garments of other colours.

    Args:
        body: whose photo.
        chance: for each garment, that it gets another colour.
        draw: where randomness comes from.
    """
    image = body.image
    for garment in (body.upper, body.lower):
        if draw.random() < chance and garment.any():
            image = _dyed(image, garment > 0, draw)
    return body if image is body.image else replace(body, image=image)


def _dyed(image: UInt8, where: Mask, draw: np.random.Generator) -> UInt8:
    """``(H, W, 3)`` with another hue, saturation and brightness on a mask; folds and prints keep their contrast."""
    hsv = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hue, saturation, value = cv2.split(hsv)
    hue = (hue + draw.uniform(0, 360)) % 360
    saturation = saturation * np.exp(draw.uniform(-1, 1) * np.log(_SATURATION))
    if draw.random() < _TINTED:  # grey garments have no hue to turn
        saturation = saturation + draw.uniform(0, _TINT) * (1 - saturation)
    value = np.power(np.clip(value, 0, 1), np.exp(draw.uniform(-1, 1) * np.log(_GAMMA)))
    dyed = cv2.cvtColor(
        np.stack([hue, np.clip(saturation, 0, 1), value], axis=-1).astype(np.float32), cv2.COLOR_HSV2RGB
    )
    pixels = np.clip(np.rint(dyed * 255), 0, 255).astype(np.uint8)
    return np.where(where[..., None], pixels, image)

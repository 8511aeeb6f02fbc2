"""Other colours for what is worn on a photo, so that few photos show many garments.

Not a part of the published training, which has tens of thousands of photos; the option ``recolour``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.images import UInt8
from ..dye import dyed
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
    """``(H, W, 3)`` with another hue, saturation and brightness on a mask."""
    hue, saturation = draw.uniform(0, 360), np.exp(draw.uniform(-1, 1) * np.log(_SATURATION))
    tint = draw.uniform(0, _TINT) if draw.random() < _TINTED else 0.0  # grey garments have no hue to turn
    gamma = np.exp(draw.uniform(-1, 1) * np.log(_GAMMA))
    return np.where(where[..., None], dyed(image, hue, saturation, gamma, tint), image)

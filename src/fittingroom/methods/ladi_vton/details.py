"""The warped garment at the photos' own sizes, which the setting ``match`` lays into the picture, see :mod:`..layering`.

A small UNet is shown the warped garment and paints its colour and shape, but its stripes and prints only as a smear.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ...core.images import UInt8
from ..layering import Mask
from .frame import Frame

#: a garment's ground: this light, and connected with the border
_WHITE = 250


def garment_outline(garment: UInt8) -> Mask:
    """``(H, W)`` bool: all but the white ground of a garment ``(H, W, 3)``."""
    white = (garment.min(axis=2) >= _WHITE).astype(np.uint8)
    _, pieces = cv2.connectedComponents(white, connectivity=4)
    border = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    ground = np.zeros(pieces.max() + 1, bool)
    ground[border] = True
    ground[0] = False  # what is not white
    return np.asarray(~ground[pieces], dtype=bool)


def laid(bent: torch.Tensor, garment: UInt8, person: Frame) -> tuple[UInt8, Mask]:
    """The garment on the person at the photos' own sizes, bent only: not repaired by the refinement, which smooths it.

    Args:
        bent: ``(1, H, W, 2)``, see :func:`~.warping.bending`.
        garment: ``(h, w, 3)`` uint8, on white, at its own size.
        person: where the person's photo lies in the frame.

    Returns:
        ``(*person.photo, 3)`` uint8, and bool where it lies.
    """
    size = bent.shape[1], bent.shape[2]
    own = Frame.of((garment.shape[0], garment.shape[1]), size)
    places = person.plane_back(bent[0].float().cpu().numpy())
    x, y = (
        ((places[..., axis] + 1) * (size[1 - axis] / 2) - own.corner[1 - axis])
        * np.float32(own.photo[1 - axis] / own.inner[1 - axis])
        - np.float32(0.5)
        for axis in (0, 1)
    )
    outline = garment_outline(garment).astype(np.float32)
    where = cv2.remap(outline, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0) > 0.99
    picture = cv2.remap(garment, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, dtype=np.uint8), np.asarray(where, dtype=bool)

"""The warped garment's own pattern in the painted picture, for networks too small to paint it.

Not a part of the published method; the setting ``match``, which reports name. A small UNet is shown the warped garment and paints its
colour and shape, but its stripes and prints only as a smear. Where what it painted agrees coarsely with the warped garment, that is, where
it painted the garment and no arm or hair before it, the warped garment's detail is put in place of the painted one.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ...core.images import UInt8, to_image
from ..coarse import blurred, lab, mean_inside
from .warping import Matcher, bending, sample

Mask: TypeAlias = npt.NDArray[np.bool_]
#: a garment's ground: this light, and connected with the border
_WHITE = 250
#: what of the warp's outline is not trusted, in pixels
_RIM = 5
#: fewer pixels say nothing
_FEWEST = 64
#: as shares of the height: what counts as coarse, and widths of the soft edges of the agreement and of the garment
_COARSE, _AGREED, _EDGE = 1 / 40, 0.008, 0.004
#: deviation (CIE Lab) up to which coarse colours agree; lightness counts half, for the garment alone hangs in other light
_ALIKE, _LIGHT = 12.0, 0.5
#: how much of the difference of coarse colours is taken back, too: lightness, hue and chroma
_COLOUR = (0.3, 1.0, 1.0)


def garment_outline(garment: torch.Tensor) -> Mask:
    """``(H, W)`` bool: all but the white ground of a garment ``(3, H, W)``, -1 to 1."""
    white = (to_image(garment).min(axis=2) >= _WHITE).astype(np.uint8)
    _, pieces = cv2.connectedComponents(white, connectivity=4)
    border = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    ground = np.zeros(pieces.max() + 1, bool)
    ground[border] = True
    ground[0] = False  # what is not white
    return np.asarray(~ground[pieces], dtype=bool)


def laid(matcher: Matcher, garment: torch.Tensor, masked: torch.Tensor, pose: torch.Tensor) -> tuple[UInt8, Mask]:
    """The garment on the person, bent only: not repaired by the refinement, which smooths it.

    Args:
        matcher: in eval mode.
        garment: ``(1, 3, H, W)``, -1 to 1, on white.
        masked: ``(1, 3, H, W)`` person, 0 where it will be repainted.
        pose: ``(1, 18, H, W)``, 0 to 1.

    Returns:
        ``(H, W, 3)`` uint8, and ``(H, W)`` bool where it lies.
    """
    grid = bending(matcher, garment, masked, pose)
    outline = torch.from_numpy(garment_outline(garment[0].cpu())).to(garment)[None, None]
    where = F.grid_sample(outline, grid, padding_mode="zeros", align_corners=False)[0, 0] > 0.99
    return to_image(sample(garment, grid)[0]), where.cpu().numpy()


def match_details(made: UInt8, warped: UInt8, where: Mask) -> UInt8:
    """The painted picture with the warped garment's detail.

    Args:
        made: ``(H, W, 3)`` uint8.
        warped: ``(H, W, 3)`` uint8, the garment laid on the person.
        where: ``(H, W)`` bool, where it lies and was painted.

    Returns:
        ``(H, W, 3)`` uint8; nothing but these places changes.
    """
    where = cv2.erode(where.astype(np.uint8), np.ones((_RIM, _RIM), np.uint8)) > 0
    if where.sum() < _FEWEST:
        return made
    height = made.shape[0]
    inside = where.astype(np.float32)
    painted, given = lab(made), lab(warped)
    coarse, meant = (mean_inside(each, inside, _COARSE * height) for each in (painted, given))
    off = coarse - meant
    off -= np.median(off[where], axis=0) * np.array([1, 0.5, 0.5], np.float32)
    distance = _LIGHT * off[..., 0] ** 2 + off[..., 1] ** 2 + off[..., 2] ** 2
    agreed = blurred(inside * np.exp(-distance / (2 * _ALIKE**2)), _AGREED * height) * inside
    weight = (agreed * blurred(inside, max(_EDGE * height, 0.5)) * inside)[..., None]
    colour = np.array(_COLOUR, np.float32) * (meant - coarse)
    out = painted + weight * ((given - meant) - (painted - coarse) + colour)
    pixels = cv2.cvtColor(out, cv2.COLOR_LAB2RGB) * 255
    return np.where(where[..., None], np.clip(np.rint(pixels), 0, 255), made).astype(np.uint8)

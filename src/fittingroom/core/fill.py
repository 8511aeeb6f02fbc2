"""Colours for pixels that have none, from those around them."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

#: ``(H, W, 3)`` float32, 0 to 255
Image: TypeAlias = npt.NDArray[np.float32]


def spread(image: Image, known: npt.NDArray[np.bool_]) -> Image:
    """Fill the unknown pixels smoothly from the known ones, far ones from coarser averages (push and pull).

    Args:
        image: ``(H, W, 3)`` float32.
        known: ``(H, W)`` bool; at least one pixel, else the picture comes back as it is.

    Returns:
        ``(H, W, 3)`` float32, equal to ``image`` where known.
    """
    if known.all() or not known.any():
        return image
    weight = known.astype(np.float32)
    levels = [(image * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 1:
        colour, share = levels[-1]
        size = ((colour.shape[1] + 1) // 2, (colour.shape[0] + 1) // 2)
        levels.append(
            (
                np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA)),
                np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_AREA)),
            )
        )
    colour, share = levels[-1]
    filled = colour / np.maximum(share, 1e-6)[..., None]
    for colour, share in reversed(levels[:-1]):
        coarse = np.asarray(cv2.resize(filled, (colour.shape[1], colour.shape[0]), interpolation=cv2.INTER_LINEAR))
        trust = np.clip(share * 4.0, 0.0, 1.0)[..., None] if share is not levels[0][1] else share[..., None]
        filled = trust * colour / np.maximum(share, 1e-6)[..., None] + (1 - trust) * coarse
    return np.where(known[..., None], image, filled).astype(np.float32)

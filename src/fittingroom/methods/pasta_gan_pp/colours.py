"""Colours of the garment that was laid, for networks too small to get them right by themselves.

Not a part of the published method; the setting ``match``, which reports name. Where patches lie, the garment's own pixels say by how much
the picture's colour is off; around them the nearest patches tell. Drawn skin takes the person's skin colour in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ..coarse import Plane, blurred
from .regions import CLASS_DRESS, CLASS_PANTS, CLASS_SKIRT, CLASS_TOPS

#: classes of the predicted parsing that the upper and the lower garment may be
UPPER, LOWER = (CLASS_TOPS, CLASS_DRESS), (CLASS_PANTS, CLASS_SKIRT, CLASS_DRESS)
#: how far a patch tells about its surroundings, as a share of the height, and how much the mean of all patches counts where none is near
_REACH, _MEAN = 1 / 24, 0.05
#: width of the soft edge as a share of the height
_EDGE = 0.004
#: fewer pixels of patches inside the garment say nothing
_FEWEST = 64


def _lab(picture: torch.Tensor) -> Plane:
    """``(3, H, W)``, -1 to 1 -> ``(H, W, 3)`` CIE Lab."""
    pixels = ((picture.float().clamp(-1, 1) + 1) / 2).permute(1, 2, 0).cpu().numpy()
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2LAB), np.float32)


def soft_inside(garment: npt.NDArray[np.bool_]) -> Plane:
    """``(H, W)`` float32: 1 inside a mask, less near its border, 0 outside of it."""
    return blurred(garment.astype(np.float32), max(_EDGE * garment.shape[0], 0.5)) * garment


def match_colours(
    picture: torch.Tensor, label: torch.Tensor, laid: Iterable[tuple[torch.Tensor, torch.Tensor, tuple[int, ...]]]
) -> torch.Tensor:
    """The picture with the coarse colours of the patches that were laid; folds, shadows and patterns stay the network's.

    Args:
        picture: ``(3, H, W)``, -1 to 1.
        label: ``(H, W)``, the predicted parsing.
        laid: for each garment its patches on the pose ``(3, H, W)``, -1 to 1, where they lie ``(1, H, W)``, 0 or 1, and the classes that it
            may be.

    Returns:
        ``(3, H, W)``, of the picture's type and on its device.
    """
    found, classes = _lab(picture), label.cpu().numpy()
    height = found.shape[0]
    out = found.copy()
    for patches, where, kinds in laid:
        garment = np.isin(classes, kinds)
        known = (garment & (where[0].cpu().numpy() > 0.5)).astype(np.float32)
        if known.sum() < _FEWEST:
            continue
        off = (_lab(patches) - found) * known[..., None]
        mean = off.sum(axis=(0, 1)) / known.sum()
        near, weight = blurred(off, _REACH * height), blurred(known, _REACH * height)[..., None]
        out += soft_inside(garment)[..., None] * (near + _MEAN * mean) / (weight + _MEAN)
    pixels = cv2.cvtColor(out, cv2.COLOR_LAB2RGB)
    changed = torch.from_numpy(pixels).permute(2, 0, 1).clamp(0, 1) * 2 - 1
    touched = torch.from_numpy((out != found).any(axis=2))
    return torch.where(touched.to(picture.device), changed.to(picture), picture)

"""One picture to be measured, and what it is measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.images import UInt8

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Context:
    """What regional metrics need to know of one picture; all of the picture's size.

    Args:
        person: ``(H, W, 3)`` uint8, the photo that the method was given.
        outside: ``(H, W)`` bool, pixels that trying on this garment must not change.
        region: ``(H, W)`` bool, pixels where the garment should be seen in the result.
        garment: ``(h, w, 3)`` uint8, photo of the garment, of any size.
        garment_mask: ``(h, w)`` bool, the garment's pixels in it.
    """

    person: UInt8
    outside: Mask
    region: Mask
    garment: UInt8
    garment_mask: Mask


@dataclass(frozen=True)
class Picture:
    """One generated picture and what it is measured against.

    Args:
        id: unique within the set.
        generated: file of the generated picture.
        truth: file of the true picture, or None.
        context: gives the :class:`Context` when regional metrics are asked for, or None.
    """

    id: str
    generated: Path
    truth: Path | None = None
    context: Callable[[], Context] | None = None

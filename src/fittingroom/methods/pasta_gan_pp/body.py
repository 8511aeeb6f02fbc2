"""A photo on the network's canvas: who wears what where. Computed once for a photo, whoever tries on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ...core.images import UInt8
from .config import GeneratorConfig
from .drawing import draw_pose, without_border_joints
from .quads import Float64, Quad, homographies, part_quads
from .regions import CLASS_DRESS, CLASS_PANTS, CLASS_SKIRT, CLASS_TOPS, Worn, worn

Maps: TypeAlias = tuple[Float64 | None, ...]


@dataclass(frozen=True)
class Measures:
    """Lengths in pixels that the published code fixes for a canvas of 512 rows; other canvases scale them.

    Args:
        height: rows of the canvas.
    """

    height: int

    def _scaled(self, pixels: int) -> int:
        return max(1, round(pixels * self.height / 512))

    @property
    def stroke(self) -> int:
        """Thickness of a drawn limb, radius of a drawn joint."""
        return self._scaled(5)

    @property
    def border(self) -> int:
        """Knees and ankles nearer to the right or bottom border do not count."""
        return self._scaled(50)

    @property
    def palm(self) -> tuple[int, int]:
        """Growth of the boxes around upper arm and forearm that separate a hand."""
        return self._scaled(35), self._scaled(28)

    def erosion(self, kind: str) -> int:
        """How much the masks of warped patches shrink."""
        return self._scaled(8 if kind == "upper" else 5)

    @property
    def kept_erosion(self) -> int:
        """How much a garment shrinks that stays on its wearer."""
        return self._scaled(8)


@dataclass(frozen=True)
class Body:
    """Somebody on the canvas.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, white beside the photo.
        labels: ``(H, W)`` uint8 CIHP-20 ids, 0 beside the photo.
        keypoints: ``(18, 3)`` float64 x, y on the canvas, confidence; see :mod:`.drawing` for what the border takes away.
        skeleton: ``(H, W, 3)`` uint8 picture of the pose.
        sleeves: ``(H, W)`` uint8, 255 on sleeves; None where nobody knows.
        worn: what is worn.
        quads: for each of the ten parts its quadrilateral or None.
        to_patch: for each part the homography canvas -> patch or None.
        to_canvas: the same, patch -> canvas.
    """

    image: UInt8
    labels: UInt8
    keypoints: Float64
    skeleton: UInt8
    sleeves: UInt8 | None
    worn: Worn
    quads: tuple[Quad | None, ...]
    to_patch: Maps
    to_canvas: Maps

    @property
    def upper(self) -> UInt8:
        """``(H, W)`` uint8, 255 on tops and dress."""
        return self.worn.mask(CLASS_TOPS, CLASS_DRESS).view(np.uint8) * np.uint8(255)

    @property
    def lower(self) -> UInt8:
        """``(H, W)`` uint8, 255 on trousers and skirt."""
        return self.worn.mask(CLASS_PANTS, CLASS_SKIRT).view(np.uint8) * np.uint8(255)

    @property
    def in_dress(self) -> bool:
        """Whether a dress is worn."""
        return bool((self.worn.classes == CLASS_DRESS).any())


def _padded(array: UInt8, config: GeneratorConfig, value: int) -> UInt8:
    beside = ((0, 0), (config.left, config.width - config.photo[1] - config.left), *[(0, 0)] * (array.ndim - 2))
    return np.pad(array, beside, constant_values=value)


def body_of(image: UInt8, labels: UInt8, keypoints: Float64, sleeves: UInt8 | None, config: GeneratorConfig) -> Body:
    """Everything that follows from a photo and its annotations.

    Args:
        image: ``(h, w, 3)`` uint8 RGB of the size ``config.photo``.
        labels: ``(h, w)`` uint8 CIHP-20 ids.
        keypoints: ``(18, 3)`` x, y in pixels of that photo, confidence.
        sleeves: ``(h, w)`` uint8, 255 on sleeves, or None.
        config: sizes.
    """
    measures = Measures(config.height)
    keypoints = np.asarray(keypoints, dtype=np.float64)
    skeleton = draw_pose(
        keypoints, config.photo, thickness=measures.stroke, radius=measures.stroke, border=measures.border
    )
    placed = without_border_joints(keypoints, config.photo, measures.border)
    placed[:, 0] += config.left
    quads = part_quads(placed, (config.height, config.width))
    maps = [None if quad is None else homographies(quad, config.patch) for quad in quads]
    labels = _padded(labels, config, 0)
    return Body(
        image=_padded(image, config, 255),
        labels=labels,
        keypoints=placed,
        skeleton=_padded(skeleton, config, 0),
        sleeves=None if sleeves is None else _padded(sleeves, config, 0),
        worn=worn(labels),
        quads=quads,
        to_patch=tuple(None if pair is None else pair[0] for pair in maps),
        to_canvas=tuple(None if pair is None else pair[1] for pair in maps),
    )

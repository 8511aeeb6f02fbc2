"""Cutting a garment into normalised patches, and laying the patches onto another body.

A patch is RGBA: the garment's pixels (0 elsewhere) and, as alpha, its mask (0 to 255, interpolated). The four channels
are warped together, so coordinates are computed once; the values are those of separate warps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np

from ...core.images import Size, UInt8
from .quads import ARM_PARTS, Float64

Bounds: TypeAlias = tuple[int, int, int, int]

#: pairs of upper patches (left, right) of which one stands in for the other where a sleeve is not to be seen
_UPPER_ARMS, _FOREARMS = (2, 4), (3, 5)
#: lower patches that the upper garment may hang over, and the upper patches that tell: torso, left thigh, right thigh
_OVERLAPPING = ((0, 0), (1, 6), (3, 8))
#: OpenCV computes pixels of a row in blocks; rows cut at a multiple of this have the same values as whole rows
_BLOCK = 64


def normalise(
    image: UInt8,
    mask: UInt8,
    maps: Sequence[Float64 | None],
    parts: Sequence[int],
    patch: int,
    *,
    sleeves: UInt8 | None = None,
) -> UInt8:
    """Cut a garment into patches (spec section 3.5).

    Args:
        image: ``(H, W, 3)`` uint8 canvas.
        mask: ``(H, W)`` uint8, 255 on the garment and 0 elsewhere.
        maps: for each of the ten parts the homography canvas -> patch, or None.
        parts: which of them, in the order of the patches.
        patch: edge of a patch in pixels.
        sleeves: ``(H, W)`` uint8, 255 on sleeves: arms take only these, everything else takes the rest. None: every part
            takes all of the garment.

    Returns:
        ``(N, patch, patch, 4)`` uint8 RGBA; a part without homography is empty.
    """
    opaque = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)  # alpha 255
    if sleeves is None:
        body = arms = cv2.bitwise_and(opaque, opaque, mask=mask)
    else:
        body = cv2.bitwise_and(opaque, opaque, mask=cv2.bitwise_and(mask, cv2.bitwise_not(sleeves)))
        arms = cv2.bitwise_and(opaque, opaque, mask=cv2.bitwise_and(mask, sleeves))
    out = np.zeros((len(parts), patch, patch, 4), np.uint8)
    for index, part in enumerate(parts):
        if (homography := maps[part]) is not None:
            cv2.warpPerspective(arms if part in ARM_PARTS else body, homography, (patch, patch), dst=out[index])
    return out


def _bounds(homography: Float64, patch: int, canvas: Size, margin: int) -> Bounds | None:
    """Rows and columns (first, behind the last) of the canvas that a patch can reach; None where it reaches none."""
    corners = np.array([[-1, -1, patch, patch], [-1, patch, patch, -1], [1, 1, 1, 1]], dtype=np.float64)
    x, y, w = homography @ corners
    if not (w > 1e-9).all() and not (w < -1e-9).all():  # a degenerate quadrilateral: anywhere
        return 0, canvas[0], 0, canvas[1]
    x, y = x / w, y / w
    top, bottom = max(int(y.min()) - margin, 0), min(int(y.max()) + margin + 2, canvas[0])
    left, right = max(int(x.min()) - margin, 0), min(int(x.max()) + margin + 2, canvas[1])
    return (top, bottom, left, right) if top < bottom and left < right else None


def denormalise(
    patches: UInt8, parts: Sequence[int], maps: Sequence[Float64 | None], canvas: Size, erosion: int
) -> tuple[UInt8, UInt8]:
    """Lay patches onto a body, later ones over earlier ones (spec section 3.6).

    Args:
        patches: ``(N, P, P, 4)`` uint8 RGBA.
        parts: which part each patch is.
        maps: for each of the ten parts the homography patch -> canvas, or None.
        canvas: (height, width).
        erosion: edge in pixels of the square that each patch's mask shrinks by, so that no rim is laid on.

    Returns:
        ``(H, W, 3)`` uint8 garment, 0 elsewhere, and ``(H, W)`` uint8 with 255 where a patch was laid.
    """
    out = np.zeros((*canvas, 4), np.uint8)
    square = np.ones((erosion, erosion), np.uint8)
    for pixels, part in zip(patches, parts, strict=True):
        if (homography := maps[part]) is None:
            continue
        if (bounds := _bounds(homography, patches.shape[1], canvas, erosion)) is None:
            continue
        top, bottom, left, right = bounds
        width = min(-(-right // _BLOCK) * _BLOCK, canvas[1])
        laid = cv2.warpPerspective(pixels, homography, (width, bottom))[top:, left:right]
        # the rim of zeros inside the bounds is as wide as the square: cutting changes nothing
        solid = np.asarray(cv2.erode(laid[..., 3], square) == 255, dtype=np.uint8)
        cv2.copyTo(laid, solid, out[top:bottom, left:right])
    return np.asarray(cv2.cvtColor(out, cv2.COLOR_RGBA2RGB), dtype=np.uint8), np.ascontiguousarray(out[..., 3])


def any_colour(image: UInt8) -> UInt8:
    """``(H, W)`` uint8, 255 where ``(H, W, 3)`` is not pure black: what the published code takes for the garment."""
    return np.where(image.any(axis=2), np.uint8(255), np.uint8(0))


def eroded(mask: UInt8, pixels: int) -> UInt8:
    """``(H, W)`` uint8 mask (0 or 255) shrunk by a square of that many pixels."""
    return np.asarray(cv2.erode(mask, np.ones((pixels, pixels), np.uint8)))


def mirror_sleeves(patches: UInt8, *, parity: bool = False) -> UInt8:
    """An arm whose sleeve is not to be seen takes the other's, mirrored.

    Args:
        patches: ``(10, P, P, 4)`` uint8 RGBA upper patches.
        parity: the published code mirrors the empty picture of a forearm, so that only its mask is filled. By default the
            picture is mirrored as well.

    Returns:
        ``(10, P, P, 4)`` uint8.
    """
    out = patches
    for pair in (_UPPER_ARMS, _FOREARMS):
        empty = [not cv2.hasNonZero(patches[part, ..., 3]) for part in pair]
        if empty[0] == empty[1]:
            continue
        goal, source = pair if empty[0] else pair[::-1]
        if out is patches:
            out = patches.copy()
        channels = slice(3, 4) if parity and pair == _FOREARMS else slice(0, 4)
        out[goal, ..., channels] = patches[source, :, ::-1, channels]
    return out


def without_overlap(lower: UInt8, upper: UInt8) -> UInt8:
    """Lower patches without what the upper garment's patches cover: the upper garment is worn over the lower.

    Args:
        lower: ``(5, P, P, 4)`` uint8 RGBA.
        upper: ``(10, P, P, 4)`` uint8 RGBA.

    Returns:
        ``(5, P, P, 4)`` uint8; masks stay as they are.
    """
    out = lower.copy()
    for index, part in _OVERLAPPING:
        out[index, ..., :3][upper[part, ..., 3] > 0] = 0
    return out

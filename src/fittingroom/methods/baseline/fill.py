"""Colours for pixels that have none: behind arms and hair, under an old garment, beyond an edge."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ...core.fill import Image, spread
from .figure import Mask

#: pixels of sigma that show a blur as well as more of them
_FINE = 6.0


def blur(values: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Gaussian blur of ``(H, W)`` or ``(H, W, C)``; sigma in pixels. A wide one looks at a smaller picture, which shows it as well."""
    step = int(sigma // _FINE)
    if step < 2:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), max(sigma, 0.1)), dtype=np.float32)
    height, width = values.shape[:2]
    small = cv2.resize(values, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(wide, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def masked_blur(values: npt.NDArray[np.float32], mask: Mask, sigma: float) -> npt.NDArray[np.float32]:
    """Gaussian blur that sees only the pixels of a mask; 0 far away from it."""
    weight = mask.astype(np.float32)
    weighted = values * (weight if values.ndim == 2 else weight[..., None])
    share = blur(weight, sigma)
    return (blur(weighted, sigma) / np.maximum(share if values.ndim == 2 else share[..., None], 1e-4)).astype(
        np.float32
    )


def luminance(image: Image) -> npt.NDArray[np.float32]:
    """``(H, W)`` weighted mean of the channels (Rec. 601), 0 to 255."""
    return np.asarray(image @ np.array([0.299, 0.587, 0.114], dtype=np.float32))


def skin_tone(image: Image, parts: list[Mask]) -> npt.NDArray[np.float32]:
    """Mean of the median colours of several parts in the light; ``(3,)``, 0 to 255.

    Shadows between fingers and under the chin are left out. A part of fewer than 20 pixels does not count; where none
    counts, a middle tone is taken.
    """
    light = luminance(image)
    colours = []
    for part in parts:
        if part.sum() >= 20:
            lit = part & (light >= np.percentile(light[part], 30))
            colours.append(np.median(image[lit], axis=0))
    return np.mean(colours, axis=0).astype(np.float32) if colours else np.array([205, 165, 140], np.float32)


def skin_fill(
    image: Image, where: Mask, near: Mask, tone: npt.NDArray[np.float32], old_garment: Mask, sigma: float
) -> Image:
    """Skin for pixels that an old garment covered: of one tone, that of seen skin next to it, in the garment's light.

    Args:
        image: the photo.
        where: ``(H, W)`` bool, pixels to be filled.
        near: ``(H, W)`` bool, skin that is seen, to which the colour leads over.
        tone: ``(3,)`` colour far from it.
        old_garment: ``(H, W)`` bool, what covered the skin, whose shading is kept.
        sigma: of the light, in pixels.
    """
    out = image.copy()
    if not where.any():
        return out
    colour = np.broadcast_to(tone, image.shape)
    if near.sum() >= 20:
        light = luminance(image)
        usual = near & (np.abs(light - float(tone @ np.array([0.299, 0.587, 0.114]))) < 60)  # no nails, no highlights
        seen = usual if usual.sum() >= 20 else near
        away = np.asarray(cv2.distanceTransform((~seen).astype(np.uint8), cv2.DIST_L2, 5))
        share = (0.85 * np.exp(-away / max(1.2 * sigma, 1.0)))[..., None]
        colour = share * blur(spread(image, seen), 0.5 * sigma) + (1 - share) * colour
    light = luminance(image)
    local = masked_blur(light, old_garment, 0.5 * sigma)
    wide = masked_blur(light, old_garment, 4.0 * sigma)
    shade = (np.clip(local / np.maximum(wide, 1.0), 0.8, 1.15) ** 0.35)[..., None]
    out[where] = np.clip(colour * shade, 0, 255)[where]
    return out


def limb_shade(away: npt.NDArray[np.float64], radius: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Shading of a round limb: brightest on the bone, darker towards its rim."""
    edge = np.clip(away / np.maximum(radius, 1.0), 0, 1)
    return (1.02 - 0.15 * edge**2).astype(np.float32)


def extend_up(image: Image, where: Mask, source: Mask, reach: float = 0.0) -> Image:
    """Fill pixels above a garment with the garment's own topmost pixels, mirrored to and fro, column by column.

    Columns in which the garment begins much lower than beside them (between two legs) or is missing take the nearest
    colours of it instead.

    Args:
        image: ``(H, W, 3)`` float32.
        where: ``(H, W)`` bool, pixels to be filled.
        source: ``(H, W)`` bool, the garment.
        reach: pixels of the garment that are mirrored, if more than 2 % of the height.
    """
    out = image.copy()
    if not where.any() or not source.any():
        return out
    band = max(6, round(0.022 * image.shape[0]), round(reach))
    near = spread(image, source)
    out[where] = near[where]
    columns = np.flatnonzero(where.any(axis=0) & source.any(axis=0))
    tops = np.array([np.flatnonzero(source[:, column])[0] for column in columns])
    if not len(tops):
        return out
    usual = np.array([np.median(tops[np.abs(columns - column) <= 10]) for column in columns])
    wide = np.array([np.median(tops[np.abs(columns - column) <= 3 * band]) for column in columns])
    skipped = max(2, round(0.006 * image.shape[0]))  # the very edge holds the old garment's shadow and its fringes
    for column, top, smooth, level in zip(columns, tops, usual, wide, strict=True):
        if top > level + band:
            continue
        edge = int(max(top, smooth)) + skipped
        target = np.flatnonzero(where[:, column])
        target = target[target < edge]
        step = (edge - target) % (2 * band)
        mirrored = np.minimum(edge + np.minimum(step, 2 * band - step), image.shape[0] - 1)
        inside = source[mirrored, column]
        out[target[inside], column] = image[mirrored[inside], column]
    return out

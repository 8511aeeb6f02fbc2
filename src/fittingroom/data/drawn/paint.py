"""Painting: smooth outlines, anti-aliased shapes, and a canvas that keeps the label of every pixel.

Points are (x, y) in pixels of the picture, with pixel centres at whole numbers. Shapes are filled four times finer than
the picture and averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8
from ...core.labels import CIHP20

Field: TypeAlias = npt.NDArray[Any]
Colour: TypeAlias = tuple[int, ...]
Place: TypeAlias = Sequence[float] | Field
HEIGHT, WIDTH = 512, 384
_FINE, _SHIFT, _PAD = 4, 4, 16


def curve(*points: Place, closed: bool = False, steps: int = 10) -> Field:
    """A smooth line through ``points`` (a uniform Catmull-Rom spline).

    Returns:
        ``(N, 2)`` float64.
    """
    knots = np.asarray(points, np.float64)
    if closed:
        ring = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        ring = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    share = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for before, start, end, after in zip(ring, ring[1:], ring[2:], ring[3:], strict=False):
        parts.append(
            start
            + 0.5 * share * (end - before)
            + share**2 * (before - 2.5 * start + 2 * end - 0.5 * after)
            + share**3 * (1.5 * (start - end) + 0.5 * (after - before))
        )
    return np.concatenate(parts if closed else [*parts, knots[-1:]])


def mirrored(right: Field) -> Field:
    """A closed outline from its right half, listed from the top of the axis to the bottom."""
    return np.concatenate([right, right[::-1] * (-1, 1)])


@dataclass(frozen=True)
class Shape:
    """A shape in a part of the picture.

    Args:
        top: first row of the part.
        left: first column of the part.
        cover: ``(h, w)`` float32 in [0, 1].
    """

    top: int
    left: int
    cover: Field

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the part is in the picture."""
        height, width = self.cover.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def grid(self) -> tuple[Field, Field]:
        """Coordinates x and y of the part's pixels: ``(1, w)`` and ``(h, 1)`` float32."""
        height, width = self.cover.shape
        return (
            np.arange(self.left, self.left + width, dtype=np.float32)[None],
            np.arange(self.top, self.top + height, dtype=np.float32)[:, None],
        )

    def times(self, share: Field) -> Shape:
        """The shape with its cover multiplied by ``share`` in [0, 1]."""
        return Shape(self.top, self.left, (self.cover * share).astype(np.float32))

    def on(self, other: Shape) -> Field:
        """Cover of ``other`` at this shape's pixels, ``(h, w)``."""
        full = np.zeros((HEIGHT, WIDTH), np.float32)
        full[other.window] = other.cover
        return full[self.window]

    def within(self, other: Shape) -> Shape:
        """The shape where ``other`` is too."""
        return self.times(self.on(other))

    def without(self, other: Shape) -> Shape:
        """The shape where ``other`` is not."""
        return self.times(1 - self.on(other))


def _fine(points: Field, left: int, top: int) -> npt.NDArray[np.int32]:
    place = (points - (left, top)) * _FINE + (_FINE - 1) / 2
    return np.rint(place * 2**_SHIFT).astype(np.int32)


def _window(points: Field, margin: float) -> tuple[int, int, int, int]:
    low, high = points.min(axis=0) - margin - _PAD, points.max(axis=0) + margin + _PAD
    left, top = (int(np.clip(np.floor(low[axis]), 0, limit - 2)) for axis, limit in ((0, WIDTH), (1, HEIGHT)))
    right, bottom = (int(np.clip(np.ceil(high[axis]), 2, limit)) for axis, limit in ((0, WIDTH), (1, HEIGHT)))
    return left, top, max(right, left + 2), max(bottom, top + 2)


def _averaged(fine: UInt8, left: int, top: int) -> Shape:
    size = (fine.shape[1] // _FINE, fine.shape[0] // _FINE)
    cover = cv2.resize(fine, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return Shape(top, left, cover)


def filled(*outlines: Field) -> Shape:
    """The inside of closed outlines, each ``(N, 2)``; where two lie over each other it stays filled."""
    left, top, right, bottom = _window(np.concatenate(outlines), 0)
    fine = np.zeros(((bottom - top) * _FINE, (right - left) * _FINE), np.uint8)
    for outline in outlines:
        cv2.fillPoly(fine, [_fine(outline, left, top)], 255, shift=_SHIFT)
    return _averaged(fine, left, top)


def stroke(line: Field, radii: Field | float, flat_end: bool = False) -> Shape:
    """A line of changing thickness.

    Args:
        line: ``(N, 2)`` centres.
        radii: ``(N,)`` half-widths in pixels, or one for all.
        flat_end: cut straight behind the last centre, where it is round otherwise.
    """
    wide = np.broadcast_to(np.asarray(radii, np.float64), (len(line),))
    left, top, right, bottom = _window(line, float(wide.max()))
    fine = np.zeros(((bottom - top) * _FINE, (right - left) * _FINE), np.uint8)
    centres = _fine(line, left, top)
    sizes = np.rint(wide * _FINE * 2**_SHIFT).astype(int)
    for index in range(len(line) - int(flat_end)):
        centre = (int(centres[index, 0]), int(centres[index, 1]))
        cv2.circle(fine, centre, int(sizes[index]), 255, -1, shift=_SHIFT)
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    aside = np.stack([along[:, 1], -along[:, 0]], 1) * wide[:, None]
    for index in range(len(line) - 1):
        corners = np.stack(
            [
                line[index] + aside[index],
                line[index + 1] + aside[index + 1],
                line[index + 1] - aside[index + 1],
                line[index] - aside[index],
            ]
        )
        cv2.fillPoly(fine, [_fine(corners, left, top)], 255, shift=_SHIFT)
    if flat_end:  # what the discs before the end put beyond it
        reach = float(wide.max()) * 3
        beyond = line[-1] + aside[-1] * reach, line[-1] - aside[-1] * reach
        corners = np.stack([*beyond, beyond[1] + along[-1] * reach, beyond[0] + along[-1] * reach])
        behind = np.zeros_like(fine)
        cv2.fillPoly(behind, [_fine(corners, left, top)], 255, shift=_SHIFT)
        near = np.zeros_like(fine)
        end = (int(centres[-1, 0]), int(centres[-1, 1]))
        cv2.circle(near, end, int(sizes.max() * 1.6), 255, -1, shift=_SHIFT)
        fine[(behind > 0) & (near > 0)] = 0
    return _averaged(fine, left, top)


def disc(centre: Place, across: float, down: float | None = None, turn: float = 0.0) -> Shape:
    """An ellipse with half-axes in pixels, turned by degrees."""
    angle, slope = np.linspace(0, 2 * np.pi, 48, endpoint=False), np.radians(turn)
    x, y = across * np.cos(angle), (across if down is None else down) * np.sin(angle)
    outline = np.stack([x * np.cos(slope) - y * np.sin(slope), x * np.sin(slope) + y * np.cos(slope)], 1)
    return filled(outline + np.asarray(centre, np.float64))


def joined(*shapes: Shape) -> Shape:
    """All shapes as one."""
    full = np.zeros((HEIGHT, WIDTH), np.float32)
    for shape in shapes:
        full[shape.window] = np.maximum(full[shape.window], shape.cover)
    top, left = min(shape.top for shape in shapes), min(shape.left for shape in shapes)
    bottom = max(shape.top + shape.cover.shape[0] for shape in shapes)
    right = max(shape.left + shape.cover.shape[1] for shape in shapes)
    return Shape(top, left, full[top:bottom, left:right])


def tinted(colour: Colour, share: float) -> Colour:
    """A colour made darker (share below 1) or lighter (above 1)."""
    if share <= 1:
        return tuple(round(channel * share) for channel in colour)
    return tuple(round(255 - (255 - channel) * (2 - share)) for channel in colour)


def blurred(field: Field, sigma: float) -> Field:
    """Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), dtype=np.float32)


class Canvas:
    """A picture and its labels, painted from back to front.

    ``owners`` says for every pixel which ``owner`` was set when it was last labelled: what hides what.
    """

    def __init__(self, ground: Field) -> None:
        self.image = ground.astype(np.float32).copy()
        self.labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        self.owners = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        self.owner = 0

    def lay(
        self,
        shape: Shape,
        colour: Field | Colour,
        part: str | None = None,
        *,
        shadow: float = 0.0,
        form: float = 0.0,
        soft: float = 5.0,
        alpha: float = 1.0,
        whole: Shape | None = None,
    ) -> None:
        """Paint a shape.

        Args:
            shape: where.
            colour: one colour, or ``(h, w, 3)`` over the shape's part of the picture, 0 to 255.
            part: what its pixels are from now on (CIHP-20); they stay what they were without one.
            shadow: how much it darkens what lies just behind it.
            form: how much it looks round: lighter towards the light (upper left), darker away from it.
            soft: how far inwards from its edge it looks round, in pixels.
            alpha: opacity.
            whole: what it is a part of: it looks round as that does, and no edge shows where it was cut off.
        """
        window, cover = shape.window, shape.cover
        under = self.image[window]
        if shadow:
            cast = blurred(np.roll(cover, (4, 3), axis=(0, 1)), 4.0)
            on_somebody = (self.labels[window] > 0).astype(np.float32)
            under = under * (1 - shadow * np.clip(cast - cover, 0, 1) * on_somebody)[..., None]
        paint: Field = np.broadcast_to(np.asarray(colour, np.float32), under.shape)
        if form:
            high = blurred(cover if whole is None else shape.on(whole), soft)
            away = max(1, round(soft * 0.6))
            light = np.roll(high, (-away, -away), axis=(0, 1)) - np.roll(high, (away, away), axis=(0, 1))
            paint = paint * (1 + form * (light - 0.35 * (1 - high)))[..., None]
        share = (cover * alpha)[..., None]
        self.image[window] = under * (1 - share) + np.clip(paint, 0, 255) * share
        if part is not None:
            self.labels[window][cover > 0.5] = CIHP20.ids[part]
            self.owners[window][cover > 0.5] = self.owner

    @property
    def pixels(self) -> UInt8:
        """The picture as ``(H, W, 3)`` uint8."""
        return np.clip(np.rint(self.image), 0, 255).astype(np.uint8)

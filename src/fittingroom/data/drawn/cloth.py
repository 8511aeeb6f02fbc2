"""Cloth: patterns in coordinates that move with the body, dye, and folds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .paint import Colour, Field, Shape


@dataclass(frozen=True)
class Cloth:
    """A fabric.

    Args:
        ground: its colour.
        pattern: plain, stripes, wide-stripes, dots, checks, flowers, denim, rib, knit, sun, or waves.
        second: colour of the pattern.
        third: a further colour, where the pattern has one.
        trim: colour of hem, cuffs and neckline; a darker ground where not given.
    """

    ground: Colour
    pattern: str = "plain"
    second: Colour = (255, 255, 255)
    third: Colour = (255, 255, 255)
    trim: Colour | None = None


def edge(value: Field, unit: float) -> Field:
    """Anti-aliased coverage of where ``value`` (a signed distance in trunks) is negative."""
    return np.clip(0.5 - value * unit, 0, 1).astype(np.float32)


def _repeat(value: Field, size: float) -> tuple[Field, Field]:
    """Number of the tile, and place in it from its middle, for tiles of a size."""
    number = np.floor(value / size)
    return number, value - (number + 0.5) * size


def _bands(value: Field, size: float, width: float, unit: float) -> Field:
    return edge(np.abs(_repeat(value, size)[1]) - width / 2, unit)


def _flowers(u: Field, v: Field, unit: float) -> tuple[Field, Field]:
    size = 0.19
    row, y = _repeat(v, size)
    column, x = _repeat(u + 0.5 * size * (row % 2), size)
    x, y = x + 0.018 * np.sin(3 * row + 5 * column), y + 0.018 * np.cos(7 * row + 2 * column)
    radius, turn = np.hypot(x, y), np.arctan2(y, x)
    petals = edge(radius - (0.040 + 0.014 * np.cos(5 * turn + row + 2 * column)), unit)
    return petals, edge(radius - 0.014, unit)


def _sun(u: Field, v: Field, unit: float) -> tuple[Field, Field]:
    """A sun behind hills, on the chest."""
    x, y = u, v - 0.36
    radius, turn = np.hypot(x, y), np.arctan2(y, x)
    _, off = _repeat(turn, np.pi / 6)
    rays = edge(
        np.maximum(np.abs(radius - 0.158) - 0.022, np.abs(off) * radius - 0.020 + 0.55 * (radius - 0.136)), unit
    )
    hills = edge(np.maximum(radius - 0.112, 0.03 + 0.022 * np.sin(24 * x) - y), unit)
    return np.maximum(edge(radius - 0.112, unit), rays) - hills, hills


def _shares(cloth: Cloth, u: Field, v: Field, unit: float, chest: bool) -> tuple[Field, Field]:
    """Shares of the second and the third colour at cloth coordinates in trunks (u across, v down)."""
    none = np.zeros(np.broadcast_shapes(u.shape, v.shape), np.float32)
    match cloth.pattern:
        case "stripes":
            return _bands(v, 0.098, 0.036, unit), none
        case "wide-stripes":
            return _bands(v, 0.25, 0.115, unit), none
        case "dots":
            row, y = _repeat(v, 0.105)
            _, x = _repeat(u + 0.0525 * (row % 2), 0.105)
            return edge(np.hypot(x, y) - 0.025, unit), none
        case "checks":
            broad = 0.5 * (_bands(u, 0.17, 0.085, unit) + _bands(v, 0.17, 0.085, unit))
            return broad, 0.55 * np.maximum(_bands(u + 0.042, 0.17, 0.014, unit), _bands(v + 0.042, 0.17, 0.014, unit))
        case "flowers":
            return _flowers(u, v, unit)
        case "denim":
            worn = np.exp(-((v - 1.45) ** 2) / 0.06) * np.exp(-((np.abs(u) - 0.15) ** 2) / 0.012)
            return (0.05 + 0.30 * worn + 0.035 * np.sin(190 * (u + v))).astype(np.float32), none
        case "rib":
            return 0.5 * _bands(u, 0.042, 0.012, unit), none
        case "knit":
            zigzag = v + 0.022 * np.abs(_repeat(u, 0.09)[1]) / 0.045
            return _bands(zigzag, 0.32, 0.055, unit), _bands(zigzag + 0.075, 0.32, 0.025, unit)
        case "sun" if chest:
            return _sun(u, v, unit)
        case "waves":
            return _bands(v + 0.022 * np.sin(u * 26), 0.12, 0.04, unit), none
    return none, none


def dye(cloth: Cloth, u: Field, v: Field, unit: float, chest: bool = False) -> Field:
    """Colour of the cloth.

    Args:
        cloth: the fabric.
        u: coordinate across, in trunks.
        v: coordinate down, in trunks.
        unit: pixels in a trunk.
        chest: whether this is the front of a trunk, where a print is.

    Returns:
        ``(h, w, 3)`` float32, 0 to 255.
    """
    second, third = (share[..., None] for share in _shares(cloth, u, v, unit, chest))
    ground, other, further = (np.array(c, np.float32) for c in (cloth.ground, cloth.second, cloth.third))
    mixed = ground * (1 - second) + other * second
    return (mixed * (1 - third) + further * third).astype(np.float32)


def trimmed(colour: Field, cloth: Cloth, where: Field, share: float = 0.80) -> Field:
    """The colour with hems or seams where ``where`` is 1: the trim, or a darker ground."""
    rim = np.array(cloth.trim if cloth.trim else tuple(share * c for c in cloth.ground), np.float32)
    return (colour * (1 - where[..., None]) + rim * where[..., None]).astype(np.float32)


def creased(colour: Field, shape: Shape, lines: Sequence[Field], depth: float, width: float) -> Field:
    """The colour with soft folds along lines: dark below each line, light above, fading to its ends.

    Args:
        colour: ``(h, w, 3)``.
        shape: whose pixels those are.
        lines: each ``(N, 2)`` in pixels.
        depth: how dark.
        width: of a fold in pixels.
    """
    shade = np.zeros(shape.cover.shape, np.float32)
    columns, rows = shape.grid()
    for line in lines:
        low, high = np.floor(line.min(axis=0) - 2.6 * width), np.ceil(line.max(axis=0) + 2.6 * width)
        near = np.s_[
            max(0, int(low[1]) - shape.top) : max(0, int(high[1]) - shape.top),
            max(0, int(low[0]) - shape.left) : max(0, int(high[0]) - shape.left),
        ]
        shade[near] += depth * _crease(line, columns[:, near[1]], rows[near[0]], width)
    return (colour * (1 + shade[..., None])).astype(np.float32)


def _crease(line: Field, x: Field, y: Field, width: float) -> Field:
    best = np.full(np.broadcast_shapes(x.shape, y.shape), np.inf, np.float32)
    aside, along = np.zeros_like(best), np.zeros_like(best)
    points = line.tolist()
    for index, ((left, top), (right, bottom)) in enumerate(itertools.pairwise(points)):
        length = max(math.hypot(right - left, bottom - top), 1e-6)
        east, south = (right - left) / length, (bottom - top) / length
        ahead, across = (x - left) * east + (y - top) * south, (y - top) * east - (x - left) * south
        inside = np.clip(ahead, 0, length)
        away = across**2 + (ahead - inside) ** 2
        closer = away < best
        best = np.where(closer, away, best)
        aside = np.where(closer, across, aside)
        along = np.where(closer, (index + inside / length) / (len(points) - 1), along)
    fade = np.clip(np.sin(np.pi * np.clip(along, 0.03, 0.97)), 0, 1) ** 0.7
    sign = np.tanh(aside / width * 2)
    return (fade * np.exp(-best / width**2) * (-0.65 * np.maximum(sign, -0.35) - 0.15)).astype(np.float32)

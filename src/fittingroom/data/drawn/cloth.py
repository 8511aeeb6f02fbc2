"""Drawn garments: shapes around a body, and cloth whose pattern moves with the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..sample import Category
from .body import ARM_RADII, HEIGHT, LEG_RADII, WIDTH, Body, Field, coverage

Colour: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Cloth:
    """A fabric.

    Args:
        ground: its colour.
        pattern: plain, stripes, wide-stripes, dots, checks, flowers, denim, or emblem.
        second: colour of the pattern.
        trim: colour of hem, cuffs and neckline; the ground's darker shade where not given.
    """

    ground: Colour
    pattern: str = "plain"
    second: Colour = (255, 255, 255)
    trim: Colour | None = None


@dataclass(frozen=True)
class Style:
    """The cut of a garment; lengths in trunks.

    Args:
        category: upper, lower or dress.
        hem: level of the hem on the axis (upper, dress, skirt), or along the leg, 0 hip to 2 ankle (trousers, shorts).
        sleeve: length along the arm, 0 none to 2 wrist.
        ease: how far it stands off.
        flare: how much wider it is at the hem.
        neck: round, v, scoop or straps.
        legs: whether it has legs.
        extras: collar, hood, buttons, pocket, pleats.
    """

    category: Category
    hem: float
    sleeve: float = 0.0
    ease: float = 0.03
    flare: float = 0.0
    neck: str = "round"
    legs: bool = False
    extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Something painted: ``(H, W)`` signed distance and ``(H, W, 3)`` colour, 0 to 255."""

    distance: Field
    colour: Field


def _pattern(cloth: Cloth, u: Field, v: Field, chest: Field | None) -> Field:
    """Share of the second colour, from cloth coordinates in trunks (u across, v down)."""
    if cloth.pattern == "stripes":
        return _edge(np.abs(((v * 9) % 1) - 0.5) - 0.2, 9)
    if cloth.pattern == "wide-stripes":
        return _edge(np.abs(((v * 3.6) % 1) - 0.5) - 0.22, 3.6)
    if cloth.pattern == "dots":
        row = np.floor(v * 8)
        x, y = ((u * 8 + 0.5 * (row % 2)) % 1) - 0.5, ((v * 8) % 1) - 0.5
        return _edge(np.hypot(x, y) - 0.24, 8)
    if cloth.pattern == "checks":
        return 0.5 * (_edge(np.abs(((v * 6) % 1) - 0.5) - 0.25, 6) + _edge(np.abs(((u * 6) % 1) - 0.5) - 0.25, 6))
    if cloth.pattern == "flowers":
        row, column = np.floor(v * 4.5), np.floor(u * 4.5 + 0.5 * (np.floor(v * 4.5) % 2))
        x = ((u * 4.5 + 0.5 * (row % 2)) % 1) - 0.5 + 0.12 * np.sin(3 * row + column)
        y = ((v * 4.5) % 1) - 0.5 + 0.12 * np.cos(2 * column + row)
        return _edge(np.hypot(x, y) - (0.20 + 0.075 * np.cos(5 * np.arctan2(y, x) + row)), 4.5)
    if cloth.pattern == "denim":
        return (0.10 + 0.10 * np.sin(95 * (u + v)) * np.sin(83 * (u - v))).astype(np.float32)
    if cloth.pattern == "emblem" and chest is not None:
        return chest
    return np.zeros_like(u)


def _edge(value: Field, frequency: float) -> Field:
    """Coverage of a pattern's shape, about one pixel wide at its edge (a trunk is some 130 pixels)."""
    return np.clip(0.5 - value * 130 / frequency, 0, 1).astype(np.float32)


def _emblem(u: Field, v: Field) -> Field:
    """A sun on the chest."""
    x, y = u, v - 0.32
    radius, turn = np.hypot(x, y), np.arctan2(y, x)
    disc = _edge((radius - 0.085) * 1.0, 1)
    rays = _edge(np.maximum(np.abs(radius - 0.135) - 0.022, -np.cos(10 * turn) * 0.05), 1)
    return np.maximum(disc, rays)


def _dye(cloth: Cloth, u: Field, v: Field, shade: Field, emblem: bool = False) -> Field:
    share = _pattern(cloth, u, v, _emblem(u, v) if emblem else None)[..., None]
    base = np.array(cloth.ground, np.float32) * (1 - share) + np.array(cloth.second, np.float32) * share
    return np.clip(base * shade[..., None], 0, 255).astype(np.float32)


def _folds(u: Field, v: Field, strength: float) -> Field:
    wave = np.sin(11 * u + 3.1 * v + 2 * np.sin(2.3 * v)) * np.sin(4.3 * v + 5 * u)
    return (1 + strength * wave).astype(np.float32)


def _round(across: Field, half: Field, light: float = 0.06) -> Field:
    """Shade of something round: darker to both rims, lighter to the picture's left."""
    t = np.clip(across / np.maximum(half, 1), -1, 1)
    return (1.03 - 0.20 * t**2 - light * t).astype(np.float32)


def _trim(colour: Field, cloth: Cloth, where: Field) -> Field:
    rim = np.array(cloth.trim if cloth.trim else tuple(0.80 * channel for channel in cloth.ground), np.float32)
    return (colour * (1 - where[..., None]) + rim * where[..., None]).astype(np.float32)


def _neckline(style: Style, body: Body) -> Field:
    """Signed distance to what the neckline cuts away (negative inside the opening)."""
    level, offset = body.axis
    unit = body.trunk
    x, y = offset / unit, level
    if style.neck == "v":
        return (np.maximum(np.abs(x) * 1.75 + y - 0.27, 0.75 * (np.abs(x) - 0.20)) * unit * 0.55).astype(np.float32)
    if style.neck == "straps":
        return (np.maximum(np.abs(x) - 0.20, y - 0.16) * unit).astype(np.float32)
    reach, low = (0.24, 0.17) if style.neck == "scoop" else (0.165, 0.065)
    bow = np.hypot(x / reach, np.maximum(y + 0.09, 0) / (low + 0.09)) - 1
    return (bow * min(reach, low + 0.09) * unit).astype(np.float32)


def _trunk_piece(style: Style, cloth: Cloth, body: Body) -> Piece:
    level, offset = body.axis
    unit = body.trunk
    start = 0.60 if style.category == "lower" else -0.13
    widen = np.clip((level - 0.35) / max(style.hem - 0.35, 0.2), 0, 1.2) ** 1.4 * style.flare
    if style.category == "lower":
        widen = np.clip((level - 0.7) / max(style.hem - 0.7, 0.2), 0, 1.2) * style.flare
    # cloth falls straight from the widest place: it does not follow the body in below the hips
    held = np.maximum(body.half_width(level), np.where(level > 1.0, body.half_width(np.full_like(level, 1.04)), 0))
    half = held + (style.ease + widen) * unit
    wave = 0.012 * unit * np.sin(offset / unit * 17) if "pleats" in style.extras or style.flare > 0.15 else 0
    distance = np.maximum(np.abs(offset) - half, np.maximum((level - style.hem) * unit + wave, (start - level) * unit))
    if style.category != "lower":
        distance = np.maximum(distance, -_neckline(style, body))
        if style.sleeve == 0:
            # armholes of a sleeveless cut: beyond the straps, above the chest
            width = 0.285 if style.neck == "straps" else 0.33
            armhole = np.maximum(width * unit - np.abs(offset), (level - 0.30) * unit)
            distance = np.maximum(distance, -armhole)
    u, v = offset / unit, level
    shade = _round(offset, half) * _folds(u, v, 0.035)
    if "pleats" in style.extras:
        shade = shade * (1 + 0.07 * np.sin(offset / half * 16)).astype(np.float32)
    colour = _dye(cloth, u, v, shade, emblem=True)
    band = coverage(np.abs((level - style.hem) * unit + 3) - 2.4)
    if style.category != "lower":
        band = np.maximum(band, coverage(np.abs(_neckline(style, body) - 2.2) - 2.0) * (np.abs(offset) < 0.4 * unit))
    if style.category == "lower":
        band = np.maximum(band, coverage(np.abs((level - start) * unit - 4) - 4))
    colour = _trim(colour, cloth, band)
    if "buttons" in style.extras:
        line = coverage(np.abs(offset) - 1.0) * (level > 0.0) * 0.5
        dots = coverage(np.hypot(offset, (((level * 6.2) % 1) - 0.5) / 6.2 * unit) - 2.3) * (level > 0.02)
        colour = _trim(
            colour,
            Cloth(cloth.ground, trim=tuple(int(0.62 * channel) for channel in cloth.ground)),
            np.maximum(line, dots).astype(np.float32),
        )
    if "pocket" in style.extras:
        outline = (
            np.abs(
                np.maximum(
                    np.abs(offset) - 0.24 * unit * (0.75 + 0.35 * np.clip((level - 0.62) * 4, 0, 1)),
                    np.abs(level - 0.76) * unit - 0.13 * unit,
                )
            )
            - 1.1
        )
        colour = _trim(colour, cloth, coverage(outline))
    return Piece(distance.astype(np.float32), colour)


def _sleeve_pieces(style: Style, cloth: Cloth, body: Body) -> list[Piece]:
    pieces = []
    unit = body.trunk
    for side in ("right", "left"):
        place = body.arm(side)
        radii = np.array(ARM_RADII) + style.ease * np.array([1.0, 1.1, 0.7]) + 0.012
        half = np.interp(place.along, (0, 1, 2), radii * unit)
        length = np.where(place.along < 1, 0.60, 0.53) * unit
        distance = np.maximum(place.away - half, (place.along - style.sleeve) * length)
        u, v = (
            place.across / unit,
            np.where(place.along < 1, place.along * 0.60, 0.60 + (place.along - 1) * 0.53) + 0.05,
        )
        shade = _round(place.across, half) * _folds(u, v, 0.045)
        colour = _dye(cloth, u.astype(np.float32), v.astype(np.float32), shade)
        colour = _trim(colour, cloth, coverage(np.abs((place.along - style.sleeve) * length + 3) - 2.6))
        pieces.append(Piece(distance.astype(np.float32), colour))
    return pieces


def _leg_pieces(style: Style, cloth: Cloth, body: Body) -> list[Piece]:
    pieces = []
    unit = body.trunk
    for side in ("right", "left"):
        place = body.leg(side)
        flare = style.flare * np.clip(place.along / max(style.hem, 0.3), 0, 1.2) * unit
        half = (
            np.interp(place.along, (0, 1, 2), (np.array(LEG_RADII) + style.ease * np.array([0.5, 1, 1])) * unit) + flare
        )
        distance = np.maximum(place.away - half, (place.along - style.hem) * 0.78 * unit)
        u, v = (place.across / unit).astype(np.float32), (1 + place.along * 0.78).astype(np.float32)
        shade = _round(place.across, half) * _folds(u, v, 0.035)
        colour = _trim(
            _dye(cloth, u, v, shade), cloth, coverage(np.abs((place.along - style.hem) * 0.78 * unit + 2.5) - 1.6)
        )
        pieces.append(Piece(distance.astype(np.float32), colour))
    return pieces


def pieces(style: Style, cloth: Cloth, body: Body) -> tuple[list[Piece], list[Piece]]:
    """A garment on a body: what lies on trunk and legs, back to front, and what lies on the arms (right, left)."""
    if style.category == "lower" and style.legs:
        pelvis = Style("lower", 1.10, ease=style.ease + 0.008, extras=style.extras)
        return [
            *_leg_pieces(style, cloth, body),
            _trunk_piece(pelvis, Cloth(cloth.ground, cloth.pattern, cloth.second, cloth.trim or cloth.ground), body),
        ], []
    trunk = [_trunk_piece(style, cloth, body)]
    if "hood" in style.extras:
        level, offset = body.axis
        ring = np.maximum(
            np.hypot(offset / 1.25, (level + 0.13) * body.trunk) - 0.30 * body.trunk, -_neckline(style, body)
        )
        colour = _dye(
            cloth,
            offset / body.trunk,
            level,
            (0.86 * _round(offset, np.full_like(offset, 0.34 * body.trunk))).astype(np.float32),
        )
        trunk.append(Piece(np.maximum(ring, (-0.2 - level) * body.trunk).astype(np.float32), colour))
    if "collar" in style.extras:
        level, offset = body.axis
        x, y = np.abs(offset) / body.trunk, level
        leaf = (
            np.maximum(np.abs(x - 0.135 + 0.15 * (y + 0.12)) - 0.062, np.maximum(y - 0.10 - 0.35 * x, -0.17 - y))
            * body.trunk
        )
        trunk.append(
            Piece(
                leaf.astype(np.float32),
                _dye(cloth, offset / body.trunk, level, np.full((HEIGHT, WIDTH), 1.07, np.float32)),
            )
        )
    return trunk, _sleeve_pieces(style, cloth, body) if style.sleeve > 0 else []

"""What cloth is printed with, and the details of tailoring.

All is a function of cloth coordinates, so that the garment in the shop and on somebody carry the same picture. Coordinates are
metres: ``u`` around the body (0 in front of its middle, or on the outside of a limb), ``v`` downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .body import Body
from .cuts import Cut
from .garment import COLLAR, HOOD, LEFT_LEG, RIGHT_LEG, TRUNK, along_arm, along_leg
from .people import Rgb
from .sdf import Floats, Ints, vector
from .skeleton import ARM_ANGLE, LEG_ANGLE, SIDES

Print: TypeAlias = Literal[
    "plain", "melange", "stripes", "wide stripes", "pinstripes", "checks", "gingham", "dots", "flowers", "denim",
    "lettering", "emblem", "blocks",
]  # fmt: skip
WORDS = (
    "NOVA", "ORBIT", "EAST", "MOSS", "WAVE", "LINEN", "PIXEL", "ATLAS", "1987", "NORD", "SALT", "ECHO", "FERN", "KITE",
    "LUMEN", "RIVER",
)  # fmt: skip
EMBLEMS = ("sun", "mountain", "star", "heart", "ring", "leaf", "bolt", "bars")


@dataclass(frozen=True)
class Cloth:
    """A fabric.

    Args:
        print: what is on it.
        base: main colour, linear RGB.
        second: colour of the pattern.
        third: a further one.
        scale: of the pattern, around 1.
        motif: word or emblem.
        seed: of everything irregular.
    """

    print: Print
    base: Rgb
    second: Rgb
    third: Rgb
    scale: float = 1.0
    motif: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Place:
    """Where on a garment samples lie: ``u``, ``v`` in metres, ``region``, the cutting fields, and front or back."""

    u: Floats
    v: Floats
    region: Ints
    fields: dict[str, Floats]
    front: Floats


def _arc(angle: Floats, a: float, b: float) -> Floats:
    """Arc length on an ellipse of half-axes a (sideways) and b from its front, for an angle ``atan2(x / a, z / b)``."""
    t = np.linspace(-np.pi, np.pi, 361)
    speed = np.hypot(a * np.cos(t), b * np.sin(t))
    length = np.concatenate([[0], np.cumsum((speed[1:] + speed[:-1]) / 2 * np.diff(t))])
    return np.interp(angle, t, length - length[180])


def places(body: Body, points: Floats, region: Ints, fields: dict[str, Floats]) -> Place:
    """Cloth coordinates of canonical points of a garment made for a body."""
    x, y, z = points.T
    up = body.shape.torso
    u = _arc(np.arctan2(x / 0.155, (z + 0.012) / 0.118), 0.155, 0.118)
    # over the shoulders cloth lies flat: there its length runs forwards and backwards
    flat = np.clip((y - 1.39 - up) / 0.06, 0, 1)
    v = (1.45 + up) - y + 0.5 * flat * np.abs(z + 0.028)
    for index, (_, sign) in enumerate(SIDES):
        for code, along, angle, radius in (
            (1 + index, along_arm, ARM_ANGLE, 0.056),
            (LEFT_LEG + index, along_leg, LEG_ANGLE, 0.080),
        ):
            mine = region == code
            if not mine.any():
                continue
            chosen = points[mine]
            length = along(body, chosen, sign)
            joint = body.joints[f"{'left' if sign > 0 else 'right'}-{'arm' if code == 1 + index else 'thigh'}"]
            away = chosen - joint - length[:, None] * vector(sign * np.sin(angle), -np.cos(angle), 0)
            outward = away @ vector(sign * np.cos(angle), np.sin(angle), 0)
            u[mine] = np.arctan2(-sign * outward, away[:, 2]) * radius
            v[mine] = length + (0.06 if code == 1 + index else 0.56)
    turned = region == COLLAR
    if turned.any():
        u[turned] = np.arctan2(x[turned], -(z[turned] + 0.028)) * 0.09
        v[turned] = -fields["hem"][turned]
    return Place(u, v, region, fields, z)


def _hash(i: Floats, j: Floats, seed: int) -> Floats:
    """Uniform numbers in [0, 1) of integer cells."""
    h = (i.astype(np.int64) * 374761393 + j.astype(np.int64) * 668265263 + seed * 974711) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return np.asarray(((h ^ (h >> 16)) & 0xFFFFFF) / float(0x1000000))


def noise(u: Floats, v: Floats, cell: float, seed: int) -> Floats:
    """Value noise in [-1, 1] with features of ``cell`` metres."""
    a, b = u / cell, v / cell
    i, j = np.floor(a), np.floor(b)
    s, t = a - i, b - j
    s, t = s * s * (3 - 2 * s), t * t * (3 - 2 * t)
    low = _hash(i, j, seed) * (1 - s) + _hash(i + 1, j, seed) * s
    high = _hash(i, j + 1, seed) * (1 - s) + _hash(i + 1, j + 1, seed) * s
    return np.asarray(2 * (low * (1 - t) + high * t) - 1)


def _edge(distance: Floats, soft: float = 0.0008) -> Floats:
    """1 where distance < 0, 0 beyond ``soft``."""
    return np.asarray(np.clip(0.5 - distance / (2 * soft), 0, 1))


@lru_cache(maxsize=64)
def _stamp(motif: str) -> Floats:
    """``(H, W)`` in [0, 1]: a word or an emblem, drawn large."""
    if motif not in EMBLEMS:
        font = ImageFont.load_default(size=150)
        left, top, right, bottom = font.getbbox(motif, stroke_width=3)
        picture = Image.new("L", (int(right - left) + 16, int(bottom - top) + 16), 0)
        ImageDraw.Draw(picture).text((8 - left, 8 - top), motif, font=font, fill=255, stroke_width=3, stroke_fill=255)
        return np.asarray(picture, np.float32) / 255
    size = 300
    picture = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(picture)
    turn = np.linspace(0, 2 * np.pi, 200)
    if motif == "sun":
        draw.ellipse((80, 80, 220, 220), fill=255)
        for angle in turn[::17]:
            way = np.array([np.cos(angle), np.sin(angle)])
            draw.line([tuple(150 + 88 * way), tuple(150 + 135 * way)], fill=255, width=13)
    elif motif == "mountain":
        draw.polygon([(10, 250), (110, 70), (170, 170), (205, 120), (290, 250)], fill=255)
        draw.polygon([(110, 70), (82, 122), (106, 110), (124, 128), (142, 122)], fill=0)
    elif motif == "star":
        radius = np.where(np.arange(10) % 2 == 0, 140, 58)
        angle = np.arange(10) * np.pi / 5 - np.pi / 2
        draw.polygon([(150 + r * np.cos(a), 155 + r * np.sin(a)) for r, a in zip(radius, angle, strict=True)], fill=255)
    elif motif == "heart":
        x = 16 * np.sin(turn) ** 3
        y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
        draw.polygon([(150 + 8 * a, 140 - 8 * b) for a, b in zip(x, y, strict=True)], fill=255)
    elif motif == "ring":
        draw.ellipse((30, 30, 270, 270), fill=255)
        draw.ellipse((75, 75, 225, 225), fill=0)
        draw.rectangle((20, 132, 280, 168), fill=255)
    elif motif == "leaf":
        draw.polygon([(150 + 78 * np.sin(a) * np.sin(a / 2), 150 - 135 * np.cos(a / 1.0)) for a in turn], fill=255)
        draw.line([(150, 290), (150, 60)], fill=0, width=9)
    elif motif == "bolt":
        draw.polygon([(175, 15), (70, 170), (140, 170), (115, 285), (230, 115), (160, 115)], fill=255)
    else:
        for k in range(4):
            draw.rectangle((20, 40 + 62 * k, 280 - 40 * k, 72 + 62 * k), fill=255)
    return np.asarray(picture, np.float32) / 255


def _stamped(place: Place, motif: str, v: float, width: float) -> Floats:
    picture = _stamp(motif)
    height = width * picture.shape[0] / picture.shape[1]
    column = (place.u / width + 0.5) * (picture.shape[1] - 1)
    row = ((place.v - v) / height + 0.5) * (picture.shape[0] - 1)
    inside = (column >= 0) & (column < picture.shape[1] - 1) & (row >= 0) & (row < picture.shape[0] - 1)
    inside &= (place.region == TRUNK) & (place.front > -0.02)
    out = np.zeros(len(column))
    c, r = column[inside], row[inside]
    i, j = r.astype(int), c.astype(int)
    s, t = c - j, r - i
    upper = picture[i, j] * (1 - s) + picture[i, j + 1] * s
    lower = picture[i + 1, j] * (1 - s) + picture[i + 1, j + 1] * s
    out[inside] = upper * (1 - t) + lower * t
    return out


def _pattern(cloth: Cloth, cut: Cut, place: Place) -> Floats:
    base, second, third = (np.array(colour) for colour in (cloth.base, cloth.second, cloth.third))
    u, v, scale = place.u, place.v, cloth.scale
    out = np.repeat(base[None], len(u), axis=0)

    def mix(share: Floats, colour: Floats) -> None:
        out[:] += np.clip(share, 0, 1)[:, None] * (colour - out)

    if cloth.print == "melange":
        mix(0.35 * (0.5 + 0.5 * noise(u, 0.25 * v, 0.0035, cloth.seed)), second)
    elif cloth.print in ("stripes", "wide stripes"):
        period = scale * (0.034 if cloth.print == "stripes" else 0.082)
        mix(_edge(np.abs(v % period - period / 2) - period * 0.22), second)
    elif cloth.print == "pinstripes":
        period = 0.022 * scale
        mix(_edge(np.abs(u % period - period / 2) - 0.0016), second)
    elif cloth.print == "gingham":
        period = 0.026 * scale
        mix(
            0.5 * _edge(np.abs(u % period - period / 2) - period / 4)
            + 0.5 * _edge(np.abs(v % period - period / 2) - period / 4),
            second,
        )
    elif cloth.print == "checks":
        period = 0.066 * scale
        a, b = u % period - period / 2, v % period - period / 2
        mix(0.55 * _edge(np.abs(a) - 0.24 * period), second)
        mix(0.55 * _edge(np.abs(b) - 0.24 * period), second)
        mix(
            0.9
            * np.maximum(
                _edge(np.abs(np.abs(a) - 0.40 * period) - 0.0014), _edge(np.abs(np.abs(b) - 0.40 * period) - 0.0014)
            ),
            third,
        )
    elif cloth.print == "dots":
        cell = 0.030 * scale
        row = np.floor(v / cell)
        a, b = (u + 0.5 * cell * (row % 2)) % cell - cell / 2, v % cell - cell / 2
        mix(_edge(np.hypot(a, b) - 0.27 * cell), second)
    elif cloth.print == "flowers":
        cell = 0.046 * scale
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                i, j = np.floor(u / cell) + dx, np.floor(v / cell) + dy
                a = u - (i + 0.5 + 0.6 * (_hash(i, j, cloth.seed) - 0.5)) * cell
                b = v - (j + 0.5 + 0.6 * (_hash(i, j, cloth.seed + 1) - 0.5)) * cell
                turn = _hash(i, j, cloth.seed + 2) * 6.283
                radius = np.hypot(a, b) / (cell * (0.26 + 0.14 * _hash(i, j, cloth.seed + 3)))
                petal = 0.62 + 0.38 * np.cos(5 * (np.arctan2(b, a) + turn))
                share = _edge((radius - petal) * 0.01, 0.0012)
                kind = (_hash(i, j, cloth.seed + 4) > 0.3).astype(float)[:, None]
                out[:] += share[:, None] * (kind * second + (1 - kind) * third - out)
                out[:] += _edge((radius - 0.25) * 0.01, 0.0012)[:, None] * (np.array([0.75, 0.5, 0.1]) - out)
    elif cloth.print == "denim":
        weave = 0.5 * noise(u, v, 0.0022, cloth.seed) + 0.5 * noise(u * 2.5, v * 0.4, 0.006, cloth.seed + 1)
        faded = np.clip(1 - np.abs(u) % 0.15 / 0.1, 0, 1) * np.exp(-(((v - 0.75) / 0.20) ** 2)) * (place.front > 0)
        mix(np.clip(0.12 + 0.10 * weave + 0.30 * faded, 0, 1), second)
    elif cloth.print == "blocks":
        mix(_edge(0.19 * scale - v, 0.001) * (place.region != HOOD), second)
        mix(_edge(np.abs(v - 0.19 * scale) - 0.012), third)
    elif cloth.print in ("lettering", "emblem"):
        wide = (0.20 if cloth.print == "lettering" else 0.15) * scale
        mix(_stamped(place, cloth.motif, cut.neck_depth + 0.125, wide), second)
    return out


def _tailoring(cut: Cut, cloth: Cloth, place: Place, colour: Floats) -> Floats:
    """Ribs, seams, hems, buttons, pockets."""
    out, f = colour, place.fields
    rib_colour = np.array(cloth.third if cloth.print == "lettering" and cloth.seed % 3 == 0 else cloth.base)

    def shade(share: Floats, by: float) -> None:
        out[:] *= (1 - np.clip(share, 0, 1) * (1 - by))[:, None]

    def paint(share: Floats, with_colour: Floats) -> None:
        out[:] += np.clip(share, 0, 1)[:, None] * (with_colour - out)

    def band(name: str, width: float, coordinate: Floats, period: float = 0.0045) -> None:
        if name not in f:
            return
        inside = _edge(f[name] - width, 0.0006)
        paint(inside, rib_colour)
        shade(inside * (0.5 + 0.5 * np.cos(coordinate * 2 * np.pi / period)), 0.86)
        shade(_edge(np.abs(f[name] - width) - 0.0009), 0.62)

    def stitch(name: str, away: float) -> None:
        if name in f:
            shade(_edge(np.abs(f[name] - away) - 0.0008) * (0.6 + 0.4 * (np.sin(place.u * 1500) > -0.3)), 0.78)

    trunk = place.region == TRUNK
    ahead = trunk & (place.front > 0)
    if cut.kind in ("t-shirt", "long sleeve"):
        band("neck", 0.017, place.u)
        stitch("hem", 0.020)
        band("sleeve", 0.030, place.u) if cut.kind == "long sleeve" and cloth.seed % 2 else stitch("sleeve", 0.018)
    elif cut.kind in ("tank", "dress"):
        stitch("neck", 0.009)
        stitch("armhole", 0.009)
        stitch("sleeve", 0.014)
        stitch("hem", 0.024)
        if cut.kind == "dress":
            shade(trunk * _edge(np.abs(place.v - 0.44) - 0.0012), 0.70)
    elif cut.kind == "hoodie":
        band("sleeve", 0.055, place.u)
        band("hem", 0.055, place.u)
        pocket = np.maximum(
            np.abs(place.u) - np.interp(place.v, (0.33, 0.46), (0.085, 0.135)),
            np.maximum(0.33 - place.v, place.v - 0.485),
        )
        shade(ahead * _edge(np.abs(pocket) - 0.0014), 0.58)
        if "neck" in f:
            shade(_edge(np.abs(f["neck"] - 0.006) - 0.002) * trunk, 0.6)
        for sign in (-1, 1):
            way = np.abs(place.u - sign * (0.028 + 0.004 * np.sin(place.v * 60)))
            cord = np.maximum(
                way - 0.0030, np.maximum(place.v - (cut.neck_depth + 0.17), cut.neck_depth - 0.01 - place.v)
            )
            paint(ahead * _edge(cord), np.clip(np.array(cloth.base) * 0.25 + 0.6, 0, 0.85))
    elif cut.kind == "blouse":
        placket = ahead * _edge(np.abs(place.u) - 0.0155, 0.0006)
        shade(ahead * _edge(np.abs(np.abs(place.u) - 0.0155) - 0.0009), 0.66)
        first = cut.neck_depth + 0.03
        near = np.abs((place.v - first) % 0.082 - 0.041) - 0.041
        button = np.hypot(place.u, near) - 0.0058
        shade(placket * _edge(np.abs(button) - 0.0012), 0.7)
        paint(
            placket * _edge(button) * (place.v > first - 0.02),
            np.array([0.82, 0.80, 0.74]) if sum(cloth.base) < 1.5 else np.array([0.45, 0.42, 0.38]),
        )
        band("sleeve", 0.045, place.u, 1.0)
        stitch("hem", 0.014)
        collar = place.region == COLLAR
        shade(collar * _edge(np.abs(f["hem"] - 0.006) - 0.0010), 0.75)
        if cloth.seed % 2:
            pocket = np.maximum(np.abs(place.u - 0.075) - 0.045, np.abs(place.v - 0.21) - 0.05)
            shade(ahead * _edge(np.abs(pocket) - 0.0012), 0.62)
    elif cut.category == "lower":
        lower = (place.front > 0) & (place.region != HOOD)
        waist = f["waist"]
        if cut.kind == "skirt":
            shade(_edge(np.abs(waist - 0.036) - 0.0012), 0.6)
            stitch("hem", 0.022)
            if cloth.seed % 3 == 0:
                shade((waist > 0.036) * (0.5 + 0.5 * np.cos(place.u * 2 * np.pi / 0.042)) ** 6, 0.6)
        else:
            shade(_edge(np.abs(waist - 0.040) - 0.0014), 0.55)
            middle = trunk & (place.front > 0)
            fly = np.maximum(np.abs(place.u - 0.026) - 0.0012, waist - 0.17)
            shade(middle * _edge(fly) * (waist > 0.04), 0.6)
            shade(middle * _edge(np.maximum(np.abs(place.u) - 0.0012, waist - 0.22)) * (waist > 0.04), 0.6)
            paint(middle * _edge(np.hypot(place.u - 0.012, waist - 0.02) - 0.0085), np.array([0.42, 0.38, 0.30]))
            corner = np.hypot((np.abs(place.u) - 0.17) / 0.072, (waist - 0.03) / 0.085)
            shade(lower * trunk * _edge(np.abs(corner - 1) * 0.075 - 0.0013) * (waist > 0.04), 0.58)
            shade(
                ((place.region == LEFT_LEG) | (place.region == RIGHT_LEG))
                * _edge(np.abs(np.abs(place.u) - 0.125) - 0.0012),
                0.72,
            )
            stitch("leg", 0.022)
            if cloth.print != "denim" and cloth.seed % 2:
                shade(lower & ~trunk & (np.abs(place.u + np.sign(place.u) * 0.0) < 0.0016), 0.8)
    return out


def albedo(cut: Cut, cloth: Cloth, place: Place) -> Floats:
    """``(N, 3)`` linear RGB of cloth."""
    if len(place.u) == 0:
        return np.zeros((0, 3))
    out = _tailoring(cut, cloth, place, _pattern(cloth, cut, place))
    grain = 0.025 * noise(place.u, place.v, 0.0016, cloth.seed + 7) + 0.02 * noise(
        place.u, place.v, 0.03, cloth.seed + 8
    )
    return np.asarray(np.clip(out * (1 + grain[:, None]), 0.004, 0.93))

"""Garments: what each cut looks like on a body, as layers to paint.

Outlines are in trunk coordinates (see ``body``), so the same cut fits every body and also lies flat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..sample import Category
from .body import ARM, SIDES, Body
from .cloth import Cloth, creased, dye, edge, trimmed
from .paint import Colour, Field, Shape, curve, disc, filled, mirrored, stroke, tinted
from .trousers import trousers

#: half-width at the shoulder and depth (level) at the middle of each neckline
_NECKS = {
    "round": (0.125, 0.060),
    "v": (0.120, 0.270),
    "scoop": (0.165, 0.190),
    "straps": (0.165, 0.215),
    "collar": (0.115, 0.060),
}


@dataclass(frozen=True)
class Style:
    """The cut of a garment; lengths in trunks.

    Args:
        category: upper, lower or dress.
        hem: level of the hem on the axis (upper, dress, skirt), or along the leg, 0 hip to 2 ankle (trousers, shorts).
        sleeve: length along the arm, 0 none to 2 wrist.
        ease: how far it stands off.
        fit: 0 follows the waist, 1 hangs straight.
        flare: how much wider it is at the hem.
        neck: round, v, scoop, straps or collar.
        legs: whether it has legs.
        waist: level where a lower garment begins.
        strap: width of a sleeveless garment's shoulder.
        tucks: a lower garment that is worn over a tucked-in upper one.
        loose: an upper garment that is never tucked in.
        extras: hood, buttons, pocket, pleats, belt, cuffs.
    """

    category: Category
    hem: float
    sleeve: float = 0.0
    ease: float = 0.02
    fit: float = 0.0
    flare: float = 0.0
    neck: str = "round"
    legs: bool = False
    waist: float = 0.70
    strap: float = 0.10
    tucks: bool = False
    loose: bool = False
    extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layer:
    """One thing to paint: a shape, its colour, and how (see ``Canvas.lay``)."""

    shape: Shape
    colour: Field | Colour
    shadow: float = 0.0
    form: float = 0.0
    soft: float = 6.0
    alpha: float = 1.0
    whole: Shape | None = None


@dataclass
class Worn:
    """A garment on a body.

    Args:
        behind: what lies behind neck and head.
        inside: the back's inner side as seen through the neckline when nobody wears it.
        front: what lies on trunk and legs, back to front.
        sleeves: by side, what lies on that arm.
    """

    behind: list[Layer] = field(default_factory=list)
    inside: list[Layer] = field(default_factory=list)
    front: list[Layer] = field(default_factory=list)
    sleeves: dict[str, list[Layer]] = field(default_factory=dict)


def armhole(body: Body) -> Field:
    """Right half of what an arm leaves to the trunk, in trunk coordinates."""
    aside = body.shoulder[0]
    return np.array(
        [[0, -0.3], [aside - 0.02, -0.16], [aside - 0.046, -0.04], [aside - 0.060, 0.08], [aside - 0.064, 0.18],
         [aside - 0.068, 0.25], [aside - 0.085, 0.30], [aside - 0.13, 0.35], [0, 0.36]]
    )  # fmt: skip


def _half(style: Style, body: Body, level: Field) -> Field:
    """Half-width of a garment's trunk at levels."""
    own = body.half_width(level)
    straight = np.maximum(own, body.half_width(0.34 if body.flat else min(1.0, style.hem)))
    begin = 0.64 if style.category != "lower" else style.waist
    share = np.clip((level - begin) / max(style.hem - begin, 0.1), 0, 1)
    falling = np.where(level > 1.08, np.maximum(own, body.half_width(1.08)), own)
    base = (1 - style.fit) * falling + style.fit * straight
    return np.asarray(base + style.ease + style.flare * share**1.25)


def _hem(style: Style, body: Body) -> Field:
    """The hem from its right end to the middle."""
    share = np.linspace(1, 0, 25)[:, None]
    end = float(_half(style, body, np.array(style.hem)))
    waves = 0.055 * style.flare * (1 - np.cos(share * 7 * np.pi)) if style.flare > 0.12 else 0 * share
    return np.concatenate([share * end, style.hem + 0.028 * (1 - share**2) + waves], 1)


def _neckline(style: Style) -> Field:
    """The neckline from the middle to the right shoulder."""
    width, depth = _NECKS[style.neck]
    start = -0.095 + 0.35 * (width - 0.11)
    if style.neck == "v":
        return curve((0, depth), (0.55 * width, 0.5 * depth - 0.01), (0.92 * width, 0.0), (width, start), steps=8)
    if style.neck == "straps":
        return curve((0, depth), (0.5 * width, depth - 0.015), (0.86 * width, 0.55 * depth), (width, start), steps=8)
    turn = np.linspace(np.pi / 2, -0.05, 16)
    return np.stack([width * np.cos(turn), start + (depth - start) * np.sin(turn)], 1)


def _trunk_half(style: Style, body: Body) -> Field:
    """Right half of the outline, from the middle of the neckline down to the middle of the hem."""
    low = min(style.hem, 3.0)
    if style.category == "lower":
        levels = np.linspace(style.waist, low, 24)
        top = np.array([[0, style.waist + 0.015]])
        return np.concatenate([top, np.stack([_half(style, body, levels), levels], 1), _hem(style, body)[1:]])
    aside, level = body.shoulder
    neck = _neckline(style)
    levels = np.linspace(0.36, low, 24)
    sides = np.stack([_half(style, body, levels), levels], 1)
    if style.sleeve:
        reach = ARM[0] * body.spread + 0.4 * style.ease + 0.008
        turn = np.radians(np.linspace(-80, 30, 12))
        ball = np.stack([aside + reach * np.cos(turn), level + reach * np.sin(turn)], 1)
        return np.concatenate([neck, ball, sides, _hem(style, body)[1:]])
    outer = neck[-1] + (style.strap, 0.022 + 0.18 * style.strap)
    hole = curve(
        outer, (outer[0] + 0.004, 0.10), (max(outer[0] + 0.012, aside - 0.075), 0.22), (sides[0, 0] - 0.03, 0.325), sides[0], steps=6
    )  # fmt: skip
    return np.concatenate([neck, hole, sides[1:], _hem(style, body)[1:]])


def _folds(style: Style, body: Body) -> list[Field]:
    """Creases of a trunk, in trunk coordinates."""
    lines = []
    if style.category != "lower":
        lines += [
            curve((-0.29, 0.33), (-0.21, 0.40), (-0.10, 0.43), steps=4),
            curve((0.29, 0.33), (0.20, 0.39), (0.12, 0.40), steps=4),
            curve((0.30, 0.46), (0.19, 0.55), (0.05, 0.58), steps=4),
            curve((-0.29, 0.62), (-0.20, 0.67), (-0.06, 0.68), steps=4),
            curve((0.31, 0.74), (0.22, 0.755), (0.10, 0.73), steps=4),
            curve((-0.33, 0.86), (-0.24, 0.85), (-0.13, 0.81), steps=4),
        ]
    if style.category != "upper" and style.flare > 0.05:
        end = _half(style, body, np.array(style.hem))
        count = 7 if "pleats" in style.extras else 5
        for share in (np.arange(count) + 0.5) / count * 2 - 1:
            start = max(style.waist if style.category == "lower" else 0.66, 0.6)
            top = _half(style, body, np.array(start + 0.1))
            lines.append(
                curve(
                    (share * top * 0.92, start + 0.10),
                    (share * (top + end) / 2, (start + style.hem) / 2),
                    (share * end, style.hem + 0.10),
                )
            )
    return lines


def _trunk(style: Style, cloth: Cloth, body: Body) -> list[Layer]:
    unit = body.unit
    half = _trunk_half(style, body)
    shape = filled(body.place(mirrored(half)))
    u, v = body.coordinates(shape)
    wide = np.maximum(_half(style, body, v), 0.05)
    colour = dye(cloth, body.around(u, wide), v, unit, chest=style.category != "lower")
    if "pleats" in style.extras:
        slope = ((u / wide) * 8) % 1
        shade = (1.06 - 0.20 * slope) * (1 - 0.16 * np.exp(-(((slope - 0.98) / 0.06) ** 2)))
        colour = colour * np.where(v > style.waist + 0.07, shade, 1)[..., None]
    colour = creased(colour, shape, [body.place(line) for line in _folds(style, body)], 0.17, 0.055 * unit)
    layers = [Layer(shape, colour, shadow=0.26, form=0.26, soft=0.085 * unit)]

    def line(points: Field, width: float, share: float, alpha: float = 1.0) -> None:
        rim = cloth.trim if cloth.trim else tinted(cloth.ground, share)
        layers.append(Layer(stroke(body.place(points), width * unit).within(shape), rim, alpha=alpha))

    hem = _hem(style, body)
    out = hem[0] + np.array([0.05, 0])
    whole_hem = np.concatenate([out[None], hem, hem[::-1] * (-1, 1), out[None] * (-1, 1)])
    if cloth.trim or style.category == "upper":
        line(whole_hem, 0.034 if "cuffs" in style.extras else 0.018, 0.86)
    if style.category == "lower":
        top = np.array([[-0.6, style.waist], [0, style.waist + 0.015], [0.6, style.waist]])
        line(top, 0.04, 0.84)
    else:
        neck = _neckline(style)
        whole = np.concatenate([neck[::-1] * (-1, 1), neck])
        if style.neck != "collar" and "hood" not in style.extras:
            line(whole, 0.030 if style.neck == "round" else 0.020, 0.84)
        if not style.sleeve:
            index = len(neck)
            for sign in (-1, 1):
                line(half[index : index + 25] * (sign, 1), 0.016, 0.84)
    if "belt" in style.extras:
        belt = np.array([[-0.5, 0.655], [0, 0.675], [0.5, 0.655]])
        line(belt, 0.026, 0.62)
    _details(style, cloth, body, layers)
    return layers


def _details(style: Style, cloth: Cloth, body: Body, layers: list[Layer]) -> None:
    unit, dark = body.unit, tinted(cloth.ground, 0.70)
    if "buttons" in style.extras:
        start = _NECKS[style.neck][1]
        placket = stroke(body.place(np.array([[0.0, start], [0.0, style.hem + 0.02]])), 0.006 * unit)
        layers.append(Layer(placket, dark, alpha=0.55))
        for level in np.arange(start + 0.06, style.hem - 0.02, 0.145):
            layers.append(Layer(disc(body.at(0, level), 0.016 * unit), (250, 248, 240)))
            layers.append(Layer(disc(body.at(0, level), 0.006 * unit), dark))
    if "pocket" in style.extras:
        pocket = curve((-0.19, 0.92), (-0.185, 0.80), (-0.13, 0.70), steps=6)
        path = np.concatenate([pocket, pocket[::-1] * (-1, 1), pocket[:1]])
        shape = filled(body.place(path))
        u, v = body.coordinates(shape)
        layers.append(Layer(shape, dye(cloth, u, v, unit), shadow=0.22, form=0.14, soft=4))
        layers.append(Layer(stroke(body.place(path), 0.006 * unit), dark, alpha=0.5))
    if "hood" in style.extras:
        ring = curve((-0.20, -0.075), (-0.165, 0.02), (0, 0.115), (0.165, 0.02), (0.20, -0.075))
        wide = np.interp(np.linspace(-1, 1, len(ring)), (-1, 0, 1), (0.035, 0.062, 0.035)) * unit
        layers.append(Layer(stroke(body.place(ring), wide), tinted(cloth.ground, 1.06), shadow=0.3, form=0.45, soft=5))
        for sign in (-1, 1):
            cord = curve((sign * 0.055, 0.125), (sign * 0.075, 0.24), (sign * 0.068, 0.36))
            layers.append(Layer(stroke(body.place(cord), 0.010 * unit), (244, 240, 232), shadow=0.3))
    if style.neck == "collar":
        for sign in (-1, 1):
            leaf = curve((0.004, 0.055), (0.03, -0.02), (0.095, -0.135), steps=5)
            tip = np.array([[0.150, -0.065], [0.150, 0.085]])
            shape = filled(body.place(np.concatenate([leaf, tip]) * (sign, 1)))
            u, v = body.coordinates(shape)
            colour = dye(cloth, u + 0.03, v + 0.05, unit) * 1.03
            layers.append(Layer(shape, colour.astype(np.float32), shadow=0.34, form=0.2, soft=3))


def _sleeve(style: Style, cloth: Cloth, body: Body, side: str) -> list[Layer]:
    unit = body.unit
    limb = body.limb("arm", side)
    line, along = limb.part(style.sleeve)
    ease = style.ease
    profile = tuple(
        body.spread * r + e for r, e in zip(ARM, (0.4 * ease + 0.008, ease, ease, 0.95 * ease, 0.8 * ease), strict=True)
    )
    radii = limb.radii(profile, along)
    if "cuffs" in style.extras:
        radii = radii * np.interp(along, (style.sleeve - 0.20, style.sleeve - 0.16), (1, 0.80))
    if style.sleeve < 1.3:  # a short sleeve opens towards its end
        radii = radii + 0.45 * ease * unit * np.clip(along / style.sleeve, 0, 1)
    whole = stroke(line, radii, flat_end=True)
    shape = whole.without(filled(body.place(mirrored(armhole(body)))))
    place, across = limb.coordinates(shape)
    round_it = body.around(across, np.interp(place, along, radii / unit))
    colour = dye(cloth, round_it, limb.length(place) + 0.03, unit)
    end = float(limb.length(np.array(style.sleeve)))
    colour = trimmed(colour, cloth, edge(end - 0.042 - limb.length(place), unit), 0.86)
    folds = []
    if style.sleeve > 1.2:
        inner = 1 if side == "right" else -1
        for start, end in ((0.80, 0.92), (1.0, 1.0), (1.2, 1.08)):
            a = np.array([np.interp(start, limb.along, limb.line[:, axis]) for axis in (0, 1)])
            b = np.array([np.interp(end, limb.along, limb.line[:, axis]) for axis in (0, 1)])
            across_unit = np.array([inner, 0.15])
            folds.append(
                np.stack(
                    [
                        a + across_unit * 0.10 * unit,
                        (a + b) / 2 + across_unit * 0.03 * unit,
                        b - across_unit * 0.04 * unit,
                    ]
                )
            )
        colour = creased(colour, shape, folds, 0.20, 0.04 * unit)
    return [Layer(shape, colour, shadow=0.30, form=0.30, soft=0.05 * unit, whole=whole)]


def wear(style: Style, cloth: Cloth, body: Body) -> Worn:
    """A garment on a body."""
    worn = Worn()
    if style.category == "lower" and style.legs:
        worn.front = [
            Layer(*layer)
            for layer in trousers(style.hem, style.waist, style.ease, style.flare, style.extras, cloth, body)
        ]
        return worn
    worn.front = _trunk(style, cloth, body)
    if style.sleeve:
        worn.sleeves = {side: _sleeve(style, cloth, body, side) for side, _ in SIDES}
    if style.category != "lower":
        width, depth = _NECKS[style.neck]
        top = -0.10 + 0.35 * (width - 0.11)
        back = curve((0, top + 0.028), (0.6 * width, top + 0.02), (width + 0.01, top - 0.004))
        low = np.array([[width + 0.02, depth * 0.55], [0.0, depth + 0.03]])
        shape = filled(body.place(mirrored(np.concatenate([back, low]))))
        if style.neck != "straps":
            worn.inside.append(Layer(shape, tinted(cloth.ground, 0.66)))
    if "hood" in style.extras:
        hood = curve(
            (-0.235, -0.02),
            (-0.215, -0.13),
            (-0.10, -0.185),
            (0, -0.195),
            (0.10, -0.185),
            (0.215, -0.13),
            (0.235, -0.02),
        )
        outline = np.concatenate([hood, [[0.15, 0.06], [-0.15, 0.06]]])
        worn.behind.append(Layer(filled(body.place(outline)), tinted(cloth.ground, 0.90), form=0.3, soft=6))
        inner = curve((-0.17, -0.05), (-0.15, -0.12), (0, -0.155), (0.15, -0.12), (0.17, -0.05))
        worn.behind.append(Layer(filled(body.place(inner)), tinted(cloth.ground, 0.62)))
    return worn

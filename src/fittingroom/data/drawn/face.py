"""Heads: face and hair. Points are from the head's middle, in trunks (x to the picture's right, y down)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .body import SIDES, Body
from .paint import Canvas, Colour, Field, Shape, curve, disc, filled, mirrored, stroke, tinted


@dataclass(frozen=True)
class Look:
    """How somebody looks.

    Args:
        skin: colour.
        hair: colour.
        cut: quiff, crop, bob, long, bun or curls.
        man: build.
        shoes: colour.
        wall: colour of the background.
        room: what stands there: arch, window or plant.
        beard: whether there is one.
    """

    skin: Colour
    hair: Colour
    cut: str
    man: bool
    shoes: Colour
    wall: Colour
    room: str = "arch"
    beard: bool = False


def _filled(body: Body, points: Field) -> Shape:
    return filled(body.on_head(points))


def _line(body: Body, width: float | Field, *points: tuple[float, float]) -> Shape:
    line = body.on_head(curve(*points, steps=6))
    wide = np.asarray(width, np.float64)
    if wide.ndim:
        wide = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(wide)), wide)
    return stroke(line, wide * body.unit)


def _outline(man: bool) -> Field:
    jaw = 0.012 if man else 0.0
    half = curve(
        (0, -0.212), (0.095, -0.188), (0.148, -0.100), (0.152, 0.0), (0.140 + jaw, 0.085), (0.100 + 1.4 * jaw, 0.160),
        (0.048 + jaw, 0.203 + 0.4 * jaw), (0, 0.212 + 0.4 * jaw),
    )  # fmt: skip
    return mirrored(half)


def draw_hair_behind(canvas: Canvas, body: Body, look: Look) -> None:
    """Hair that lies behind head, neck and shoulders."""
    dark = tinted(look.hair, 0.80)
    if look.cut == "long":
        half = curve(
            (0, -0.25),
            (0.12, -0.225),
            (0.185, -0.10),
            (0.195, 0.08),
            (0.215, 0.25),
            (0.225, 0.42),
            (0.17, 0.53),
            (0, 0.50),
        )
        canvas.lay(_filled(body, mirrored(half)), dark, "hair", form=0.2)
    elif look.cut == "bob":
        half = curve((0, -0.25), (0.12, -0.23), (0.19, -0.11), (0.20, 0.05), (0.195, 0.17), (0.15, 0.225), (0, 0.20))
        canvas.lay(_filled(body, mirrored(half)), dark, "hair", form=0.2)
    elif look.cut == "curls":
        for x, y, size in _curls():
            canvas.lay(disc(body.head(x, y), size * body.unit), dark, "hair", form=0.25, soft=4)
    elif look.cut == "bun":
        canvas.lay(disc(body.head(0.0, -0.285), 0.095 * body.unit, 0.085 * body.unit), dark, "hair", form=0.35)


def _curls() -> list[tuple[float, float, float]]:
    ring = [
        (0.215 * np.cos(turn), -0.075 + 0.205 * np.sin(turn), 0.075) for turn in np.radians(np.arange(150, 391, 24))
    ]
    return [
        *ring,
        *((x * 0.62, -0.14 + 0.4 * (y + 0.075), 0.085) for x, y, _ in ring[2:9]),
        (-0.20, 0.06, 0.06),
        (0.20, 0.06, 0.06),
    ]


def draw_head(canvas: Canvas, body: Body, look: Look) -> None:
    """Face and the hair before it; everything that is skin gets the label ``face``."""
    skin, unit = look.skin, body.unit
    for _, sign in SIDES:
        ear = disc(body.head(sign * 0.155, 0.02), 0.028 * unit, 0.046 * unit, sign * 8)
        canvas.lay(ear, tinted(skin, 0.94), "face", form=0.2, soft=2)
        if not look.man:
            canvas.lay(disc(body.head(sign * 0.162, 0.066), 0.011 * unit), (226, 188, 96), "face")
    canvas.lay(_filled(body, _outline(look.man)), skin, "face", shadow=0.34, form=0.20, soft=7)
    warm = tuple(round(0.5 * a + 0.5 * b) for a, b in zip(skin, (222, 96, 84), strict=True))
    for _, sign in SIDES:
        canvas.lay(
            disc(body.head(sign * 0.092, 0.078), 0.034 * unit, 0.024 * unit),
            warm,
            alpha=0.30 if sum(skin) > 420 else 0.16,
        )
    _features(canvas, body, look)
    if look.beard:
        _beard(canvas, body, look)
    _hair_before(canvas, body, look)


def _features(canvas: Canvas, body: Body, look: Look) -> None:
    unit, dark = body.unit, (48, 34, 32)
    brow = tinted(look.hair, 0.85) if sum(look.hair) < 420 else tinted(look.hair, 0.7)
    for _, sign in SIDES:
        canvas.lay(disc(body.head(sign * 0.062, 0.0), 0.025 * unit, 0.0165 * unit), (252, 250, 246))
        canvas.lay(disc(body.head(sign * 0.061, 0.001), 0.0145 * unit, 0.0165 * unit), dark)
        canvas.lay(disc(body.head(sign * 0.061 + 0.005, -0.005), 0.0045 * unit), (255, 255, 255), alpha=0.9)
        lid = np.array([0.002, 0.0065, 0.005])
        lash = 0.096 if not look.man else 0.090
        canvas.lay(_line(body, lid, (sign * 0.034, 0.003), (sign * 0.062, -0.018), (sign * lash, -0.004)), dark)
        arch = ((sign * 0.030, -0.052), (sign * 0.064, -0.066), (sign * 0.100, -0.050))
        canvas.lay(_line(body, np.array([0.008, 0.0085, 0.003]) * (1.3 if look.man else 0.9), *arch), brow)
    shade = tinted(look.skin, 0.80)
    canvas.lay(_line(body, np.array([0.002, 0.005, 0.003]), (-0.014, 0.066), (0.004, 0.078), (0.020, 0.066)), shade)
    lip = tuple(round(0.45 * a + 0.55 * b) for a, b in zip(look.skin, (176, 50, 58), strict=True))
    if look.man:
        lip = tuple(round(0.6 * a + 0.4 * b) for a, b in zip(look.skin, (150, 50, 50), strict=True))
    smile = _line(
        body,
        np.array([0.002, 0.006, 0.0075, 0.006, 0.002]),
        (-0.052, 0.118),
        (-0.028, 0.130),
        (0, 0.134),
        (0.028, 0.130),
        (0.052, 0.118),
    )
    canvas.lay(smile, tinted(lip, 0.86))
    if not look.man:
        full = np.concatenate(
            [curve((-0.040, 0.126), (0, 0.136), (0.040, 0.126)), curve((0.040, 0.126), (0, 0.158), (-0.040, 0.126))]
        )
        canvas.lay(_filled(body, full), tinted(lip, 1.08))


def _beard(canvas: Canvas, body: Body, look: Look) -> None:
    outer = curve((0.152, 0.01), (0.153, 0.09), (0.118, 0.172), (0.058, 0.216), (0, 0.226))
    inner = curve((0, 0.098), (0.062, 0.100), (0.090, 0.095), (0.128, 0.04), (0.140, 0.01))
    mouth = curve((-0.054, 0.116), (0, 0.122), (0.054, 0.116), (0.036, 0.150), (0, 0.160), (-0.036, 0.150), closed=True)
    shape = _filled(body, np.concatenate([outer, (outer * (-1, 1))[::-1], inner[::-1] * (-1, 1), inner]))
    canvas.lay(shape.without(_filled(body, mouth)), look.hair, alpha=0.88)


_FRINGES: dict[str, tuple[tuple[float, float], ...]] = {
    # hairline from the right ear (picture's left) to the left ear
    "quiff": (
        (-0.158, 0.015),
        (-0.148, -0.070),
        (-0.110, -0.125),
        (-0.02, -0.140),
        (0.06, -0.128),
        (0.118, -0.118),
        (0.148, -0.070),
        (0.158, 0.015),
    ),
    "crop": (
        (-0.158, 0.02),
        (-0.150, -0.085),
        (-0.115, -0.120),
        (0, -0.135),
        (0.115, -0.120),
        (0.150, -0.085),
        (0.158, 0.02),
    ),
    "bob": (
        (-0.172, 0.175),
        (-0.140, 0.10),
        (-0.138, -0.01),
        (-0.118, -0.078),
        (0, -0.088),
        (0.118, -0.078),
        (0.138, -0.01),
        (0.140, 0.10),
        (0.172, 0.175),
    ),
    "long": (
        (-0.190, 0.19),
        (-0.150, 0.10),
        (-0.146, -0.02),
        (-0.100, -0.115),
        (-0.035, -0.185),
        (0.05, -0.120),
        (0.125, -0.055),
        (0.150, 0.06),
        (0.185, 0.19),
    ),
    "bun": (
        (-0.158, 0.00),
        (-0.140, -0.080),
        (-0.085, -0.135),
        (0.0, -0.150),
        (0.085, -0.135),
        (0.140, -0.080),
        (0.158, 0.00),
    ),
    "curls": (
        (-0.165, 0.03),
        (-0.140, -0.075),
        (-0.085, -0.118),
        (0, -0.130),
        (0.085, -0.118),
        (0.140, -0.075),
        (0.165, 0.03),
    ),
}


def _hair_before(canvas: Canvas, body: Body, look: Look) -> None:
    line = curve(*_FRINGES[look.cut], steps=6)
    left, right = line[0], line[-1]
    lift = {"quiff": 0.275, "crop": 0.238, "bun": 0.240, "curls": 0.262}.get(look.cut, 0.252)
    wide = {"quiff": 0.172, "crop": 0.164, "bun": 0.166, "curls": 0.19}.get(look.cut, 0.192)
    lean = 0.03 if look.cut == "quiff" else 0.0
    over = curve(
        right,
        (wide, min(right[1], 0) - 0.06),
        (0.80 * wide + lean, -0.80 * lift),
        (0.35 * wide + 1.5 * lean, -lift),
        (-0.35 * wide, -lift + lean),
        (-0.82 * wide, -0.78 * lift + lean),
        (-wide, min(left[1], 0) - 0.06),
        left,
    )
    shape = _filled(body, np.concatenate([line, over[1:-1]]))
    canvas.lay(shape, look.hair, "hair", shadow=0.25, form=0.32, soft=6)
    if look.cut == "curls":
        for x, y, size in _curls():
            if y < -0.10:
                canvas.lay(disc(body.head(x, y), 0.85 * size * body.unit), look.hair, "hair", form=0.35, soft=4)
        return
    shine = tinted(look.hair, 1.16)
    for offset in (0.0, 0.035):
        streak = _line(
            body,
            np.array([0.001, 0.006, 0.001]),
            (-0.125 + offset, -0.11 - offset),
            (-0.085 + offset, -0.185 - 0.3 * offset),
            (-0.01 + offset, -0.222),
        )
        canvas.lay(streak, shine, alpha=0.5)


def draw_hair_before_clothes(canvas: Canvas, body: Body, look: Look) -> None:
    """Strands that fall over the shoulders."""
    if look.cut != "long":
        return
    for sign, low in ((-1, 0.50), (1, 0.56)):
        lock = np.concatenate(
            [
                curve((sign * 0.150, 0.02), (sign * 0.158, 0.18), (sign * 0.135, 0.33), (sign * 0.165, low)),
                curve((sign * 0.165, low), (sign * 0.225, 0.40), (sign * 0.205, 0.18), (sign * 0.180, 0.0)),
            ]
        )
        canvas.lay(_filled(body, lock), look.hair, "hair", shadow=0.28, form=0.32, soft=4)

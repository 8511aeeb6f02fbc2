"""Painting: a person in garments, or a garment alone, with the label of every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8
from ...core.labels import CIHP20
from .body import ARM_RADII, HEIGHT, LEG_RADII, WIDTH, Body, Field, Stance, coverage, ellipse
from .cloth import Cloth, Colour, Style, pieces
from .cloth import Piece as Shape


@dataclass(frozen=True)
class Look:
    """How somebody looks.

    Args:
        skin: colour.
        hair: colour.
        cut: short, bob, long, bun or curls.
        man: build.
        shoes: colour.
        wall: colour of the background.
    """

    skin: Colour
    hair: Colour
    cut: str
    man: bool
    shoes: Colour
    wall: Colour


@dataclass(frozen=True)
class Piece:
    """A garment: its cut and its cloth."""

    style: Style
    cloth: Cloth


class Canvas:
    """A picture and its labels, painted from back to front."""

    def __init__(self, ground: Field) -> None:
        self.image = ground.astype(np.float32).copy()
        self.labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)

    def lay(self, distance: Field, colour: Field | Colour, part: str, shadow: float = 0.0) -> None:
        """Paint a shape; ``shadow`` darkens what lies just behind it."""
        cover = coverage(distance)
        if shadow:
            soft = cv2.GaussianBlur(np.roll(cover, (4, 3), axis=(0, 1)), (0, 0), 4.5)
            self.image *= (1 - shadow * np.clip(soft - cover, 0, 1) * (self.labels > 0))[..., None]
        paint = np.broadcast_to(np.asarray(colour, np.float32), self.image.shape)
        self.image = self.image * (1 - cover[..., None]) + paint * cover[..., None]
        self.labels[distance < 0] = CIHP20.ids[part]

    @property
    def pixels(self) -> UInt8:
        """The picture as ``(H, W, 3)`` uint8."""
        return np.clip(np.rint(self.image), 0, 255).astype(np.uint8)


def _shaded(colour: Colour, across: Field, half: Field | float) -> Field:
    t = np.clip(across / np.maximum(half, 1), -1, 1)
    return (np.asarray(colour, np.float32) * (1.03 - 0.16 * t**2 - 0.05 * t)[..., None]).astype(np.float32)


def _room(wall: Colour, floor_row: float, centre: float) -> Field:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    light = 1.04 - 0.10 * np.hypot((columns - 150) / WIDTH, (rows - 160) / HEIGHT)
    room = np.asarray(wall, np.float32) * light[..., None]
    room[rows > floor_row] *= 0.955
    shadow = np.exp(-(((columns - centre) / 74) ** 2 + ((rows - floor_row - 22) / 9) ** 2))
    return (room * (1 - 0.28 * shadow)[..., None]).astype(np.float32)


def _head(canvas: Canvas, body: Body, look: Look) -> None:
    nose, unit = body.points["nose"], body.trunk
    centre = nose - np.array([0, 0.03 * unit])
    face = ellipse(centre, (0.178 * unit, 0.245 * unit))
    jaw = ellipse(centre + np.array([0, 0.10 * unit]), (0.135 * unit, 0.16 * unit))
    for side in ("right", "left"):
        ear = ellipse(body.points[f"{side}-ear"] + np.array([0, 0.02 * unit]), (0.035 * unit, 0.06 * unit))
        canvas.lay(ear, tuple(int(0.93 * channel) for channel in look.skin), "face")
    columns = np.mgrid[:HEIGHT, :WIDTH][1].astype(np.float32)
    canvas.lay(np.minimum(face, jaw), _shaded(look.skin, columns - centre[0], 0.2 * unit), "face")
    dark: Colour = (58, 40, 36)
    for side in ("right", "left"):
        eye = body.points[f"{side}-eye"]
        canvas.lay(ellipse(eye, (0.034 * unit, 0.019 * unit)), (250, 248, 244), "face")
        canvas.lay(ellipse(eye, (0.017 * unit, 0.019 * unit)), dark, "face")
        canvas.lay(
            ellipse(eye - np.array([0, 0.052 * unit]), (0.042 * unit, 0.0085 * unit), -6 if side == "right" else 6),
            look.hair,
            "face",
        )
    soft: Colour = tuple(int(0.86 * channel) for channel in look.skin)
    canvas.lay(ellipse(nose + np.array([0.012 * unit, 0.015 * unit]), (0.022 * unit, 0.014 * unit)), soft, "face")
    canvas.lay(ellipse(nose + np.array([0, 0.095 * unit]), (0.052 * unit, 0.017 * unit)), (186, 92, 88), "face")
    _hair_front(canvas, body, look, centre)


def _hair_front(canvas: Canvas, body: Body, look: Look, centre: npt.NDArray[np.float64]) -> None:
    unit = body.trunk
    cap = ellipse(centre - np.array([0, 0.045 * unit]), (0.20 * unit, 0.245 * unit))
    forehead = ellipse(centre + np.array([0.02 * unit, 0.10 * unit]), (0.168 * unit, 0.225 * unit), 8)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    colour = (
        _shaded(look.hair, columns - centre[0] + 0.04 * unit, 0.24 * unit)
        * (1 + 0.05 * np.sin((columns - centre[0]) * 0.9 + rows * 0.25))[..., None]
    )
    if look.cut == "curls":
        angle = np.arctan2(rows - centre[1], columns - centre[0])
        cap = (cap - 0.035 * unit * (1 + 0.5 * np.cos(13 * angle))).astype(np.float32)
    limit = (rows - centre[1] - 0.02 * unit) if look.cut == "short" else (rows - centre[1] - 0.12 * unit)
    canvas.lay(np.maximum(np.maximum(cap, -forehead), limit), colour, "hair")
    if look.cut == "bun":
        canvas.lay(ellipse(centre - np.array([0, 0.31 * unit]), (0.10 * unit, 0.09 * unit)), colour, "hair")


def _hair_back(canvas: Canvas, body: Body, look: Look) -> None:
    unit, nose = body.trunk, body.points["nose"]
    reach = {"long": 0.62, "bob": 0.30, "curls": 0.30}.get(look.cut)
    if reach is None:
        return
    columns = np.mgrid[:HEIGHT, :WIDTH][1].astype(np.float32)
    shape = ellipse(nose + np.array([0, (reach - 0.30) / 2 * unit]), (0.255 * unit, (0.30 + reach) / 1.9 * unit))
    canvas.lay(shape, 0.82 * _shaded(look.hair, columns - nose[0], 0.25 * unit), "hair")


def _shoe(canvas: Canvas, body: Body, look: Look, side: str) -> None:
    ankle, unit, sign = body.points[f"{side}-ankle"], body.trunk, -1 if side == "right" else 1
    centre = ankle + np.array([sign * 0.05 * unit, 0.10 * unit])
    canvas.lay(ellipse(centre, (0.125 * unit, 0.072 * unit), sign * 10), look.shoes, f"{side}-shoe")
    canvas.lay(ellipse(ankle + np.array([0, 0.035 * unit]), (0.075 * unit, 0.075 * unit)), look.shoes, f"{side}-shoe")
    sole = ellipse(centre + np.array([0, 0.035 * unit]), (0.125 * unit, 0.03 * unit), sign * 10)
    canvas.lay(sole, tuple(int(0.6 * channel) for channel in look.shoes), f"{side}-shoe")


def draw_person(look: Look, stance: Stance, worn: tuple[Piece, ...]) -> tuple[UInt8, UInt8, Body]:
    """Somebody in garments.

    Args:
        look: of the person.
        stance: of the body.
        worn: garments, the inner or lower one first.

    Returns:
        ``(512, 384, 3)`` uint8 photo, ``(512, 384)`` uint8 labels (CIHP-20), and the body.
    """
    body = Body(stance, look.man)
    feet = (body.points["right-ankle"] + body.points["left-ankle"]) / 2
    canvas = Canvas(_room(look.wall, float(feet[1]) - 6, float(feet[0])))
    _hair_back(canvas, body, look)
    arms = {side: body.arm(side) for side in ("right", "left")}
    for side in ("right", "left"):
        place = body.leg(side)
        skin = _shaded(look.skin, place.across, np.interp(place.along, (0, 1, 2), LEG_RADII) * body.trunk)
        canvas.lay(body.bare_limb(place, LEG_RADII), skin, f"{side}-leg")
        _shoe(canvas, body, look, side)
    _, offset = body.axis
    canvas.lay(body.bare_trunk, _shaded(look.skin, offset, 0.4 * body.trunk), "torso-skin")
    over: list[tuple[list[Shape], str]] = []
    for piece in worn:
        part = {"upper": "upper-clothes", "dress": "dress"}.get(
            piece.style.category, "pants" if piece.style.legs else "skirt"
        )
        trunk, sleeves = pieces(piece.style, piece.cloth, body)
        for shape in trunk:
            canvas.lay(shape.distance, shape.colour, part, shadow=0.30)
        over.append((list(sleeves), part))
    for index, side in enumerate(("right", "left")):
        place = arms[side]
        skin = _shaded(look.skin, place.across, np.interp(place.along, (0, 1, 2), ARM_RADII) * body.trunk)
        canvas.lay(body.hand(side), skin, f"{side}-arm", shadow=0.25)
        canvas.lay(body.bare_limb(place, ARM_RADII), skin, f"{side}-arm", shadow=0.25)
        for sleeves, part in over:
            if sleeves:
                shape = sleeves[index]
                canvas.lay(shape.distance, shape.colour, part, shadow=0.30)
    if look.cut == "long":  # a strand before the shoulder
        nose, unit = body.points["nose"], body.trunk
        strand = ellipse(nose + np.array([0.235 * unit, 0.25 * unit]), (0.06 * unit, 0.30 * unit), -7)
        canvas.lay(strand, look.hair, "hair", shadow=0.2)
    _head(canvas, body, look)
    return canvas.pixels, canvas.labels, body


def draw_alone(piece: Piece) -> tuple[UInt8, npt.NDArray[np.bool_]]:
    """A garment photographed alone, spread out on a light ground.

    Returns:
        ``(512, 384, 3)`` uint8 photo and ``(512, 384)`` bool mask.
    """
    lower, dress = piece.style.category == "lower", piece.style.category == "dress"
    long = piece.style.hem > 1.4
    stance = Stance((38, -8), (38, -8), legs=7)
    body = Body(
        stance,
        trunk=150.0 if lower else 140.0 if dress and long else 175.0,
        top=20.0 if lower else 120.0 if dress else 150.0,
    )
    canvas = Canvas(np.full((HEIGHT, WIDTH, 3), 246, np.float32))
    trunk, sleeves = pieces(piece.style, piece.cloth, body)
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    if piece.style.category != "lower":  # the inside of the back, seen through the neckline
        level, offset = body.axis
        x, y = offset / body.trunk, level
        back = np.maximum(np.abs(x) - 0.21, np.maximum(-0.12 - y + 0.25 * x**2, y - 0.10)) * body.trunk
        if piece.style.neck != "straps":
            canvas.lay(
                back.astype(np.float32), tuple(int(0.62 * channel) for channel in piece.cloth.ground), "upper-clothes"
            )
            mask |= back < 0
    for shape in (*sleeves, *trunk):
        canvas.lay(shape.distance, shape.colour, "upper-clothes", shadow=0.22)
        mask |= shape.distance < 0
    soft = cv2.GaussianBlur(np.roll(mask.astype(np.float32), (5, 4), axis=(0, 1)), (0, 0), 6)
    canvas.image *= (1 - 0.10 * soft * ~mask)[..., None]
    return canvas.pixels, mask

"""Pictures: a person in garments in a room, or a garment alone, with the label of every pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8
from ...core.labels import CIHP20
from ...core.pose import Pose
from .body import ARM, LEG, SIDES, Body, Stance
from .cloth import Cloth
from .cut import Layer, Style, Worn, armhole, wear
from .face import Look, draw_hair_before_clothes, draw_hair_behind, draw_head
from .paint import HEIGHT, WIDTH, Canvas, Colour, Field, blurred, curve, disc, filled, joined, mirrored, stroke, tinted

#: what Canvas.owners says of the right and the left arm
_ARM_OWNERS = (1, 2)


@dataclass(frozen=True)
class Piece:
    """A garment: its cut and its cloth."""

    style: Style
    cloth: Cloth

    @property
    def part(self) -> str:
        """What its pixels are labelled."""
        if self.style.category == "lower":
            return "pants" if self.style.legs else "skirt"
        return "dress" if self.style.category == "dress" else "upper-clothes"


@dataclass(frozen=True)
class Picture:
    """A drawn person.

    Args:
        image: ``(512, 384, 3)`` uint8 photo.
        labels: ``(512, 384)`` uint8 (CIHP-20).
        pose: the joints that are seen.
    """

    image: UInt8
    labels: UInt8
    pose: Pose


@lru_cache(maxsize=1)
def _room(look: Look, body: Body) -> Field:
    """Wall, floor and something in the room."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    feet = (body.points["right-ankle"] + body.points["left-ankle"]) / 2
    floor = float(feet[1]) - 14
    canvas = Canvas(np.broadcast_to(np.asarray(look.wall, np.float32), (HEIGHT, WIDTH, 3)))
    tint = tinted(look.wall, 1.45)
    if look.room == "arch":
        turn = np.linspace(np.pi, 2 * np.pi, 40)
        top = np.stack([192 + 132 * np.cos(turn), 172 + 132 * np.sin(turn)], 1)
        canvas.lay(filled(np.concatenate([top, [[324, floor], [60, floor]]])), tint)
    elif look.room == "window":
        for column in (20.0, 118.0):
            pane = np.array([[column, 40], [column + 84, 22], [column + 84, floor - 90], [column, floor - 70]])
            canvas.lay(filled(pane + np.array([70, 0])), tint, alpha=0.75)
    else:
        canvas.lay(disc((210, 196), 140), tint)
    canvas.image = np.stack([blurred(canvas.image[..., channel], 0.8) for channel in range(3)], -1)
    canvas.image[rows > floor] = np.asarray(tinted(look.wall, 0.90), np.float32)
    skirting = np.clip(1 - np.abs(rows - floor) / 2, 0, 1)[..., None]
    canvas.image = canvas.image * (1 - 0.06 * skirting)
    if look.room == "plant":
        _plant(canvas, floor)
    light = 1.03 - 0.09 * np.hypot((columns - 130) / WIDTH, (rows - 130) / HEIGHT)
    for name, _ in SIDES:
        ankle = body.points[f"{name}-ankle"]
        pool = np.exp(-(((columns - ankle[0] - 12) / 46) ** 2 + ((rows - ankle[1] - 19) / 7.5) ** 2))
        light = light * (1 - 0.22 * pool)
    return (canvas.image * light[..., None]).astype(np.float32)


def _plant(canvas: Canvas, floor: float) -> None:
    """A plant in a pot, at the picture's left."""
    base = np.array([44.0, floor - 8])
    for turn, size, tone in (
        (-52, 84, 0.80), (44, 90, 0.84), (-26, 116, 0.92), (20, 122, 0.96), (-4, 138, 1.06), (-74, 56, 0.9), (66, 58, 0.9)
    ):  # fmt: skip
        up = np.array([np.sin(np.radians(turn)), -np.cos(np.radians(turn))])
        aside = np.array([-up[1], up[0]])
        droop = np.array([np.sign(turn) * 0.10 * size, 0.06 * abs(turn) / 60 * size])
        tip = base + up * size + droop
        leaf = np.concatenate(
            [
                curve(base, base + up * 0.5 * size + aside * 0.13 * size, tip),
                curve(tip, base + up * 0.5 * size - aside * 0.11 * size, base),
            ]
        )
        green: Colour = tuple(min(255, round(tone * channel)) for channel in (112, 148, 118))
        canvas.lay(filled(leaf), green, form=0.2, soft=4)
        canvas.lay(
            stroke(curve(base, base + up * 0.5 * size + aside * 0.01 * size, tip), 0.7), tinted(green, 1.15), alpha=0.6
        )
    pot = np.array([[-24, -12], [24, -12], [19, 34], [-19, 34]]) + base + (0, 6)
    canvas.lay(filled(pot), (206, 150, 122), form=0.4, soft=8)
    canvas.lay(
        filled(np.array([[-27, -16], [27, -16], [26, -5], [-26, -5]]) + base + (0, 6)), (216, 162, 134), form=0.2
    )


def _lay(canvas: Canvas, layers: list[Layer], part: str) -> None:
    for layer in layers:
        canvas.lay(
            layer.shape,
            layer.colour,
            part,
            shadow=layer.shadow,
            form=layer.form,
            soft=layer.soft,
            alpha=layer.alpha,
            whole=layer.whole,
        )


def _leg(canvas: Canvas, body: Body, look: Look, side: str, sign: int) -> None:
    limb, unit = body.limb("leg", side), body.unit
    canvas.lay(limb.shape(LEG), look.skin, f"{side}-leg", form=0.24, soft=6)
    knee = body.points[f"{side}-knee"]
    crease = curve((-6, 4), (0, 7), (6, 4)) + knee
    mark = stroke(crease, np.interp(np.arange(len(crease)), [0, len(crease) / 2, len(crease)], [0.5, 1.2, 0.5]))
    canvas.lay(mark, tinted(look.skin, 0.86), alpha=0.7)
    ankle = body.points[f"{side}-ankle"]
    shoe = (
        curve(
            (-0.058, -0.020), (-0.070, 0.035), (-0.100 + 0.01 * sign, 0.105), (-0.085, 0.145), (0.0, 0.160), (0.085, 0.145),
            (0.100 + 0.01 * sign, 0.105), (0.070, 0.035), (0.058, -0.020), (0.0, 0.012),
            closed=True,
        )
        * unit
    )  # fmt: skip
    shoe = shoe + np.stack([0.32 * sign * np.clip(shoe[:, 1], 0, None), np.zeros(len(shoe))], 1)
    canvas.lay(filled(shoe + ankle), look.shoes, f"{side}-shoe", form=0.36, soft=5)
    sole = curve(
        (-0.098, 0.112),
        (-0.085, 0.150),
        (0.0, 0.166),
        (0.085, 0.150),
        (0.098, 0.112),
        (0.07, 0.136),
        (0, 0.148),
        (-0.07, 0.136),
        closed=True,
    )
    sole = sole * unit
    sole = sole + np.stack([0.32 * sign * sole[:, 1], np.zeros(len(sole))], 1)
    canvas.lay(filled(sole + ankle), tinted(look.shoes, 0.62 if sum(look.shoes) > 250 else 1.5), f"{side}-shoe")
    for level in (0.045, 0.070):
        lace = np.array([[-0.030, level], [0.030, level]]) * unit + (0.32 * sign * level * unit, 0)
        canvas.lay(
            stroke(lace + ankle, 0.006 * unit),
            tinted(look.shoes, 0.75 if sum(look.shoes) > 380 else 1.4),
            f"{side}-shoe",
            alpha=0.8,
        )


def _arm(canvas: Canvas, body: Body, look: Look, worn: list[tuple[Worn, str]], side: str, upper: bool = False) -> None:
    """An arm with its sleeve; only the ``upper`` arm, where the rest is behind the back."""
    limb, unit = body.limb("arm", side), body.unit
    wrist, elbow = body.points[f"{side}-wrist"], body.points[f"{side}-elbow"]
    down = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    inwards = np.array([down[1], -down[0]]) * (1 if side == "right" else -1)
    frame = np.stack([inwards, down]) * unit
    thumb = curve((0.026, 0.010), (0.056, 0.055), (0.060, 0.095), steps=6)
    palm = curve(
        (-0.040, -0.03), (-0.050, 0.045), (-0.046, 0.110), (-0.030, 0.170), (-0.004, 0.192), (0.018, 0.176), (0.032, 0.110),
        (0.046, 0.055), (0.040, -0.03),
        closed=True,
    )  # fmt: skip
    whole = joined(
        limb.shape(ARM), filled(palm @ frame + wrist),
        stroke(thumb @ frame + wrist, np.linspace(0.024, 0.013, len(thumb)) * unit),
    )  # fmt: skip
    bare = whole.without(filled(body.place(mirrored(armhole(body)))))
    if upper:
        line, along = limb.part(1.0)
        near = stroke(line, 2.2 * limb.radii(ARM, along), flat_end=True)
        bare = bare.within(near)
        worn = [
            (Worn(sleeves={side: [replace(layer, shape=layer.shape.within(near)) for layer in layers]}), part)
            for garment, part in worn
            for layers in (garment.sleeves.get(side, []),)
        ]
    sleeved = any(garment.sleeves.get(side) for garment, _ in worn)
    canvas.lay(
        bare,
        look.skin,
        f"{side}-arm",
        shadow=0.0 if upper else 0.10 if sleeved else 0.22,
        form=0.24,
        soft=4.5,
        whole=whole,
    )
    for x in () if upper else (-0.022, 0.000):
        finger = np.array([[x, 0.105], [x * 0.7 - 0.002, 0.165]])
        canvas.lay(stroke(finger @ frame + wrist, 0.6), tinted(look.skin, 0.84), alpha=0.6)
    for garment, part in worn:
        _lay(canvas, garment.sleeves.get(side, []), part)


def _hidden(canvas: Canvas, body: Body) -> tuple[str, ...]:
    """Joints that something else lies over: ears under hair, an arm behind the back."""
    names = []
    for index, (side, _) in enumerate(SIDES):
        for joint in ("ear", "elbow", "wrist"):
            column, row = np.rint(body.points[f"{side}-{joint}"]).astype(int)
            if joint == "ear":
                seen = canvas.labels[row, column] != CIHP20.ids["hair"]
            else:
                seen = canvas.owners[row, column] == _ARM_OWNERS[index]
            if not seen:
                names.append(f"{side}-{joint}")
    return tuple(names)


def _worn_by(body: Body, pieces: tuple[Piece, ...]) -> list[tuple[Worn, str]]:
    """Garments in the order in which they are put on; what is tucked in ends at the waist."""
    tucked = len(pieces) == 2 and pieces[0].style.tucks and not pieces[1].style.loose
    worn = [(wear(piece.style, piece.cloth, body), piece.part) for piece in pieces]
    if not tucked:
        return worn
    waist = pieces[0].style.waist + 0.03
    below = filled(body.place(np.array([[-0.45, waist], [0, waist + 0.015], [0.45, waist], [0.45, 1.6], [-0.45, 1.6]])))
    style = replace(pieces[1].style, fit=0.0, flare=0.0, ease=min(0.016, pieces[1].style.ease))
    drawn_in = wear(style, pieces[1].cloth, body).front
    worn[1][0].front = [replace(layer, shape=layer.shape.without(below)) for layer in drawn_in]
    return worn[::-1]


def draw_person(look: Look, stance: Stance, pieces: tuple[Piece, ...]) -> Picture:
    """Somebody in garments.

    Args:
        look: of the person.
        stance: of the body.
        pieces: garments, the lower one first.
    """
    body = Body(stance, look.man)
    worn = _worn_by(body, pieces)
    canvas = Canvas(_room(look, body))
    draw_hair_behind(canvas, body, look)
    for garment, part in worn:
        _lay(canvas, garment.behind, part)

    def arms(behind: bool) -> None:
        for index, (side, _) in enumerate(SIDES):
            if side in stance.behind or not behind:
                canvas.owner = _ARM_OWNERS[index]
                _arm(canvas, body, look, worn, side, upper=side in stance.behind and not behind)
        canvas.owner = 0

    arms(behind=True)
    for side, sign in SIDES:
        _leg(canvas, body, look, side, sign)
    canvas.lay(filled(body.place(mirrored(body.outline()))), look.skin, "torso-skin", form=0.22, soft=8)
    for _, sign in SIDES:
        bone = curve((sign * 0.03, 0.012), (sign * 0.12, -0.012), (sign * 0.20, -0.010))
        canvas.lay(stroke(body.place(bone), 0.008 * body.unit), tinted(look.skin, 0.86), alpha=0.6)
    for garment, part in worn:
        _lay(canvas, garment.front, part)
    arms(behind=False)
    draw_head(canvas, body, look)
    draw_hair_before_clothes(canvas, body, look)
    return Picture(canvas.pixels, canvas.labels, body.pose(_hidden(canvas, body)))


#: how a garment lies: arms and legs a little apart
_FLAT = Stance((30, -6), (30, -6), (5.5, -2), (5.5, -2))


def draw_alone(piece: Piece) -> tuple[UInt8, npt.NDArray[np.bool_]]:
    """A garment photographed alone, spread out on a light ground and filling the picture.

    Returns:
        ``(512, 384, 3)`` uint8 photo and ``(512, 384)`` bool mask.
    """
    small = Body(_FLAT, unit=100.0, top=120.0, flat=True)
    seen = _seen(wear(piece.style, piece.cloth, small))
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    height, width = rows[-1] - rows[0], columns[-1] - columns[0]
    scale = min(0.86 * WIDTH / width, 0.84 * HEIGHT / height, 2.7)
    top = HEIGHT / 2 - ((rows[0] + rows[-1]) / 2 - small.top) * scale
    middle = WIDTH / 2 - ((columns[0] + columns[-1]) / 2 - small.middle) * scale
    body = Body(_FLAT, unit=100.0 * scale, top=float(top), middle=float(middle), flat=True)
    worn = wear(piece.style, piece.cloth, body)
    mask = _seen(worn)
    rows_, columns_ = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    ground = 247 - 7 * np.hypot((columns_ - 150) / WIDTH, (rows_ - 180) / HEIGHT)
    soft = np.asarray(cv2.GaussianBlur(np.roll(mask.astype(np.float32), (7, 5), axis=(0, 1)), (0, 0), 7))
    canvas = Canvas((ground * (1 - 0.20 * soft))[..., None] * np.array([1.0, 0.998, 0.992], np.float32))
    for layers in (worn.behind, worn.inside, worn.front, *worn.sleeves.values()):
        _lay(canvas, layers, "upper-clothes")
    return canvas.pixels, mask


def _seen(worn: Worn) -> npt.NDArray[np.bool_]:
    """Where a garment is."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for layer in (
        *worn.behind,
        *worn.inside,
        *worn.front,
        *(one for layers in worn.sleeves.values() for one in layers),
    ):
        mask[layer.shape.window] |= layer.shape.cover > 0.5
    return mask

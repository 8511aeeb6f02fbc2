"""Trousers and shorts: two legs and a pelvis that are one piece of cloth."""

from __future__ import annotations

import numpy as np

from .body import LEG, SIDES, Body
from .cloth import Cloth, creased, dye
from .paint import Colour, Field, Shape, curve, filled, joined, mirrored, stroke, tinted


def trousers(
    hem: float, waist: float, ease: float, flare: float, extras: tuple[str, ...], cloth: Cloth, body: Body
) -> list[tuple[Shape, Field | Colour, float, float, float, float]]:
    """Layers (shape, colour, shadow, form, soft, alpha) of a garment with legs; lengths as in ``cut.Style``."""
    unit = body.unit
    limbs = {side: body.limb("leg", side) for side, _ in SIDES}
    profile = tuple(
        body.spread * r + e for r, e in zip(LEG, (0.8 * ease, ease, 1.2 * ease, 1.2 * ease, 1.5 * ease), strict=True)
    )
    legs = []
    for limb in limbs.values():
        line, along = limb.part(hem)
        wide = limb.radii(profile, along) + flare * unit * np.clip(along / hem, 0, 1) ** 1.5
        legs.append(stroke(line, wide, flat_end=True))
    levels = np.linspace(waist, 1.16, 12)
    sides = np.stack([body.half_width(levels) + ease, levels], 1)
    half = np.concatenate([[[0, waist + 0.015]], sides, [[0.24 * body.spread, 1.27], [0.06, 1.275], [0.0, 1.235]]])
    shape = joined(*legs, filled(body.place(mirrored(half))))
    side, level = body.coordinates(shape)
    u, v = body.around(side, body.half_width(level) + ease), level
    for (_, sign), limb in zip(SIDES, limbs.values(), strict=True):
        along, across = limb.coordinates(shape)
        here = (side * sign > 0) & (level > 1.1)
        blend = np.clip((level - 1.1) / 0.12, 0, 1) * here
        u = (
            u * (1 - blend)
            + (
                body.around(across, limb.radii(profile, along) / unit)
                + sign * body.around(body.hip, body.half_width(1.0))
            )
            * blend
        )
        v = v * (1 - blend) + (1 + limb.length(along)) * blend
    colour = dye(cloth, u.astype(np.float32), v.astype(np.float32), unit)
    folds = [body.place(line) for sign in (-1, 1) for line in (
        curve((sign * 0.02, 1.20), (sign * 0.12, 1.17), (sign * 0.25, 1.10)),
        curve((sign * 0.03, 1.27), (sign * 0.13, 1.27), (sign * 0.24, 1.22)),
    )]  # fmt: skip
    for (_, sign), limb in zip(SIDES, limbs.values(), strict=True):
        for place, drop in ((0.93, 0.05), (1.06, 0.03), (1.62, 0.03)) if hem > 1.3 else ():
            centre = np.array([np.interp(place, limb.along, limb.line[:, axis]) for axis in (0, 1)])
            reach = 0.085 * unit
            folds.append(
                centre + np.array([[-sign * reach, -drop * unit], [0, drop * unit], [sign * reach, -0.2 * drop * unit]])
            )
    colour = creased(colour, shape, folds, 0.20, 0.045 * unit)
    layers: list[tuple[Shape, Field | Colour, float, float, float, float]] = [
        (shape, colour, 0.26, 0.30, 0.07 * unit, 1.0)
    ]
    dark = tinted(cloth.ground, 0.72)

    def line_on(points: Field, width: float, tone: Colour, alpha: float) -> None:
        layers.append((stroke(points, width * unit).within(shape), tone, 0.0, 0.0, 5.0, alpha))

    line_on(body.place(curve((-0.6, waist), (0, waist + 0.015), (0.6, waist))), 0.040, tinted(cloth.ground, 0.86), 1.0)
    line_on(body.place(curve((0, waist + 0.02), (0.012, 1.05), (0.0, 1.25))), 0.0065, dark, 0.8)
    for _, sign in SIDES:
        line_on(
            body.place(curve((sign * 0.13, waist + 0.06), (sign * 0.17, waist + 0.16), (sign * 0.34, waist + 0.21))),
            0.0065,
            dark,
            0.8,
        )
    for limb in limbs.values():
        line, along = limb.part(hem)
        end, before = line[-1], line[-2]
        unit_along = (end - before) / np.linalg.norm(end - before)
        aside = np.array([unit_along[1], -unit_along[0]]) * 0.4 * unit
        band = 0.05 if "cuffs" in extras else 0.016
        line_on(np.stack([end + aside, end - aside]), band, tinted(cloth.ground, 1.12 if "cuffs" in extras else 0.84), 1.0)  # fmt: skip
    if "belt" in extras:
        line_on(body.place(curve((-0.6, waist + 0.02), (0, waist + 0.035), (0.6, waist + 0.02))), 0.028, (92, 62, 42), 1.0)  # fmt: skip
        line_on(body.place(np.array([[-0.022, waist + 0.035], [0.022, waist + 0.035]])), 0.022, (214, 186, 110), 1.0)
    else:
        button = body.at(0.0, waist + 0.03)
        line_on(np.stack([button, button + 0.5]), 0.014, (222, 206, 160), 1.0)
    return layers

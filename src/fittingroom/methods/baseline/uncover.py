"""What a new garment uncovers: skin of arms, legs, neck and waist, the lower garment up to its waistband, background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...core.fill import Image, spread
from ...data.regions import dilate, erode, hands
from ...data.sample import Category
from .body import Kind, limb_half, trunk_half
from .figure import SIDES, Mask
from .fill import blur, extend_up, limb_shade, skin_fill, skin_tone
from .outline import limb
from .pieces import axis_coordinates
from .target import ARM_SKIN, LEG_SKIN, Target, lower_garment, waist
from .warp import Layer

#: pixels of skin, as a share of the photo, from which a colour is read
_ENOUGH = 0.0015


def _tone(target: Target) -> npt.NDArray[np.float32]:
    """The person's colour of skin: of arms, face and neck; of hands and legs where there is too little of those."""
    parse = target.parse
    arms = parse.mask(*ARM_SKIN)
    parts = [
        erode(part, 1) for part in (arms & ~hands(parse, target.pose), parse.mask("face"), parse.mask("torso-skin"))
    ]
    seen = [part for part in parts if part.sum() > _ENOUGH * part.size]
    return skin_tone(target.image, seen or [erode(arms, 1), erode(parse.mask(*LEG_SKIN), 1)])


def bare_limbs(target: Target, where: Mask, kind: Kind, old: Mask) -> dict[str, tuple[Layer, npt.NDArray[np.float64]]]:
    """Skin of arms or legs that the old garment covered.

    Args:
        target: the person.
        where: ``(H, W)`` bool, pixels that may become skin.
        kind: ``arm`` or ``leg``.
        old: ``(H, W)`` bool, the old garment, whose shading is kept.

    Returns:
        By side, the skin and the level of every pixel along the limb.
    """
    figure, size = target.figure, target.size
    out: dict[str, tuple[Layer, npt.NDArray[np.float64]]] = {}
    near = erode(target.parse.mask(*(ARM_SKIN if kind == "arm" else LEG_SKIN)), 1)
    tone = skin_tone(target.image, [near]) if kind == "leg" and near.sum() > _ENOUGH * near.size else _tone(target)
    for side in SIDES:
        place = limb(figure.arm(side) if kind == "arm" else figure.leg(side), size)
        radius = limb_half(kind, place.along, figure.trunk)
        region = where & (place.away < radius + 1) & (place.along < 2.25)
        if not region.any():
            continue
        colour = skin_fill(target.image, region, near, tone, old, 0.03 * size[0])
        colour = (colour * limb_shade(place.away, radius)[..., None]).astype(np.float32)
        inside = np.clip(radius - place.away + 0.5, 0, 1) * region
        out[side] = Layer(colour, (inside * edge(region)).astype(np.float32)), place.along
    return out


def edge(where: Mask) -> npt.NDArray[np.float32]:
    """``(H, W)`` alpha of a mask with its rim softened inwards."""
    return np.asarray(np.clip(blur(where.astype(np.float32), 0.7) * 1.4 - 0.2, 0, 1) * where, dtype=np.float32)


def _trunk_skin(target: Target, canvas: Image, where: Mask, old: Mask) -> Image:
    """Skin of neck and waist on some pixels of a photo."""
    if not where.any():
        return canvas
    near = erode(target.parse.mask("torso-skin"), 1)
    colour = skin_fill(target.image, where, near, _tone(target), old, 0.03 * target.size[0])
    level, offset = axis_coordinates(target.figure, target.size)
    # a trunk is round; between chest and hips that shows, above it is nearly flat
    round_ = np.clip((level - 0.4) / 0.2, 0, 1)[..., None]
    shade = limb_shade(np.abs(offset), trunk_half(level, target.figure.breadth))[..., None]
    colour = np.asarray(colour * (1 - round_ + round_ * shade), dtype=np.float32)
    return np.where(where[..., None], colour, canvas).astype(np.float32)


def uncovered(target: Target, canvas: Image, where: Mask, category: Category, old: Mask) -> Image:
    """Fill what the old garment leaves behind, limbs excepted.

    Args:
        target: the person.
        canvas: ``(H, W, 3)`` what has been done so far.
        where: ``(H, W)`` bool, pixels to be filled.
        category: of the new garment.
        old: ``(H, W)`` bool, the old garment.

    Returns:
        ``(H, W, 3)`` float32.
    """
    figure, size = target.figure, target.size
    level, offset = axis_coordinates(figure, size)
    out = canvas
    if category != "lower":
        body = np.abs(offset) < trunk_half(level, figure.breadth)
        bare = where & (level < 0.5) & (np.abs(offset) < 0.50 * figure.breadth)
        band = waist(target, old) if category == "upper" else None
        if band is not None:
            wide = np.where(offset < 0, band.halves[0], band.halves[1])
            if band.level < band.seen:
                slim = trunk_half(np.array(band.level), figure.breadth)
                share = np.clip((level - band.level) / (band.seen - band.level), 0, 1)
                wide = np.minimum(wide, slim) * (1 - share) + wide * share
            hem = where & ~bare & (level > band.level) & (np.abs(offset) < wide)
            lower = erode(lower_garment(target, old), 1)
            reach = (band.seen - band.level) * figure.trunk
            out = np.where(hem[..., None], extend_up(out, hem, lower, reach), out).astype(np.float32)
            where = where & ~hem
        bottom = 1.1 if band is None else band.level
        bare |= where & body & (level < bottom + 0.02)
        out = _trunk_skin(target, out, bare, old)
        where = where & ~bare
    if where.any():
        ground = erode(target.parse.mask("background"), max(2.0, 0.008 * size[0]))
        out = np.where(where[..., None], spread(target.image, ground), out).astype(np.float32)
    return out


def background_fringe(target: Target, old: Mask) -> Mask:
    """``(H, W)`` bool: background next to the old garment, which still has its colour."""
    return dilate(old, 1.5 if target.size[0] < 700 else 3.0) & target.parse.mask("background")

"""Dressing: the layers of a new garment in the target photo, what they uncover, and how all is laid together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...core.fill import Image
from ...core.images import UInt8
from ...data.regions import KEPT_PARTS, erode, hands
from ...data.sample import Category
from .figure import SIDES, Mask
from .fill import blur, luminance, masked_blur
from .outline import arm_zones, limb, lowest_level, sleeve_zone, trunk_core
from .pieces import Cut, axis_coordinates
from .target import ARM_SKIN, LEG_SKIN, OLD, ONE_PIECE, WAIST, Target, old_garment, waist
from .uncover import background_fringe, bare_limbs, uncovered
from .warp import Layer, joined, limb_controls, sample, spline_map, trunk_controls


def _trunk_layers(
    cut: Cut, target: Target, category: Category, old: Mask, *, follow: bool = False
) -> tuple[Layer | None, Layer | None]:
    """The trunk, and the whole garment by the same spline."""
    parse, figure = target.parse, target.figure
    size = target.size
    arms = arm_zones(figure, size)
    body = old | parse.mask("upper-clothes", "coat", "dress", "jumpsuits", "pants", "skirt", "torso-skin")
    body = (body & ~arms) | (trunk_core(figure, size) & parse.mask(*ARM_SKIN, "hair"))
    hem: float | None = None
    now = lowest_level(old & ~arms, figure)
    if follow:
        hem = None if np.isnan(now) else now
    elif category == "upper":
        new = lowest_level(cut.trunk, cut.figure)
        if not (np.isnan(new) or np.isnan(now)) and now - 0.14 < new < now:
            hem = now  # a little too short: drawn down to where the old one ended
        elif not np.isnan(new) and (band := waist(target, old)) and band.level - 0.2 < new < band.level:
            hem = band.level + 0.03  # or to the waistband: it was tucked in where it was seen
    controls = trunk_controls(cut.trunk, cut.figure, body, figure, hem=hem)
    if controls is None:
        return None, None
    where = spline_map(controls.target, controls.source, size)
    level, offset = axis_coordinates(figure, size)
    layer = sample(cut.image, cut.trunk, where)
    layer = _guarded(layer, controls.guard(level, offset, 0.06 * figure.trunk) | (level < 0.2))
    return layer, sample(cut.image, cut.mask, where)


def _guarded(layer: Layer, where: Mask) -> Layer:
    return Layer(layer.colour, (layer.alpha * where).astype(np.float32))


def _sleeve_layer(cut: Cut, target: Target, side: str, stretch: float) -> tuple[Layer, float] | None:
    sleeve = cut.sleeves.get(side)
    if sleeve is None:
        return None
    piece, end = sleeve.mask, sleeve.end
    size, figure = target.size, target.figure
    stretch = 1.0 if end > _LONG else stretch  # to a long sleeve the guessed arm was fitted
    source, bones = cut.figure.arm(sleeve.arm), figure.arm(side)
    scale = figure.trunk / cut.figure.trunk
    worn = target.parse.mask(*OLD["upper"], *ONE_PIECE, *ARM_SKIN) & sleeve_zone(figure, side, size)
    controls = limb_controls(
        piece,
        source,
        worn,
        bones,
        kind="arm",
        trunk=figure.trunk,
        scale=scale,
        radius=(0.24 * cut.figure.trunk, 0.24 * figure.trunk),
        end=end,
        start=0.02,
        mirrored=sleeve.arm != side,
        stretch=stretch,
    )
    end *= stretch
    layer = sample(cut.image, piece, spline_map(controls.target, controls.source, size, 1e-5))
    where = limb(bones, size)
    reach = np.interp(where.along, (0, 1, 2), (0.30, 0.26, 0.24)) * figure.trunk
    inside = (where.away < reach) & (where.along < end + 0.3)
    return _guarded(
        layer, inside & (controls.guard(where.along, where.across, 0.09 * figure.trunk) | (where.along < 0.25))
    ), end


def _whole(mask: Mask, hidden: Mask) -> Mask:
    """A garment together with what hides it (hands, hair) inside its own outline."""
    points = np.argwhere(mask)[:, ::-1]
    if len(points) < 3 or not hidden.any():
        return mask
    hull = np.zeros(mask.shape, dtype=np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points.astype(np.int32)), 1)
    return mask | (hidden & (hull > 0))


def _trousers(cut: Cut, target: Target, old: Mask) -> Layer | None:
    """Trousers and shorts: each leg with the pelvis, joined between the legs."""
    figure, size = target.figure, target.size
    source_size = (cut.mask.shape[0], cut.mask.shape[1])
    worn = _whole(old, target.parse.mask(*ARM_SKIN, "glove", "hair"))
    pelvis = trunk_controls(cut.mask, cut.figure, worn, figure, first=0.66, last=1.06, anchored=False)
    source_level, _ = axis_coordinates(cut.figure, source_size)
    level, offset = axis_coordinates(figure, size)
    places = {side: limb(figure.leg(side), size) for side in SIDES}
    own = {side: limb(cut.figure.leg(side), source_size) for side in SIDES}
    on_legs = worn | target.parse.mask(*LEG_SKIN, "socks")
    scale = figure.trunk / cut.figure.trunk
    layers: dict[str, Layer] = {}
    for side, other in (SIDES, SIDES[::-1]):
        mine = cut.mask & (own[side].away <= own[other].away) & (source_level > 1.0)
        if mine.sum() < 20:
            continue
        end = float(np.clip(np.percentile(own[side].along[mine], 98), 0.3, 2.1))
        controls = limb_controls(
            mine,
            cut.figure.leg(side),
            on_legs & (places[side].away <= places[other].away),
            figure.leg(side),
            kind="leg",
            trunk=figure.trunk,
            scale=scale,
            radius=(0.34 * cut.figure.trunk, 0.34 * figure.trunk),
            end=end,
            start=0.32,
            widest=4.0,
        )
        piece = sample(
            cut.image,
            cut.mask & ((own[side].away <= own[other].away * 1.15) | (source_level < 1.1)),
            spline_map(*joined(pelvis, controls), size, 1e-5),
        )
        inside = controls.guard(places[side].along, places[side].across, 0.04 * figure.trunk) | (
            places[side].along < 0.3
        )
        if pelvis is not None:
            inside &= pelvis.guard(level, offset, 0.05 * figure.trunk) | (level > 1.05)
        layers[side] = _guarded(piece, inside & (places[side].along < end + 0.3))
    if len(layers) < 2:
        return next(iter(layers.values()), None)
    margin = 0.02 * figure.trunk
    share = np.clip(0.5 + (places["left"].away - places["right"].away) / (2 * margin), 0, 1).astype(np.float32)
    # above the crotch both splines agree and are blended; below it a pixel belongs to the nearer leg
    right, left = layers["right"], layers["left"]
    alpha = np.maximum(right.alpha * share, left.alpha * (1 - share)) + np.minimum(
        right.alpha * share, left.alpha * (1 - share)
    )
    weight = (right.alpha * share)[..., None]
    colour = (right.colour * weight + left.colour * (left.alpha * (1 - share))[..., None]) / np.maximum(alpha, 1e-4)[
        ..., None
    ]
    return Layer(colour.astype(np.float32), np.clip(alpha, 0, 1).astype(np.float32))


def _skirt(cut: Cut, target: Target, old: Mask) -> Layer | None:
    worn = _whole(old, target.parse.mask(*ARM_SKIN, "glove", "hair"))
    controls = trunk_controls(cut.mask, cut.figure, worn, target.figure, first=0.68, anchored=False)
    if controls is None:
        return None
    level, offset = axis_coordinates(target.figure, target.size)
    layer = sample(cut.image, cut.mask, spline_map(controls.target, controls.source, target.size))
    return _guarded(layer, controls.guard(level, offset, 0.08 * target.figure.trunk))


def _lower_layer(cut: Cut, target: Target, old: Mask) -> Layer | None:
    layer = _trousers(cut, target, old) if cut.legs else _skirt(cut, target, old)
    level, _ = axis_coordinates(target.figure, target.size)
    return None if layer is None else _guarded(layer, level > 0.45)


def _light(target: Target, old: Mask, amount: float) -> npt.NDArray[np.float32]:
    """``(H, W)`` factor: the coarse light on what the person wears, around 1; 1 where that is unknown."""
    if old.sum() < 50:
        return np.ones(target.size, dtype=np.float32)
    height = target.size[0]
    light = luminance(target.image)
    local, wide = masked_blur(light, old, 0.02 * height), masked_blur(light, old, 0.09 * height)
    ratio = local / np.maximum(wide, 8.0)
    # folds change the light a little; bands of dark and bright cloth change it much, and are not light at all
    spread_of_light = float(np.percentile(np.abs(np.log(np.maximum(ratio[old], 1e-3))), 85))
    strength = amount * float(np.clip((0.22 - spread_of_light) / 0.14, 0, 1))
    ratio = np.clip(ratio, 0.75, 1.2) ** strength
    share = blur(erode(old, 1).astype(np.float32), 0.012 * height)
    return (1 + (ratio - 1) * share).astype(np.float32)


def _soft(alpha: npt.NDArray[np.float32], allowed: Mask) -> npt.NDArray[np.float32]:
    """Anti-aliased edge: the alpha smoothed a little, and cut softly at what lies in front."""
    smooth = np.clip((blur(alpha, 0.8) - 0.15) / 0.7, 0, 1)
    return np.asarray(
        smooth * np.clip(blur(allowed.astype(np.float32), 0.6) * 1.6 - 0.3, 0, 1) * allowed, dtype=np.float32
    )


#: how much shorter or longer sleeves may become because the trunk did
_STRETCHED = (0.7, 1.1)
#: a sleeve that goes on beyond this level ends at the wrist
_LONG = 1.9


@dataclass(frozen=True)
class Pieces:
    """A garment over a body, piece by piece.

    Args:
        body: trunk, trousers or skirt; None where nothing of it could be laid.
        sleeves: by side.
        ends: by side, the level along the arm where its sleeve ends.
        whole: a top or dress all by its trunk's spline, not cut off beside the trunk; None for others.
    """

    body: Layer | None
    sleeves: dict[str, Layer]
    ends: dict[str, float]
    whole: Layer | None = None


def pieces(cut: Cut, target: Target, category: Category, *, follow: bool = False) -> Pieces:
    """Lay a garment over what the target wears.

    Args:
        cut: the garment, taken apart.
        target: the person.
        category: of the garment.
        follow: a top or dress becomes as long as what is worn.
    """
    old = old_garment(target, category)
    if category == "lower":
        return Pieces(_lower_layer(cut, target, old), {}, {})
    body, whole = _trunk_layers(cut, target, category, old, follow=follow)
    stretch = _stretch(cut, target, old) if follow and cut.guessed else 1.0
    arms = {side: layer for side in SIDES if (layer := _sleeve_layer(cut, target, side, stretch))}
    sleeves = {side: layer for side, (layer, _) in arms.items()}
    return Pieces(body, sleeves, {side: end for side, (_, end) in arms.items()}, whole)


def _stretch(cut: Cut, target: Target, worn: Mask) -> float:
    """How much longer what is worn is than a guessed body says of the garment: then its sleeves are, too."""
    arms = arm_zones(target.figure, target.size)
    now, own = lowest_level(worn & ~arms, target.figure), lowest_level(cut.trunk, cut.figure)
    known = not np.isnan(now) and not np.isnan(own) and own > 0
    return float(np.clip(now / own, *_STRETCHED)) if known else 1.0


def in_front(target: Target, category: Category) -> Mask:
    """``(H, W)`` bool: what stays before a garment of the category: face, hair, hands, and a top before trousers."""
    parse = target.parse
    kept = parse.mask(*KEPT_PARTS)
    if category != "lower":
        return kept | hands(parse, target.pose)
    return kept | parse.mask(*ARM_SKIN, "glove", "upper-clothes", "coat") | _sleeve_zone_of_tops(target)


def assembled(
    target: Target, category: Category, laid: Pieces, shading: npt.NDArray[np.float32] | None = None
) -> tuple[UInt8, npt.NDArray[np.float32]]:
    """The person with the garment's pieces in place of the old garment, and with what that uncovers.

    Args:
        target: the person, in the old garment.
        category: of both.
        laid: the new one.
        shading: ``(H, W)`` factor of the new garment's light.

    Returns:
        ``(H, W, 3)`` uint8, the photo's own where nothing was laid or uncovered; and ``(H, W)``, 0 to 1, how much the garment covers.
    """
    size, figure = target.size, target.figure
    old, front = old_garment(target, category), in_front(target, category)
    body: list[tuple[Layer, npt.NDArray[np.float32]]] = []
    if laid.body is not None:
        allowed = ~front if category == "lower" else ~front & ~target.parse.mask(*ARM_SKIN)
        body = [(laid.body, _soft(laid.body.alpha, allowed))]
    sleeves = [(layer, _soft(layer.alpha, ~front)) for layer in laid.sleeves.values()]
    cover = np.max([alpha for _, alpha in body + sleeves] or [np.zeros(size, np.float32)], axis=0)
    # the pixels around the old garment still have its colour
    fringe = background_fringe(target, old)
    rest = (old | fringe) & (cover < 0.98) & ~front
    canvas = uncovered(target, target.image, rest, category, old)
    if category == "lower":
        legs = bare_limbs(target, rest, "leg", old)
        canvas = _lay(_lay(canvas, [(layer, layer.alpha) for layer, _ in legs.values()]), body, shading)
    else:
        zones = arm_zones(figure, size)
        bare = bare_limbs(target, (old | fringe) & zones & ~front, "arm", old)
        canvas = _lay(canvas, [(layer, layer.alpha) for layer, _ in bare.values()])
        if category == "dress":
            level, _ = axis_coordinates(figure, size)
            legs = bare_limbs(target, rest & ~zones & (level > 0.95), "leg", old)
            canvas = _lay(canvas, [(layer, layer.alpha) for layer, _ in legs.values()])
        canvas = _lay(canvas, body, shading)
        # a bare arm lies in front of the trunk, but for the shoulder and what its sleeve covers
        above = [
            (layer, (layer.alpha * (along > laid.ends.get(side, 0.0) - 0.12)).astype(np.float32))
            for side, (layer, along) in bare.items()
        ]
        canvas = _lay(_lay(canvas, above), sleeves, shading)
    changed = (cover > 0) | rest | (old & (cover < 0.98))
    pixels, photo = (np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in (canvas, target.image))
    return np.where(changed[..., None], pixels, photo), cover


def put_on(cut: Cut, target: Target, category: Category, *, light: float = 0.6) -> UInt8:
    """The person in the new garment.

    Args:
        cut: the garment, taken apart.
        target: the person.
        category: of the garment.
        light: how much of the old garment's coarse light is carried over, 0 to 1.

    Returns:
        ``(H, W, 3)`` uint8; pixels that nothing was laid upon are the photo's own.
    """
    laid = pieces(cut, target, category)
    return assembled(target, category, laid, _light(target, old_garment(target, category), light))[0]


def _sleeve_zone_of_tops(target: Target) -> Mask:
    """Sleeves of a dress that stays on as a top when its lower part is exchanged."""
    level, _ = axis_coordinates(target.figure, target.size)
    return target.parse.mask(*ONE_PIECE) & (level < WAIST)


def _lay(
    canvas: Image, layers: list[tuple[Layer, npt.NDArray[np.float32]]], light: npt.NDArray[np.float32] | None = None
) -> Image:
    for layer, alpha in layers:
        colour = layer.colour if light is None else np.clip(layer.colour * light[..., None], 0, 255)
        canvas = (canvas * (1 - alpha[..., None]) + colour * alpha[..., None]).astype(np.float32)
    return canvas

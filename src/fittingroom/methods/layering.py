"""A painted garment in clear layers, for networks too small to paint it sharply: the setting ``match`` of both diffusion methods.

Not a part of the published methods; reports name it. A small network paints a garment's place, length, colour and light, but fog around
it, and no patterns. So the garment itself is laid where it was painted, in the light that was painted: by the splines of the geometric
baseline, or as the method's own warp laid it, whose sleeves alone then come from the splines. It becomes as long as it was painted, unless
the body that wears it in its photo tells. What the old garment leaves behind is uncovered as the baseline does it: wall, arms, waistband.
The rest is the photo.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import FittingroomError
from ..core.fill import Image, spread
from ..core.images import UInt8
from ..data.regions import dilate, erode
from ..data.sample import Category, Parse, Sample
from .baseline.body import trunk_half
from .baseline.conditions import conditions
from .baseline.dress import Pieces, assembled, in_front, pieces
from .baseline.outline import arm_zones, lowest_level
from .baseline.pieces import Cut, axis_coordinates
from .baseline.target import Target, old_garment
from .baseline.warp import Layer
from .coarse import Plane, blurred, encoded, lab, linear, mean_inside

LOG = logging.getLogger(__name__)
Mask: TypeAlias = npt.NDArray[np.bool_]
#: values of the setting
MATCHES = ("off", "layers")
#: what a painted garment of each category is called in a parse
_LABEL: dict[Category, str] = {"upper": "upper-clothes", "lower": "pants", "dress": "dress"}
_BEFORE = ("hair", "face", "hat", "sunglasses")
#: less of a laid garment is its edge; fewer pixels say nothing
_OPAQUE, _FEWEST = 0.95, 64
#: size of what counts as the painted light, and width of the soft edge between places that are believed and others; shares of the height
_COARSE, _AGREED = 1 / 60, 0.008
#: deviation (CIE Lab) up to which painted and laid coarse colours show the same garment; lightness counts half
_ALIKE, _LIGHT = 12.0, 0.5
#: how much of a painted cast is taken: hues that a small network paints are less sure than light
_CAST = 0.3
#: the laid pattern's contrast: hardly to be told from the whole by eye, and what lies a little beside its place is nearer to the truth
#: for it (71 rendered people: ΔE 10.8, and 10.6 with it)
_CONTRAST = 0.9
#: gaps up to twice this wide between trunk and sleeves are closed, where the garment was painted but for this rim; shares of the height
_GAP, _RIM = 0.08, 0.008
#: a hem that is painted less than this above the old one lies there, in levels of the trunk
_FAINT = 0.2
#: a method's own warp is believed this far beyond the splines' trunk, as a share of the height
_BEYOND = 0.015
#: and if it covers this share of that trunk
_LEAST = 0.4


@dataclass(frozen=True)
class Geometry:
    """What the splines need.

    Args:
        cut: the garment, taken apart.
        target: the person.
        category: of the garment.
    """

    cut: Cut
    target: Target
    category: Category


def geometry(sample: Sample) -> Geometry | None:
    """Of a pair; None where joints or outlines do not tell how the garment lies: then nothing is laid."""
    try:
        return Geometry(**conditions(sample))
    except FittingroomError as error:
        LOG.info("no layers for %s: %s", sample.garment.id, error)
        return None


def painted_parse(parse: Parse, category: Category, old: Mask, mask: Mask, seen: Mask) -> Parse:
    """The person's parse with the painted garment in place of the old one.

    Args:
        parse: of the photo.
        category: of the garment.
        old: ``(H, W)`` bool, the old garment.
        mask: ``(H, W)`` bool, what was painted anew.
        seen: ``(H, W)`` bool, where the new garment was painted.
    """
    labels, ids = parse.labels.copy(), parse.labels_in.ids
    name = _LABEL[category] if _LABEL[category] in ids else _LABEL["upper"]
    labels[old & mask & ~seen] = ids["background"]
    labels[seen & ~parse.mask(*_BEFORE)] = ids[name]
    return Parse(labels, parse.labels_in)


def in_painted_light(layers: Sequence[Layer], picture: UInt8, where: Mask) -> list[Layer]:
    """Laid pieces of one garment in the light that was painted there, a factor of linear light.

    Where painted and laid colours are further apart than in most places something else was painted, or fog: there the usual light counts.

    Args:
        layers: the pieces, from below.
        picture: ``(H, W, 3)`` uint8, painted.
        where: ``(H, W)`` bool, what was painted.
    """
    height = picture.shape[0]
    colour = np.zeros_like(picture)
    for layer in layers:
        colour = np.where((layer.alpha > 0.5)[..., None], _bytes(layer.colour), colour)
    where = where & (np.max([layer.alpha for layer in layers], axis=0) > _OPAQUE)
    if where.sum() < _FEWEST:
        return list(layers)
    inside = where.astype(np.float32)
    off = mean_inside(lab(picture) - lab(colour), inside, _COARSE * height)
    off -= np.median(off[where], axis=0) * np.array([1, 0.5, 0.5], np.float32)
    agreed = np.exp(-(_LIGHT * off[..., 0] ** 2 + off[..., 1] ** 2 + off[..., 2] ** 2) / (2 * _ALIKE**2)) * inside
    factor = _light_factor(picture, colour, inside, height)
    sure = where & (agreed > 0.5)
    usual = np.median(factor[sure], axis=0) if sure.any() else np.zeros(3, np.float32)
    share = blurred(agreed, max(_AGREED * height, 0.7))[..., None]
    factor = np.exp(np.clip(share * factor + (1 - share) * usual, -1.2, 0.7))
    return [replace(layer, colour=_softened(encoded(linear(layer.colour) * factor), layer.alpha)) for layer in layers]


def _softened(picture: UInt8, alpha: Plane) -> Image:
    """A piece with a little less contrast."""
    lit = lab(picture)
    coarse = mean_inside(lit, (alpha > _OPAQUE).astype(np.float32), _COARSE * lit.shape[0])
    colour = cv2.cvtColor(np.asarray(coarse + _CONTRAST * (lit - coarse), np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(255 * colour, 0, 255), np.float32)


def _bytes(colour: Image) -> UInt8:
    return np.clip(np.rint(colour), 0, 255).astype(np.uint8)


def _light_factor(painted: UInt8, given: UInt8, inside: Plane, height: int) -> Plane:
    """``(H, W, 3)``: logarithm of the painted light over the given one, coarse; hues count less."""
    means = [np.maximum(mean_inside(linear(each), inside, _COARSE * height), 0.004) for each in (painted, given)]
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32)
    light = np.log((means[0] @ weights) / (means[1] @ weights))[..., None]
    return np.asarray(light + _CAST * (np.log(means[0] / means[1]) - light), np.float32)


def _drawn_down(seen: Mask, old: Mask, target: Target) -> Mask:
    """Where a top was painted, and down to the old one's hem if that is only a little lower: hems are painted faint."""
    level, _ = axis_coordinates(target.figure, target.size)
    hem, was = (lowest_level(each & ~arm_zones(target.figure, target.size), target.figure) for each in (seen, old))
    if np.isnan(hem) or np.isnan(was) or not hem < was < hem + _FAINT:
        return seen
    return seen | (old & (level > hem - _FAINT))


def _closed(mask: Mask, radius: float) -> Mask:
    """A mask with gaps up to twice the radius closed; by distances, since the radius is large."""
    border = int(np.ceil(radius)) + 1
    away = cv2.distanceTransform((~np.pad(mask, border)).astype(np.uint8), cv2.DIST_L2, 5)
    inwards = cv2.distanceTransform((away <= radius).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(inwards > radius)[border:-border, border:-border] | mask


def _without_gaps(body: Layer, laid: Pieces, worn: Target, old: Mask, mask: Mask, expected: Mask) -> Layer:
    """A top's trunk without gaps beside its sleeves, and without holes, where the splines of both do not meet."""
    if laid.whole is None:
        return body
    height, figure = worn.size[0], worn.figure
    covered = np.max([body.alpha, *(layer.alpha for layer in laid.sleeves.values())], axis=0) > 0.5
    gap = _closed(covered, _GAP * height) & erode(expected & mask, _RIM * height)
    level, offset = axis_coordinates(figure, worn.size)
    if (body.alpha > 0.5).any():
        low = np.percentile(level[body.alpha > 0.5], 98)
        trunk = (np.abs(offset) < trunk_half(level, figure.breadth)) & (level > 0.2) & (level < low)
        gap |= trunk & (old | expected | worn.parse.mask("torso-skin"))
    gap &= ~covered
    if not gap.any():
        return body
    known = body.alpha > _OPAQUE
    beside = gap & (laid.whole.alpha > _OPAQUE)
    colour = np.where(known[..., None], body.colour, laid.whole.colour).astype(np.float32)
    colour = np.where((gap & ~beside)[..., None], spread(colour, known | beside), colour).astype(np.float32)
    return Layer(colour, np.where(gap, np.float32(1), body.alpha))


def _own_body(body: Layer, category: Category, warped: UInt8, covered: Mask) -> Layer:
    """The method's own warp in place of the splines' trunk, trousers or skirt; a trunk only if it covers enough."""
    if category != "lower":
        trunk = body.alpha > 0.5
        covered = covered & dilate(trunk, _BEYOND * covered.shape[0])
        if covered.sum() < _LEAST * trunk.sum():
            return body
    alpha = np.clip(2 * blurred(covered.astype(np.float32), 0.8) - 0.5, 0, 1)
    return Layer(np.where(covered[..., None], warped, body.colour).astype(np.float32), alpha)


def layered(
    picture: UInt8, found: Geometry, mask: Mask, seen: Mask, own: tuple[UInt8, Mask] | None = None
) -> tuple[UInt8, Mask]:
    """The photo with the garment in the painted one's place and light.

    Args:
        picture: ``(H, W, 3)`` uint8, painted, at the photo's size.
        found: of the pair.
        mask: ``(H, W)`` bool, what was painted anew.
        seen: ``(H, W)`` bool, where the garment was painted.
        own: the garment as the method's own warp lays it, ``(H, W, 3)`` uint8, and where, ``(H, W)`` bool.

    Returns:
        ``(H, W, 3)`` uint8; and ``(H, W)`` bool, outside of which it is the photo: the mask, what sleeves cover beyond it, and a skirt
        between trousers.
    """
    target, category = found.target, found.category
    old = old_garment(target, category)
    seen = _drawn_down(seen & mask, old & mask, target) if category != "lower" else seen & mask
    # sleeves are what a method's own warp lays beside its place: there, the arm is as wide as in the photo
    known = np.ones_like(mask) if own is None or category == "lower" else ~arm_zones(target.figure, target.size)
    parse = painted_parse(target.parse, category, old, mask & known, seen & known)
    worn = Target(picture.astype(np.float32), parse, target.pose, target.figure)
    # a body that was guessed knows no lengths
    laid = pieces(found.cut, worn, category, follow=found.cut.guessed)
    body = laid.body
    if body is None:
        return picture, mask
    expected = (body.alpha > 0.5) | (seen if found.cut.guessed else False)
    if own is not None:
        body = _own_body(body, category, own[0], own[1] & mask)
    body = _without_gaps(body, laid, worn, old, mask, expected)
    body, *sleeves = in_painted_light([body, *laid.sleeves.values()], picture, mask & seen)
    laid = replace(laid, body=body, sleeves=dict(zip(laid.sleeves, sleeves, strict=True)))
    made, cover = assembled(target, category, laid)
    reached = np.max([np.zeros(target.size, np.float32), *(layer.alpha for layer in sleeves)], axis=0) > 0.5
    if category == "lower" and not found.cut.legs and own is None:
        reached |= cover > 0
    mask = mask | (reached & ~in_front(target, category))
    return np.where(mask[..., None], made, _bytes(target.image)), mask

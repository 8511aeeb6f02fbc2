"""The garment's own pattern in the painted picture: the setting ``match``, see :mod:`..matching`.

PromptDresser never warps a garment, and a small network's attention finds its colours but not its stripes. So the geometric baseline's
splines lay the garment over the painted one, as long as that was painted, and only its pattern is taken, where both agree coarsely:
outline, arms and hair before it stay the network's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from ...core.errors import FittingroomError
from ...core.images import UInt8
from ...data.regions import dilate
from ...data.sample import Category, Parse, Sample
from ..baseline.conditions import conditions
from ..baseline.dress import drape
from ..baseline.pieces import Cut
from ..baseline.target import ARM_SKIN, Target, old_garment
from ..matching import Likeness, match_details
from ..pasting import alike, same_parts
from .masks import Mask

LOG = logging.getLogger(__name__)
#: as in LaDI-VTON, but for the rim: what was painted is softer than the edge of what is laid
LIKENESS = Likeness(coarse=1 / 40, alike=12.0, colour=(0.3, 1.0, 1.0), rim=1 / 512)
#: what a painted garment of each category is called in a parse
_LABEL: dict[Category, str] = {"upper": "upper-clothes", "lower": "pants", "dress": "dress"}
_BEFORE = ("hair", "face", "hat", "sunglasses")
#: less of the laid garment is its edge
_OPAQUE = 0.95
#: how much wall and skin have to be alike to be the same
_SAME = 0.99
#: around the laid garment the painted one's soft rim gives way to wall and skin of the photo, as a share of the height
_RIM = 0.03


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
        LOG.info("no details for %s: %s", sample.garment.id, error)
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


def with_details(picture: UInt8, photo: UInt8, found: Geometry, mask: Mask, seen: Mask) -> tuple[UInt8, Mask]:
    """The painted picture with the garment's pattern.

    Args:
        picture: ``(H, W, 3)`` uint8, at the photo's size.
        photo: ``(H, W, 3)`` uint8, of the person.
        found: of the pair.
        mask: ``(H, W)`` bool, what was painted anew.
        seen: ``(H, W)`` bool, where the garment was painted, see :mod:`.finder`.

    Returns:
        ``(H, W, 3)`` uint8, and ``(H, W)`` bool where the garment was laid.
    """
    target = found.target
    parse = painted_parse(target.parse, found.category, old_garment(target, found.category), mask, seen)
    layer = drape(found.cut, Target(picture.astype(np.float32), parse, target.pose, target.figure), found.category)
    laid = np.clip(np.rint(layer.colour), 0, 255).astype(np.uint8)
    # where the photo's own wall or bare arm came back, no garment was painted
    where = (layer.alpha > _OPAQUE) & mask & ~(alike(photo, picture, same_parts(target.parse) & mask) > _SAME)
    return match_details(picture, laid, where, LIKENESS), where


def keep_around(picture: UInt8, photo: UInt8, found: Geometry, where: Mask, same: Mask) -> UInt8:
    """The picture with the photo's own wall and skin in place of the painted garment's soft rim: what ``keep_same`` does as well here.

    Args:
        picture: ``(H, W, 3)`` uint8, see :func:`with_details`.
        photo: ``(H, W, 3)`` uint8, of the person.
        found: of the pair.
        where: ``(H, W)`` bool, where the garment was laid.
        same: ``(H, W)`` bool, what of the photo may stay inside the mask.
    """
    rim = same & ~where & dilate(where, _RIM * picture.shape[0])
    if found.category == "lower":
        rim |= same & found.target.parse.mask(*ARM_SKIN)  # they are in the mask, but no trousers cover them
    return np.where(rim[..., None], photo, picture)

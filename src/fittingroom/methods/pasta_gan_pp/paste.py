"""Putting the photo back where trying on changed nothing: the network draws everything anew, its background is one wall.

Not a part of the published method; the setting ``paste``, which reports name.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...core.fill import Image, spread
from ...core.images import UInt8
from ...data.regions import MARGIN, dilate, edit_region, erode
from ...data.sample import Category, Sample
from .config import LABELS
from .placing import photo_classes
from .regions import BACKGROUND, CLASS_DRESS, CLASS_LIMBS, CLASS_NECK, CLASS_PANTS, CLASS_SKIRT, CLASS_TOPS, Mask

#: garments of the other half of the body, which a category leaves as they are
_OTHERS: dict[Category, tuple[int, ...]] = {
    "upper": (CLASS_PANTS, CLASS_SKIRT),
    "lower": (CLASS_TOPS,),
    "dress": (),
}
_GARMENTS: dict[Category, tuple[int, ...]] = {
    "upper": (CLASS_TOPS, CLASS_DRESS),
    "lower": (CLASS_PANTS, CLASS_SKIRT),
    "dress": (CLASS_TOPS, CLASS_PANTS, CLASS_SKIRT, CLASS_DRESS),
}
#: width of the soft edge, and of the rim of a wall that still has a garment's colour, as shares of the height
_FEATHER, _RIM = 0.004, 0.008


@dataclass(frozen=True)
class Backdrop:
    """What of a photo stays.

    Args:
        photo: ``(H, W, 3)`` uint8.
        region: ``(H, W)`` bool, what a try-on of the category may change.
        kept: ``(H, W)`` bool, head, hands, shoes, scarves and bags: never changed.
        ground: ``(H, W)`` bool, the photo's background.
        classes: ``(H, W)`` uint8, the network's classes of what is worn on the photo.
        category: of the garment.
    """

    photo: UInt8
    region: Mask
    kept: Mask
    ground: Mask
    classes: UInt8
    category: Category


def backdrop(sample: Sample, *, over_dress: bool = False) -> Backdrop:
    """What of the person's photo stays when this garment is tried on.

    Args:
        sample: the pair.
        over_dress: a dress below another upper garment counts as a skirt and stays, see :func:`~.placing.without_dress`.

    Raises:
        InputError, MissingError: as for the person's pose and parse.
    """
    pose, parse = sample.person.body()
    region = edit_region(parse, pose, sample.category)
    ground = parse.mask("background")
    # what is neither ground nor one of the classes: head, shoes, scarves, bags; and outside the region hands, which count as limbs
    classes = photo_classes(parse, over_dress=over_dress)
    kept = ~ground & ((classes == BACKGROUND) | (~region & (classes == CLASS_LIMBS)))
    return Backdrop(sample.person.image(), region, kept, ground, classes, sample.category)


def enlarged(labels: UInt8, size: tuple[int, int]) -> UInt8:
    """A label map at another size with smooth borders: the likeliest of the classes' enlarged masks."""
    if labels.shape == size:
        return labels
    masks = [
        cv2.resize((labels == index).astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
        for index in range(len(LABELS))
    ]
    return np.stack(masks).argmax(axis=0).astype(np.uint8)


def paste(back: Backdrop, made: UInt8, labels: UInt8) -> UInt8:
    """The photo with what the new garment changes.

    Args:
        back: of the photo.
        made: ``(H, W, 3)`` uint8, what the network drew, at the photo's size.
        labels: ``(h, w)`` uint8, its classes, at any size.

    Returns:
        ``(H, W, 3)`` uint8: the new garment wherever it lies; new skin and new background where the old garment was; the
        photo everywhere else.
    """
    size = back.photo.shape[0], back.photo.shape[1]
    new, old = enlarged(labels, size), back.classes
    garment = np.isin(new, _GARMENTS[back.category])
    others = _OTHERS[back.category]
    same = (new == old) & np.isin(old, (BACKGROUND, CLASS_NECK, CLASS_LIMBS))
    same |= np.isin(old, others) & (np.isin(new, others) | (new == BACKGROUND) | (new == CLASS_LIMBS))
    reach = back.region | (garment & dilate(back.region, 2 * MARGIN * size[0]))
    changed = reach & ~back.kept & ~same
    drawn = changed & (new != BACKGROUND)

    photo: Image = back.photo.astype(np.float32)
    out = photo
    bared = changed & ~drawn
    if bared.any():
        wall = erode(back.ground, max(2.0, _RIM * size[0])) & ~changed
        # the old garment's fringe on the wall goes with it
        fringe = dilate(bared, max(1.0, 0.5 * _RIM * size[0])) & back.ground & reach & ~drawn
        filled = spread(photo, wall)
        out = _mixed(out, filled, bared | fringe, size[0])
    out = _mixed(out, made.astype(np.float32), drawn, size[0])
    out = np.where((reach & ~back.kept)[..., None], out, photo)
    return np.asarray(np.clip(np.rint(out), 0, 255), dtype=np.uint8)


def _mixed(below: Image, above: Image, where: Mask, height: int) -> Image:
    """One picture over another on a mask with a soft edge."""
    weight = where.astype(np.float32)
    weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), max(_FEATHER * height / 2, 0.5)), dtype=np.float32)
    return np.asarray(below + weight[..., None] * (above - below), dtype=np.float32)

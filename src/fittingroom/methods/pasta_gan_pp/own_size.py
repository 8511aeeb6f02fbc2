"""The garment's pixels at the photos' own sizes: looked up on a small canvas they would be blurred.

Belongs to the setting ``match``, see :mod:`.details`. Where each pixel comes from changes slowly, so the canvas is large enough for that;
the pixels themselves are taken from the garment's photo as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...core.fill import spread
from ...core.images import UInt8
from ...data.regions import dilate, erode
from ...data.sample import Garment, Person
from ..coarse import Plane
from .details import Known
from .placing import Place, photo_classes
from .regions import BACKGROUND, CLASS_LIMBS, CLASS_NECK, Mask

#: a place of which nothing is known
UNKNOWN = 255
#: how far from the drawn outline the garment's own outline may lie, as a share of the height
_BAND = 0.025
#: of the garment's classes, those of what is seen beside it
_SKIN = (CLASS_LIMBS, CLASS_NECK)


@dataclass(frozen=True)
class Source:
    """The photo that a garment is taken from.

    Args:
        image: ``(h, w, 3)`` uint8.
        classes: ``(h, w)`` uint8, what is seen on it, see :func:`~.regions.worn`; :data:`UNKNOWN` where a head, hair or shoes are.
        place: where it lies on the canvas.
    """

    image: UInt8
    classes: UInt8
    place: Place


def source_of(photo: Person | Garment, place: Place, *, over_dress: bool) -> Source:
    """The photo of a worn garment.

    Args:
        photo: with a parse.
        place: where it lies on the canvas.
        over_dress: see :func:`~.placing.on_canvas`.
    """
    _, parse = photo.body()
    classes = photo_classes(parse, over_dress=over_dress)
    hidden = (classes == BACKGROUND) & ~parse.mask("background")
    return Source(photo.image(), np.where(hidden, np.uint8(UNKNOWN), classes), place)


def _at_size(plane: UInt8 | Plane, at: Place) -> Plane:
    """A plane of the canvas at the photo's size."""
    inside = plane[at.top : at.top + at.inner[0], at.left : at.left + at.inner[1]].astype(np.float32)
    size = (at.size[1], at.size[0])
    return np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


@dataclass(frozen=True)
class OwnSize:
    """A garment on the pose, at the size of the person's photo.

    Args:
        image: ``(h, w, 3)`` uint8.
        sure: ``(h, w)`` bool, where it is the garment for sure.
        classes: ``(h, w)`` uint8, what its photo shows at that place of the body; :data:`UNKNOWN` where that cannot be told.
        kinds: classes that the garment may have.
    """

    image: UInt8
    sure: Mask
    classes: UInt8
    kinds: tuple[int, ...]


def at_own_size(known: Known, source: Source, at: Place, kinds: tuple[int, ...]) -> OwnSize:
    """A garment on the pose.

    Args:
        known: on the canvas.
        source: the photo that it comes from.
        at: where the person's photo lies on the canvas.
        kinds: classes that the garment may have.
    """
    place = source.place
    planes = []
    for plane, corner, axis in ((known.place[0], place.left, 1), (known.place[1], place.top, 0)):
        scale = place.size[axis] / place.inner[axis]
        planes.append((_at_size(plane, at) - corner + 0.5) * np.float32(scale) - np.float32(0.5))
    x, y = planes
    # the outermost pixels of a garment are half background
    inner = cv2.erode(np.isin(source.classes, kinds).astype(np.uint8) * np.uint8(255), np.ones((3, 3), np.uint8))
    sure = (cv2.remap(inner, x, y, cv2.INTER_LINEAR) == 255) & (_at_size(known.reach, at) > 127)
    image = cv2.remap(source.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.remap(source.classes, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=UNKNOWN)
    seen[_at_size(known.near, at) <= 127] = UNKNOWN
    return OwnSize(np.asarray(image, np.uint8), np.asarray(sure, bool), np.asarray(seen, np.uint8), kinds)


def match_outline(made: UInt8, classes: UInt8, garment: OwnSize) -> tuple[UInt8, UInt8]:
    """The garment's own outline where it lies near the drawn one.

    Args:
        made: ``(h, w, 3)`` uint8.
        classes: ``(h, w)`` uint8, the predicted parsing.
        garment: on the pose.

    Returns:
        Both, changed: where the garment comes to lie its own pixels are; where it goes, skin is continued, and of what else is seen there
        nothing is made up.
    """
    height = classes.shape[0]
    drawn, told = np.isin(classes, garment.kinds), garment.classes != UNKNOWN
    if not drawn.any():
        return made, classes
    own = max(garment.kinds, key=lambda kind: np.count_nonzero(classes == kind))
    rim = dilate(drawn, _BAND * height) & ~erode(drawn, _BAND * height) & told
    wanted = np.isin(garment.classes, garment.kinds)
    come = rim & garment.sure & ~drawn
    made = np.where(come[..., None], garment.image, made)
    out = np.where(come, np.uint8(own), classes)
    gone = rim & drawn & ~wanted
    skin = gone & np.isin(garment.classes, _SKIN)
    out = np.where(gone, garment.classes, out).astype(np.uint8)
    if skin.any():
        shown = np.isin(classes, _SKIN)
        if shown.any():
            made = np.where(skin[..., None], np.rint(spread(made.astype(np.float32), shown)), made).astype(np.uint8)
    return made, out

"""Random changes of a training sample (spec, section 2.6): the same ones for the photo and its masks, others for the garment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import Size, UInt8
from .masks import Mask

#: brightness, contrast and saturation are multiplied by one of these; the hue is turned by so many parts of the circle
_FACTORS, _HUE = (0.8, 1.2), 0.1
#: share of the area that a cut keeps, its own width to height, and the scale of what follows
_AREA, _ASPECT, _SCALE = (0.8, 1.0), (3 / 4, 4 / 3), (0.8, 1.2)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Colours:
    """A change of colours.

    Args:
        brightness: factor.
        contrast: factor, around the picture's mean grey.
        saturation: factor.
        hue: turn, in parts of the circle.
    """

    brightness: float
    contrast: float
    saturation: float
    hue: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Colours:
        """At random."""
        brightness, contrast, saturation = (float(factor) for factor in random.uniform(*_FACTORS, size=3))
        return cls(brightness, contrast, saturation, float(random.uniform(-_HUE, _HUE)))

    def __call__(self, picture: UInt8) -> UInt8:
        """``(H, W, 3)`` uint8 -> the same shape."""
        out = np.clip(picture.astype(np.float32) * self.brightness, 0, 255)
        grey = float((out @ _LUMA).mean())
        out = np.clip(grey + self.contrast * (out - grey), 0, 255)
        plain = (out @ _LUMA)[..., None]
        out = np.clip(plain + self.saturation * (out - plain), 0, 255)
        hsv = cv2.cvtColor(np.rint(out).astype(np.uint8), cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + round(180 * self.hue)) % 180
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def draw_view(size: Size, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """A cut at random, stretched to the picture's size, then scaled about its middle: ``(2, 3)``, from old to new x, y.

    The cut's aspect is drawn without regard to the picture's, so people of a picture of 3 to 4 come out slimmer at times, by a
    fifth at most, and never wider; a cut that is found in none of ten draws is the largest of an allowed aspect.
    """
    height, width = size
    whole = np.array([float(width), float(height)])
    for _ in range(10):
        area = height * width * random.uniform(*_AREA)
        aspect = np.exp(random.uniform(np.log(_ASPECT[0]), np.log(_ASPECT[1])))
        cut = np.array([np.sqrt(area * aspect), np.sqrt(area / aspect)])
        if (cut <= whole).all():
            break
    else:
        aspect = np.clip(width / height, *_ASPECT)
        cut = np.minimum(whole, [height * aspect, width / aspect])
    corner = random.uniform(0, 1, size=2) * (whole - cut)
    factor = random.uniform(*_SCALE)
    zoom = factor * whole / cut
    shift = whole / 2 - factor * whole / 2 - zoom * corner
    # pixel centres lie at halves
    shift += 0.5 * zoom - 0.5
    return np.array([[zoom[0], 0, shift[0]], [0, zoom[1], shift[1]]])


def seen(picture: UInt8, view: npt.NDArray[np.float64], *, white: bool = False) -> UInt8:
    """A picture through a view; beyond its border the border goes on, or white."""
    border = cv2.BORDER_CONSTANT if white else cv2.BORDER_REPLICATE
    size = (picture.shape[1], picture.shape[0])
    made = cv2.warpAffine(picture, view, size, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(255, 255, 255))
    return np.asarray(made, np.uint8)


def seen_mask(mask: Mask, view: npt.NDArray[np.float64]) -> Mask:
    """A mask through a view, by the nearest pixel; nothing beyond its border."""
    size = (mask.shape[1], mask.shape[0])
    return cv2.warpAffine(mask.astype(np.uint8), view, size, flags=cv2.INTER_NEAREST).astype(bool)


def augmented(
    person: UInt8, garment: UInt8, masks: Sequence[Mask], random: np.random.Generator
) -> tuple[UInt8, UInt8, list[Mask]]:
    """A sample changed at random.

    Args:
        person: ``(H, W, 3)`` uint8.
        garment: ``(H, W, 3)`` uint8 on white.
        masks: ``(H, W)`` bool each, of the person.
        random: drawn from.
    """
    colours = Colours.draw(random)
    person, garment, masks = colours(person), colours(garment), list(masks)
    if random.uniform() < 0.5:
        person, garment = np.ascontiguousarray(person[:, ::-1]), np.ascontiguousarray(garment[:, ::-1])
        masks = [mask[:, ::-1] for mask in masks]
    height, width = person.shape[:2]
    view, other = draw_view((height, width), random), draw_view((height, width), random)
    moved = [seen_mask(mask, view) for mask in masks]
    return seen(person, view), seen(garment, other, white=True), moved

"""Annotations drawn upon their photos, so that a user sees what a method was given."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..core.images import UInt8
from ..core.pose import Pose, draw_skeleton
from ..data.sample import Parse, Photo, Sample

#: how much of the photo is left below labels, and outside a mask
_BELOW, _OUTSIDE = 0.45, 0.2


def with_pose(photo: UInt8, pose: Pose) -> UInt8:
    """The skeleton upon a photo made paler; all ``(H, W, 3)`` uint8."""
    pale = (255 - 0.6 * (255.0 - photo)).astype(np.uint8)
    return draw_skeleton(pose, (photo.shape[0], photo.shape[1]), pale)


def with_parse(photo: UInt8, parse: Parse) -> UInt8:
    """Labels in their colours upon the photo; the background stays as it is."""
    colours = parse.labels_in.palette[parse.labels].astype(np.float32)
    mixed = _BELOW * photo + (1 - _BELOW) * colours
    return np.where((parse.labels > 0)[..., None], mixed, photo).astype(np.uint8)


def with_mask(photo: UInt8, mask: npt.NDArray[np.bool_]) -> UInt8:
    """What is outside of the mask dark."""
    return np.where(mask[..., None], photo, photo * _OUTSIDE).astype(np.uint8)


def overlays(sample: Sample) -> list[tuple[UInt8, str]]:
    """Every annotation of a sample upon its photo, with its name: ``person.pose``, ``garment.mask`` ...

    Raises:
        InputError: a broken annotation.
    """
    shown: list[tuple[UInt8, str]] = []
    photos: list[tuple[str, Photo]] = [("person", sample.person), ("garment", sample.garment)]
    for who, photo in photos:
        if photo.has("pose"):
            shown.append((with_pose(photo.image(), photo.pose()), f"{who}.pose"))
        if photo.has("parse"):
            shown.append((with_parse(photo.image(), photo.parse()), f"{who}.parse"))
        if who == "garment" and photo.has("mask") and not photo.has("parse"):
            shown.append((with_mask(photo.image(), photo.mask()), "garment.mask"))
    return shown

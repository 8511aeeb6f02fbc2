"""Regions of a person's photo that every method and metric agrees upon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ..core.pose import JOINT, Pose
from .sample import Category, Parse

Mask: TypeAlias = npt.NDArray[np.bool_]

#: parts that trying on a garment of a category may change: the garments there, and the skin it may cover or bare
EDITED_PARTS: Mapping[Category, tuple[str, ...]] = {
    "upper": ("upper-clothes", "coat", "dress", "jumpsuits", "scarf", "torso-skin", "left-arm", "right-arm"),
    "lower": ("pants", "skirt", "dress", "jumpsuits", "socks", "left-leg", "right-leg"),
    "dress": (
        "upper-clothes",
        "coat",
        "dress",
        "jumpsuits",
        "scarf",
        "pants",
        "skirt",
        "socks",
        "torso-skin",
        "left-arm",
        "right-arm",
        "left-leg",
        "right-leg",
    ),
}
#: parts that no garment changes, whatever lies next to them
KEPT_PARTS = ("hat", "hair", "sunglasses", "face", "glove", "left-shoe", "right-shoe", "bag")
#: parts in which a garment of a category is seen on its wearer; a dress hides what was there before, so all of it counts
WORN_PARTS: Mapping[Category, tuple[str, ...]] = {
    "upper": ("upper-clothes", "coat"),
    "lower": ("pants", "skirt"),
    "dress": ("dress", "jumpsuits", "upper-clothes", "coat", "pants", "skirt"),
}
#: the edited region reaches this share of the photo's height beyond the parts
MARGIN = 0.02
_ARMS = (("right", "right-arm"), ("left", "left-arm"))


def dilate(mask: Mask, pixels: float) -> Mask:
    """Grow a mask by a disc of the given radius in pixels."""
    radius = max(0, round(pixels))
    if radius == 0:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), dtype=bool)


def erode(mask: Mask, pixels: float) -> Mask:
    """Shrink a mask by a disc of the given radius in pixels; the photo's border counts as inside."""
    return ~dilate(~mask, pixels)


def hands(parse: Parse, pose: Pose | None) -> Mask:
    """Pixels of the hands: arm skin beyond the wrist as seen from the elbow, or near it.

    Human-parsing labels say "arm" up to the finger tips, so the hand is told by the pose. Without a wrist and an elbow
    nothing is taken for a hand.

    Returns:
        ``(H, W)`` bool.
    """
    out = np.zeros(parse.size, dtype=bool)
    if pose is None:
        return out
    rows, columns = np.mgrid[: parse.size[0], : parse.size[1]].astype(np.float32)
    for side, part in _ARMS:
        if not pose.has(f"{side}-wrist", f"{side}-elbow"):
            continue
        wrist, elbow = pose.joints[JOINT[f"{side}-wrist"], :2], pose.joints[JOINT[f"{side}-elbow"], :2]
        length = max(float(np.linalg.norm(wrist - elbow)), 1.0)
        along = ((columns - wrist[0]) * (wrist - elbow)[0] + (rows - wrist[1]) * (wrist - elbow)[1]) / length
        away = np.hypot(columns - wrist[0], rows - wrist[1])
        # the hand begins a little before the wrist joint and is no longer than the forearm
        out |= parse.mask(part) & (along > -0.06 * length) & (away < length)
    return out


def edit_region(parse: Parse, pose: Pose | None, category: Category) -> Mask:
    """What a try-on of this category may change; the rest must stay as it is.

    One definition for all methods, so that measures of preservation can be compared: the garments and the skin of the
    category, grown by 2 % of the photo's height; never face, hair, hands, shoes.

    Returns:
        ``(H, W)`` bool.
    """
    wide = dilate(parse.mask(*EDITED_PARTS[category]), MARGIN * parse.size[0])
    kept = parse.mask(*KEPT_PARTS)
    if category != "lower":
        kept = kept | hands(parse, pose)
    return wide & ~kept


def garment_region(parse: Parse, category: Category) -> Mask:
    """Where a garment of this category is seen on the person now: ``(H, W)`` bool, without its rim of 1 % of the height.

    The rim is left out because labels are unsure there. A region that would vanish keeps its rim.
    """
    region = parse.mask(*WORN_PARTS[category])
    inner = erode(region, 0.01 * parse.size[0])
    return inner if inner.any() else region

"""What the parsing says: which garments are worn, the seven classes that the network draws, what of the person is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import UInt8
from ...core.labels import CIHP20
from ...core.pose import JOINT
from .polygon import fill_polygon

Float64: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: parts in words, resolved to CIHP-20 ids; gloves, socks and scarves belong to no group
TOPS, DRESS, PANTS, SKIRT = ("upper-clothes", "coat"), ("dress",), ("pants",), ("skirt",)
HEAD, SHOES, NECK = ("hat", "hair", "sunglasses", "face"), ("left-shoe", "right-shoe"), ("torso-skin",)
ARMS, LEGS = ("left-arm", "right-arm"), ("left-leg", "right-leg")
LIMBS = (*ARMS, *LEGS)
SKIN = ("torso-skin", "face")
#: ids of the network's own classes
BACKGROUND, CLASS_TOPS, CLASS_PANTS, CLASS_SKIRT, CLASS_DRESS, CLASS_NECK, CLASS_LIMBS = range(7)
#: sleeves in the published garment parsing
SLEEVE_IDS = (10, 11)
#: value of the lower-label map for a skirt, and where nothing is known
NOTHING_VALUE = 127.5
#: a joint below this confidence does not tell where an arm is
_LEAST_CONFIDENCE = 0.1
#: by side: part of the parsing, joints, edges of the squares that the upper arm's and the forearm's boxes grow by
_ARMS = tuple(
    (f"{side}-arm", tuple(JOINT[f"{side}-{name}"] for name in ("shoulder", "elbow", "wrist")))
    for side in ("left", "right")
)


@dataclass(frozen=True)
class Worn:
    """The garments that one person wears, after :func:`worn` has decided what they are.

    Args:
        classes: ``(H, W)`` uint8 class ids, 0 to 6.
        lower_value: 0 pants, 127.5 skirt or nothing at all, 255 dress: the value of the lower-label map.
    """

    classes: UInt8
    lower_value: float

    def mask(self, *classes: int) -> Mask:
        """``(H, W)`` bool: pixels of any of the classes."""
        return _looked_up(self.classes, classes).view(np.bool_)


def _looked_up(labels: UInt8, ids: Iterable[int]) -> UInt8:
    """``(H, W)`` uint8, 1 where the label is one of the ids."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(ids)] = 1
    return np.asarray(cv2.LUT(labels, table), dtype=np.uint8)


def _counts(labels: UInt8) -> npt.NDArray[np.float32]:
    """``(256,)``: how many pixels have each value; exact, a photo has fewer than 2**24 pixels of one."""
    return np.asarray(cv2.calcHist([labels], [0], None, [256], [0, 256]), dtype=np.float32).ravel()


def _ids(*parts: str) -> list[int]:
    return [CIHP20.ids[part] for part in parts]


def label_mask(labels: UInt8, *parts: str) -> UInt8:
    """``(H, W)`` uint8, 1 on any of the named parts of a CIHP-20 map."""
    return _looked_up(labels, _ids(*parts))


def worn(labels: UInt8) -> Worn:
    """Decide what is worn, and merge the labels into the network's seven classes.

    A parser often gives one garment several names; nobody wears trousers and a skirt, or a dress and trousers (spec
    section 3.2).

    Args:
        labels: ``(H, W)`` uint8 CIHP-20 ids.
    """
    counts = _counts(labels)
    tops, dress, pants, skirt = (int(counts[_ids(*parts)].sum()) for parts in (TOPS, DRESS, PANTS, SKIRT))
    table = np.zeros(256, dtype=np.uint8)
    goal = {TOPS: CLASS_TOPS, DRESS: CLASS_DRESS, PANTS: CLASS_PANTS, SKIRT: CLASS_SKIRT}
    if pants > skirt:
        goal[SKIRT], pants, skirt = CLASS_PANTS, pants + skirt, 0
    else:
        goal[PANTS], pants, skirt = CLASS_SKIRT, 0, pants + skirt
    if dress > 0:
        if pants > 0:
            goal[DRESS] = CLASS_TOPS
        elif dress > tops + skirt:
            goal[TOPS] = goal[SKIRT] = goal[PANTS] = CLASS_DRESS
        elif tops > skirt:
            goal[DRESS] = CLASS_SKIRT
        else:
            goal[DRESS] = CLASS_TOPS
    for parts, cls in goal.items():
        table[_ids(*parts)] = cls
    table[_ids(*NECK)], table[_ids(*LIMBS)] = CLASS_NECK, CLASS_LIMBS
    classes = np.asarray(cv2.LUT(labels, table), dtype=np.uint8)
    found = _counts(classes)
    value = NOTHING_VALUE
    if found[CLASS_PANTS]:
        value = 0.0
    elif found[CLASS_DRESS] and not found[CLASS_SKIRT]:
        value = 255.0
    return Worn(classes, value)


def skin_colour(image: UInt8, labels: UInt8, *, parity: bool = False) -> Float64:
    """Median colour of face and neck.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        labels: ``(H, W)`` uint8 CIHP-20 ids.
        parity: without such skin the published code gives NaN, and a picture of NaN; by default arms and legs stand in for
            it, and a middle grey for those.

    Returns:
        ``(3,)`` float64 in [0, 255]; black values do not count.
    """
    for parts in (SKIN, LIMBS):
        pixels = image[label_mask(labels, *parts).view(np.bool_)]
        colour = np.array([_median(np.bincount(pixels[:, channel], minlength=256)[1:]) for channel in range(3)])
        if parity or not np.isnan(colour).any():
            return colour
    return np.full(3, 127.5)


def _median(counts: npt.NDArray[np.intp]) -> float:
    """Median of the values 1 to 255 that occur so often; NaN of nothing."""
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    below = np.cumsum(counts)
    low, high = np.searchsorted(below, [(total - 1) // 2 + 1, total // 2 + 1]) + 1
    return float(low + high) / 2


def arm_box(start: Float64, end: Float64) -> Float64:
    """``(4, 2)`` corners of a box around a bone, half as wide as it is long."""
    along = end - start
    across = np.array([-along[1], along[0]]) / 4
    return np.stack([start + across, end + across, end - across, start - across])


def palms(labels: UInt8, keypoints: Float64, *, upper: int = 35, forearm: int = 28) -> UInt8:
    """Hands: what the parsing calls an arm beyond the boxes around upper arm and forearm.

    An arm with a joint missing gives no hand, because nothing tells where it begins.

    Args:
        labels: ``(H, W)`` uint8 CIHP-20 ids.
        keypoints: ``(18, 3)`` x, y in pixels of the same canvas, confidence.
        upper: edge of the square that the upper arm's box grows by, in pixels.
        forearm: the same of the forearm.

    Returns:
        ``(H, W)`` uint8, 0 or 1.
    """
    out = np.zeros(labels.shape, np.uint8)
    for part, joints in _ARMS:
        if (keypoints[list(joints), 2] < _LEAST_CONFIDENCE).any():
            continue
        hand = (labels == CIHP20.ids[part]).astype(np.uint8)
        for start, end, grow in ((joints[0], joints[1], upper), (joints[1], joints[2], forearm)):
            box = fill_polygon(arm_box(keypoints[start, :2], keypoints[end, :2]), (labels.shape[0], labels.shape[1]))
            hand[cv2.dilate(box, np.ones((grow, grow), np.uint8)) > 0] = 0
        out |= hand
    return out

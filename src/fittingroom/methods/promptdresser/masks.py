"""Where the person is painted anew: fine masks, coarse masks, and what lies between.

The masks of training and inference are built from human parsing and 18 joints at 384x512. ``armneck`` hugs the garment,
arms and neck (fine); ``v9`` is a box around everything that an upper garment could cover (coarse). The first generation
stage paints in the coarse mask and so finds out how much room the wanted garment needs; the second paints in the fine
mask joined with the garment that the first one drew.

Labels here are ATR's 18 with the neck as number 18; left and right are the person's own. The variants of upper garments
equal the published ones pixel by pixel (fixtures), except for the last step of ``official``, whose outline OpenCV
approximates differently from version to version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from ...core.errors import InputError
from ...core.images import Size, UInt8
from ...core.labels import ATR18
from ...data.sample import Category, Parse

Mask: TypeAlias = npt.NDArray[np.bool_]
Variant: TypeAlias = Literal["official", "v9", "only_cloth", "only_cloth_pad", "only_cloth_arm", "armneck"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

#: (height, width) that masks are built at, before they are enlarged to the photo
BUILD_SIZE: Size = (512, 384)
#: width of a drawn arm in pixels for a height of 512: VITON-HD's photos, Dress Code's photos
ARM_WIDTH, ARM_WIDTH_DRESS_CODE = 60, 45
#: ids of this file's label set: ATR's, and the neck
IDS: Mapping[str, int] = {**ATR18.ids, "neck": len(ATR18)}

_HEAD = ("hat", "sunglasses", "face")
_CARRIED = ("left-shoe", "right-shoe", "hat", "sunglasses", "bag")
_ARMS = ("left-arm", "right-arm")
#: garments of each category, with the skin that they may cover
CLOTH: Mapping[Category, tuple[str, ...]] = {
    "upper": ("upper-clothes", "dress"),
    "lower": ("skirt", "pants", "left-leg", "right-leg"),
    "dress": ("upper-clothes", "skirt", "pants", "dress"),
}
#: what stays although it lies near
_KEPT: Mapping[Category, tuple[str, ...]] = {
    "upper": (*_CARRIED, "skirt", "pants"),
    "lower": (*_CARRIED, "upper-clothes", *_ARMS),
    "dress": _CARRIED,
}
#: joints of an arm: shoulder, elbow, wrist
_JOINTS = {"right-arm": (2, 3, 4), "left-arm": (5, 6, 7)}
_HIPS = (8, 11)
_ANKLES = (10, 13)
#: the wrist is moved on by this factor, so that the drawn arm reaches over the cuff
_REACH = 1.2
#: other words of parsers -> parts of this file's label set; what is in neither is background
_STAND_INS: Mapping[str, str] = {
    "coat": "upper-clothes",
    "jumpsuits": "dress",
    "socks": "left-leg",
    "torso-skin": "neck",
}


def to_ids(parse: Parse) -> UInt8:
    """A label map of any convention in this file's ids: ``(H, W)`` uint8, 0 to 18."""
    table = np.zeros(256, np.uint8)
    for index, part in enumerate(parse.labels_in.names):
        table[index] = IDS.get(_STAND_INS.get(part, part), 0)
    return table[parse.labels]


def select(labels: UInt8, *parts: str) -> Mask:
    """``(H, W)`` bool: pixels of any of the parts."""
    return np.isin(labels, [IDS[part] for part in parts])


def grow(mask: Mask, steps: int) -> Mask:
    """Grow by a cross, ``steps`` times; 0 leaves the mask as it is."""
    return ndimage.binary_dilation(mask, iterations=steps) if steps else mask


def _grow_square(mask: Mask, side: int, steps: int) -> Mask:
    kernel = np.ones((side, side), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel, iterations=steps).astype(bool)


def _filled(mask: Mask) -> Mask:
    """Without the outermost pixels, and without holes."""
    mask = np.pad(mask[1:-1, 1:-1], 1)
    return ndimage.binary_fill_holes(mask)


def _largest(mask: Mask) -> Mask:
    """The largest outline, filled."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_TC89_L1)
    canvas = np.zeros(mask.shape, np.uint8)
    if outlines:
        index = int(np.argmax([cv2.contourArea(outline) for outline in outlines]))
        cv2.drawContours(canvas, outlines, index, 1, -1)
    return canvas.astype(bool)


def _drawn_arm(joints: npt.NDArray[np.floating], part: str, size: Size, arm_width: int) -> Mask | None:
    """The arm as a thick line from shoulder to beyond the wrist, or None where there is no wrist."""
    shoulder, elbow, wrist = (joints[index].astype(float) for index in _JOINTS[part])
    if wrist.max() <= 1:
        return None
    wrist = elbow + _REACH * (wrist - elbow)
    points = [(int(x), int(y)) for x, y in (shoulder, elbow, wrist)]
    if part == "left-arm":
        points.reverse()  # a line of even width lies half a pixel aside, depending on where it starts
    width = int(arm_width / 512 * size[0])
    radius = width // 2
    canvas = Image.new("L", (size[1], size[0]))
    draw = ImageDraw.Draw(canvas)
    draw.line(points, 1, width, "curve")
    draw.arc((*(shoulder - radius), *(shoulder + radius)), 0, 360, 1, radius)
    return np.asarray(canvas).astype(bool)


def _whole(
    labels: UInt8, joints: npt.NDArray[np.floating], category: Category, arm_width: int, keep_hands: bool
) -> Mask:
    """The garment and everything that it may cover, as one outline."""
    kept = select(labels, *_KEPT[category], *_HEAD)
    wide = _grow_square(select(labels, *CLOTH[category]), 5, 5)
    if category != "lower":
        arms = np.zeros(labels.shape, bool)
        for part in _ARMS:
            seen = select(labels, part)
            drawn = _drawn_arm(joints, part, (labels.shape[0], labels.shape[1]), arm_width)
            arms |= seen if drawn is None else drawn
            if drawn is not None and keep_hands:
                kept |= seen & ~drawn
        wide |= _grow_square(select(labels, "neck"), 5, 1)
        wide |= _grow_square(arms, 5, 4)
    return _largest(_filled(wide & ~kept))


def _box(labels: UInt8, joints: npt.NDArray[np.floating], category: Category, arm_width: int) -> Mask:
    """The box around the whole garment and the hips; for lower garments and dresses down to the ankles."""
    inner = _whole(labels, joints, category, arm_width, keep_hands=False)
    box = np.zeros(inner.shape, bool)
    if not inner.any():
        return box
    points = joints[list(_HIPS if category == "upper" else (*_HIPS, *_ANKLES))]
    rows, columns = np.nonzero(inner)
    left, top = (int(min(seen.min(), points[:, axis].min())) for axis, seen in ((0, columns), (1, rows)))
    right, bottom = (int(max(seen.max(), points[:, axis].max())) for axis, seen in ((0, columns), (1, rows)))
    box[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = True
    carried = (*_CARRIED, *_HEAD) if category != "lower" else (*_KEPT["lower"], *_HEAD)
    box &= ~select(labels, *carried)
    box = _filled(box)
    if category == "lower":
        return box & ~select(labels, *_KEPT["lower"], *_HEAD)
    return box & ~select(labels, *_HEAD)


def build(
    labels: UInt8,
    joints: npt.NDArray[np.floating],
    variant: Variant,
    category: Category = "upper",
    *,
    arm_width: int = ARM_WIDTH,
) -> Mask:
    """A mask of the person's photo.

    Args:
        labels: ``(H, W)`` uint8, ids of this file.
        joints: ``(18, 2)`` x, y in pixels of the label map; a wrist near (0, 0) is missing, and its arm is then taken from
            the labels. Missing hips (and ankles, for lower garments and dresses) must be guessed by the caller: they count.
        variant: ``armneck``: garment, arms and neck; ``v9``: a box around all that may be covered; ``official``: the usual
            mask of VITON-HD; ``only_cloth``, ``only_cloth_arm``, ``only_cloth_pad``: the garment as it is, with the arms,
            grown by 30 pixels. Boxes for lower garments and dresses are our own.
        category: of the garment to be put on.
        arm_width: in pixels for a height of 512.

    Returns:
        ``(H, W)`` bool, true = paint anew.
    """
    cloth = select(labels, *CLOTH[category])
    if variant == "only_cloth":
        return cloth
    if variant == "only_cloth_pad":
        return grow(cloth, 30)
    if variant == "only_cloth_arm":
        return cloth | select(labels, *_ARMS)
    if variant == "armneck":
        return _grow_square(cloth | select(labels, *_ARMS), 3, 3) | select(labels, "neck")
    if variant == "v9":
        return _box(labels, joints, category, arm_width)
    return _whole(labels, joints, category, arm_width, keep_hands=True)


def between(fine: Mask, coarse: Mask, steps: int, *, parity: bool = True) -> Mask:
    """A training mask: the fine one grown ``steps`` times, inside the coarse one.

    Args:
        fine: ``(H, W)`` bool.
        coarse: ``(H, W)`` bool.
        steps: 0 to 200, drawn uniformly for each sample in training (:data:`MOST_STEPS`).
        parity: with 0 steps take the whole coarse mask, as the published code does (its library grows "until nothing
            changes" then); otherwise 0 steps give the fine mask.
    """
    if steps == 0 and parity:
        return coarse if fine.any() else fine
    return grow(fine, steps) & coarse


#: the most that a training mask grows
MOST_STEPS = 200


def join(fine: Mask, seen: Mask) -> Mask:
    """The mask of the second stage: the fine mask and the garment that the first stage drew.

    Args:
        fine: ``(H, W)`` bool.
        seen: ``(h, w)`` bool of any size; enlarged by the nearest pixel.
    """
    return fine | enlarge(seen, (fine.shape[0], fine.shape[1]))


def enlarge(mask: Mask, size: Size) -> Mask:
    """Another size by the nearest pixel: ``(h, w)`` to ``(H, W)`` bool."""
    picture = Image.fromarray(mask.astype(np.uint8)).resize((size[1], size[0]), Image.Resampling.NEAREST)
    return np.asarray(picture).astype(bool)


def to_latents(mask: Mask, factor: int = 8) -> Mask:
    """The mask at the latents' size: the top left pixel of every tile, ``(H, W)`` to ``(H / 8, W / 8)`` bool."""
    return mask[::factor, ::factor]


def check(mask: Mask, who: str, kind: str) -> None:
    """Refuse masks that nothing can be painted by.

    Raises:
        InputError: empty, or all of the photo.
    """
    if not mask.any():
        raise InputError(f"{who}: the {kind} mask is empty", mend="annotate the photo again or give another mask")
    if mask.all():
        raise InputError(
            f"{who}: the {kind} mask covers the whole photo", mend="annotate the photo again or give another mask"
        )

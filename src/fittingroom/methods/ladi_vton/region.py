"""What is painted anew: labels and arms -> the inpainting mask, in closed form.

``mask = grow(garment + arms + neck) - (fixed + head + hands)``. There are two sets of rules, for the label conventions of the
two datasets that weights were published for; distances are in pixels of the picture that the method works at. A third one, for weights of
our own, hides how long and how wide a skirt or trousers were, so that nobody learns to read the new garment's shape from the mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ...core.errors import InputError
from ...core.images import Size, UInt8
from ...core.labels import ATR18, CIHP20, LabelSet
from ...core.pose import JOINT, Pose
from ...data.sample import Category, Parse

Mask: TypeAlias = npt.NDArray[np.bool_]
#: the first two are named after the datasets
RuleName: TypeAlias = Literal["viton-hd", "dress-code", "wide"]
#: a grown mask reaches so far beyond its labels, at any size
_GROW = 10
#: height in pixels that the lengths below are given for
_REFERENCE = 512
#: a joint with both coordinates up to this is absent
_ABSENT = 1.0
#: what is added on both sides of legs and of what hangs around them, as a share of the height, in wide masks
_WIDER = 0.06


@dataclass(frozen=True)
class Rules:
    """Ids of the label convention that matter for one category.

    Args:
        labels: convention.
        head: kept, cut off at the shoulders where ``neck`` is set.
        fixed: kept.
        garment: repainted.
        worn: the garment itself, for learning the warp.
        arms: whether arms are repainted, hands kept.
        neck: whether the head's labels below the shoulders are repainted.
        thick: width of the arms in pixels at a height of 512 ...
        scaled: ... and whether it follows the height.
        wide: whether the mask hides the outline of what is worn below the hips, see :func:`wider`.
    """

    labels: LabelSet
    head: tuple[int, ...]
    fixed: tuple[int, ...]
    garment: tuple[int, ...]
    worn: tuple[int, ...]
    arms: bool
    neck: bool
    thick: float
    scaled: bool
    wide: bool = False


_ATR_FIXED = (1, 2, 3, 9, 10, 16, 17)
_ATR_HEAD = (1, 2, 3, 11)
_RULES: Mapping[tuple[str, Category], Rules] = {
    ("viton-hd", "upper"): Rules(
        CIHP20, (1, 2, 4, 13), (1, 2, 9, 12, 18, 19), (5, 6, 7), (5, 6, 7), True, False, 90, True
    ),
    ("dress-code", "upper"): Rules(ATR18, _ATR_HEAD, (*_ATR_FIXED, 5, 6), (4,), (4,), True, True, 45, False),
    ("dress-code", "lower"): Rules(
        ATR18, _ATR_HEAD, (*_ATR_FIXED, 4, 14, 15), (6, 12, 13), (6,), False, False, 45, False
    ),
    ("dress-code", "dress"): Rules(ATR18, _ATR_HEAD, _ATR_FIXED, (7, 12, 13), (7,), True, True, 45, False),
}
#: what Dress Code's rules forget, because nobody in its photos wears it in that category: tops go over dresses as well, trousers
#: and skirts replace each other, and a dress replaces whatever is worn; (repainted, the garment itself)
_MENDED: Mapping[Category, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "upper": ((4, 7), (4,)),
    "lower": ((5, 6, 12, 13), (5, 6)),
    "dress": ((4, 5, 6, 7, 12, 13), (7,)),
}

#: parts -> ids, where a parse of one convention is read by the rules of the other. ATR has no neck (it counts as face, as
#: its rules expect) and no socks; the 20 labels have no belt and no bag
_TO_ATR: Mapping[str, str] = {
    "torso-skin": "face",
    "socks": "left-leg",
    "coat": "upper-clothes",
    "jumpsuits": "dress",
    "glove": "background",
}
_TO_CIHP: Mapping[str, str] = {"jumpsuits": "dress", "belt": "upper-clothes", "bag": "background"}


def rules_for(name: RuleName, category: Category, *, published: bool = True) -> Rules:
    """The rules.

    Args:
        name: whose.
        category: of the garment.
        published: with the gaps of the published ones: a skirt, for one, stays where trousers are put on. Wide ones never have them.

    Raises:
        InputError: VITON-HD knows upper garments only.
    """
    own = name == "wide"
    try:
        found = _RULES["dress-code" if own else name, category]
    except KeyError:
        raise InputError(
            f"weights for VITON-HD cannot put on a garment of category {category}",
            mend="choose weights for Dress Code or an upper garment",
        ) from None
    if name == "viton-hd" or (published and not own):
        return found
    garment, worn = _MENDED[category]
    return replace(found, garment=garment, worn=worn, wide=own and category != "upper")


def translate(parse: Parse, labels: LabelSet) -> UInt8:
    """``(H, W)`` ids of a parse in another convention; the same ids where both name the same parts."""
    if parse.labels_in.names == labels.names:
        return parse.labels
    stand_in = _TO_ATR if labels is ATR18 else _TO_CIHP
    table = np.zeros(256, dtype=np.uint8)
    for index, part in enumerate(parse.labels_in.names):
        wanted = part if part in labels.ids else stand_in.get(part, "background")
        table[index] = labels.ids[wanted]
    return table[parse.labels]


def _any(labels: UInt8, ids: tuple[int, ...]) -> Mask:
    return np.isin(labels, ids)


def arm_line(pose: Pose, published: bool) -> list[tuple[float, float]]:
    """Joints that the arms are drawn through, from the left wrist to the right one.

    Args:
        pose: in pixels of the picture.
        published: an absent joint that the published rule does not foresee stays at 0, 0, so that the line goes to the
            corner; otherwise absent joints are left out.
    """
    names = ["left-wrist", "left-elbow", "left-shoulder", "right-shoulder", "right-elbow", "right-wrist"]
    points = {name: (float(pose.point(name)[0]), float(pose.point(name)[1])) for name in names}
    absent = {name for name, point in points.items() if max(point) <= _ABSENT}
    if not published:
        return [points[name] for name in names if name not in absent]
    if "right-wrist" in absent:
        names = names[:4] if "right-elbow" in absent else names[:5]
    elif "left-wrist" in absent:
        names = names[2:] if "left-elbow" in absent else names[1:]
    return [points[name] for name in names]


def draw_arms(pose: Pose, size: Size, thick: int, published: bool = True) -> Mask:
    """``(H, W)`` bool: a line of so many pixels along both arms and the shoulders, rounded at the joints."""
    points = [(int(x), int(y)) for x, y in arm_line(pose, published)]
    canvas = Image.new("L", (size[1], size[0]))
    if len(points) > 1:
        ImageDraw.Draw(canvas).line(points, fill=255, width=thick, joint="curve")
    return np.asarray(canvas) > 0


def below_shoulders(pose: Pose, size: Size, published: bool = True) -> Mask:
    """``(H, W)`` bool: below a line 20 pixels (at a height of 512) above both shoulders; columns are cut at whole pixels."""
    shoulders = pose.joints[[JOINT["right-shoulder"], JOINT["left-shoulder"]], :2].astype(np.float64)
    if not published:
        shoulders = shoulders[shoulders.max(axis=1) > _ABSENT]
        shoulders = np.repeat(shoulders, 2, axis=0)[:2] if len(shoulders) == 1 else shoulders
    sides = np.stack([shoulders[:, 0], np.ones(len(shoulders))], axis=1)
    if len(shoulders) and np.ptp(shoulders[:, 0]) == 0 and not published:
        slope, height = 0.0, float(shoulders[:, 1].mean())
    else:
        slope, height = np.linalg.lstsq(sides, shoulders[:, 1], rcond=None)[0]
    offset = 20 * size[0] / _REFERENCE
    cut = np.array([int(slope * column + height - offset) for column in range(size[1])])
    return np.arange(size[0])[:, None] >= cut[None, :]


def head(labels: UInt8, pose: Pose, rules: Rules, published: bool = True) -> tuple[Mask, Mask]:
    """The head that is kept, and what of its labels is repainted because it lies below the shoulders; ``(H, W)`` bool each."""
    all_of_it = _any(labels, rules.head)
    if not rules.neck:
        return all_of_it, np.zeros_like(all_of_it)
    low = below_shoulders(pose, (labels.shape[0], labels.shape[1]), published)
    return all_of_it & ~low, all_of_it & low


def wider(paint: Mask, pose: Pose) -> Mask:
    """A mask below the hips as wide in every row as it is anywhere above, and a little more: ``(H, W)`` bool.

    Args:
        paint: ``(H, W)``, garments and legs.
        pose: in pixels; without hips all rows count as below them.
    """
    hips = pose.joints[[JOINT["right-hip"], JOINT["left-hip"]], :2]
    hips = hips[hips.max(axis=1) > _ABSENT]
    rows = np.flatnonzero(paint.any(axis=1))
    rows = rows[rows >= (hips[:, 1].min() if len(hips) else 0)]
    if len(rows) == 0:
        return paint
    columns = np.arange(paint.shape[1])
    below = slice(rows[0], rows[-1] + 1)
    part = paint[below]
    # empty rows between garment and legs have the width of those above them
    left = np.minimum.accumulate(np.where(part, columns, paint.shape[1]).min(axis=1))
    right = np.maximum.accumulate(np.where(part, columns, -1).max(axis=1))
    more = round(_WIDER * paint.shape[0])
    made = paint.copy()
    made[below] |= (columns >= left[:, None] - more) & (columns <= right[:, None] + more)
    return made


def inpaint_mask(labels: UInt8, pose: Pose, rules: Rules, *, published: bool = True) -> Mask:
    """What is painted anew.

    Args:
        labels: ``(H, W)`` ids in the rules' convention.
        pose: in pixels of that picture.
        rules: of the category.
        published: treat absent joints exactly as the published code does, see :func:`arm_line`.

    Returns:
        ``(H, W)`` bool.
    """
    size: Size = (labels.shape[0], labels.shape[1])
    kept, neck = head(labels, pose, rules, published)
    paint = _any(labels, rules.garment) | neck
    kept = kept | _any(labels, rules.fixed)
    if rules.wide:
        paint = wider(paint, pose)
    if rules.arms:
        thick = int(rules.thick * size[0] / _REFERENCE) if rules.scaled else int(rules.thick)
        arms = draw_arms(pose, size, thick, published)
        paint |= arms
        hands = _any(labels, (14, 15)) & ~arms  # both conventions have the arms at 14 and 15
        kept |= hands
    square = np.ones((2 * _GROW + 1, 2 * _GROW + 1), np.uint8)
    return np.asarray(cv2.dilate(paint.astype(np.uint8), square), dtype=bool) & ~kept

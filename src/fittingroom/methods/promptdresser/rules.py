"""Captions by rule: from joints, labels and pixels, without any network. Coarse words, but always there and always the same.

What cannot be seen in these is not guessed: gender is "person", fabrics are told by colour and pattern only.
"""

from __future__ import annotations

import itertools
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.errors import InputError
from ...core.images import UInt8
from ...core.pose import Pose
from ...data.sample import Category, Parse
from .captions import Caption

Mask: TypeAlias = npt.NDArray[np.bool_]

_UPPER = ("upper-clothes", "coat", "dress", "jumpsuits")
_LOWER = ("pants", "skirt", "jumpsuits")
#: names of colours at their place in CIE L*a*b*, 8-bit encoding of OpenCV divided back to L 0-100, a and b around 0
_COLOURS = {
    "black": (12, 0, 0),
    "dark grey": (32, 0, 0),
    "grey": (56, 0, 0),
    "light grey": (80, 0, 0),
    "white": (97, 0, 0),
    "red": (46, 62, 40),
    "dark red": (27, 42, 24),
    "pink": (76, 32, 4),
    "orange": (66, 42, 62),
    "yellow": (88, -6, 70),
    "beige": (85, 3, 16),
    "brown": (38, 18, 26),
    "olive": (50, -8, 38),
    "green": (48, -42, 34),
    "dark green": (28, -18, 12),
    "turquoise": (72, -34, -8),
    "light blue": (78, -8, -20),
    "blue": (42, 8, -48),
    "navy": (18, 8, -24),
    "purple": (38, 42, -40),
    "lilac": (74, 18, -20),
}
#: a second colour is named from this share of the garment's pixels on
_SECOND = 0.2


def colour_words(image: UInt8, mask: Mask) -> str:
    """The garment's colour, or its two colours: e.g. ``plain navy fabric``, ``white and red patterned fabric``."""
    pixels = image[mask]
    if len(pixels) == 0:
        return "plain fabric"
    lab = cv2.cvtColor(pixels[:: max(1, len(pixels) // 20000)][None], cv2.COLOR_RGB2LAB)[0].astype(np.float32)
    lab = lab * [100 / 255, 1, 1] - [0, 128, 128]
    places = np.array(list(_COLOURS.values()), np.float32)
    nearest = np.linalg.norm(lab[:, None] - places[None], axis=2).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(places)) / len(lab)
    names = list(_COLOURS)
    first, second = (int(index) for index in np.argsort(-shares, kind="stable")[:2])
    apart = float(np.linalg.norm(places[first] - places[second]))
    if shares[second] >= _SECOND and apart > 30:
        return f"{names[first]} and {names[second]} patterned fabric"
    return f"plain {names[first]} fabric"


def _trunk(mask: Mask) -> tuple[int, int, int, int, int, int]:
    """Top, bottom, left and right of a flat upper garment, and the columns between which its trunk lies."""
    rows, columns = np.nonzero(mask)
    top, bottom = int(rows.min()), int(rows.max())
    # the lower quarter hangs free of the sleeves in most photos; its inner half of rows tells the trunk's sides
    band = mask[top + int(0.75 * (bottom - top)) : bottom - int(0.05 * (bottom - top)) + 1]
    centre = int(np.median(columns))
    sides = []
    for row in band:
        runs = np.flatnonzero(row)
        if len(runs) == 0:
            continue
        pieces = np.split(runs, np.flatnonzero(np.diff(runs) > 1) + 1)
        inner = min(pieces, key=lambda piece: abs((piece[0] + piece[-1]) / 2 - centre))
        sides.append((inner[0], inner[-1]))
    left, right = (int(np.median([side[index] for side in sides])) for index in (0, 1)) if sides else (0, mask.shape[1])
    return top, bottom, int(columns.min()), int(columns.max()), left, right


def _flat_sleeve(mask: Mask) -> str:
    top, bottom, _, _, left, right = _trunk(mask)
    height, width = bottom - top + 1, max(right - left, 1)
    outside = mask.copy()
    outside[:, max(left - width // 12, 0) : right + width // 12 + 1] = False
    if outside.sum() < 0.04 * mask.sum():
        return "sleeveless"
    lowest = float(np.quantile(np.nonzero(outside)[0], 0.98) - top) / height
    if lowest < 0.55:
        return "short sleeve"
    return "three-quarter sleeve" if lowest < 0.7 else "long sleeve"


def _worn_sleeve(parse: Parse, pose: Pose | None) -> str:
    """How far down the arms the garment reaches, seen from the skin at elbow and wrist."""
    if pose is None:
        return "long sleeve"
    reached = []
    cloth, skin = parse.mask(*_UPPER), parse.mask("left-arm", "right-arm")
    for side in ("left", "right"):
        if not pose.has(f"{side}-shoulder", f"{side}-elbow"):
            continue
        path = [pose.point(f"{side}-shoulder"), pose.point(f"{side}-elbow")]
        if pose.has(f"{side}-wrist"):
            path.append(pose.point(f"{side}-wrist"))
        share = 0.0
        for index, (start, end) in enumerate(itertools.pairwise(path)):
            along = np.linspace(start, end, 20)
            columns = np.clip(along[:, 0].astype(int), 0, cloth.shape[1] - 1)
            rows = np.clip(along[:, 1].astype(int), 0, cloth.shape[0] - 1)
            dressed, bare = cloth[rows, columns], skin[rows, columns]
            if bare.sum() + dressed.sum():
                share = index + float(dressed.sum() / (bare.sum() + dressed.sum()))
                if dressed.sum() <= bare.sum():
                    break
        reached.append(share)
    length = float(np.mean(reached)) if reached else 2.0
    if length < 0.3:
        return "sleeveless"
    if length < 1.1:
        return "short sleeve"
    return "three-quarter sleeve" if length < 1.7 else "long sleeve"


def garment_caption(
    image: UInt8, mask: Mask, category: Category, parse: Parse | None = None, pose: Pose | None = None
) -> Caption:
    """What can be said of a garment.

    Args:
        image: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` bool, the garment's pixels.
        category: of the garment.
        parse: of its wearer, for a worn garment.
        pose: of its wearer.

    Raises:
        InputError: no pixel of the garment.
    """
    if not mask.any():
        raise InputError("no garment to describe", mend="choose another garment or category")
    material = colour_words(image, mask)
    top, bottom, left, right, inner_left, inner_right = _trunk(mask)
    height = bottom - top + 1
    if category == "lower":
        lower = mask[top + int(0.7 * height) : bottom + 1]
        split = float(np.mean([_has_gap(row) for row in lower])) > 0.5
        length = "long" if height > 1.6 * (right - left + 1) else "short"
        name = f"{length} {'pants' if split else 'skirt'}"
        return Caption(None, _clothing(name, material, "no sleeves", "high waist", "regular"), "rules")
    sleeve = _worn_sleeve(parse, pose) if parse is not None else _flat_sleeve(mask)
    tallness = height / max(inner_right - inner_left + 1, 1)
    length = "crop" if tallness < 1.0 else "regular" if tallness < 1.75 else "long"
    if category == "dress":
        name, length = "dress", "long"
    elif parse is not None and (mask & parse.mask("coat")).sum() > 0.5 * mask.sum():
        name = "jacket"
    else:
        name = {"sleeveless": "tank top", "short sleeve": "t-shirt"}.get(sleeve, "top")
    return Caption(None, _clothing(name, material, sleeve, _neckline(mask, inner_left, inner_right), length), "rules")


def _clothing(name: str, material: str, sleeve: str, neckline: str, length: str) -> dict[str, str]:
    return {
        "upper cloth category": name,
        "material": material,
        "sleeve": sleeve,
        "neckline": neckline,
        "upper cloth length": length,
    }


def _has_gap(row: npt.NDArray[np.bool_]) -> bool:
    columns = np.flatnonzero(row)
    return bool(len(columns) and (np.diff(columns) > 2).any())


def _neckline(mask: Mask, left: int, right: int) -> str:
    """How deep the outline dips between the shoulders, against the trunk's width."""
    width = max(right - left, 1)
    tops = np.array([int(rows[0]) if len(rows := np.flatnonzero(mask[:, x])) else -1 for x in range(left, right + 1)])
    tops = tops[tops >= 0]
    if len(tops) < 3:
        return "round neck"
    middle = tops[len(tops) // 3 : 2 * len(tops) // 3]
    depth = float(np.max(middle) - np.min(tops)) / width if len(middle) else 0.0
    if depth < 0.06:
        return "high neck"
    return "round neck" if depth < 0.3 else "v-neck"


def person_caption(parse: Parse, pose: Pose) -> Caption:
    """What can be said of a person: build, hair, pose, and how the upper garment is worn."""
    cloth = parse.mask(*_UPPER)
    sleeve = _worn_sleeve(parse, pose)
    rolling = {"sleeveless": "no sleeves to roll", "three-quarter sleeve": "rolled up to the elbow"}
    return Caption(
        {
            "gender": "person",
            "body shape": _body(parse, pose),
            "hair length": _hair(parse, pose),
            "pose": _stance(pose),
            "hand pose": _hands(pose),
            "fit of upper cloth": _fit(cloth, pose),
            "tucking style": _tucking(cloth, parse, pose),
            "sleeve rolling style": rolling.get(sleeve, "unrolled"),
        },
        None,
        "rules",
    )


def _width_at(mask: Mask, row: float) -> float:
    y = int(np.clip(row, 0, mask.shape[0] - 1))
    columns = np.flatnonzero(mask[y])
    return float(columns[-1] - columns[0] + 1) if len(columns) else 0.0


def _waist(pose: Pose) -> float | None:
    """Row half-way down the trunk, or None without a side of it."""
    rows = [
        (pose.point(f"{side}-shoulder")[1] + pose.point(f"{side}-hip")[1]) / 2
        for side in ("left", "right")
        if pose.has(f"{side}-shoulder", f"{side}-hip")
    ]
    return float(np.mean(rows)) if rows else None


def _body(parse: Parse, pose: Pose) -> str:
    waist = _waist(pose)
    if waist is None or pose.torso_length <= 0:
        return "average"
    ratio = _width_at(parse.mask(*_UPPER, *_LOWER, "torso-skin"), waist) / pose.torso_length
    return "slim" if ratio < 0.62 else "average" if ratio < 1.05 else "plus-size"


def _fit(cloth: Mask, pose: Pose) -> str:
    waist = _waist(pose)
    if waist is None or not pose.has("left-shoulder", "right-shoulder"):
        return "regular fit"
    shoulders = float(np.linalg.norm(pose.point("left-shoulder") - pose.point("right-shoulder")))
    ratio = _width_at(cloth, waist) / max(shoulders, 1.0)
    return "tight fit" if ratio < 0.95 else "regular fit" if ratio < 1.4 else "loose fit"


def _tucking(cloth: Mask, parse: Parse, pose: Pose) -> str:
    hips = [float(pose.point(f"{side}-hip")[1]) for side in ("left", "right") if pose.has(f"{side}-hip")]
    if not cloth.any() or not hips or not parse.mask(*_LOWER).any():
        return "untucked"
    bottom = float(np.quantile(np.nonzero(cloth)[0], 0.98))
    return "fully tucked" if bottom < np.mean(hips) - 0.05 * pose.torso_length else "untucked"


def _hair(parse: Parse, pose: Pose) -> str:
    hair = parse.mask("hair")
    if not hair.any():
        return "short"
    bottom = float(np.quantile(np.nonzero(hair)[0], 0.95))
    shoulders = [float(pose.point(f"{side}-shoulder")[1]) for side in ("left", "right") if pose.has(f"{side}-shoulder")]
    if not shoulders:
        return "medium"
    face = parse.mask("face")
    chin = float(np.quantile(np.nonzero(face)[0], 0.98)) if face.any() else float(np.mean(shoulders))
    if bottom > np.mean(shoulders):
        return "long"
    return "medium" if bottom > chin else "short"


def _stance(pose: Pose) -> str:
    if not pose.has("nose"):
        return "standing with the back turned"
    ears = [pose.has("left-ear"), pose.has("right-ear")]
    if pose.has("left-shoulder", "right-shoulder", "left-hip", "right-hip"):
        across = abs(float(pose.point("left-shoulder")[0] - pose.point("right-shoulder")[0]))
        if across < 0.3 * pose.torso_length:
            return "standing turned to the side"
    if all(ears):
        return "standing facing forward"
    return "standing with the head turned slightly"


def _hands(pose: Pose) -> str:
    words = []
    for side in ("left", "right"):
        if not pose.has(f"{side}-wrist", f"{side}-shoulder"):
            words.append("out of view")
            continue
        wrist, shoulder = pose.point(f"{side}-wrist"), pose.point(f"{side}-shoulder")
        if wrist[1] < shoulder[1]:
            words.append("raised")
        elif not pose.has(f"{side}-hip"):
            words.append("resting at the sides")
        else:
            hip, reach = pose.point(f"{side}-hip"), max(pose.torso_length, 1.0)
            outward = 1.0 if side == "left" else -1.0  # the person's left is the picture's right
            aside = outward * float(wrist[0] - hip[0]) / reach
            height = float(hip[1] - wrist[1]) / reach
            if aside < -0.15:
                words.append("in front of the body")
            elif height > -0.02 and aside < 0.3:
                words.append("on hips")
            else:
                words.append("resting at the sides")
    return words[0] if words[0] == words[1] else f"one {words[0]}, one {words[1]}"

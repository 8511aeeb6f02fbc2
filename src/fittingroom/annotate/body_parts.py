"""Skin and shoes told apart by the pose: which pixel is face, neck, arm or leg, and whose side.

Parsers that know only "skin" or "shoes" (or that count the neck to the face) are brought to CIHP-20 with this. Each body
part is a few capsules: line segments between joints, with a radius that runs from end to end in trunk lengths; a pixel goes
to the part from which it is fewest radii away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ..core.images import Size
from ..core.labels import CIHP20
from ..core.pose import Pose

Mask: TypeAlias = npt.NDArray[np.bool_]
Point: TypeAlias = npt.NDArray[np.float32]
_FLAT = np.float32
#: nothing above the hips becomes leg: this far above them, in trunk lengths, is allowed for raised thighs
_ABOVE_HIPS = 0.10
SKIN = ("face", "torso-skin", "left-arm", "right-arm", "left-leg", "right-leg")


@dataclass(frozen=True)
class _Capsule:
    part: str
    start: Point
    end: Point
    first: float
    last: float


def _trunk(pose: Pose, size: Size) -> float:
    """Trunk length in pixels; from shoulders, hips or, failing these, from the photo's height."""
    if pose.torso_length > 0:
        return pose.torso_length
    if pose.has("right-shoulder", "left-shoulder"):
        return 1.4 * float(np.linalg.norm(pose.point("right-shoulder") - pose.point("left-shoulder")))
    return 0.25 * size[0]


def _head(pose: Pose, trunk: float) -> tuple[Point, Point] | None:
    """Brow line and chin on the face's axis, or None without a face."""
    seen = [pose.point(name) for name in ("right-eye", "left-eye") if pose.has(name)]
    ears = [pose.point(name) for name in ("right-ear", "left-ear") if pose.has(name)]
    if not pose.has("nose") and not seen and not ears:
        return None
    top = np.mean(seen or ears or [pose.point("nose")], axis=0)
    neck = pose.point("neck") if pose.has("neck") else top + np.array((0, 0.45 * trunk))
    axis = neck - top
    length = float(np.linalg.norm(axis))
    down = axis / length if length > 1e-3 else np.array((0.0, 1.0))
    # the chin as seen from eyes and neck; chosen on 60 street photos, see docs/annotate.md
    reach = min(0.36 * length, 0.30 * trunk) if length > 1e-3 else 0.24 * trunk
    return (top - 0.10 * trunk * down).astype(_FLAT), (top + reach * down).astype(_FLAT)


def _capsules(pose: Pose, trunk: float, size: Size) -> list[_Capsule]:
    found: list[_Capsule] = []

    def bone(part: str, start: str, end: str, first: float, last: float) -> None:
        if pose.has(start, end):
            found.append(_Capsule(part, pose.point(start), pose.point(end), first * trunk, last * trunk))

    for side in ("left", "right"):
        bone(f"{side}-arm", f"{side}-shoulder", f"{side}-elbow", 0.13, 0.10)
        bone(f"{side}-arm", f"{side}-elbow", f"{side}-wrist", 0.10, 0.08)
        if pose.has(f"{side}-elbow", f"{side}-wrist"):
            wrist = pose.point(f"{side}-wrist")
            forearm = wrist - pose.point(f"{side}-elbow")
            reach = 0.32 * trunk / max(float(np.linalg.norm(forearm)), 1e-3)
            found.append(_Capsule(f"{side}-arm", wrist, wrist + reach * forearm, 0.10 * trunk, 0.10 * trunk))
        bone(f"{side}-leg", f"{side}-hip", f"{side}-knee", 0.20, 0.14)
        bone(f"{side}-leg", f"{side}-knee", f"{side}-ankle", 0.13, 0.10)
        if pose.has(f"{side}-ankle"):
            ankle = pose.point(f"{side}-ankle")
            toes = ankle + np.array((0, 0.20 * trunk), _FLAT)
            found.append(_Capsule(f"{side}-leg", ankle, toes, 0.10 * trunk, 0.12 * trunk))
    head = _head(pose, trunk)
    if head is not None:
        brow, chin = head
        found.append(_Capsule("face", brow, chin, 0.20 * trunk, 0.13 * trunk))
        if pose.has("neck"):
            neck = pose.point("neck")
            found.append(
                _Capsule("torso-skin", (0.55 * chin + 0.45 * neck).astype(_FLAT), neck, 0.16 * trunk, 0.20 * trunk)
            )
    if pose.has("neck"):
        hips = [pose.point(name) for name in ("right-hip", "left-hip") if pose.has(name)]
        low = np.mean(hips, axis=0) if hips else pose.point("neck") + np.array((0, trunk))
        found.append(_Capsule("torso-skin", pose.point("neck"), low.astype(_FLAT), 0.26 * trunk, 0.26 * trunk))
    return found


def _away(capsule: _Capsule, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Distance of points ``(N,)`` from a capsule's axis in radii."""
    along = capsule.end - capsule.start
    length2 = max(float(along @ along), 1e-6)
    t = (((x - capsule.start[0]) * along[0] + (y - capsule.start[1]) * along[1]) / length2).clip(0, 1)
    dx, dy = x - capsule.start[0] - t * along[0], y - capsule.start[1] - t * along[1]
    radius = capsule.first + t * (capsule.last - capsule.first)
    return np.asarray(np.hypot(dx, dy) / np.maximum(radius, 1e-3), dtype=np.float32)


def split_skin(skin: Mask, pose: Pose, parts: Sequence[str] = SKIN) -> npt.NDArray[np.uint8]:
    """Give every pixel of skin to a body part.

    Args:
        skin: ``(H, W)`` bool.
        pose: of the same photo.
        parts: that there may be.

    Returns:
        ``(H, W)`` uint8 of CIHP-20 ids, 0 outside the skin. Where the pose knows none of the parts, all is ``torso-skin``.
    """
    size = (skin.shape[0], skin.shape[1])
    out = np.zeros(size, np.uint8)
    rows, columns = np.nonzero(skin)
    if not len(rows):
        return out
    trunk = _trunk(pose, size)
    best = np.full(len(rows), np.inf, np.float32)
    ids = np.full(len(rows), CIHP20.ids["torso-skin"], np.uint8)
    x, y = columns.astype(np.float32), rows.astype(np.float32)
    hips = [pose.point(name)[1] for name in ("right-hip", "left-hip") if pose.has(name)]
    for capsule in _capsules(pose, trunk, size):
        if capsule.part not in parts:
            continue
        away = _away(capsule, x, y)
        if capsule.part.endswith("-leg") and hips:
            away = np.where(y < min(hips) - _ABOVE_HIPS * trunk, np.inf, away)
        nearer = away < best
        best[nearer] = away[nearer]
        ids[nearer] = CIHP20.ids[capsule.part]
    out[rows, columns] = ids
    return _without_scraps(out, trunk)


def _without_scraps(labels: npt.NDArray[np.uint8], trunk: float) -> npt.NDArray[np.uint8]:
    """Specks of one part inside another join the part that most of their rim touches."""
    smallest = max(4.0, (0.06 * trunk) ** 2)
    for part in np.unique(labels[labels > 0]):
        count, blobs, stats, _ = cv2.connectedComponentsWithStats((labels == part).astype(np.uint8), connectivity=4)
        for blob in range(1, count):
            if stats[blob, cv2.CC_STAT_AREA] >= smallest:
                continue
            left, top, width, height = stats[blob, :4]
            window = np.s_[max(top - 1, 0) : top + height + 1, max(left - 1, 0) : left + width + 1]
            inside = (blobs[window] == blob).astype(np.uint8)
            rim = (cv2.dilate(inside, np.ones((3, 3), np.uint8)) > 0) & (inside == 0)
            around = labels[window][rim]
            around = around[around > 0]
            if len(around):
                labels[window][inside > 0] = np.bincount(around).argmax()
    return labels


def split_shoes(shoes: Mask, pose: Pose) -> npt.NDArray[np.uint8]:
    """Left and right of shoes: by connected piece, and inside a piece that spans both feet pixel by pixel.

    Returns:
        ``(H, W)`` uint8 of CIHP-20 ids, 0 elsewhere. Without both ankles the photo's halves decide.
    """
    out = np.zeros(shoes.shape, np.uint8)
    rows, columns = np.nonzero(shoes)
    if not len(rows):
        return out
    x, y = columns.astype(np.float32), rows.astype(np.float32)
    if pose.has("left-ankle", "right-ankle"):
        trunk = _trunk(pose, (shoes.shape[0], shoes.shape[1]))
        away = []
        for side in ("left", "right"):
            ankle = pose.point(f"{side}-ankle")
            knee = pose.point(f"{side}-knee") if pose.has(f"{side}-knee") else ankle - np.array((0, trunk), _FLAT)
            shin = (ankle - knee) / max(float(np.linalg.norm(ankle - knee)), 1e-3)
            away.append(_away(_Capsule("", ankle, (ankle + 0.2 * trunk * shin).astype(_FLAT), 1.0, 1.0), x, y))
        left = away[0] < away[1]
    else:
        left = x > float(x.mean())  # the wearer's left is on the right of a front view
    out[rows, columns] = np.where(left, CIHP20.ids["left-shoe"], CIHP20.ids["right-shoe"])
    count, blobs = cv2.connectedComponents(shoes.astype(np.uint8), connectivity=8)
    for blob in range(1, count):
        inside = blobs == blob
        share = float((out[inside] == CIHP20.ids["left-shoe"]).mean())
        if not 0.15 <= share <= 0.85:
            out[inside] = CIHP20.ids["left-shoe" if share > 0.5 else "right-shoe"]
    return out


def to_cihp20(classes: npt.NDArray[np.uint8], names: Mapping[int, str], pose: Pose) -> npt.NDArray[np.uint8]:
    """Labels of a coarse parser as CIHP-20.

    Args:
        classes: ``(H, W)`` uint8.
        names: id -> a part of CIHP-20, or ``skin`` or ``shoes``, which the pose takes apart; others become background.
        pose: of the same photo.
    """
    table = np.zeros(256, np.uint8)
    for index, name in names.items():
        table[index] = CIHP20.ids.get(name, 0)
    out = table[classes]
    for word, split in (("skin", split_skin), ("shoes", split_shoes)):
        ids = [index for index, name in names.items() if name == word]
        if ids:
            chosen = np.isin(classes, ids)
            out = np.where(chosen, split(chosen, pose), out)
    return out


def neck_from_face(labels: npt.NDArray[np.uint8], pose: Pose) -> npt.NDArray[np.uint8]:
    """CIHP-20 labels of a parser that counts the neck to the face: what lies below the chin becomes ``torso-skin``."""
    face = labels == CIHP20.ids["face"]
    if not face.any() or not pose.has("neck"):
        return labels
    parted = split_skin(face, pose, ("face", "torso-skin"))
    return np.where(face, parted, labels)

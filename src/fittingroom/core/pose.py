"""Body pose as the 18 joints of OpenPose's COCO model: reading, converting, drawing, heat maps."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from .errors import InputError
from .files import read_json
from .images import Size, UInt8

Float32: TypeAlias = npt.NDArray[np.float32]

#: joint order of OpenPose COCO-18; right and left are the wearer's
JOINTS = (
    "nose", "neck", "right-shoulder", "right-elbow", "right-wrist", "left-shoulder", "left-elbow", "left-wrist",
    "right-hip", "right-knee", "right-ankle", "left-hip", "left-knee", "left-ankle", "right-eye", "left-eye",
    "right-ear", "left-ear",
)  # fmt: skip
JOINT = {name: index for index, name in enumerate(JOINTS)}
#: limbs (pairs of joints) in OpenPose's drawing order
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
#: eighteen steps around the colour circle, as 8-bit RGB
_COLOURS = tuple(
    tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(step / len(JOINTS), 1, 1))
    for step in range(len(JOINTS))
)

#: BODY_25 index of each of our 18 joints (BODY_25 adds the middle of the hips, toes and heels)
_FROM_BODY25 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
#: COCO-17 index of each joint; the neck (-1) is the middle of the shoulders
_FROM_COCO17 = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)


@dataclass(frozen=True)
class Pose:
    """The joints of one person.

    Args:
        joints: ``(18, 3)`` float32 of x, y in pixels and confidence in [0, 1]; a joint that was not found is 0, 0, 0.
    """

    joints: Float32

    def __post_init__(self) -> None:
        if self.joints.shape != (18, 3):
            raise ValueError(f"joints must be (18, 3), not {self.joints.shape}")

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """``(18,)`` bool: joints with a confidence above zero."""
        return self.joints[:, 2] > 0

    def has(self, *names: str) -> bool:
        """Whether all the named joints were found."""
        return all(self.joints[JOINT[name], 2] > 0 for name in names)

    def point(self, name: str) -> Float32:
        """``(2,)`` x, y of a joint in pixels."""
        return self.joints[JOINT[name], :2]

    def scaled(self, source: Size, target: Size) -> Pose:
        """The same pose after the photo was resized from ``source`` to ``target`` (height, width)."""
        factors = np.array([target[1] / source[1], target[0] / source[0], 1.0], dtype=np.float32)
        return Pose((self.joints * factors).astype(np.float32))

    @property
    def torso_length(self) -> float:
        """Mean distance shoulder to hip of the sides found, in pixels; 0 where neither side is."""
        sides = [
            float(np.linalg.norm(self.point(f"{side}-shoulder") - self.point(f"{side}-hip")))
            for side in ("right", "left")
            if self.has(f"{side}-shoulder", f"{side}-hip")
        ]
        return float(np.mean(sides)) if sides else 0.0


def from_body25(joints: npt.NDArray[np.floating]) -> Pose:
    """Pose of ``(25, 3)`` BODY_25 joints: the 18 shared joints, re-ordered."""
    return Pose(np.asarray(joints, dtype=np.float32)[list(_FROM_BODY25)])


def from_coco17(joints: npt.NDArray[np.floating]) -> Pose:
    """Pose of ``(17, 3)`` COCO joints; the neck is the middle of the shoulders, with the smaller of their confidences."""
    joints = np.asarray(joints, dtype=np.float32)
    out = np.zeros((18, 3), dtype=np.float32)
    for index, source in enumerate(_FROM_COCO17):
        if source >= 0:
            out[index] = joints[source]
    left, right = joints[5], joints[6]
    if left[2] > 0 and right[2] > 0:
        out[1, :2] = (left[:2] + right[:2]) / 2
        out[1, 2] = min(left[2], right[2])
    out[out[:, 2] <= 0] = 0
    return Pose(out)


def to_coco17(pose: Pose) -> Float32:
    """``(17, 3)`` COCO joints; the neck is dropped."""
    out = np.zeros((17, 3), dtype=np.float32)
    for index, source in enumerate(_FROM_COCO17):
        if source >= 0:
            out[source] = pose.joints[index]
    return out


def pose_from_openpose(value: Any, path: Path | str | None = None) -> Pose:
    """Pose of the largest person in an OpenPose document.

    18-joint (COCO) and 25-joint (BODY_25) lists are told apart by their length; the key may be ``pose_keypoints_2d``
    or the older ``pose_keypoints``.

    Raises:
        InputError: not an OpenPose document, nobody in it, a list of another length, or values that are not numbers.
    """
    people = value.get("people") if isinstance(value, Mapping) else None
    if not isinstance(people, list):
        raise InputError("not an OpenPose document (no list 'people')", mend="run the pose annotator again", path=path)
    found: list[Pose] = []
    for person in people:
        if not isinstance(person, Mapping):
            raise InputError("an entry of 'people' is not an object", mend="run the pose annotator again", path=path)
        numbers = person.get("pose_keypoints_2d", person.get("pose_keypoints"))
        if not isinstance(numbers, list):
            raise InputError("a person without 'pose_keypoints_2d'", mend="run the pose annotator again", path=path)
        try:
            joints = np.asarray(numbers, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise InputError(
                "joint values that are not numbers", mend="run the pose annotator again", path=path
            ) from error
        if joints.ndim != 1 or joints.size not in (54, 75):
            raise InputError(
                f"{joints.size} numbers per person; 18 joints have 54, 25 joints have 75",
                mend="export COCO-18 or BODY_25",
                path=path,
            )
        if not np.isfinite(joints).all():
            raise InputError("joint values that are not finite", mend="run the pose annotator again", path=path)
        joints = joints.reshape(-1, 3)
        pose = from_body25(joints) if len(joints) == 25 else Pose(joints)
        found.append(Pose(np.where(pose.joints[:, 2:] > 0, pose.joints, 0).astype(np.float32)))
    found = [pose for pose in found if pose.found.any()]
    if not found:
        raise InputError("nobody in the pose file", mend="annotate the photo again or leave it out", path=path)
    return max(found, key=_extent)


def _extent(pose: Pose) -> float:
    points = pose.joints[pose.found, :2]
    return float(np.prod(np.ptp(points, axis=0) + 1.0))


#: (height, width) of the photos that Dress Code's joints are given for, whatever the photos' own size
DRESS_CODE_SIZE: Size = (512, 384)


def pose_from_dress_code(value: Any, size: Size, path: Path | str | None = None) -> Pose:
    """Pose of a Dress Code document: ``{"keypoints": [[x, y, score, id] x 18]}`` in pixels of a photo of 384x512.

    Args:
        value: the document.
        size: (height, width) of the photo that the pose is wanted for.
        path: named in errors.

    Returns:
        The pose in pixels of the photo; an absent joint (negative id or coordinates) is 0, 0, 0, a found one has a
        confidence of its score, or 1 where the score is not positive.

    Raises:
        InputError: not such a document.
    """
    rows = value.get("keypoints") if isinstance(value, Mapping) else None
    try:
        joints = np.asarray(rows, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError("joint values that are not numbers", mend="run the pose annotator again", path=path) from error
    if joints.shape not in ((18, 4), (18, 3)) or not np.isfinite(joints).all():
        raise InputError(
            f"keypoints of shape {joints.shape} instead of 18 rows of 4 numbers",
            mend="run the pose annotator again",
            path=path,
        )
    found = (joints[:, :2] >= 0).all(axis=1) & (joints[:, :2].sum(axis=1) > 0) & (joints[:, -1] >= 0)
    out = np.zeros((18, 3), dtype=np.float32)
    out[found, 0] = joints[found, 0] * (size[1] / DRESS_CODE_SIZE[1])
    out[found, 1] = joints[found, 1] * (size[0] / DRESS_CODE_SIZE[0])
    out[found, 2] = np.where(joints[found, 2] > 0, np.clip(joints[found, 2], 0, 1), 1.0)
    if not found.any():
        raise InputError("nobody in the pose file", mend="annotate the photo again or leave it out", path=path)
    return Pose(out)


def read_pose(path: Path | str, size: Size | None = None) -> Pose:
    """Read a pose file: an OpenPose document, or a Dress Code one where the photo's ``size`` is given.

    Raises:
        InputError: see :func:`pose_from_openpose` and :func:`pose_from_dress_code`.
    """
    value = read_json(path)
    if size is not None and isinstance(value, Mapping) and "keypoints" in value and "people" not in value:
        return pose_from_dress_code(value, size, path)
    return pose_from_openpose(value, path)


def pose_to_openpose(pose: Pose) -> dict[str, Any]:
    """The pose as an OpenPose document (version 1.3, 18 joints)."""
    numbers = [round(float(value), 4) for value in pose.joints.reshape(-1)]
    empty: list[float] = []
    person = {
        "person_id": [-1],
        "pose_keypoints_2d": numbers,
        "face_keypoints_2d": empty,
        "hand_left_keypoints_2d": empty,
        "hand_right_keypoints_2d": empty,
    }
    return {"version": 1.3, "people": [person]}


def draw_skeleton(pose: Pose, size: Size, ground: UInt8 | None = None) -> UInt8:
    """Picture of the skeleton in OpenPose's manner: tapered coloured limbs and round joints.

    Args:
        pose: the joints, in pixels of a photo of ``size``.
        size: (height, width) of the picture.
        ground: ``(H, W, 3)`` uint8 to draw upon; black without one.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    canvas = np.zeros((*size, 3), np.uint8) if ground is None else ground.copy()
    thick = max(2, round(min(size) / 110))
    limbs = canvas.copy()
    for index, (start, end) in enumerate(LIMBS):
        if not (pose.found[start] and pose.found[end]):
            continue
        a, b = pose.joints[start, :2], pose.joints[end, :2]
        middle = tuple(round(float(value)) for value in (a + b) / 2)
        length = round(float(np.linalg.norm(a - b)) / 2)
        angle = float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0])))
        cv2.ellipse(limbs, middle, (length, thick), angle, 0, 360, _COLOURS[index], -1, cv2.LINE_AA)
    canvas = np.asarray(cv2.addWeighted(limbs, 0.6, canvas, 0.4, 0), dtype=np.uint8)
    for index in (int(found) for found in np.flatnonzero(pose.found)):
        centre = tuple(round(float(value)) for value in pose.joints[index, :2])
        cv2.circle(canvas, centre, thick, _COLOURS[index], -1, cv2.LINE_AA)
    return canvas


def pose_map(pose: Pose, size: Size, radius: float) -> npt.NDArray[np.float32]:
    """One channel per joint: 1 inside a disc around the joint, 0 elsewhere; an absent joint gives an empty channel.

    Args:
        pose: the joints, in pixels of a photo of ``size``.
        size: (height, width).
        radius: of the disc, in pixels.

    Returns:
        ``(18, H, W)`` float32 in {0, 1}.
    """
    rows, columns = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)
    away = (columns[None, None, :] - pose.joints[:, 0, None, None]) ** 2 + (
        rows[None, :, None] - pose.joints[:, 1, None, None]
    ) ** 2
    inside = (away <= radius**2) & pose.found[:, None, None]
    return inside.astype(np.float32)

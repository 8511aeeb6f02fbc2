"""A pose as it is corrected: full precision, and whether each joint is seen, hidden or absent.

OpenPose's document has a confidence only. Visibility is kept beside it, as ``joint_visibility`` in the person's entry
(18 numbers: 0 absent, 1 hidden, 2 seen, as COCO's v); readers that do not know the key ignore it.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.errors import FittingroomError, InputError
from ...core.pose import JOINTS, from_body25, pose_from_openpose

Float64: TypeAlias = npt.NDArray[np.float64]
ABSENT, HIDDEN, SEEN = 0, 1, 2
_VISIBILITY = "joint_visibility"
#: BODY-25 index of each of the 18 joints
_BODY25 = tuple(int(row[0]) for row in from_body25(np.repeat(np.arange(25.0)[:, None], 3, axis=1)).joints)
#: index of a joint's partner on the other side
MIRRORED = tuple(
    JOINTS.index(name.replace("right", "left") if "right" in name else name.replace("left", "right")) for name in JOINTS
)


@dataclass(frozen=True, eq=False)
class Joints:
    """The 18 joints of one person.

    Args:
        points: ``(18, 3)`` float64 of x, y in pixels and confidence; 0, 0, 0 where absent.
        seen: ``(18,)`` of 0 absent, 1 hidden, 2 seen.
    """

    points: Float64
    seen: npt.NDArray[np.int64]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Joints)
            and np.array_equal(self.points, other.points)
            and np.array_equal(self.seen, other.seen)
        )

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def make(cls, rows: Any) -> Joints:
        """Joints of 18 rows of x, y, confidence, visibility.

        Raises:
            InputError: another number of rows, numbers that are not finite, or an unknown visibility.
        """
        try:
            values = np.asarray(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError("joint values that are not numbers") from error
        if values.shape != (18, 4) or not np.isfinite(values).all():
            raise InputError(f"18 rows of x, y, confidence, visibility are wanted, not {values.shape}")
        if not np.isin(values[:, 3], (ABSENT, HIDDEN, SEEN)).all():
            raise InputError("a joint's visibility is 0 (absent), 1 (hidden) or 2 (seen)")
        points, seen = values[:, :3].copy(), values[:, 3].astype(np.int64)
        points[seen == ABSENT] = 0.0
        # a joint that is there has a confidence: without one, every reader takes it for absent
        points[(seen != ABSENT) & (points[:, 2] <= 0), 2] = 1.0
        return cls(points, seen)

    def rows(self) -> list[list[float]]:
        """18 rows of x, y, confidence, visibility."""
        return [[*map(float, point), float(seen)] for point, seen in zip(self.points.tolist(), self.seen, strict=True)]

    def mirrored(self) -> Joints:
        """Left and right names exchanged: mends a pose whose sides were confused. The points stay where they are."""
        order = list(MIRRORED)
        return Joints(self.points[order], self.seen[order])


def _numbers(person: dict[str, Any]) -> tuple[str, Float64]:
    key = "pose_keypoints_2d" if "pose_keypoints_2d" in person else "pose_keypoints"
    return key, np.asarray(person[key], dtype=np.float64).reshape(-1, 3)


def _main_person(document: Any, path: Path | None) -> int:
    """Index of the person that :func:`~....core.pose.pose_from_openpose` takes."""
    chosen = pose_from_openpose(document, path)
    for index, person in enumerate(document["people"]):
        try:
            if np.array_equal(pose_from_openpose({"people": [person]}).joints, chosen.joints):
                return index
        except FittingroomError:
            continue  # an empty entry beside the one that counts
    return 0


def decode_joints(data: bytes, path: Path | None = None) -> Joints:
    """The main person's joints of an OpenPose document.

    Raises:
        InputError: not such a document, or nobody in it.
    """
    document = _parsed(data, path)
    person = document["people"][_main_person(document, path)]
    _, numbers = _numbers(person)
    points = numbers[list(_BODY25)] if len(numbers) == 25 else numbers
    points = np.where(points[:, 2:] > 0, points, 0.0)
    seen = np.where(points[:, 2] > 0, SEEN, ABSENT)
    kept = person.get(_VISIBILITY)
    if isinstance(kept, list) and len(kept) == 18:
        seen = np.where((seen == SEEN) & (np.asarray(kept) == HIDDEN), HIDDEN, seen)
    return Joints(points, seen.astype(np.int64))


def _parsed(data: bytes, path: Path | None) -> Any:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise InputError("not valid JSON", mend="restore an earlier version", path=path) from error
    pose_from_openpose(document, path)
    return document


def encode_joints(joints: Joints, previous: bytes | None) -> bytes:
    """An OpenPose document with these joints.

    What else the previous document has (other people, hands, toes of BODY-25) is kept; equal joints give the previous
    bytes back.

    Args:
        joints: of the main person.
        previous: bytes of the document so far; None or a broken one begins a new one.
    """
    document: Any = None
    if previous is not None:
        try:
            if decode_joints(previous) == joints:
                return previous
            document = copy.deepcopy(_parsed(previous, None))
        except InputError:
            document = None  # a broken document is what is being mended
    if document is None:
        empty: list[float] = []
        person = {
            "person_id": [-1],
            "pose_keypoints_2d": [0.0] * 54,
            "face_keypoints_2d": empty,
            "hand_left_keypoints_2d": empty,
            "hand_right_keypoints_2d": empty,
        }
        document = {"version": 1.3, "people": [person]}
        index = 0
    else:
        index = _main_person(document, None)
    person = document["people"][index]
    key, numbers = _numbers(person)
    if len(numbers) == 25:
        numbers[list(_BODY25)] = joints.points
    else:
        numbers = joints.points
    person[key] = [float(value) for value in numbers.reshape(-1)]
    if (joints.seen == HIDDEN).any():
        person[_VISIBILITY] = [int(value) for value in joints.seen]
    else:
        person.pop(_VISIBILITY, None)
    return (json.dumps(document, ensure_ascii=False) + "\n").encode()

"""Pose and person mask by MediaPipe 0.10.21, whose wheel carries its networks: it works offline on real photos.

Bazarevsky et al., BlazePose: On-device Real-time Body Pose Tracking, 2020. The library is optional; newer releases bring no
networks along and are refused. Its numpy pin is older than ours, hence the way to install it that errors name.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import MissingError
from ..core.files import sha256_bytes
from ..core.images import UInt8
from ..core.pose import JOINT, Pose
from .base import Annotation, NothingFoundError

VERSION = "0.10.21"
_MEND = (
    f"pip install --no-deps mediapipe=={VERSION} && pip install absl-py flatbuffers attrs 'protobuf>=4.25,<7' "
    "(Python 3.11 or 3.12), or choose another annotator"
)
_LICENCE = "Apache-2.0 (code and networks)"
#: BlazePose landmark of each of our joints; the neck (-1) is the middle of the shoulders
_LANDMARKS = (0, -1, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7)
#: where OpenPose puts a joint, seen from where BlazePose does: (towards the wearer's left, down the trunk) in trunk lengths.
#: Medians over the 25 photos of upt25, both sides mirrored upon each other; see docs/annotate.md for what they bring
_TO_OPENPOSE: Mapping[str, tuple[float, float]] = {
    "nose": (0.0, 0.003), "neck": (0.0, -0.006), "shoulder": (-0.024, -0.004), "elbow": (-0.006, -0.021),
    "wrist": (-0.002, -0.017), "hip": (0.013, -0.052), "knee": (0.019, -0.032), "ankle": (0.010, 0.005),
    "eye": (-0.003, -0.003), "ear": (0.030, 0.002),
}  # fmt: skip
_MOST_PEOPLE = 6
#: another person's mask is at least this share of the largest one's, and overlaps nobody else's by more than the second
_RIVAL, _SHARED = 0.25, 0.2
#: mean visibility of the trunk's joints that another person has
_RIVAL_SEEN = 0.7
_FAINTEST = 0.05
_HEAD, _FEET = ("nose", "right-eye", "left-eye"), ("right-ankle", "left-ankle")


@dataclass(frozen=True)
class _Found:
    """One person: ``(33, 3)`` landmarks (x, y in pixels, visibility) and ``(H, W)`` float32 share of being the person."""

    landmarks: npt.NDArray[np.float64]
    mask: npt.NDArray[np.float32]

    def size_and_place(self, width: int, height: int) -> float:
        """How large and how central: the person who is meant."""
        points = self.landmarks[:, :2].clip((0, 0), (width, height))
        area = float(np.prod(points.max(axis=0) - points.min(axis=0))) / (width * height)
        off = abs(float(np.median(points[:, 0])) / width - 0.5)
        return area * (1 - off)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """The library's C++ part writes remarks straight to standard error, and nothing else can turn them off."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 (a device, not a path of ours)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class _Session:
    """The graph of one process, and what they said of the last photo (pose and mask come from one run)."""

    def __init__(self) -> None:
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                import mediapipe
        except Exception as error:  # an old numpy, protobuf ... shows as ImportError, TypeError, AttributeError
            reason = "" if isinstance(error, ModuleNotFoundError) else f" ({type(error).__name__}: {error})"
            raise MissingError(f"MediaPipe is not here{reason}", mend=_MEND) from error
        if not hasattr(mediapipe, "solutions"):
            raise MissingError(f"MediaPipe {mediapipe.__version__} brings no networks along", mend=_MEND)
        with _silent():
            self._pose = mediapipe.solutions.pose.Pose(
                static_image_mode=True, model_complexity=1, enable_segmentation=True, min_detection_confidence=0.5
            )
            # the library's threads write their remarks at the first photo
            self._pose.process(np.zeros((64, 64, 3), np.uint8))
        self._last: tuple[str, list[_Found]] | None = None

    def people(self, photo: UInt8) -> list[_Found]:
        """Everybody in a photo, who is meant first; bystanders that are much smaller are left out."""
        digest = sha256_bytes(photo.tobytes()) + str(photo.shape)
        if self._last is None or self._last[0] != digest:
            with _silent():
                self._last = digest, self._run(np.ascontiguousarray(photo))
        return self._last[1]

    def _one(self, photo: UInt8) -> _Found | None:
        result = self._pose.process(photo)
        if result.pose_landmarks is None:
            return None
        height, width = photo.shape[:2]
        landmarks = np.array(
            [[mark.x * width, mark.y * height, mark.visibility] for mark in result.pose_landmarks.landmark]
        )
        mask = result.segmentation_mask
        return _Found(landmarks, np.zeros((height, width), np.float32) if mask is None else np.array(mask, np.float32))

    def _run(self, photo: UInt8) -> list[_Found]:
        height, width = photo.shape[:2]
        first = self._one(photo)
        if first is None:
            return []
        people, found, rest = [first], first, photo
        for _ in range(_MOST_PEOPLE - 1):
            # the network sees one person at a time: what was found is painted over, and it looks again
            covered = cv2.dilate((found.mask > 0.3).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
            rest = np.where(covered[..., None], np.median(photo.reshape(-1, 3), axis=0).astype(np.uint8), rest)
            other = self._one(np.ascontiguousarray(rest))
            if other is None or not (other.mask > 0.3).any():
                break
            if _is_another(other, people):
                people.append(other)
            found = other
        people.sort(key=lambda found: found.size_and_place(width, height), reverse=True)
        return people


def _is_another(other: _Found, people: list[_Found]) -> bool:
    mask = other.mask > 0.5
    area = float(mask.sum())
    if area < _RIVAL * max(float((found.mask > 0.5).sum()) for found in people) or area == 0:
        return False
    shared = max(float((mask & (found.mask > 0.5)).sum()) for found in people) / area
    return shared < _SHARED and float(other.landmarks[[11, 12, 23, 24], 2].mean()) > _RIVAL_SEEN


@lru_cache(maxsize=1)
def _session() -> _Session:
    return _Session()


def _release() -> str:
    try:
        return version("mediapipe")
    except PackageNotFoundError:
        return VERSION


def like_openpose(joints: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Move joints ``(18, 2)`` from where BlazePose puts them to where OpenPose does; without a trunk they stay."""
    neck, hips = joints[JOINT["neck"]], (joints[JOINT["right-hip"]] + joints[JOINT["left-hip"]]) / 2
    sides = [
        np.linalg.norm(joints[JOINT[f"{side}-shoulder"]] - joints[JOINT[f"{side}-hip"]]) for side in ("right", "left")
    ]
    length, trunk = float(np.mean(sides)), float(np.linalg.norm(hips - neck))
    if trunk < 1e-6:
        return joints
    down = (hips - neck) / trunk
    left = np.array([down[1], -down[0]])
    if (joints[JOINT["left-shoulder"]] - joints[JOINT["right-shoulder"]]) @ left < 0:
        left = -left
    moved = joints.copy()
    for name, index in JOINT.items():
        side, dash, joint = name.partition("-")
        across, along = _TO_OPENPOSE[joint if dash else name]
        moved[index] += length * ((across if side == "left" else -across) * left + along * down)
    return moved


def openpose_pose(pose: Pose) -> Pose:
    """A pose of BlazePose with its joints where OpenPose puts them, see :func:`like_openpose`."""
    joints = pose.joints.copy()
    joints[:, :2] = like_openpose(joints[:, :2].astype(np.float64))
    joints[~pose.found] = 0
    return Pose(joints)


class MediaPipePose:
    """The largest, most central person's joints.

    Args:
        openpose_offsets: bring joints to where OpenPose would put them.
    """

    name: ClassVar[str] = "pose/mediapipe"
    provides: ClassVar[str] = "pose"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = _LICENCE

    def __init__(self, openpose_offsets: bool = True) -> None:
        self._offsets = openpose_offsets
        _session()

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        offsets = {name: list(offset) for name, offset in _TO_OPENPOSE.items()} if self._offsets else None
        return {"release": _release(), "offsets": offsets, "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`; a joint outside the frame is absent."""
        people = _session().people(photo)
        if not people:
            raise NothingFoundError("nobody to be seen", mend="leave the photo out, or draw the pose by hand")
        marks = people[0].landmarks
        joints = np.zeros((18, 3))
        for index, mark in enumerate(_LANDMARKS):
            joints[index] = (
                marks[mark] if mark >= 0 else (*(marks[11, :2] + marks[12, :2]) / 2, marks[[11, 12], 2].min())
            )
        if self._offsets:
            joints[:, :2] = like_openpose(joints[:, :2])
        height, width = photo.shape[:2]
        inside = ((joints[:, :2] >= 0) & (joints[:, :2] <= (width - 1, height - 1))).all(axis=1)
        joints[:, 2] = np.where(inside, joints[:, 2].clip(_FAINTEST, 1.0), 0.0)
        joints[~inside] = 0.0
        if not inside.any():
            raise NothingFoundError("nobody inside the frame", mend="leave the photo out")
        pose = Pose(joints.astype(np.float32))
        notes, score = judge(pose, len(people), (height, width))
        return Annotation(pose, score, notes)


def judge(pose: Pose, people: int, size: tuple[int, int]) -> tuple[tuple[str, ...], float]:
    """Notes on a pose and its score: the mean confidence of body joints, less for what the frame cuts and for company."""
    notes = []
    score = float(pose.joints[:14, 2].mean())
    if not pose.has(*_HEAD):
        notes.append("head cut at the frame" if not any(pose.has(name) for name in _HEAD) else "head turned or covered")
    if not pose.has(*_FEET):
        notes.append(
            "feet cut at the frame" if not any(pose.has(name) for name in _FEET) else "one foot out of the frame"
        )
    if not pose.has("right-shoulder", "left-shoulder", "right-hip", "left-hip"):
        notes.append("trunk cut at the frame")
        score *= 0.5
    points = pose.joints[pose.found, :2]
    tall = float(np.ptp(points[:, 1])) / size[0]
    if tall < 0.25:
        notes.append("small person")
        score *= 0.6
    if people > 1:
        notes.append(f"{people} people, the largest and most central is taken")
        score *= 0.7
    return tuple(notes), min(max(score, 0.0), 1.0)


class MediaPipeMask:
    """The mask of the person whose pose :class:`MediaPipePose` gives, from the same run of the network."""

    name: ClassVar[str] = "person-mask/mediapipe"
    provides: ClassVar[str] = "person-mask"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = _LICENCE

    def __init__(self) -> None:
        _session()

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"release": _release(), "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`; the score is how decided the network is on the mask's pixels and its rim."""
        people = _session().people(photo)
        if not people or not (people[0].mask > 0.5).any():
            raise NothingFoundError("nobody to be seen", mend="leave the photo out")
        soft = people[0].mask
        near = soft > 0.1
        decided = float(np.abs(2 * soft[near] - 1).mean())
        return Annotation(soft > 0.5, min(max(decided, 0.0), 1.0), () if decided > 0.8 else ("unsure outline",))

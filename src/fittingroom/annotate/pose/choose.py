"""What all pose annotators share: where published weights are, and the one annotation that a photo of several people gets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.errors import MissingError
from ...core.images import Size
from ...core.pose import JOINTS, Float32, Pose
from ...weights.fetch import require
from ..base import Annotation, NothingFoundError

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
#: fewer of these seen, and a try-on method has little to go by
_TRUNK = ("neck", "right-shoulder", "left-shoulder", "right-hip", "left-hip")


def published(annotator: str, weights: str) -> Path:
    """The file of published weights for an annotator.

    Raises:
        MissingError: it is not here; says what, from where, how large, under which licence, and the annotator's own option.
    """
    try:
        return require(weights)
    except MissingError as error:
        raise MissingError(
            error.problem, mend=error.mend.replace(f"--weights-file {weights}=", f"--weights-file {annotator}=")
        ) from error


def prominence(joints: Float32, size: Size) -> float:
    """How large and central somebody is: the diagonal of the joints' box, halved where its centre is a corner of the photo.

    Args:
        joints: ``(J, 3)`` with at least one found.
        size: (height, width) in the units of the joints.
    """
    points = joints[joints[:, 2] > 0, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    middle = np.array([size[1], size[0]]) / 2
    away = min(float(np.linalg.norm((low + high) / 2 - middle) / np.linalg.norm(middle)), 1.0)
    return float(np.linalg.norm(high - low)) * (1 - away / 2)


def annotation(people: Sequence[tuple[Pose, float]], size: Size) -> Annotation:
    """The most prominent person's pose, how good it probably is, and what is amiss.

    Args:
        people: (pose in pixels, score in [0, 1]), the most prominent first.
        size: (height, width) of the photo.

    Returns:
        The pose, kept within the photo. Its score is the person's, times the share of trunk joints found, times a half to one for
        the share of all joints.

    Raises:
        NothingFoundError: nobody.
    """
    if not people:
        raise NothingFoundError("nobody in the photo", mend="leave it out, or place the joints by hand in the review")
    pose, score = people[0]
    joints = pose.joints.copy()
    joints[:, 0] = np.clip(joints[:, 0], 0, size[1] - 1)
    joints[:, 1] = np.clip(joints[:, 1], 0, size[0] - 1)
    joints[~pose.found] = 0
    pose = Pose(joints)
    notes = []
    if len(people) > 1:
        count = _NUMBERS[len(people)] if len(people) < len(_NUMBERS) else str(len(people))
        notes.append(f"{count} people, the largest and most central is taken")
    if missing := [name for name in JOINTS if not pose.has(name)]:
        notes.append(
            f"not found: {', '.join(missing)}" if len(missing) < 9 else f"{len(missing)} of 18 joints not found"
        )
    trunk = sum(pose.has(name) for name in _TRUNK) / len(_TRUNK)
    quality = score * trunk * (0.5 + 0.5 * pose.found.mean())
    return Annotation(pose, float(np.clip(quality, 0, 1)), tuple(notes))

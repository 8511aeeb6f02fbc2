"""How near a pose annotator's joints are to given ones: PCK, the share of joints that are near enough.

Yang and Ramanan, Articulated Human Detection with Flexible Mixtures of Parts, TPAMI 2013, section 6; near means within a share of
the trunk's length, as is usual for photos of whole people. Intervals come from a bootstrap over photos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError
from ..core.pose import JOINTS, Pose
from .stats import RESAMPLES, Interval, percentile_interval, resample_indices

#: kind -> joints
KINDS: Mapping[str, tuple[str, ...]] = {
    "head": ("nose", "right-eye", "left-eye", "right-ear", "left-ear"),
    "shoulders": ("neck", "right-shoulder", "left-shoulder"),
    **{f"{name}s": (f"right-{name}", f"left-{name}") for name in ("elbow", "wrist", "hip", "knee", "ankle")},
}


@dataclass(frozen=True)
class Found:
    """A photo's given pose and the one that was found, both in its pixels."""

    photo: str
    truth: Pose
    pose: Pose


@dataclass(frozen=True)
class Nearness:
    """Share of the given joints that were found near enough.

    Args:
        all: of all joints.
        kinds: of each kind; only those that were given somewhere.
        extra: joints a photo that were found but not given; they do not lower the share.
        photos: how many.
    """

    all: Interval
    kinds: Mapping[str, Interval]
    extra: float
    photos: int


def near(found: Sequence[Found], share: float = 0.1, *, seed: int = 0, resamples: int = RESAMPLES) -> Nearness:
    """PCK; a joint that was given but not found is not near.

    Args:
        found: at least one; poses whose trunk is not given are left out.
        share: of the trunk's length (mean of both sides, shoulder to hip).
        seed: of the bootstrap.
        resamples: of the photos.

    Raises:
        InputError: no photo with a given trunk.
    """
    rows, extra = [], []
    for each in found:
        trunk = each.truth.torso_length
        if trunk <= 0:
            continue
        away = np.linalg.norm(each.pose.joints[:, :2] - each.truth.joints[:, :2], axis=1)
        rows.append(np.stack([(away <= share * trunk) & each.pose.found & each.truth.found, each.truth.found]))
        extra.append(int((each.pose.found & ~each.truth.found).sum()))
    if not rows:
        raise InputError("no photo with a given trunk (shoulder and hip of one side)")
    counts = np.stack(rows).astype(np.float64)
    chosen = resample_indices(len(counts), resamples, seed)

    def interval(joints: Sequence[int]) -> Interval | None:
        right, given = counts[:, 0][:, joints].sum(axis=1), counts[:, 1][:, joints].sum(axis=1)
        if not given.sum():
            return None
        times = given[chosen].sum(axis=1)
        replicates = np.divide(right[chosen].sum(axis=1), times, out=np.full(len(times), np.nan), where=times > 0)
        return percentile_interval(float(right.sum() / given.sum()), replicates[~np.isnan(replicates)])

    whole = interval(range(len(JOINTS)))
    assert whole is not None
    kinds = {name: interval([JOINTS.index(joint) for joint in joints]) for name, joints in KINDS.items()}
    return Nearness(
        whole, {name: value for name, value in kinds.items() if value is not None}, float(np.mean(extra)), len(counts)
    )

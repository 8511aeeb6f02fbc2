"""PCK: what counts as near, what counts at all, and its intervals."""

from __future__ import annotations

import numpy as np
import pytest

from fittingroom.core.errors import InputError
from fittingroom.core.pose import JOINT, JOINTS, Pose
from fittingroom.metrics.keypoints import KINDS, Found, near


def pose(seed: int = 0, absent: tuple[str, ...] = ()) -> Pose:
    random = np.random.default_rng(seed)
    joints = np.ones((18, 3), np.float32)
    joints[:, :2] = random.uniform(0, 100, (18, 2))
    for side, x in (("right", 40), ("left", 60)):
        joints[JOINT[f"{side}-shoulder"], :2] = (x, 20)
        joints[JOINT[f"{side}-hip"], :2] = (x, 70)
    for name in absent:
        joints[JOINT[name]] = 0
    return Pose(joints)


def moved(given: Pose, by: float, *names: str) -> Pose:
    joints = given.joints.copy()
    for name in names:
        joints[JOINT[name], 0] += by
    return Pose(joints)


def test_every_joint_has_a_kind() -> None:
    assert sorted(joint for joints in KINDS.values() for joint in joints) == sorted(JOINTS)


def test_near_is_a_share_of_the_trunk() -> None:
    truth = pose()
    assert near([Found("a", truth, moved(truth, 4.99, "nose"))]).all.value == 1
    found = near([Found("a", truth, moved(truth, 5.01, "nose", "left-knee"))])
    assert found.all.value == pytest.approx(16 / 18)
    assert found.kinds["head"].value == pytest.approx(4 / 5)
    assert found.kinds["knees"].value == 0.5
    assert near([Found("a", truth, moved(truth, 9.9, "nose"))], 0.2).all.value == 1


def test_absent_joints() -> None:
    truth = pose(absent=("left-ear", "left-ankle", "right-ankle"))
    found = near([Found("a", truth, pose(absent=("nose",)))])
    assert found.all.value == pytest.approx(14 / 15)  # the nose was given; ear and ankles were not, and do not count
    assert found.extra == 3
    assert "ankles" not in found.kinds


def test_photos_are_weighed_by_their_joints_and_drawn_as_wholes() -> None:
    whole, few = pose(1), pose(2, absent=tuple(name for name in JOINTS if name not in ("right-shoulder", "right-hip")))
    wrong = moved(few, 50, "right-shoulder", "right-hip")
    found = near([Found("a", whole, whole), Found("b", few, wrong)])
    assert found.all.value == pytest.approx(18 / 20)
    assert (found.all.low, found.all.high, found.photos) == (0, 1, 2)


def test_without_a_trunk_there_is_no_measure() -> None:
    with pytest.raises(InputError, match="no photo with a given trunk"):
        near([Found("a", pose(absent=("right-hip", "left-hip")), pose())])

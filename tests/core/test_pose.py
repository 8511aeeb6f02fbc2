"""Poses: reading, converting, drawing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittingroom.core import pose as poses
from fittingroom.core.errors import InputError
from fittingroom.core.pose import JOINT, Pose


def some_pose(seed: int = 0) -> Pose:
    joints = np.random.default_rng(seed).uniform(10, 90, (18, 3)).astype(np.float32)
    joints[:, 2] = 0.5
    return Pose(joints)


def document(numbers: list[Any]) -> dict[str, Any]:
    return {"version": 1.3, "people": [{"pose_keypoints_2d": numbers}]}


@given(st.integers(0, 2**32 - 1))
def test_openpose_round_trip(seed: int) -> None:
    pose = some_pose(seed)
    again = poses.pose_from_openpose(json.loads(json.dumps(poses.pose_to_openpose(pose))))
    assert np.abs(again.joints - pose.joints).max() < 1e-3


def test_body25_drops_the_middle_of_the_hips() -> None:
    joints = np.stack([np.arange(25), np.arange(25) * 2, np.ones(25)], axis=1)
    pose = poses.pose_from_openpose(document(joints.reshape(-1).tolist()))
    assert pose.joints[:, 0].astype(int).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]


def test_coco_round_trip_and_the_neck() -> None:
    pose = some_pose(3)
    coco = poses.to_coco17(pose)
    assert coco[5, :2] == pytest.approx(pose.point("left-shoulder"))
    assert coco[16, :2] == pytest.approx(pose.point("right-ankle"))
    again = poses.from_coco17(coco)
    middle = (pose.point("left-shoulder") + pose.point("right-shoulder")) / 2
    assert again.point("neck") == pytest.approx(middle)
    others = [index for index in range(18) if index != JOINT["neck"]]
    assert again.joints[others] == pytest.approx(pose.joints[others])
    coco[5, 2] = 0
    assert not poses.from_coco17(coco).has("neck")


def test_the_largest_person_is_taken_and_the_old_key_is_read() -> None:
    small, large = some_pose(1).joints.copy(), some_pose(2).joints.copy()
    small[:, :2] *= 0.1
    people = [{"pose_keypoints": joints.reshape(-1).tolist()} for joints in (small, large)]
    assert np.abs(poses.pose_from_openpose({"people": people}).joints - large).max() < 1e-4


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ([], "not an OpenPose document"),
        ({"people": 3}, "not an OpenPose document"),
        ({"people": []}, "nobody in the pose file"),
        ({"people": [1]}, "not an object"),
        ({"people": [{}]}, "a person without 'pose_keypoints_2d'"),
        (document([1.0] * 51), "51 numbers per person; 18 joints have 54, 25 joints have 75"),
        (document(["a"] * 54), "joint values that are not numbers"),
        (document([float("nan")] * 54), "joint values that are not finite"),
        (document([0.0] * 54), "nobody in the pose file"),
    ],
)
def test_bad_documents_are_one_line(value: Any, line: str) -> None:
    with pytest.raises(InputError) as caught:
        poses.pose_from_openpose(value, "x.json")
    assert str(caught.value).startswith("x.json: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dress_code_joints_are_scaled_to_the_photo(tmp_path: Path) -> None:
    rows = [[192.0, 256.0, 0.9, 0.0]] + [[-1.0, -1.0, 0.0, -1.0]] * 17
    path = tmp_path / "x_2.json"
    path.write_text(json.dumps({"keypoints": rows}), encoding="utf-8")
    pose = poses.read_pose(path, (1024, 768))
    assert pose.joints[0].tolist() == pytest.approx([384, 512, 0.9])
    assert pose.found.sum() == 1


def test_skeleton_and_map() -> None:
    pose = some_pose()
    picture = poses.draw_skeleton(pose, (100, 100))
    assert picture.shape == (100, 100, 3)
    assert picture.any()
    ground = np.full((100, 100, 3), 9, np.uint8)
    assert (poses.draw_skeleton(Pose(np.zeros((18, 3), np.float32)), (100, 100), ground) == ground).all()
    maps = poses.pose_map(pose, (100, 100), 4)
    assert maps.shape == (18, 100, 100)
    x, y = pose.point("nose").round().astype(int)
    assert maps[0, y, x] == 1
    assert maps[0].sum() == pytest.approx(np.pi * 16, rel=0.15)
    joints = pose.joints.copy()
    joints[4] = 0
    assert not poses.pose_map(Pose(joints), (100, 100), 4)[4].any()


def test_scaling_and_torso() -> None:
    pose = some_pose()
    scaled = pose.scaled((100, 100), (200, 50))
    assert scaled.joints[:, 0] == pytest.approx(pose.joints[:, 0] / 2)
    assert scaled.joints[:, 1] == pytest.approx(pose.joints[:, 1] * 2)
    assert pose.torso_length > 0
    assert Pose(np.zeros((18, 3), np.float32)).torso_length == 0
    with pytest.raises(ValueError):
        Pose(np.zeros((17, 3), np.float32))

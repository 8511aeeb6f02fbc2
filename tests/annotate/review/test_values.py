"""Poses, label maps and masks go through correction without losing anything."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fittingroom.annotate.review import pixels
from fittingroom.annotate.review.joints import MIRRORED, Joints, decode_joints, encode_joints
from fittingroom.core.errors import InputError
from fittingroom.core.images import encode_png
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT, pose_from_openpose

coordinate = st.floats(-500, 5000, allow_nan=False).map(lambda value: value + 0.0)
joint = st.one_of(
    st.just([0.0, 0.0, 0.0, 0.0]),
    st.tuples(coordinate, coordinate, st.floats(0.001, 1), st.sampled_from([1.0, 2.0])).map(list),
)
poses = st.lists(joint, min_size=18, max_size=18).filter(lambda rows: any(row[3] for row in rows)).map(Joints.make)


@settings(max_examples=60, deadline=None)
@given(poses)
def test_a_pose_keeps_full_precision(joints: Joints) -> None:
    data = encode_joints(joints, None)
    assert decode_joints(data) == joints
    assert encode_joints(joints, data) is data, "nothing changed: the very bytes"
    read = pose_from_openpose(json.loads(data))  # as every method reads it
    np.testing.assert_array_equal(read.joints, joints.points.astype(np.float32))


def test_other_people_toes_and_hands_stay() -> None:
    rng = np.random.default_rng(0)
    main, other = rng.uniform(1, 400, (25, 3)), rng.uniform(1, 20, (25, 3))
    main[:, 2], other[:, 2] = 0.9, 0.5
    document = {
        "version": 1.3,
        "people": [
            {"pose_keypoints_2d": other.reshape(-1).tolist()},
            {"pose_keypoints_2d": main.reshape(-1).tolist(), "hand_left_keypoints_2d": [1, 2, 3]},
        ],
    }
    before = json.dumps(document).encode()
    joints = decode_joints(before)
    rows = joints.rows()
    rows[JOINT["left-hip"]][0] += 7.25
    after = json.loads(encode_joints(Joints.make(rows), before))
    assert after["people"][0] == document["people"][0]
    assert after["people"][1]["hand_left_keypoints_2d"] == [1, 2, 3]
    changed = np.asarray(after["people"][1]["pose_keypoints_2d"]).reshape(25, 3)
    expected = main.copy()
    expected[12, 0] += 7.25  # BODY-25 has the left hip at 12
    np.testing.assert_array_equal(changed, expected)


def test_exchanging_sides_twice_changes_nothing() -> None:
    rows = [[index, index, 1, 2] for index in range(18)]
    joints = Joints.make(rows)
    assert joints.mirrored().points[JOINT["left-wrist"], 0] == JOINT["right-wrist"]
    assert joints.mirrored().mirrored() == joints
    assert sorted(MIRRORED) == list(range(18))


@pytest.mark.parametrize(
    "rows", [[[0, 0, 0, 0]] * 17, [[0, 0, 0, 3]] * 18, [[float("nan"), 0, 0, 0]] * 18, "pose", [["a"] * 4] * 18]
)
def test_rows_that_are_no_pose_are_refused(rows: object) -> None:
    with pytest.raises(InputError):
        Joints.make(rows)


maps = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1)).map(
    lambda given: np.random.default_rng(given[2]).integers(0, 20, given[:2], dtype=np.uint8)
)


@settings(max_examples=40, deadline=None)
@given(maps)
def test_a_label_map_is_exact_and_goes_to_the_browser_and_back(labels: np.ndarray) -> None:
    np.testing.assert_array_equal(pixels.decode_labels(pixels.encode_labels(labels, CIHP20, None)), labels)
    np.testing.assert_array_equal(pixels.unpack(pixels.pack(labels), labels.shape), labels)


def test_a_file_keeps_its_own_kind() -> None:
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    other = labels.copy()
    other[0, 0] = 5
    grey = encode_png(labels)
    assert pixels.encode_labels(labels, CIHP20, grey) is grey
    assert Image.open(io.BytesIO(pixels.encode_labels(other, CIHP20, grey))).mode == "L"
    colours = np.arange(768, dtype=np.int64).reshape(256, 3).astype(np.uint8)
    painted = Image.open(io.BytesIO(pixels.encode_labels(other, CIHP20, encode_png(labels, colours))))
    assert painted.mode == "P"
    np.testing.assert_array_equal(np.reshape(painted.getpalette(), (-1, 3))[:16], colours[:16])
    with pytest.raises(InputError, match="ids outside cihp20: 20"):
        pixels.encode_labels(np.full((2, 2), 20, np.uint8), CIHP20, None)


def test_a_mask_kept_as_jpeg_is_exact_too() -> None:
    mask = np.random.default_rng(0).random((64, 48)) > 0.5
    data = pixels.encode_mask(mask, None, Path("m.jpg"))
    assert data[:2] == b"\xff\xd8"
    np.testing.assert_array_equal(pixels.decode_mask(data), mask)
    assert pixels.encode_mask(mask, data, Path("m.jpg")) is data
    np.testing.assert_array_equal(pixels.decode_mask(pixels.encode_mask(mask, b"broken", Path("m.png"))), mask)


@pytest.mark.parametrize("text", ["", "!", "AAAA", pixels.pack(np.zeros((3, 3), np.uint8))])
def test_a_map_that_did_not_arrive_whole_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        pixels.unpack(text, (4, 4))

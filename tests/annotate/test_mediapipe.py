"""MediaPipe as an annotator: with a module that answers like it, and with the real one where it is installed."""

from __future__ import annotations

import importlib.util
import sys
import types

import numpy as np
import pytest

from fittingroom.annotate import pose_mediapipe
from fittingroom.annotate.base import NothingFoundError
from fittingroom.annotate.pose_mediapipe import _LANDMARKS, MediaPipeMask, MediaPipePose, like_openpose
from fittingroom.core.errors import MissingError
from fittingroom.core.images import read_image, read_labels
from fittingroom.core.pose import JOINT, read_pose


def landmarks(left: float, width: float, *, height: float = 0.9, top: float = 0.05) -> list[types.SimpleNamespace]:
    """33 landmarks of somebody who stands between ``left`` and ``left + width`` (shares of the photo)."""
    import fake_annotators as fake

    marks = [types.SimpleNamespace(x=left + width / 2, y=top, visibility=0.95) for _ in range(33)]
    for joint, index in JOINT.items():
        x, y = fake.PLACES[joint]
        if _LANDMARKS[index] >= 0:
            marks[_LANDMARKS[index]] = types.SimpleNamespace(x=left + x * width, y=top + y * height, visibility=0.95)
    return marks


class _Graph:
    """Finds red figures, the widest first, as the real one does: one at a time."""

    def __init__(self, **_) -> None:
        pass

    def process(self, photo):
        red = (photo[..., 0].astype(int) - photo[..., 1] > 100).astype(np.uint8)
        columns = red.any(axis=0)
        runs = np.split(np.flatnonzero(columns), np.flatnonzero(np.diff(np.flatnonzero(columns)) > 1) + 1)
        runs = [run for run in runs if len(run)]
        if not runs:
            return types.SimpleNamespace(pose_landmarks=None, segmentation_mask=None)
        run = max(runs, key=len)
        mask = np.zeros(photo.shape[:2], np.float32)
        mask[:, run[0] : run[-1] + 1] = red[:, run[0] : run[-1] + 1]
        marks = landmarks(run[0] / photo.shape[1], len(run) / photo.shape[1])
        return types.SimpleNamespace(pose_landmarks=types.SimpleNamespace(landmark=marks), segmentation_mask=mask)


@pytest.fixture
def fake(monkeypatch):
    module = types.ModuleType("mediapipe")
    module.__version__ = "0.10.21"
    module.solutions = types.SimpleNamespace(pose=types.SimpleNamespace(Pose=_Graph))
    monkeypatch.setitem(sys.modules, "mediapipe", module)
    pose_mediapipe._session.cache_clear()
    yield module
    pose_mediapipe._session.cache_clear()


def people(*spans: tuple[int, int]) -> np.ndarray:
    photo = np.full((200, 300, 3), 230, np.uint8)
    for left, right in spans:
        photo[10:190, left:right] = (220, 30, 30)
    return photo


def test_joints_and_mask_of_one_person(fake):
    photo = people((100, 160))
    found = MediaPipePose(openpose_offsets=False).annotate(photo, {})
    pose = found.value
    assert pose.found.all()
    assert not found.notes
    assert found.score > 0.9
    assert np.allclose(pose.point("neck"), (pose.point("left-shoulder") + pose.point("right-shoulder")) / 2)
    assert np.allclose(pose.point("right-wrist"), (100 + 0.15 * 60, 200 * (0.05 + 0.9 * 0.46)), atol=0.1)
    mask = MediaPipeMask().annotate(photo, {})
    assert np.array_equal(mask.value, photo[..., 1] < 100)
    assert mask.score > 0.9


def test_of_several_people_the_largest_and_most_central_is_taken(fake):
    found = MediaPipePose().annotate(people((5, 45), (120, 180), (250, 290)), {})
    assert 120 < found.value.point("nose")[0] < 180
    assert "3 people, the largest and most central is taken" in found.notes
    assert found.score < 0.75


def test_joints_outside_the_frame_are_absent(fake):
    found = MediaPipePose(openpose_offsets=False).annotate(people((100, 160))[:, :130], {})
    assert found.value.found.all()  # the fake fits its figure into what is seen
    marks = landmarks(0.3, 0.4, height=1.4)
    fake.solutions.pose.Pose.process = lambda self, photo: types.SimpleNamespace(
        pose_landmarks=types.SimpleNamespace(landmark=marks), segmentation_mask=np.zeros(photo.shape[:2], np.float32)
    )
    try:
        pose_mediapipe._session.cache_clear()
        found = MediaPipePose(openpose_offsets=False).annotate(people(), {})
    finally:
        _restore()
    assert not found.value.has("left-ankle")
    assert (found.value.joints[JOINT["left-ankle"]] == 0).all()
    assert "feet cut at the frame" in found.notes


_PROCESS = _Graph.process


def _restore() -> None:
    _Graph.process = _PROCESS


def test_nobody(fake):
    with pytest.raises(NothingFoundError, match="nobody"):
        MediaPipePose().annotate(people(), {})
    with pytest.raises(NothingFoundError, match="nobody"):
        MediaPipeMask().annotate(people(), {})


def test_absent_or_wrong_releases_are_one_line(monkeypatch, fake):
    pose_mediapipe._session.cache_clear()
    del fake.solutions
    fake.__version__ = "1.2.2"
    with pytest.raises(MissingError, match="1.2.2 brings no networks") as caught:
        MediaPipePose()
    assert "--no-deps mediapipe==0.10.21" in str(caught.value)
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingError, match="MediaPipe is not here"):
        MediaPipePose()


def test_offsets_turn_with_the_body_and_are_mirrored():
    import fake_annotators as fake_module

    joints = np.array([fake_module.PLACES[name] for name in JOINT]) * (60, 200)
    moved = like_openpose(joints)
    assert (moved != joints).any()
    assert np.abs(moved - joints).max() < 0.06 * 70
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert np.allclose(like_openpose(joints @ turn.T), moved @ turn.T)
    mirrored = joints * (-1, 1)
    order = [JOINT[name.replace("left", "@").replace("right", "left").replace("@", "right")] for name in JOINT]
    assert np.allclose(like_openpose(mirrored[order])[order], moved * (-1, 1))


@pytest.mark.photos
@pytest.mark.skipif(
    importlib.util.find_spec("mediapipe") is None, reason="MediaPipe is not installed (docs/annotate.md)"
)
def test_on_real_photos(photos):
    """Measured on all 25: PCK@.1 of 0.98 against OpenPose, mask IoU of 0.97 against the parse."""
    pose_mediapipe._session.cache_clear()
    right, total, shared = 0, 0, []
    for path in sorted((photos / "upt25/image").glob("*.jpg"))[:8]:
        image, truth = read_image(path), read_pose(photos / "upt25/keypoints" / f"{path.stem}_keypoints.json")
        pose, mask = MediaPipePose().annotate(image, {}).value, MediaPipeMask().annotate(image, {}).value
        away = np.linalg.norm(pose.joints[:, :2] - truth.joints[:, :2], axis=1)[truth.found]
        right, total = right + (away < 0.1 * truth.torso_length).sum(), total + truth.found.sum()
        body = read_labels(photos / "upt25/parsing" / f"{path.stem}.png") > 0
        shared.append((mask & body).sum() / (mask | body).sum())
    assert right / total > 0.95
    assert np.mean(shared) > 0.95

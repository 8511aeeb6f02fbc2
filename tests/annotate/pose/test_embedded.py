"""Our own pose network: places out of maps, both looks at a photo, and what is said of weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fittingroom.annotate import registry
from fittingroom.annotate.base import NothingFoundError
from fittingroom.annotate.pose import embedded as place
from fittingroom.annotate.pose.embedded import EmbeddedPose, look, places
from fittingroom.annotate.pose.small import FILE, SETTINGS, STRIDE, PoseConfig, PoseNetwork, load_pose_network
from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.pose import JOINT, JOINTS, Pose
from fittingroom.weights import embedded as weights

TINY = PoseConfig((64, 48), 0.25, (8, 8, 8, 8))


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(3)
    network = PoseNetwork(TINY)
    network.train()(torch.randn(4, 3, 64, 48))
    save_file({k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}, tmp_path / FILE)
    (tmp_path / SETTINGS).write_text(json.dumps(TINY.as_json()))
    return tmp_path


def photo(size=(200, 150)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


class Marked(torch.nn.Module):
    """A network that sees each joint where the picture has the joint's own shade of red."""

    config = PoseConfig((96, 72))

    def forward(self, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        levels = (given[:, :1] + 1) * 127.5
        shades = torch.arange(18.0).view(1, 18, 1, 1) * 10 + 43  # none is the grey around a photo
        maps = torch.nn.functional.avg_pool2d(((levels - shades).abs() < 4).float(), STRIDE)
        # its left and right are those of the marks, whether or not the picture is mirrored: as if it knew bodies
        mirrored = bool((given[0] != given[1]).any())
        if mirrored:
            maps = torch.cat([maps[:1], maps[1:, place.MIRRORED]])
        return 40 * maps, torch.where(maps.amax(dim=(2, 3)) > 0, 4.0, -4.0)


def marked(joints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    picture = np.zeros((*size, 3), np.uint8)
    half = size[0] // 13  # borders are blurred into the shades of other joints, but are thin
    for index, (x, y, seen) in enumerate(joints):
        if seen:
            picture[round(y) - half : round(y) + half, round(x) - half : round(x) + half, 0] = 43 + 10 * index
    return picture


def test_the_mean_around_the_highest_value() -> None:
    maps = np.full((2, 12, 10), 1e-6, np.float32)
    maps[0, 4, 5], maps[0, 4, 6] = 0.6, 0.2
    maps[1, 0, 0], maps[1, 11, 9] = 0.5, 0.4
    points, probable, other = places(maps)
    assert points[0] == pytest.approx((5.5 + 0.25, 4.5), abs=0.01)
    assert points[1] == pytest.approx((0.5, 0.5), abs=0.01)
    assert probable == pytest.approx([0.8, 0.5], abs=0.01)
    assert other == pytest.approx([0.0, 0.4], abs=0.01)


@pytest.mark.parametrize("size", [(96, 72), (192, 144), (120, 130)])
def test_joints_come_back_to_where_they_are_in_the_photo(size) -> None:
    random = np.random.default_rng(4)
    joints = np.ones((18, 3), np.float32)
    cells = random.permutation(24)[:18]  # apart, so that no mark hides another
    joints[:, 0] = (cells % 4 + 0.5) * size[1] / 4
    joints[:, 1] = (cells // 4 + 0.5) * size[0] / 6
    joints[JOINT["left-ear"]] = 0
    pose, _ = look(Marked(), marked(joints, size), None)
    there = joints[:, 2] > 0
    assert (pose.found == there).all()
    assert np.abs(pose.joints[there, :2] - joints[there, :2]).max() < 3 * size[0] / 96
    assert (pose.joints[~there] == 0).all()


def test_the_second_look_is_from_near(folder, monkeypatch) -> None:
    looks = []

    def seeing(network, picture, pose, device):
        looks.append(pose)
        joints = np.full((18, 3), 0.9, np.float32)
        joints[:, :2] = 50 if pose is None else 60
        if pose is not None:
            joints[0, 2] = joints[0, :2] = 0
        return Pose(joints), np.zeros(18, np.float32)

    monkeypatch.setattr(place, "look", seeing)
    found = EmbeddedPose(folder).annotate(photo(), {})
    assert looks[0] is None
    assert looks[1].found.all()
    assert not found.value.found[0]
    assert (found.value.joints[1:, :2] == 55).all()
    assert found.notes == ("not found: nose",)


def test_several_people_and_nobody(folder, monkeypatch) -> None:
    joints = np.full((18, 3), 0.9, np.float32)
    monkeypatch.setattr(place, "look", lambda *_: (Pose(joints), np.full(18, 0.8, np.float32)))
    found = EmbeddedPose(folder).annotate(photo(), {})
    assert "several people" in found.notes[0]
    assert found.score == pytest.approx(0.45)
    faint = joints.copy()
    faint[5:] = 0
    monkeypatch.setattr(place, "look", lambda *_: (Pose(faint), np.zeros(18, np.float32)))
    with pytest.raises(NothingFoundError, match="nobody"):
        EmbeddedPose(folder).annotate(photo(), {})


@pytest.mark.parametrize("size", [(40, 36), (300, 120), (64, 300)])
def test_any_photo_gives_joints_within_it_or_nobody(folder, size, monkeypatch) -> None:
    monkeypatch.setattr(place, "_SURE", 0.0)
    pose = EmbeddedPose(folder).annotate(photo(size), {}).value
    assert (pose.joints[:, :2] >= 0).all()
    assert (pose.joints[:, 0] < size[1]).all()
    assert (pose.joints[:, 1] < size[0]).all()


def test_the_registry_has_it_and_says_what_is_missing(folder, monkeypatch) -> None:
    monkeypatch.setattr(weights, "embedded_folder", lambda name: None)
    with pytest.raises(MissingError, match="--weights-file pose/embedded=FOLDER") as caught:
        registry.load_annotator("pose/embedded")
    assert "\n" not in str(caught.value)
    assert registry.load_annotator("pose/embedded", folder / FILE).settings() == EmbeddedPose(folder).settings()


def test_bad_weights_are_one_line(folder, tmp_path) -> None:
    with pytest.raises(InputError, match="no pose network here"):
        EmbeddedPose(tmp_path / "nowhere")
    value = json.loads((folder / SETTINGS).read_text())
    for change, words in (
        ({"widths": [8, 8, 8, 16]}, "do not fit"),
        ({"widths": [8]}, "four widths"),
        ({"size": [30, 40]}, "multiples of 8"),
        ({"size": 5}, "not a pose network's settings"),
    ):
        (folder / SETTINGS).write_text(json.dumps({**value, **change}))
        with pytest.raises(InputError, match=words) as caught:
            load_pose_network(folder)
        assert "\n" not in str(caught.value)
    (folder / SETTINGS).write_text(json.dumps(value))
    whole = load_file(folder / FILE)
    whole.pop("head.bias")
    save_file(whole, folder / FILE)
    with pytest.raises(InputError, match="do not fit"):
        load_pose_network(folder)


def test_the_default_network_is_small() -> None:
    network = PoseNetwork()
    assert sum(value.numel() for value in network.state_dict().values()) * 2 < 9e6
    maps, seen = PoseNetwork(TINY).eval()(torch.zeros(2, 3, 64, 48))
    assert maps.shape == (2, len(JOINTS), 16, 12)
    assert seen.shape == (2, len(JOINTS))

"""Training of the embedded pose network: items, loss, resumed bits, learning, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fittingroom.annotate.pose.embedded import look
from fittingroom.annotate.pose.small import FILE, STRIDE, PoseConfig, load_pose_network
from fittingroom.core.errors import InputError
from fittingroom.core.pose import JOINT, Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Person
from fittingroom.methods import pose_training
from fittingroom.methods.pose_training import PoseTask, place_loss
from fittingroom.train.loop import fit
from fittingroom.train.settings import TrainSettings

TINY = PoseConfig((64, 48), 0.25, (24, 24, 24, 24))


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    return Dataset.open("drawn-mini")


def settings(**changes) -> TrainSettings:
    return TrainSettings(**{"steps": 6, "batch": 2, "save_every": 3, "sheet_every": 0, "log_every": 1, **changes})


def test_the_loss_is_least_where_the_joint_is() -> None:
    points = torch.zeros(1, 18, 3)
    points[0, 3] = torch.tensor([5.5, 7.5, 1.0])
    logits = torch.zeros(1, 18, 16, 12)
    flat = place_loss(logits, points)
    assert float(flat) == pytest.approx(np.log(16 * 12), rel=1e-4)
    for row, column, better in ((7, 5, True), (2, 9, False)):
        there = logits.clone()
        there[0, 3, row, column] = 5.0
        assert (float(place_loss(there, points)) < float(flat)) == better
    other = logits.clone()
    other[0, 4, 0, 0] = 9.0  # a joint that is not shown
    assert torch.equal(place_loss(other, points), flat)
    assert float(place_loss(logits, torch.zeros(1, 18, 3))) == 0


def test_a_mark_stays_on_its_joint_whatever_is_done_to_the_photo() -> None:
    picture = np.full((200, 150, 3), 30, np.uint8)
    joints = np.zeros((18, 3), np.float32)
    places = {"right-shoulder": (50, 60), "left-shoulder": (100, 60), "right-hip": (55, 120), "left-hip": (95, 120)}
    for name, (x, y) in {**places, "neck": (75, 60), "nose": (75, 40)}.items():
        joints[JOINT[name]] = (x, y, 1)
    picture[112:129, 87:104, 0] = 255  # the left hip
    picture[52:69, 42:59, 1] = 255  # the right shoulder
    person = Person("p", given={"image": picture, "pose": Pose(joints)})
    task = PoseTask([Dataset("d", Path("x"), "none", {"p": person}, {})], PoseConfig((96, 72), 0.25, (8, 8, 8, 8)))
    seen = 0
    pose_training._COVERED = 0.0
    try:
        for seed in range(80):
            made = task.item(0, seed)
            photo, points = made["photo"].numpy(), made["points"].numpy()
            assert ((points[:, 2] == 0) | (points[:, 2] == 1)).all()
            for name, channel in (("left-hip", 0), ("right-shoulder", 1)):
                x, y, shown = points[JOINT[name]] * (STRIDE, STRIDE, 1)
                if shown and 3 < x < 69 and 3 < y < 93:
                    around = photo[:, int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean(axis=(1, 2))
                    others = [each for each in range(3) if each != channel]
                    seen += 1
                    # without colour, all are alike
                    assert around[channel] >= around[others].max() - 0.25, (seed, name, around)
    finally:
        pose_training._COVERED = 0.25
    assert seen > 80


def test_items_show_everything_a_part_and_nobody(drawn: Dataset) -> None:
    task = PoseTask([drawn.only(limit=2)], TINY)
    counts = np.array([int(task.item(0, seed)["points"][:, 2].sum()) for seed in range(150)])
    assert (counts == 0).sum() >= 1
    assert ((counts > 0) & (counts < 12)).sum() > 5
    assert (counts >= 15).sum() > 80


def test_garments_alone_show_nobody(drawn: Dataset) -> None:
    task = PoseTask([drawn.only(limit=2)], TINY, empty=[drawn])
    assert len(task.empty) == len(drawn.garments)
    counts = [int(task.item(0, seed)["points"][:, 2].sum()) for seed in range(150)]
    assert sum(count == 0 for count in counts) > 6


def test_a_stopped_training_goes_on_to_the_same_bits(drawn: Dataset, tmp_path: Path) -> None:
    few = drawn.only(limit=4)
    fit(PoseTask([few], TINY, steps=6), settings(), tmp_path / "whole")
    fit(PoseTask([few], TINY, steps=6), settings(steps=3), tmp_path / "parts")
    fit(PoseTask([few], TINY, steps=6), settings(), tmp_path / "parts")
    one, two = (load_file(tmp_path / each / "weights" / FILE) for each in ("whole", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(InputError, match="another training"):
        fit(PoseTask([few], TINY, steps=6, lr=1e-4), settings(), tmp_path / "parts")


def test_it_learns_where_joints_are(drawn: Dataset, tmp_path: Path) -> None:
    done = fit(PoseTask([drawn], TINY, steps=160, average=200, lr=5e-3), settings(steps=160, batch=6), tmp_path)
    network = load_pose_network(done.weights)
    person = next(iter(drawn.people.values()))
    found, truth = look(network, person.image(), None)[0], person.pose()
    names = ("neck", "right-hip", "left-hip", "right-knee", "left-knee")
    away = [float(np.linalg.norm(found.point(name) - truth.point(name))) / truth.torso_length for name in names]
    assert np.median(away) < 0.35
    larger = PoseTask([drawn.only(limit=1)], PoseConfig((96, 64), TINY.width, TINY.widths), start=network)
    assert larger.description()["start"]
    with pytest.raises(InputError, match="other widths"):
        PoseTask([drawn.only(limit=1)], PoseConfig((64, 48), 0.25, (8, 8, 8, 8)), start=network)


def test_people_without_what_is_needed_are_left_out_with_a_line(drawn: Dataset) -> None:
    person = next(iter(drawn.people.values()))
    people = {"bare": Person("bare", given={"image": person.image()}), "whole": person}
    task = PoseTask([Dataset("d", Path("x"), "none", people, {})], TINY)
    assert (len(task), task.refused) == (1, ["bare has no pose"])
    with pytest.raises(InputError, match="can be learned from"):
        PoseTask([Dataset("d", Path("x"), "none", {"bare": people["bare"]}, {})], TINY)

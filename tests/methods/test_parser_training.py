"""Training of the embedded parser: items, losses, the loop's whole way on drawn figures, and going on after a stop."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fittingroom.annotate.parser.annotator import EmbeddedParse
from fittingroom.annotate.parser.classes import GROUPS, IGNORED, NAMES, class_table
from fittingroom.annotate.parser.network import FILE, ParserConfig, load_parser
from fittingroom.core.errors import InputError
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT, Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse, Person
from fittingroom.methods.parser_training import (
    WEIGHTS,
    ParserTask,
    dice_loss,
    dye_garments,
    group_probabilities,
    rough_mask,
    shaken,
    turns,
    weighted_cross_entropy,
)
from fittingroom.train.loop import fit
from fittingroom.train.settings import TrainSettings

TINY = ParserConfig((64, 48), 0.25, (16, 24, 24, 24, 24))
IDS = CIHP20.ids
PLACES = {
    "nose": (0.5, 0.1), "neck": (0.5, 0.2), "right-shoulder": (0.38, 0.22), "right-elbow": (0.33, 0.35), "right-wrist": (0.3, 0.47),
    "left-shoulder": (0.62, 0.22), "left-elbow": (0.67, 0.35), "left-wrist": (0.7, 0.47), "right-hip": (0.43, 0.5), "left-hip": (0.57, 0.5),
    "right-knee": (0.43, 0.7), "left-knee": (0.57, 0.7), "right-ankle": (0.43, 0.88), "left-ankle": (0.57, 0.88),
    "right-eye": (0.47, 0.08), "left-eye": (0.53, 0.08), "right-ear": (0.44, 0.09), "left-ear": (0.56, 0.09),
}  # fmt: skip


def person(seed: int, size=(160, 120)) -> Person:
    """Somebody of plain colours, at a place and of a size of their own."""
    rng = np.random.default_rng(seed)
    scale, shift = rng.uniform(0.8, 0.95), rng.uniform(-0.08, 0.08)
    points = {
        n: ((0.5 + shift + (x - 0.5) * scale) * size[1], (0.03 + y * scale) * size[0]) for n, (x, y) in PLACES.items()
    }
    image = np.full((*size, 3), rng.integers(150, 255), np.uint8)
    labels = np.zeros(size, np.uint8)

    def line(part, colour, thick, *names):
        for start, end in pairwise(names):
            a, b = ([round(v) for v in points[name]] for name in (start, end))
            cv2.line(image, a, b, colour, thick)
            cv2.line(labels, a, b, IDS[part], thick)

    skin, top, low = (230, 170, 140), (200, int(rng.integers(0, 80)), 40), (30, 40, int(rng.integers(120, 220)))
    line("left-arm", skin, 8, "left-shoulder", "left-elbow", "left-wrist")
    line("right-arm", skin, 8, "right-shoulder", "right-elbow", "right-wrist")
    line("pants", low, 12, "left-hip", "left-knee", "left-ankle")
    line("pants", low, 12, "right-hip", "right-knee", "right-ankle")
    line("upper-clothes", top, 22, "neck", "right-hip")
    line("upper-clothes", top, 22, "neck", "left-hip")
    line("face", skin, 14, "nose", "nose")
    for side in ("left", "right"):
        line(f"{side}-shoe", (20, 20, 20), 10, f"{side}-ankle", f"{side}-ankle")
    joints = np.zeros((18, 3), np.float32)
    for name, (x, y) in points.items():
        joints[JOINT[name]] = x, y, 1
    return Person(f"p{seed}", given={"image": image, "pose": Pose(joints), "parse": Parse(labels, CIHP20)})


def dataset(count: int, first: int = 0) -> Dataset:
    people = {f"p{seed}": person(seed) for seed in range(first, first + count)}
    return Dataset("drawn", Path("nowhere"), "none", people, {})


def settings(**changes) -> TrainSettings:
    return TrainSettings(**{"steps": 6, "batch": 2, "save_every": 3, "sheet_every": 0, "log_every": 1, **changes})


def test_items_hold_what_the_network_takes_and_depend_on_their_seed_only():
    task = ParserTask([dataset(3)], TINY)
    one, again, other = task.item(1, 5), pickle.loads(pickle.dumps(task)).item(1, 5), task.item(1, 6)
    assert one["photo"].shape == (4, 64, 48)
    assert one["pose"].shape == (37, 16, 12)
    assert one["classes"].dtype == torch.int64
    for name in one:
        assert torch.equal(one[name], again[name])
        assert not torch.equal(one[name], other[name])
    assert one["photo"].abs().max() <= 1
    seen = [task.item(index % 3, index) for index in range(40)]
    shown = {int(value) for made in seen for value in made["classes"].unique()}
    assert shown == {NAMES.index(n) for n in ("background", "upper-clothes", "pants", "skin", "shoes")} | {IGNORED}
    assert any(not made["pose"][:-2].any() for made in seen)
    masked = [made for made in seen if made["photo"][3].any()]
    assert 3 < len(masked) < 20
    agree = np.mean(
        [float(((m["photo"][3] > 0) == (m["classes"] > 0))[m["classes"] != IGNORED].float().mean()) for m in masked]
    )
    assert agree > 0.85


def test_mirrored_items_have_their_joints_on_the_other_side():
    """Somebody who faces us has the left side on the right of the picture, in the mirror as well; the cloth changes sides."""
    one = person(0)
    whole = one.parse()
    marked = np.where(whole.mask("left-arm"), IDS["hat"], whole.labels).astype(np.uint8)
    who = Person("p", given={**one.given, "parse": Parse(marked, CIHP20)})
    task = ParserTask([Dataset("d", Path("x"), "none", {"p": who}, {})], TINY)
    sides = set()
    for seed in range(40):
        made = task.item(0, seed)
        left, right = (made["pose"][JOINT[f"{side}-elbow"]] for side in ("left", "right"))
        arm = made["classes"] == NAMES.index("hat")
        if left.max() < 0.5 or right.max() < 0.5 or arm.sum() < 20:
            continue
        x_left, x_right = (float((each.argmax() % 12) + 0.5) / 12 for each in (left, right))
        assert x_left > x_right
        x_arm = float(arm.nonzero()[:, 1].float().mean()) / 48
        sides.add(abs(x_arm - x_left) < abs(x_arm - x_right))
    assert sides == {False, True}


def test_photos_with_rare_things_come_more_often():
    shown = np.zeros((1000, 3), bool)
    shown[:, 0], shown[:250, 1], shown[:10, 2] = True, True, True  # everywhere, in a quarter, in a hundredth
    times = np.bincount(turns(shown), minlength=1000)
    assert (times[250:] == 1).all()
    assert times[10:250].mean() == pytest.approx((0.3 / 0.25) ** 0.5, abs=0.06)
    assert set(times[10:250]) <= {1, 2}
    assert set(times[:10]) == {5, 6}  # the root of 30 is 5.48
    assert np.array_equal(turns(shown), turns(shown))
    assert list(turns(np.ones((1, 13), bool))) == [0]


def test_losses_against_their_formulas():
    torch.manual_seed(0)
    count = len(NAMES)
    logits, labels = torch.randn(2, count, 5, 4), torch.randint(0, count, (2, 5, 4))
    labels[0, 0] = IGNORED
    p = logits.softmax(1).double()
    parts, weights = [], torch.tensor(WEIGHTS).double()
    total = norm = 0.0
    for b, y, x in np.ndindex(2, 5, 4):
        if (c := int(labels[b, y, x])) != IGNORED:
            total, norm = total - float(weights[c] * p[b, c, y, x].log()), norm + float(weights[c])
    assert float(weighted_cross_entropy(logits, labels)) == pytest.approx(total / norm, rel=1e-5)
    for kind in (GROUPS.values(), [[name] for name in NAMES]):
        overlaps = []
        for members in kind:
            ids = [NAMES.index(name) for name in members]
            truth = torch.isin(labels, torch.tensor(ids))
            found = p[:, ids].sum(1) * (labels != IGNORED)
            if truth.any():
                overlaps.append(float(2 * found[truth].sum() / (found.sum() + truth.sum())))
        parts.append(np.mean(overlaps))
    assert float(dice_loss(logits, labels)) == pytest.approx(1 - np.mean(parts), rel=1e-5)
    assert torch.allclose(group_probabilities(logits.softmax(1)).sum(1), torch.ones(2, 5, 4))
    nothing = torch.full((2, 5, 4), IGNORED)
    assert float(dice_loss(logits, nothing)) == float(weighted_cross_entropy(logits, nothing)) == 0


def test_disturbances_keep_what_they_must():
    random, pose = np.random.default_rng(0), person(0).pose()
    for _ in range(30):
        moved = shaken(pose, random)
        away = np.linalg.norm(moved.joints[:, :2] - pose.joints[:, :2], axis=1)[moved.found]
        assert (away < 0.3 * pose.torso_length).all()
    mask = person(0).parse().labels > 0
    worth = [((rough_mask(mask, random) > 127) == mask).mean() for _ in range(20)]
    assert min(worth) > 0.8
    assert len(set(worth)) > 10


def test_garments_get_colours_of_their_own_and_nothing_else_does():
    who = person(0)
    picture, classes = who.image(), class_table(CIHP20)[who.parse().labels]
    inside = {
        name: cv2.erode((classes == NAMES.index(name)).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        for name in ("background", "upper-clothes", "pants", "skin")
    }
    seen: dict[str, set[tuple[int, ...]]] = {name: set() for name in inside}
    for seed in range(30):
        new = dye_garments(picture, classes, np.random.default_rng(seed)).astype(int)
        for name, where in inside.items():
            seen[name].add(tuple(np.median(new[where], axis=0).astype(int)))
    assert len(seen["background"]) == len(seen["skin"]) == 1
    assert min(len(seen["upper-clothes"]), len(seen["pants"])) > 10  # and not always both
    both = [dye_garments(picture, classes, np.random.default_rng(seed)) != picture for seed in range(30)]
    dyed = np.array([[change[inside[name]].any() for name in ("upper-clothes", "pants")] for change in both])
    assert dyed.all(axis=1).any()
    assert (dyed[:, 0] != dyed[:, 1]).any()
    assert not dyed.any(axis=1).all()


def test_people_without_what_is_needed_are_left_out_with_a_line():
    people = dict(dataset(2).people)
    people["bare"] = Person("bare", given={"image": person(0).image()})
    joints = person(0).pose().joints.copy()
    joints[:, :2] /= 4
    people["other"] = Person("other", given={**person(0).given, "pose": Pose(joints)})
    task = ParserTask([Dataset("d", Path("x"), "none", people, {}), dataset(1, 7)], TINY)
    assert len(task) == 3
    assert len(task.refused) == 2
    assert "bare has no pose, parse" in task.refused[0]
    with pytest.raises(InputError, match="can be learned from"):
        ParserTask([Dataset("d", Path("x"), "none", {"bare": people["bare"]}, {})], TINY)
    start = load_parser_of(task)
    with pytest.raises(InputError, match="other widths"):
        ParserTask([dataset(1)], ParserConfig((64, 48), 0.25, (4, 6, 8, 8, 8)), start=start)


def load_parser_of(task: ParserTask):
    return task.network.eval()


def test_what_is_written_leans_less_to_rare_classes(tmp_path):
    task = ParserTask([dataset(1)], TINY)
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    task.export({"network": task.network}, tmp_path)
    written = load_parser(tmp_path).state_dict()
    assert torch.allclose(written["head.bias"], before["head.bias"] - 0.5 * torch.tensor(WEIGHTS).log(), atol=2e-3)
    for name, value in before.items():
        assert torch.equal(task.network.state_dict()[name], value)
        assert name == "head.bias" or torch.allclose(written[name].float(), value.float(), atol=1e-3, rtol=1e-3)


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path):
    fit(ParserTask([dataset(4)], TINY, steps=6), settings(), tmp_path / "whole")
    fit(ParserTask([dataset(4)], TINY, steps=6), settings(steps=3), tmp_path / "parts")
    fit(ParserTask([dataset(4)], TINY, steps=6), settings(), tmp_path / "parts")
    one, two = (load_file(tmp_path / each / "weights" / FILE) for each in ("whole", "parts"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(InputError, match="another training"):
        fit(ParserTask([dataset(4)], TINY, steps=6, lr=1e-4), settings(), tmp_path / "parts")


def test_it_learns_figures_and_parses_new_ones(tmp_path):
    task = ParserTask([dataset(12)], TINY, steps=220, average=100, lr=5e-3)
    done = fit(task, settings(steps=220, batch=6, save_every=1000, sheet_every=0), tmp_path)
    assert done.finished
    parser = EmbeddedParse(done.weights)
    both, either = np.zeros(20), np.zeros(20)
    for seed in range(50, 56):
        new = person(seed)
        found, truth = parser.annotate(new.image(), {"pose": new.pose()}).value.labels, new.parse().labels
        for index in range(20):
            both[index] += ((found == index) & (truth == index)).sum()
            either[index] += ((found == index) | (truth == index)).sum()
    iou = {part: both[i] / either[i] for part, i in IDS.items() if either[i]}
    assert iou["upper-clothes"] > 0.6
    assert iou["pants"] > 0.6
    assert min(iou["left-arm"], iou["right-arm"]) > 0.4  # the pose takes the skin apart
    larger = ParserTask([dataset(2)], ParserConfig((96, 64), TINY.width, TINY.widths), start=load_parser(done.weights))
    assert larger.description()["start"]
    assert class_table(CIHP20)[IDS["pants"]] == NAMES.index("pants")

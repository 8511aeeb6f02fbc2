"""The embedded parser: its classes, what it sees, its network and its annotator."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fittingroom.annotate import registry
from fittingroom.annotate.base import NothingFoundError
from fittingroom.annotate.parser import annotator
from fittingroom.annotate.parser.annotator import (
    EmbeddedParse,
    parse_probabilities,
    to_parts,
    without_bystanders,
)
from fittingroom.annotate.parser.classes import (
    CLASSES,
    GROUP_OF,
    GROUPS,
    IGNORED,
    NAMES,
    class_table,
    decide,
    group_table,
)
from fittingroom.annotate.parser.inputs import MIRRORED, moved_pose, person_box, pose_planes, to_box, warp
from fittingroom.annotate.parser.mask import EmbeddedMask
from fittingroom.annotate.parser.network import FILE, SETTINGS, ParserConfig, ParserNetwork, load_parser
from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.labels import CIHP20, LABEL_SETS, PARTS24, convert
from fittingroom.core.pose import JOINT, JOINTS, Pose
from fittingroom.weights import embedded as weights

TINY = ParserConfig((64, 48), 0.25, (4, 6, 8, 8, 8))


def standing(drop=()) -> Pose:
    import fake_annotators

    return fake_annotators.standing(drop)


@pytest.fixture
def folder(tmp_path):
    """A network with random weights, and running statistics that are not those of the start."""
    torch.manual_seed(5)
    network = ParserNetwork(TINY)
    with torch.no_grad():
        network.head.weight.mul_(6)
        for layer in (network.mask, network.pose):  # they begin with nothing to say
            layer.weight.normal_()
    network.train()(torch.randn(4, 4, 64, 48), torch.rand(4, 37, 16, 12))
    save_file({k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}, tmp_path / FILE)
    (tmp_path / SETTINGS).write_text(json.dumps(TINY.as_json()))
    return tmp_path


def noise(size=(320, 240), seed=0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (size[0] // 20, size[1] // 20, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 20, axis=0), 20, axis=1)


# --- classes --------------------------------------------------------------------------------------------------------
def test_every_class_has_one_group_and_every_part_one_class():
    parts = list(itertools.chain(*CLASSES.values()))
    assert len(parts) == len(set(parts))
    assert sorted(itertools.chain(*GROUPS.values())) == sorted(NAMES)
    for labels in LABEL_SETS.values():
        table = class_table(labels)
        for index, part in enumerate(labels.names):
            assert part in ("glove", "belt") if table[index] == IGNORED else part in CLASSES[NAMES[table[index]]]
        assert (table[len(labels) :] == IGNORED).all()
        groups = group_table(labels)
        assert all(groups[i] == GROUP_OF[table[i]] for i in range(len(labels)) if table[i] != IGNORED)
    assert group_table(CIHP20)[CIHP20.ids["glove"]] == tuple(GROUPS).index("accessories")


def test_two_words_for_one_garment_do_not_lose_against_the_background():
    p = np.zeros((len(NAMES), 1, 2), np.float32)
    p[NAMES.index("background")] = 0.4
    p[NAMES.index("coat"), 0], p[NAMES.index("upper-clothes"), 0] = (0.35, 0.1), (0.25, 0.5)
    assert [NAMES[c] for c in decide(p)[0]] == ["coat", "upper-clothes"]


def test_nobody_wears_a_dress_and_a_skirt() -> None:
    p = np.zeros((len(NAMES), 1, 3), np.float32)
    p[NAMES.index("dress"), 0], p[NAMES.index("skirt"), 0], p[NAMES.index("pants"), 0] = (
        (0.9, 0.4, 0.3),
        (0.1, 0.6, 0.2),
        (0, 0, 0.6),
    )
    given = p.copy()
    assert [NAMES[c] for c in decide(p)[0]] == ["dress", "dress", "pants"]
    assert np.array_equal(p, given)
    p[NAMES.index("skirt"), 0, 1] = 3.0
    assert [NAMES[c] for c in decide(p)[0]] == ["skirt", "skirt", "pants"]


def test_pieces_of_other_people_are_left_out() -> None:
    joints = np.zeros((18, 3), np.float32)
    joints[JOINT["neck"]], joints[JOINT["right-hip"]] = (20, 10, 1), (20, 40, 1)
    classes = np.zeros((60, 60), np.uint8)
    classes[8:50, 15:25] = NAMES.index("dress")
    classes[20:30, 45:55] = NAMES.index("coat")
    classes[52:56, 15:25] = NAMES.index("shoes")  # a piece by itself
    found = without_bystanders(classes, Pose(joints))
    assert (found == NAMES.index("dress")).sum() == 420
    assert not (found == NAMES.index("coat")).any()
    assert not (found == NAMES.index("shoes")).any()
    joints[JOINT["right-knee"]] = (20, 54, 1)
    assert (without_bystanders(classes, Pose(joints)) == NAMES.index("shoes")).sum() == 40
    for elsewhere in (np.zeros((18, 3), np.float32), np.where(joints[:, 2:] > 0, (2, 2, 1), 0).astype(np.float32)):
        assert np.array_equal(without_bystanders(classes, Pose(elsewhere)), classes)


def test_bags_are_parts_of_their_own_and_background_in_cihp20() -> None:
    classes = np.zeros((40, 40), np.uint8)
    classes[5:15, 5:15], classes[20:30, 5:15] = NAMES.index("bag"), NAMES.index("coat")
    found = to_parts(classes, standing())
    assert found.labels_in is PARTS24
    assert found.mask("bag").sum() == found.mask("coat").sum() == 100
    assert convert(found.labels, "parts24", "cihp20")[5:15, 5:15].max() == 0
    assert group_table(PARTS24)[PARTS24.ids["bag"]] == tuple(GROUPS).index("accessories")
    assert NAMES[class_table(PARTS24)[PARTS24.ids["accessory"]]] == "background"


# --- inputs ---------------------------------------------------------------------------------------------------------
def test_mirrored_joints_are_those_of_the_other_side():
    assert [JOINTS[i] for i in MIRRORED[[JOINT["nose"], JOINT["left-knee"], JOINT["right-ear"]]]] == [
        "nose",
        "right-knee",
        "left-ear",
    ]
    assert (MIRRORED[MIRRORED] == np.arange(18)).all()


def test_the_box_holds_the_person_and_the_photo_comes_to_it():
    pose = standing()
    box = person_box(pose, (320, 240), 0.75)
    for turn, mirror in itertools.product((0.0, 0.2), (False, True)):
        matrix = to_box(box, (128, 96), turn=turn, mirror=mirror)
        moved = moved_pose(pose, matrix)
        assert (moved.joints[:, :2] > 2).all()
        assert (moved.joints[:, :2] < (94, 126)).all()
        photo = np.zeros((320, 240), np.uint8)
        for x, y in pose.joints[:, :2]:
            photo[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = 255
        spots = warp(photo, matrix, (128, 96), 0)
        assert all(spots[int(y), int(x)] > 128 for x, y in moved.joints[:, :2])
    assert tuple(person_box(None, (100, 300), 0.75)) == (150, 50, 400)
    outside = standing()
    outside.joints[:, :2] += 5000
    assert tuple(person_box(outside, (320, 240), 0.75)) == (120, 160, 320)


def test_a_mirrored_pose_is_drawn_as_the_mirrored_drawing_with_sides_swapped():
    pose, size = standing(drop=("left-wrist", "right-ear")), (128, 96)
    box = person_box(pose, (320, 240), 0.75)
    plain = pose_planes(moved_pose(pose, to_box(box, size)), size)
    mirrored = pose_planes(moved_pose(pose, to_box(box, size, mirror=True), mirror=True), size)
    assert np.allclose(mirrored[:18], plain[:18][MIRRORED][:, :, ::-1], atol=1e-4)
    assert not mirrored[JOINT["right-wrist"]].any()
    assert plain[JOINT["nose"]].max() > 0.5
    assert not pose_planes(None, size)[:-2].any()


# --- network and annotator ------------------------------------------------------------------------------------------
def test_the_default_network_is_small_and_takes_any_size():
    network = ParserNetwork()
    assert sum(value.numel() for value in network.state_dict().values()) * 2 < 9e6
    tiny = ParserNetwork(TINY).eval()
    for size in ((64, 48), (48, 80)):
        assert tiny(torch.zeros(1, 4, *size), torch.zeros(1, 37, size[0] // 4, size[1] // 4)).shape == (
            1,
            len(NAMES),
            *size,
        )


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.sampled_from(JOINTS), max_size=17),
    st.sampled_from([(320, 240), (700, 300), (40, 36)]),
    st.integers(0, 99),
)
def test_labels_are_legal_whatever_is_seen(fakes_path, network_folder, drop, size, seed):
    parser = EmbeddedParse(network_folder)
    try:
        found = parser.annotate(noise((700, 300), seed)[: size[0], : size[1]], {"pose": standing(drop)})
    except NothingFoundError:
        return
    labels = found.value.labels
    assert labels.shape == size
    assert labels.dtype == np.uint8
    assert found.value.labels_in is CIHP20
    assert set(np.unique(labels)) <= {
        CIHP20.ids[part] for parts in CLASSES.values() for part in parts if part in CIHP20.ids
    }
    assert 0 <= found.score <= 1


@pytest.fixture(scope="module")
def fakes_path():
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent))
    yield
    sys.path.pop(0)


@pytest.fixture(scope="module")
def network_folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("parser")
    torch.manual_seed(6)
    network = ParserNetwork(TINY)
    with torch.no_grad():
        network.head.weight.mul_(6)
        for layer in (network.mask, network.pose):  # they begin with nothing to say
            layer.weight.normal_()
    save_file(network.state_dict(), path / FILE)
    (path / SETTINGS).write_text(json.dumps(TINY.as_json()))
    return path


def test_the_mirror_image_gets_the_mirrored_classes(folder):
    network, photo, pose = load_parser(folder), noise(), standing()
    joints = pose.joints[MIRRORED].copy()
    joints[:, 0] = photo.shape[1] - joints[:, 0]
    here = parse_probabilities(network, photo, pose)
    there = parse_probabilities(network, np.ascontiguousarray(photo[:, ::-1]), Pose(joints))[:, :, ::-1]
    assert np.allclose(here.sum(axis=0), 1, atol=1e-4)
    assert len(np.unique(here.argmax(axis=0))) > 2
    assert np.abs(here - there).max() < 0.02
    alone = parse_probabilities(network, photo, pose, both_sides=False)
    assert np.abs(here - alone).max() > 0.02  # a random network is not symmetric by itself


def test_it_can_see_a_person_at_two_sizes(folder):
    network, photo, pose = load_parser(folder), noise(), standing()
    sizes = (1.0, 1.25)
    both = parse_probabilities(network, photo, pose, scales=sizes)
    small, large = (parse_probabilities(network, photo, pose, scales=(scale,)) for scale in sizes)
    assert np.abs(small - large).max() > 0.02
    assert np.abs(both - (small + large) / 2).max() < 0.02


def test_the_mask_counts_only_where_it_is_asked_for(folder):
    plain, looking = EmbeddedParse(folder), EmbeddedParse(folder, mask=True)
    assert (plain.needs, looking.needs) == (("pose",), ("pose", "person-mask"))
    assert plain.settings() != looking.settings()
    mask = np.zeros((320, 240), bool)
    mask[20:300, 60:180] = True
    given = {"pose": standing(), "person-mask": mask}
    without = parse_probabilities(load_parser(folder), noise(), standing())
    with_it = parse_probabilities(load_parser(folder), noise(), standing(), mask)
    assert np.abs(without - with_it).max() > 1e-3
    assert plain.annotate(noise(), given).score == plain.annotate(noise(), {"pose": standing()}).score


def test_mask_and_parse_of_a_photo_are_one_look(folder, monkeypatch):
    looks = []
    look = annotator.parse_probabilities
    monkeypatch.setattr(annotator, "parse_probabilities", lambda *a, **k: looks.append(0) or look(*a, **k))
    annotator._opened.cache_clear()
    parser, masker = EmbeddedParse(folder), EmbeddedMask(folder)
    mask = masker.annotate(noise(), {"pose": standing()})
    parse = parser.parts(noise(), {"pose": standing()})
    assert len(looks) == 1
    assert mask.value.dtype == bool
    assert mask.value.shape == (320, 240)
    assert 0 < mask.score <= 1
    background = look(load_parser(folder), noise(), standing())[0]
    assert (background[mask.value] < 0.5).all()
    assert (mask.value | (parse.labels == 0))[background < 0.5].mean() > 0.9
    masker.annotate(noise(seed=1), {"pose": standing()})
    moved = standing().joints.copy()
    moved[:, 0] += 1
    masker.annotate(noise(seed=1), {"pose": Pose(moved)})
    EmbeddedParse(folder, mask=True).annotate(noise(seed=1), {"pose": Pose(moved), "person-mask": mask.value})
    assert len(looks) == 4
    assert masker.settings() != EmbeddedParse(folder).settings()
    nobody = np.eye(14, 1, dtype=np.float32)[:, :, None]
    monkeypatch.setattr(annotator, "parse_probabilities", lambda *a, **k: nobody)
    with pytest.raises(NothingFoundError):
        masker.annotate(np.zeros((1, 1, 3), np.uint8), {"pose": standing()})


def test_the_registry_has_it_and_says_what_is_missing(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "embedded_folder", lambda name: None)
    with pytest.raises(MissingError, match="--weights-file parse/embedded=FOLDER") as caught:
        registry.load_annotator("parse/embedded")
    assert "\n" not in str(caught.value)
    loaded = registry.load_annotator("parse/embedded", folder / FILE)
    assert loaded.settings() == EmbeddedParse(folder).settings()


def test_bad_weights_are_one_line(folder, tmp_path):
    with pytest.raises(InputError, match="no parser here"):
        EmbeddedParse(tmp_path / "nowhere")
    value = json.loads((folder / SETTINGS).read_text())
    for change, words in (
        ({"widths": [4, 6, 8, 8, 16]}, "do not fit"),
        ({"width": 9}, "a width and a depth up to 4"),
        ({"depth": 0}, "a width and a depth up to 4"),
        ({"classes": ["a"]}, "other classes"),
        ({"size": [30, 40]}, "multiples of 8"),
        ({"size": 5}, "not a parser's settings"),
    ):
        (folder / SETTINGS).write_text(json.dumps({**value, **change}))
        with pytest.raises(InputError, match=words) as caught:
            load_parser(folder)
        assert "\n" not in str(caught.value)
    (folder / SETTINGS).write_text(json.dumps(value))
    whole = load_file(folder / FILE)
    whole.pop("head.bias")
    save_file(whole, folder / FILE)
    with pytest.raises(InputError, match="do not fit"):
        load_parser(folder)
    (folder / FILE).write_bytes(b"bad")
    with pytest.raises(InputError):
        load_parser(folder)

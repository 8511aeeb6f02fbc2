"""Layouts: read in place, written, and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fittingroom.core.errors import InputError
from fittingroom.core.images import write_png
from fittingroom.core.labels import ATR18, CIHP20
from fittingroom.core.pose import Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.layouts import layout, layout_names
from fittingroom.data.pairs import derangement, for_category
from fittingroom.data.sample import CATEGORIES, Garment, Pair, Parse, Person

names = st.text("abcdefgh0123456789_-", min_size=1, max_size=8).filter(
    lambda name: "__" not in name and not name.startswith("-")
)


@st.composite
def datasets(draw: st.DrawFn, worn: bool, labels: str = "cihp20") -> Dataset:
    """A small dataset in memory: people with everything, garments, pairs in both settings."""
    seed = draw(st.integers(0, 2**31))
    random = np.random.default_rng(seed)
    label_set = {"cihp20": CIHP20, "atr18": ATR18}[labels]
    ids = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    size = (24, 16)
    people = {}
    for name in ids:
        joints = random.uniform(1, 15, (18, 3)).astype(np.float32)
        joints[:, 2] = np.where(random.random(18) < 0.2, 0, 0.5)
        joints[1, 2] = 0.9
        joints[joints[:, 2] == 0] = 0
        parse = random.integers(0, len(label_set), size).astype(np.uint8)
        parse[0, :3] = [label_set.ids[part] for part in ("upper-clothes", "pants", "dress")]
        photo = random.integers(0, 256, (*size, 3)).astype(np.uint8)
        given_values = {"image": photo, "pose": Pose(joints), "parse": Parse(parse, label_set)}
        people[name] = Person(
            name, given=given_values, label_set=labels, caption={"hair": "long"} if draw(st.booleans()) else None
        )
    garments: dict[str, Garment] = {}
    for index, name in enumerate(draw(st.lists(names, min_size=2, max_size=4, unique=True))):
        category = CATEGORIES[index % 3]
        mask = random.random(size) < 0.5
        mask[0, 0], mask[0, 1] = True, False
        photo = random.integers(0, 256, (*size, 3)).astype(np.uint8)
        garments[name] = Garment(name, given={"image": photo, "mask": mask}, label_set=labels, category=category)
    listed = list(garments)
    pairs = {
        "paired": tuple(Pair(person, listed[index % len(listed)], True) for index, person in enumerate(ids)),
        "unpaired": tuple(Pair(person, listed[(index + 1) % len(listed)], False) for index, person in enumerate(ids)),
    }
    return Dataset("made", Path(), "memory", people, garments, pairs, info={"licence": "none"})  # type: ignore[arg-type]


def same(a: Dataset, b: Dataset, *, captions: bool = True) -> None:
    """Everything decoded is equal."""
    assert set(a.people) == set(b.people)
    assert set(a.garments) == set(b.garments)
    for name, person in a.people.items():
        other = b.people[name].fresh()
        assert (person.image() == other.image()).all()
        assert np.abs(person.pose().joints - other.pose().joints).max() < 2e-3
        assert (person.parse().labels == other.parse().labels).all()
        assert person.label_set == other.label_set
        if captions:
            assert person.caption == other.caption
    for name, garment in a.garments.items():
        other_garment = b.garments[name].fresh()
        assert (garment.category, garment.worn) == (other_garment.category, other_garment.worn)
        assert (garment.image() == other_garment.image()).all()
        assert (garment.mask() == other_garment.mask()).all()
    assert {key: set(value) for key, value in a.pairs.items()} == {key: set(value) for key, value in b.pairs.items()}


slow = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@slow
@given(dataset=datasets(worn=False))
def test_viton_hd_keeps_everything(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("viton") / "data"
    assert layout("viton-hd").write(dataset, root) == []
    again = Dataset.open(root)
    assert again.layout == "viton-hd"
    assert again.issues == ()
    assert again.info["licence"] == "none"
    same(dataset, again)
    second = root.parent / "again"
    layout("viton-hd").write(again, second)
    same(again, Dataset.open(second))


@slow
@given(dataset=datasets(worn=False, labels="atr18"))
def test_dress_code_keeps_what_it_can_and_says_the_rest(
    dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("dress")
    lost = layout("dress-code").write(dataset, base / "a")
    assert any("captions" in line for line in lost) == any(person.caption for person in dataset.people.values())
    first = Dataset.open(base / "a")
    assert first.layout == "dress-code"
    assert first.issues == ()
    assert sum(map(len, first.pairs.values())) == sum(map(len, dataset.pairs.values()))
    layout("dress-code").write(first, base / "b")
    same(first, Dataset.open(base / "b"), captions=False)
    for pair in first.pairs["unpaired"]:
        original = dataset.people[pair.person.split("/")[1]]
        copy = first.people[pair.person].fresh()
        assert (original.image() == copy.image()).all()
        assert np.abs(original.pose().joints - copy.pose().joints).max() < 1e-2
        assert (original.parse().labels == copy.parse().labels).all()


@pytest.fixture(scope="module")
def upt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """UPT with three people; c wears a dress."""
    root = tmp_path_factory.mktemp("upt") / "data"
    random = np.random.default_rng(0)
    for index, name in enumerate("abc"):
        write_png(root / "image" / f"{name}.png", random.integers(0, 256, (40, 30, 3)).astype(np.uint8))
        parse = np.zeros((40, 30), np.uint8)
        parse[5:20, 5:25] = 6 if name == "c" else 5
        parse[20:35, 5:25] = 6 if name == "c" else 9
        write_png(root / "parsing" / f"{name}.png", parse)
        joints = np.full((18, 3), 10.0 + index)
        path = root / "keypoints" / f"{name}_keypoints.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"people": [{"pose_keypoints_2d": joints.reshape(-1).tolist()}]}), encoding="utf-8")
    (root / "test_pairs.txt").write_text("a.png b.png\nb.png a.png\nc.png a.png\n", encoding="utf-8")
    return root


def test_upt_lists_garment_first(upt: Path) -> None:
    dataset = Dataset.open(upt)
    assert dataset.layout == "upt"
    assert [(pair.person, pair.garment) for pair in dataset.pairs["unpaired"]] == [("b", "a"), ("a", "b"), ("a", "c")]
    assert {pair.person for pair in dataset.pairs["paired"]} == {"a", "b"}
    assert all(pair.paired for pair in dataset.pairs["paired"])
    assert dataset.garments["a"].worn
    assert dataset.garments["a"].mask()[10, 10]
    assert not dataset.garments["a"].mask()[30, 10]


def test_upt_of_other_labels(upt: Path, tmp_path: Path) -> None:
    """``dataset.json`` beside ``keypoints`` makes no canonical dataset of it, and names the labels."""
    dataset = Dataset.open(upt)
    other = replace(dataset, people={name: replace(who, label_set="parts24") for name, who in dataset.people.items()})
    assert layout("upt").write(other, tmp_path / "parts") == []
    again = Dataset.open(tmp_path / "parts")
    assert again.layout == "upt"
    assert again.people["a"].parse().labels_in.name == "parts24"
    assert again.garments["a"].label_set == "parts24"
    mixed = replace(dataset, people={**dataset.people, "c": other.people["c"]})
    assert ["label sets cihp20, parts24" in line for line in layout("upt").write(mixed, tmp_path / "mixed")] == [True]
    (tmp_path / "parts" / "dataset.json").write_text('{"label_set": "x"}', encoding="utf-8")
    odd = Dataset.open(tmp_path / "parts")
    assert odd.people["a"].label_set == "cihp20"
    assert "unknown label set 'x'" in odd.issues[0].problem


def test_upt_other_categories_leave_out_who_wears_none(upt: Path) -> None:
    lower = for_category(Dataset.open(upt), "lower")
    assert [(pair.person, pair.garment) for pair in lower.pairs["unpaired"]] == [("b", "a.lower"), ("a", "b.lower")]
    assert lower.garments["a.lower"].mask()[30, 10]
    dress = for_category(Dataset.open(upt), "dress")
    assert [(pair.person, pair.garment) for pair in dress.pairs["unpaired"]] == [("a", "c.dress")]


def test_upt_round_trip(upt: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(upt)
    assert layout("upt").write(dataset, tmp_path / "copy") == []
    again = Dataset.open(tmp_path / "copy")
    assert again.pairs == dataset.pairs
    for name in "abc":
        for condition in ("image", "pose", "parse"):
            assert (
                again.people[name].files[condition].read_bytes() == dataset.people[name].files[condition].read_bytes()
            )
    canonical = tmp_path / "canonical"
    assert layout("viton-hd").write(dataset, canonical) == []
    worn = Dataset.open(canonical)
    assert worn.garments["a.lower"].worn
    assert (worn.garments["a.lower"].mask() == dataset.garments["a.lower"].mask()).all()
    assert worn.pairs == dataset.pairs


def test_viton_hd_s_own_pairs_file_gives_both_settings(tmp_path: Path) -> None:
    for folder in ("test/image", "test/cloth"):
        for name in ("1", "2"):
            write_png(tmp_path / folder / f"{name}.png", np.zeros((8, 6, 3), np.uint8))
    write_png(tmp_path / "train/image/9.png", np.zeros((8, 6, 3), np.uint8))
    write_png(tmp_path / "train/cloth/9.png", np.zeros((8, 6, 3), np.uint8))
    (tmp_path / "test_pairs.txt").write_text("1.jpg 2.jpg\n2.jpg 1.jpg\n", encoding="utf-8")
    (tmp_path / "train_pairs.txt").write_text("9.jpg 9.jpg\n", encoding="utf-8")
    test = Dataset.open(tmp_path, split="test")
    assert [(pair.person, pair.garment) for pair in test.pairs["unpaired"]] == [("1", "2"), ("2", "1")]
    assert [(pair.person, pair.garment) for pair in test.pairs["paired"]] == [("1", "1"), ("2", "2")]
    assert "9" in Dataset.open(tmp_path).people


def test_bare_photos_open_and_say_that_annotation_is_missing(tmp_path: Path) -> None:
    write_png(tmp_path / "me.png", np.zeros((8, 6, 3), np.uint8))
    dataset = Dataset.open(tmp_path)
    assert dataset.layout == "photos"
    assert list(dataset.people) == ["me"]
    assert "without annotation" in str(dataset.issues[0])


def test_opening_decodes_nothing(tmp_path: Path) -> None:
    for folder in ("image", "cloth"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jpg").write_bytes(b"not an image")
    assert list(Dataset.open(tmp_path).people) == ["x"]


def test_a_folder_in_use_is_not_written_into(upt: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("", encoding="utf-8")
    for name in layout_names():
        with pytest.raises(InputError, match="the folder is not empty"):
            layout(name).write(Dataset.open(upt), tmp_path)


@given(st.integers(0, 40), st.integers(0, 10**6))
def test_nobody_meets_the_own_garment(count: int, seed: int) -> None:
    people = [str(index) for index in range(count)]
    pairs = derangement(people, seed)
    if count < 2:
        assert pairs == []
        return
    assert [person for person, _ in pairs] == people
    assert sorted(owner for _, owner in pairs) == sorted(people)
    assert all(person != owner for person, owner in pairs)
    assert pairs == derangement(people, seed)


@pytest.mark.photos
def test_real_photos_open_in_place(photos: Path) -> None:
    upt25 = Dataset.open(photos / "upt25")
    people = len(list((photos / "upt25" / "image").iterdir()))
    lines = (photos / "upt25" / "test_pairs.txt").read_text(encoding="utf-8").split("\n")
    assert len(upt25.people) == people
    assert len(upt25.garments) == 3 * people  # whoever is asked about a category may wear it
    assert len(upt25.pairs["unpaired"]) == sum(bool(line.strip()) for line in lines)
    assert len(upt25.pairs["paired"]) == people
    assert upt25.issues == ()
    street = Dataset.open(photos / "ccp", split="val")
    chosen = json.loads((photos / "ccp" / "splits.json").read_text(encoding="utf-8"))["val"]
    assert sorted(street.people) == sorted(chosen)
    assert len(street.pairs["unpaired"]) == len(chosen)

"""Kinds of bad input: each one clear line with file and mend, and the other samples stay usable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.core.images import write_png
from fittingroom.data.check import CheckReport, check
from fittingroom.data.dataset import Dataset

NEEDS = ("person.image", "person.pose", "person.parse", "garment.image", "garment.mask")
PERSON, OTHER, GARMENT = "ada", "ben", "dotted-blouse"


def image(root: Path) -> Path:
    return root / "image" / f"{PERSON}.png"


def pose(root: Path) -> Path:
    return root / "openpose_json" / f"{PERSON}_keypoints.json"


def parse(root: Path) -> Path:
    return root / "image-parse-v3" / f"{PERSON}.png"


def mask(root: Path) -> Path:
    return root / "cloth-mask" / f"{GARMENT}.png"


def pairs(root: Path) -> Path:
    return root / "test_pairs_unpaired.txt"


def numbers(count: int, value: float = 10.0) -> str:
    return json.dumps({"people": [{"pose_keypoints_2d": [value] * count}]})


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def labels(path: Path, value: int) -> None:
    array = np.asarray(Image.open(path)).copy()
    array[:5] = value
    write_png(path, array)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def halve(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    values = np.reshape(document["people"][0]["pose_keypoints_2d"], (-1, 3)) * (0.5, 0.5, 1)
    document["people"][0]["pose_keypoints_2d"] = values.ravel().tolist()
    path.write_text(json.dumps(document), encoding="utf-8")


#: name, what is done to the dataset, the file that the line names, and a part of the line
CASES: list[tuple[str, Callable[[Path], object], Callable[[Path], Path], str]] = [
    ("empty image", lambda root: image(root).write_bytes(b""), image, "empty file"),
    ("text called .png", lambda root: image(root).write_text("hello"), image, "not a readable image"),
    ("truncated image", lambda root: cut(image(root)), image, "not a readable image"),
    ("keypoints are no JSON", lambda root: pose(root).write_text("{"), pose, "not valid JSON"),
    ("keypoints are no OpenPose", lambda root: pose(root).write_text("[1, 2]"), pose, "not an OpenPose document"),
    ("keypoints of wrong length", lambda root: pose(root).write_text(numbers(51)), pose, "51 numbers per person"),
    ("nobody in the keypoints", lambda root: pose(root).write_text('{"people": []}'), pose, "nobody in the pose file"),
    ("keypoints not finite", lambda root: pose(root).write_text(numbers(54).replace("10.0", "NaN")), pose, "not finite"),
    ("keypoints of another resolution", lambda root: pose(root).write_text(numbers(54, 2000.0)), pose, "belong to another resolution"),
    ("keypoints of half the size", lambda root: halve(pose(root)), pose, "joints of ada lie on the person in its parse"),
    ("parse of another size", lambda root: write_png(parse(root), np.ones((64, 48), np.uint8)), parse, "parse is 48x64 but its photo is 384x512"),
    ("label outside the set", lambda root: labels(parse(root), 77), parse, "label ids outside cihp20 (0-19): 77"),
    ("coloured parse", lambda root: shutil.copy(image(root), parse(root)), parse, "a colour picture where a label map is expected"),
    ("parse without a person", lambda root: write_png(parse(root), np.zeros((512, 384), np.uint8)), parse, "background only"),
    ("truncated parse", lambda root: cut(parse(root)), parse, "not a readable image"),
    ("empty mask", lambda root: write_png(mask(root), np.zeros((512, 384), np.uint8)), mask, "the mask is empty"),
    ("mask of everything", lambda root: write_png(mask(root), np.full((512, 384), 255, np.uint8)), mask, "covers the whole photo"),
    ("mask of another size", lambda root: write_png(mask(root), np.full((30, 20), 255, np.uint8)), mask, "mask is 20x30 but its photo is 384x512"),
    ("pair names a missing person", lambda root: append(pairs(root), f"zoe.png {GARMENT}.png\n"), pairs, "names the missing person zoe"),
    ("pair names a missing garment", lambda root: append(pairs(root), f"{PERSON}.png kilt.png\n"), pairs, "names the missing garment kilt"),
    ("pair of one word", lambda root: append(pairs(root), f"{PERSON}.png\n"), pairs, "has 1 words instead of 2"),
    ("pair of three words", lambda root: append(pairs(root), "a b c\n"), pairs, "has 3 words instead of 2"),
    ("pair twice", lambda root: append(pairs(root), pairs(root).read_text().splitlines()[0] + "\n"), pairs, "repeats an earlier pair"),
    ("pairs that are no text", lambda root: (root / "x_pairs.txt").write_bytes(b"\xff\xfe\x00\xff"), lambda root: root / "x_pairs.txt", "cannot be read as text"),
    ("captions are no JSON", lambda root: (root / "captions.json").write_text("{"), lambda root: root / "captions.json", "not valid JSON"),
    ("captions are a list", lambda root: (root / "captions.json").write_text("[]"), lambda root: root / "captions.json", "not a JSON object"),
    ("a caption is a number", lambda root: edit(root / "captions.json", ada=3), lambda root: root / "captions.json", "the entry of 'ada' is not an object"),
    ("dataset.json is no JSON", lambda root: (root / "dataset.json").write_text("?"), lambda root: root / "dataset.json", "not valid JSON"),
    ("unknown label set", lambda root: edit(root / "dataset.json", label_set="mine"), lambda root: root / "dataset.json", "unknown label set 'mine'"),
    ("unknown category", lambda root: edit(root / "dataset.json", garments={GARMENT: {"category": "shoes"}}), lambda root: root / "dataset.json", "unknown category 'shoes'"),
    (
        "worn garment of nobody",
        lambda root: edit(root / "dataset.json", garments={"w": {"category": "upper", "worn": True, "person": "zoe"}}),
        lambda root: root / "dataset.json",
        "names the missing person 'zoe'",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole") / "data"
    shutil.copytree(Dataset.open("drawn-mini").root, root)
    return root


def checked(root: Path) -> CheckReport:
    return check(Dataset.open(root), needs={"any": NEEDS}, categories={"any": ("upper", "lower", "dress")})


def test_the_dataset_is_sound_before_it_is_broken(whole: Path) -> None:
    report = checked(whole)
    assert report.errors == ()
    assert [(entry.usable, entry.total) for entry in report.usability] == [(17, 17), (14, 14)]


def test_there_are_twenty_kinds_and_more() -> None:
    assert len({name for name, *_ in CASES}) == len(CASES) >= 20


@pytest.mark.parametrize(("name", "spoil", "file", "line"), CASES, ids=[name for name, *_ in CASES])
def test_each_is_one_line_and_stops_nothing(
    name: str, spoil: Callable[[Path], object], file: Callable[[Path], Path], line: str, whole: Path, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    spoil(root)
    report = checked(root)
    lines = [str(issue) for issue in report.errors]
    named = [entry for entry in lines if line in entry]
    assert len(named) == 1, lines
    assert named[0].startswith(f"{file(root)}: ")
    assert " — " in named[0], "the mend is missing"
    assert all("\n" not in entry for entry in lines)
    usable = {entry.setting: entry.usable for entry in report.usability}
    assert usable["unpaired"] >= 9
    assert usable["paired"] >= 14
    assert named[0] in report.text()


def test_what_is_missing_is_counted(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    pose(root).unlink()
    mask(root).unlink()
    report = checked(root)
    unpaired = next(entry for entry in report.usability if entry.setting == "unpaired")
    assert unpaired.missing["person.pose"] == 2
    assert unpaired.missing["garment.mask"] == 1
    assert unpaired.usable == 12


def test_same_stem_twice_is_a_warning(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(whole, root)
    Image.open(image(root)).convert("RGB").save(root / "image" / f"{PERSON}.jpg")
    report = checked(root)
    assert report.errors == ()
    assert any("another file of the same name but for the suffix" in str(issue) for issue in report.warnings)


def test_a_method_that_cannot_do_a_category(whole: Path) -> None:
    report = check(Dataset.open(whole), needs={"tops": NEEDS}, categories={"tops": ("upper",)}, deep=False)
    unpaired = next(entry for entry in report.usability if entry.setting == "unpaired")
    assert unpaired.missing == {"category lower": 4, "category dress": 3}
    assert unpaired.usable == 7


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("nosuch", "no such folder"),
        ("file.txt", "a file, not a dataset's folder"),
        ("empty", "nothing in it looks like a dataset"),
    ],
)
def test_what_is_no_dataset(path: str, line: str, tmp_path: Path) -> None:
    from fittingroom.core.errors import InputError

    (tmp_path / "file.txt").write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=line):
        Dataset.open(tmp_path / path)

"""A small rendering: annotations against pictures, pictures against each other, and what an interruption changes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.files import sha256_file
from fittingroom.core.images import UInt8, read_image
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT
from fittingroom.data.dataset import Dataset
from fittingroom.data.regions import edit_region
from fittingroom.data.sample import Parse
from fittingroom.studio import light
from fittingroom.studio.render import render
from fittingroom.studio.spec import plan

COUNT, SEED, SIZE = 3, 3, (128, 96)
#: labels on which a visible joint may lie: skin of that part, or cloth over it
_CLOTH = {"upper-clothes", "dress", "pants", "skirt"}
_ON = {
    "nose": {"face"}, "left-eye": {"face", "hair"}, "right-eye": {"face", "hair"},
    "left-wrist": {"left-arm"} | _CLOTH, "right-wrist": {"right-arm"} | _CLOTH,
    "left-elbow": {"left-arm"} | _CLOTH, "right-elbow": {"right-arm"} | _CLOTH,
    "left-knee": {"left-leg"} | _CLOTH, "right-knee": {"right-leg"} | _CLOTH,
    "left-ankle": {"left-leg", "left-shoe"} | _CLOTH, "right-ankle": {"right-leg", "right-shoe"} | _CLOTH,
}  # fmt: skip


def files_of(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): sha256_file(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith(".part")
    }


def labels_in(path: Path) -> UInt8:
    """Ids of a palette picture."""
    return np.asarray(Image.open(path), np.uint8)


@pytest.fixture(scope="module")
def dataset(rendered: Path) -> Dataset:
    return Dataset.open(rendered)


def test_dataset_is_whole(dataset: Dataset) -> None:
    assert dataset.issues == ()
    assert len(dataset.people) == len(dataset.garments) == COUNT
    assert len(dataset.pairs["paired"]) == COUNT
    assert len(dataset.truths) == len(dataset.pairs["unpaired"]) == 2
    for setting in ("paired", "unpaired"):
        for sample in dataset.samples(setting):
            assert sample.truth_file is not None
            assert read_image(sample.truth_file).shape == (*SIZE, 3)


def test_parse_has_legal_labels_and_the_garment(dataset: Dataset) -> None:
    words = set(CIHP20.names)
    for person in dataset.people.values():
        parse = person.parse()
        assert parse.size == SIZE
        assert parse.labels.max() < len(words)
        seen = {CIHP20.names[k] for k in np.unique(parse.labels)}
        assert {"background", "face"} <= seen or {"background", "hair"} <= seen
        assert seen & _CLOTH


def test_joints_project_onto_the_right_labels(dataset: Dataset) -> None:
    checked = 0
    for person in dataset.people.values():
        pose, parse = person.pose(), person.parse()
        for name, legal in _ON.items():
            if not pose.has(name) or pose.joints[JOINT[name], 2] < 0.9:
                continue
            x, y = (round(float(v)) for v in pose.point(name))
            # the joint is inside the limb, so a pixel beside its projection may be something else
            around = parse.labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            assert {CIHP20.names[k] for k in np.unique(around)} & legal, (person.id, name)
            checked += 1
    assert checked >= 12


def test_garment_mask_is_the_garment(rendered: Path, dataset: Dataset) -> None:
    for key in dataset.garments:
        photo = read_image(rendered / "cloth" / f"{key}.png").astype(int)
        mask = cv2.imread(str(rendered / "cloth-mask" / f"{key}.png"), cv2.IMREAD_GRAYSCALE)
        far = cv2.dilate(mask, np.ones((5, 5))) == 0
        assert set(np.unique(mask)) <= {0, 255}
        assert 0.08 < (mask > 0).mean() < 0.8
        assert photo[far].min() >= 250


def test_depth_has_the_person_before_the_wall(rendered: Path, dataset: Dataset) -> None:
    for key, person in dataset.people.items():
        depth = cv2.imread(str(rendered / "depth" / f"{key}.png"), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        body = person.parse().labels > 0
        # everybody stands about 3.6 metres away
        assert 3300 < np.median(depth[body]) < 4000
        assert np.median(depth[: SIZE[0] // 8][~body[: SIZE[0] // 8]]) > 4500


def test_dense_map_covers_the_parse(rendered: Path, dataset: Dataset) -> None:
    for key, person in dataset.people.items():
        part = cv2.imread(str(rendered / "image-densepose" / f"{key}.png"))[..., 2]
        skin = np.isin(person.parse().labels, [CIHP20.ids[name] for name in ("face", "left-arm", "right-arm")])
        assert part.max() <= 14
        assert (part[skin] > 0).mean() > 0.97


def test_counterfactual_is_the_photo_outside_both_edited_regions(rendered: Path, dataset: Dataset) -> None:
    for (key, garment), path in dataset.truths.items():
        person = dataset.people[key]
        photo, truth = (read_image(one).astype(int) for one in (person.files["image"], path))
        other = Parse(labels_in(rendered / "truth-parse" / path.name), CIHP20)
        category = dataset.garments[garment].category
        pose = person.pose()
        edited = edit_region(person.parse(), pose, category) | edit_region(other, pose, category)
        apart = np.abs(photo - truth)[~edited].mean(axis=1)
        # light that bounces off another garment, and noise of the light paths, stay
        assert apart.mean() < 1.5
        assert np.quantile(apart, 0.99) < 25
        assert np.abs(photo - truth)[edited].mean() > 5 * apart.mean()
        changed = (person.parse().labels != other.labels) & ~edited
        assert changed.mean() < 0.002


def test_the_garment_has_the_shops_colour_on_people(rendered: Path, dataset: Dataset) -> None:
    """Print and dye come from one function: the worn garment has the hue of the one in the shop."""
    for (key, garment), path in dataset.truths.items():
        mask = cv2.imread(str(rendered / "cloth-mask" / f"{garment}.png"), cv2.IMREAD_GRAYSCALE) > 0
        shop = np.median(read_image(rendered / "cloth" / f"{garment}.png")[mask], axis=0)
        other = labels_in(rendered / "truth-parse" / path.name)
        worn = np.median(read_image(path)[other == CIHP20.ids["upper-clothes"]], axis=0)
        assert np.abs(shop / shop.sum() - worn / worn.sum()).max() < 0.06, key


def test_killed_rendering_goes_on_to_the_same_bytes(rendered: Path, tmp_path: Path) -> None:
    """Killed over its last person; garments and the other people are there already, so that the test is short."""
    root = tmp_path / "whole"
    shutil.copytree(rendered, root)
    last = f"p{COUNT - 1:04d}"
    for name in json.loads((root / ".jobs" / f"{last}.json").read_text())["files"]:
        (root / name).unlink()
    (root / ".jobs" / f"{last}.json").unlink()
    (root / "dataset.json").unlink()
    command = (
        "from pathlib import Path; from fittingroom.studio.render import render;"
        f"render(Path({str(root)!r}), {COUNT}, {SEED}, size={SIZE}, workers=1, name='test')"
    )
    job = subprocess.Popen([sys.executable, "-c", command], env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 120
        while len(list((root / "image").glob("*.png"))) < COUNT:  # the first of the person's files
            assert job.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        job.send_signal(signal.SIGKILL)
    finally:
        job.kill()
        job.wait()
    assert not (root / "dataset.json").is_file()
    # a file that was harmed meanwhile is noticed, too
    victim = next(iter(sorted((root / "cloth").glob("*.png"))))
    victim.write_bytes(victim.read_bytes()[:100])
    render(root, COUNT, SEED, size=SIZE, workers=2, name="test")
    assert files_of(root) == files_of(rendered)


def test_finished_rendering_does_nothing(rendered: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in rendered.rglob("*.png")}
    done = render(rendered, COUNT, SEED, size=SIZE, name="test")
    assert (done.people, done.garments, done.truths) == (COUNT, COUNT, 2)
    assert before == {path: path.stat().st_mtime_ns for path in rendered.rglob("*.png")}


def test_other_settings_in_the_folder(rendered: Path) -> None:
    with pytest.raises(InputError, match="other settings.*another folder"):
        render(rendered, COUNT, SEED + 1, size=SIZE)


def test_folder_that_cannot_be_written(mitsuba: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match="cannot be written"):
        render(tmp_path / "file" / "out", 1, 1, size=SIZE)


def test_without_mitsuba(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(MissingError, match=r"needs Mitsuba.*fittingroom\[studio\]"):
        render(tmp_path / "out", 1, 1, size=SIZE)
    with pytest.raises(MissingError):
        light.mitsuba()
    assert not (tmp_path / "out").exists()


def test_record_says_what_was_done(rendered: Path) -> None:
    record = json.loads((rendered / ".jobs" / "p0000.json").read_text())
    assert record["attempts"] >= 1
    assert all(sha256_file(rendered / path) == known for path, known in record["files"].items())
    settings = json.loads((rendered / "studio.json").read_text())
    assert (settings["count"], settings["seed"], settings["size"]) == (COUNT, SEED, list(SIZE))
    assert [guest.id for guest in plan(COUNT, SEED).guests] == ["p0000", "p0001", "p0002"]

"""Two loose photos and nothing else: what is missing is made, once, and what cannot be made is one line."""

from __future__ import annotations

import importlib.metadata
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fittingroom.annotate import choice, makers, plan, registry
from fittingroom.annotate.complete import complete
from fittingroom.annotate.conditions import CONDITIONS
from fittingroom.annotate.garment_mask import by_colour
from fittingroom.annotate.loose import cache_root
from fittingroom.annotate.makers import Makers
from fittingroom.annotate.reading import Reading
from fittingroom.annotate.runner import rederive
from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.files import sha256_bytes, write_bytes
from fittingroom.core.images import write_png
from fittingroom.data.dataset import Dataset
from fittingroom.data.single import sample_from_files
from fittingroom.methods.base import Method
from fittingroom.methods.registry import load_method

NEEDS = ("person.image", "person.pose", "person.parse", "garment.image", "garment.mask", "worn.pose", "worn.parse")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An own cache, and none of our annotators that may be on this machine or not."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FITTINGROOM_WEIGHTS", str(tmp_path / "nothing"))
    monkeypatch.setenv("FAKE_CALLS", str(tmp_path / "calls"))
    monkeypatch.setattr(choice, "AUTO", {"garment-mask": ("garment-mask/colour",)})
    monkeypatch.setattr(makers, "_FOUND", {})
    plan._cached.cache_clear()


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The annotators of tests, as another package offers them."""
    import fake_annotators as fake

    targets = {"pose/broken": "no_such_module:X", **fake.TARGETS}  # auto passes over what cannot be imported
    points = [importlib.metadata.EntryPoint(name, target, registry.ENTRY_POINT) for name, target in targets.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)


@pytest.fixture
def person(tmp_path: Path) -> Path:
    import fake_annotators as fake

    write_png(tmp_path / "me.png", fake.figure(1))
    return tmp_path / "me.png"


@pytest.fixture
def garment(tmp_path: Path) -> Path:
    import fake_annotators as fake

    write_png(tmp_path / "shirt.png", fake.garment(1))
    return tmp_path / "shirt.png"


@pytest.fixture
def baseline() -> Method:
    return load_method("baseline")


def calls() -> list[str]:
    path = Path(os.environ["FAKE_CALLS"])
    return path.read_text().split() if path.is_file() else []


def test_two_photos_give_what_their_annotation_files_give(
    offered: None, person: Path, garment: Path, baseline: Method, tmp_path: Path
) -> None:
    import fake_annotators as fake

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = baseline.try_on(person, garment)
    assert calls() == ["pose/fake", "parse/fake", "pose/fake"]  # the last: is somebody in the garment's photo?
    photo = fake.figure(1)
    files = {
        "person_pose": ("pose", fake.FakePose().annotate(photo, {}).value),
        "person_parse": ("parse", fake.FakeParse().annotate(photo, {}).value),
        "garment_mask": ("garment-mask", by_colour(fake.garment(1))[0]),
    }
    given = {}
    for option, (kind, value) in files.items():
        given[option] = tmp_path / f"{option}{CONDITIONS[kind].end}"
        write_bytes(given[option], CONDITIONS[kind].encode(value))
    before = calls()
    assert np.array_equal(baseline.try_on(person, garment, **given), made)
    assert calls() == before  # nothing was missing
    assert made.shape == photo.shape
    assert not np.array_equal(made, photo)


def test_nothing_is_made_twice(offered: None, person: Path, garment: Path, baseline: Method, tmp_path: Path) -> None:
    first = baseline.try_on(person, garment)
    before = calls()
    (tmp_path / "copy.png").write_bytes(person.read_bytes())
    again = baseline.try_on(tmp_path / "copy.png", garment)
    assert np.array_equal(first, again)
    assert calls() == before  # that nobody is in the garment's photo was kept, too
    # other settings of an annotator make it again, and only what it makes
    shifted = complete(
        sample_from_files(person, garment), NEEDS, makers=Makers(settings={"pose/fake": {"shift": 2.0}})
    ).sample
    assert calls()[len(before) :].count("parse/fake") == 0
    joints = complete(sample_from_files(person, garment), NEEDS).sample.person.pose().joints
    assert np.allclose(shifted.person.pose().joints[:, 0] - joints[:, 0], 2.0)


def test_whatever_is_missing_is_one_line(person: Path, garment: Path, baseline: Method) -> None:
    with pytest.raises(MissingError) as caught:
        baseline.try_on(person, garment)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("me__shirt: nobody here makes person.pose, person.parse — ")
    for word in ("pose/mediapipe (", "--person-pose", "parse/segformer (", "--person-parse", "--parse hand"):
        assert word in line
    assert "garment.mask" not in line  # that one can be made
    with pytest.raises(MissingError, match=r"garment\.mask: .*--mask colour.*a file \(--garment-mask\)"):
        baseline.try_on(person, garment, makers=Makers(mask="none"))
    with pytest.raises(MissingError, match=r"baseline needs person\.pose, person\.parse, garment\.mask"):
        baseline.try_on(person, garment, annotate=False)


def test_names_that_cannot_be(offered: None) -> None:
    with pytest.raises(InputError, match="no annotator named 'pose/nosuch'"):
        Makers(pose="nosuch")
    with pytest.raises(InputError, match="parse/fake makes parse, not pose"):
        Makers(pose="parse/fake")
    with pytest.raises(InputError, match="no annotator named 'pose/nosuch'"):
        Makers(weights={"pose/nosuch": Path("x")})


def test_a_given_pose_is_what_a_parser_sees(offered: None, person: Path, garment: Path, tmp_path: Path) -> None:
    import fake_annotators as fake

    pose = fake.FakePose(shift=3.0).annotate(fake.figure(1), {}).value
    write_bytes(tmp_path / "pose.json", CONDITIONS["pose"].encode(pose))
    before = calls()
    sample = sample_from_files(person, garment, person_pose=tmp_path / "pose.json", worn=False)
    done = complete(sample, NEEDS, makers=Makers(parse="posed"), worn=False)
    assert calls()[len(before) :] == ["parse/posed"]
    assert [entry.need for entry in done.filled] == ["person.parse", "garment.mask"]
    assert np.allclose(done.sample.person.pose().joints, pose.joints, atol=1e-3)


def test_doubts_become_warnings(offered: None, person: Path, garment: Path, baseline: Method) -> None:
    with pytest.warns(
        UserWarning, match=r"me\.png: pose by pose/unsure \(score 0\.30\): 2 people, the largest is taken"
    ):
        baseline.try_on(person, garment, makers=Makers(pose="unsure"))


def test_a_garment_that_somebody_wears_is_found_out(offered: None, person: Path, tmp_path: Path) -> None:
    import fake_annotators as fake

    write_png(tmp_path / "other.png", fake.figure(7))
    done = complete(sample_from_files(person, tmp_path / "other.png"), NEEDS)
    assert done.sample.garment.worn
    assert {entry.need for entry in done.filled} == {"person.pose", "person.parse", "worn.pose", "worn.parse"}
    assert any("taken as a worn garment" in line for line in done.warnings)
    told = complete(sample_from_files(person, tmp_path / "other.png", worn=False), NEEDS, worn=False)
    assert not told.sample.garment.worn
    assert told.sample.garment.has("mask")
    # a method that takes garments off people asks for a photo of somebody
    write_png(tmp_path / "flat.png", fake.garment(3))
    with pytest.raises(
        InputError, match=r"flat\.png: pose: nobody to be seen.*; this method takes garments from photos of people"
    ):
        complete(sample_from_files(person, tmp_path / "flat.png"), (*NEEDS[:3], "wearer.pose", "wearer.parse"))
    with pytest.raises(MissingError, match="give a photo of somebody who wears the garment"):
        complete(sample_from_files(person, tmp_path / "flat.png"), ("wearer.pose", "wearer.parse"), worn=False)


def test_photos_as_cameras_write_them(offered: None, garment: Path, tmp_path: Path) -> None:
    import fake_annotators as fake

    upright = Image.fromarray(fake.figure(2, (1600, 1200)))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    upright.transpose(Image.Transpose.ROTATE_90).convert("CMYK").save(tmp_path / "camera.jpg", exif=exif, quality=95)
    done = complete(sample_from_files(tmp_path / "camera.jpg", garment), NEEDS, makers=Makers(reading=Reading(400)))
    assert done.sample.person.image().shape == (400, 300, 3)
    assert done.sample.person.parse().size == (400, 300)
    for name, data in (("cut.jpg", b"\xff\xd8\xff\xe0 cut"), ("empty.png", b""), ("text.png", b"no picture")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError) as caught:
            complete(sample_from_files(tmp_path / name, garment), NEEDS)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_a_heic_photo_with_and_without_annotations(offered: None, garment: Path, tmp_path: Path) -> None:
    import fake_annotators as fake

    heif = pytest.importorskip("pillow_heif", reason="the extra 'annotate' is not installed")
    heif.from_pillow(Image.fromarray(fake.figure(2))).save(tmp_path / "me.heic", quality=-1)
    whole = complete(sample_from_files(tmp_path / "me.heic", garment), NEEDS).sample.person
    write_bytes(tmp_path / "me.json", CONDITIONS["pose"].encode(whole.pose()))
    write_bytes(tmp_path / "me.png", CONDITIONS["parse"].encode(whole.parse()))
    files = {"person_pose": tmp_path / "me.json", "person_parse": tmp_path / "me.png"}
    half = complete(sample_from_files(tmp_path / "me.heic", garment, person_pose=files["person_pose"]), NEEDS)
    given = complete(sample_from_files(tmp_path / "me.heic", garment, **files), NEEDS)
    for person in (half.sample.person, given.sample.person):
        assert np.array_equal(person.image(), whole.image())
        assert np.array_equal(person.parse().labels, whole.parse().labels)


def test_nobody_in_the_photo(offered: None, garment: Path, tmp_path: Path, baseline: Method) -> None:
    write_png(tmp_path / "wall.png", np.full((200, 150, 3), 180, np.uint8))
    with pytest.raises(InputError, match=r"^wall\.png: pose: nobody to be seen"):
        baseline.try_on(tmp_path / "wall.png", garment)


def test_what_is_drawn_by_hand_counts(offered: None, person: Path, garment: Path, baseline: Method) -> None:
    import fake_annotators as fake

    with pytest.raises(MissingError, match=r"person\.parse to be drawn by hand — fittingroom app --review .*tried-on"):
        baseline.try_on(person, garment, makers=Makers(parse="hand"))
    root = cache_root()
    data = Dataset.open(root)
    (item,) = data.people
    assert item.startswith("me-")
    assert len(data.garments) == 1
    parse = fake.FakeParse().annotate(fake.figure(1), {}).value
    drawn = CONDITIONS["parse"].encode(parse)
    write_bytes(CONDITIONS["parse"].path(root, item), drawn)
    line = {"item": item, "condition": "parse", "who": "ann", "when": "", "before": "", "after": sha256_bytes(drawn)}
    (root / ".annotate" / "journal.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    assert baseline.try_on(person, garment, makers=Makers(parse="hand")).shape == fake.figure(1).shape
    done = complete(sample_from_files(person, garment), NEEDS)  # also where a parser could make it
    assert {entry.need: entry.annotator for entry in done.filled}["person.parse"] == "by hand"
    assert calls().count("parse/fake") == 1  # this test's own call


def test_threads_are_given_back(offered: None, person: Path, garment: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        complete(sample_from_files(person, garment), NEEDS)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_cache_that_cannot_be_written(
    offered: None, person: Path, garment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="set FITTINGROOM_CACHE to a folder that can be written"):
        complete(sample_from_files(person, garment), NEEDS)


def test_the_review_keeps_what_other_photos_have(offered: None, person: Path, garment: Path, tmp_path: Path) -> None:
    """The last try-on had its pose from a file; a correction then must not take away the poses that were made."""
    import fake_annotators as fake

    complete(sample_from_files(person, garment), NEEDS)
    write_png(tmp_path / "other.png", fake.figure(9))
    write_bytes(tmp_path / "pose.json", CONDITIONS["pose"].encode(fake.FakePose().annotate(fake.figure(9), {}).value))
    write_png(tmp_path / "flat.png", fake.garment(3))
    given = sample_from_files(
        tmp_path / "other.png", tmp_path / "flat.png", person_pose=tmp_path / "pose.json", worn=False
    )
    with pytest.raises(MissingError, match="to be drawn by hand"):
        complete(given, NEEDS, makers=Makers(parse="hand"), worn=False)
    again = rederive(cache_root(), [item for item in Dataset.open(cache_root()).people if item.startswith("me-")])
    assert (again.photos, again.made, again.kept) == (1, 0, 2)
    before = calls()
    complete(sample_from_files(person, garment), NEEDS)
    assert calls() == before

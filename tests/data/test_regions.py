"""Regions that all methods share, samples, and the drawn dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import read_image
from fittingroom.core.labels import CIHP20
from fittingroom.data.dataset import Dataset
from fittingroom.data.regions import dilate, edit_region, erode, garment_region, hands
from fittingroom.data.sample import Garment, Person
from fittingroom.data.single import sample_from_files
from fittingroom.data.summary import contact_sheet, summary


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    return Dataset.open("drawn-mini")


def test_dilation_is_a_disc_and_erosion_its_dual() -> None:
    dot = np.zeros((21, 21), bool)
    dot[10, 10] = True
    grown = dilate(dot, 5)
    rows, columns = np.mgrid[:21, :21]
    distance = np.hypot(rows - 10, columns - 10)
    assert grown[distance <= 4.5].all()
    assert not grown[distance > 5.6].any()
    assert (erode(grown, 5) == dot).all()
    assert (dilate(dot, 0) == dot).all()


@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
def test_the_edited_region_holds_the_garment_and_spares_the_person(drawn: Dataset, category: str) -> None:
    for person in drawn.people.values():
        parse, pose = person.fresh().parse(), person.fresh().pose()
        region = edit_region(parse, pose, category)  # type: ignore[arg-type]
        worn = garment_region(parse, category)  # type: ignore[arg-type]
        assert (region | ~worn).all() or not worn.any()
        assert not (region & parse.mask("face", "hair", "left-shoe", "right-shoe")).any()
        if category == "upper":
            assert not (region & hands(parse, pose)).any()
            assert region[parse.mask("upper-clothes")].all()


def test_hands_are_beyond_the_wrist(drawn: Dataset) -> None:
    person = drawn.people["chi"].fresh()
    parse, pose = person.parse(), person.pose()
    found = hands(parse, pose)
    for side in ("right", "left"):
        tip = pose.point(f"{side}-wrist") + 0.15 * (pose.point(f"{side}-wrist") - pose.point(f"{side}-elbow"))
        middle = (pose.point(f"{side}-wrist") + pose.point(f"{side}-elbow")) / 2
        assert found[round(float(tip[1])), round(float(tip[0]))]
        assert not found[round(float(middle[1])), round(float(middle[0]))]
    assert not hands(parse, None).any()


def test_drawn_annotations_fit_the_pictures(drawn: Dataset) -> None:
    assert drawn.issues == ()
    assert len(drawn.people) == 10
    assert {garment.category for garment in drawn.garments.values()} == {"upper", "lower", "dress"}
    for person in drawn.people.values():
        fresh = person.fresh()
        parse, pose = fresh.parse(), fresh.pose()
        assert pose.found.sum() >= 14
        for joint, parts in (
            ("nose", ("face",)),
            ("right-ankle", ("right-shoe", "right-leg", "pants")),
            ("left-wrist", ("left-arm", "upper-clothes", "dress")),
        ):
            if not pose.has(joint):
                continue
            x, y = pose.point(joint).round().astype(int)
            around = np.zeros(parse.size, bool)
            around[y - 3 : y + 4, x - 3 : x + 4] = True
            assert (parse.mask(*parts) & around).any(), (person.id, joint)
        assert set(np.unique(parse.labels)) <= set(range(len(CIHP20)))


def test_the_true_picture_differs_only_where_clothes_do(drawn: Dataset) -> None:
    for pair in drawn.pairs["unpaired"]:
        sample = drawn.sample(pair)
        assert sample.truth_file is not None
        truth, photo, parse = read_image(sample.truth_file), sample.person.image(), sample.person.parse()
        changed = np.abs(truth.astype(int) - photo).max(axis=2) > 8
        assert changed.mean() > 0.01
        assert not changed[parse.mask("face")].any()
        clothes = dilate(parse.mask("upper-clothes", "pants", "skirt", "dress"), 60)
        assert changed[~clothes].mean() < 0.02, pair


def test_photos_say_what_they_lack_and_what_is_wrong(drawn: Dataset) -> None:
    with pytest.raises(MissingError, match="x has no pose — annotate"):
        Person("x").load("pose")
    garment = drawn.garments["sun-tee"].fresh()
    assert replace(garment, files={}, given={"mask": np.ones((2, 2), bool)}).mask().all()
    with pytest.raises(InputError, match="no upper garment to be seen in g"):
        Garment("g", given={"mask": np.zeros((2, 2), bool)}).mask()


def test_content_hashes_depend_on_content_only(drawn: Dataset, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "elsewhere"
    shutil.copytree(drawn.root, copy)
    other = Dataset.open(copy)
    assert other.content_hash() == drawn.content_hash()
    photo = other.people["ada"].files["image"]
    photo.write_bytes(photo.read_bytes() + b"x")
    assert Dataset.open(copy).content_hash() != drawn.content_hash()


def test_a_sample_from_files(drawn: Dataset) -> None:
    person, garment = drawn.people["ada"].files, drawn.garments["jeans"].files
    sample = sample_from_files(
        person["image"], garment["image"], category="lower", person_pose=person["pose"], garment_mask=garment["mask"]
    )
    assert sample.category == "lower"
    assert not sample.garment.worn
    assert sample.missing(("person.pose", "person.parse", "garment.mask", "worn.pose")) == ["person.parse"]
    with pytest.raises(InputError, match="no category named 'socks'"):
        sample_from_files(person["image"], garment["image"], category="socks")


def test_summary_and_contact_sheet(drawn: Dataset, tmp_path: Path) -> None:
    text = summary(drawn)
    for part in (
        "people: 10",
        "garments: 16",
        "upper, in-shop: 7",
        "unpaired pairs: 14",
        "true pictures of unpaired samples: 14",
    ):
        assert part in text
    sheet = contact_sheet(drawn, 3)
    assert sheet.shape == (512, 2 * 4 * 192 + 12, 3)
    assert sheet.std() > 20
    (tmp_path / "x.png").write_bytes(b"broken")
    assert contact_sheet(Dataset.open(tmp_path), 1).shape[0] == 256

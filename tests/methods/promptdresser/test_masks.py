"""Masks beyond the recorded ones: other categories, missing joints, bad input, frames and the finding of the garment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fittingroom.core.errors import FittingroomError, InputError
from fittingroom.core.labels import LABEL_SETS
from fittingroom.core.pose import JOINT, Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse
from fittingroom.methods.pasting import paste_back
from fittingroom.methods.promptdresser import masks
from fittingroom.methods.promptdresser.conditions import garment_picture, person_mask
from fittingroom.methods.promptdresser.finder import by_colour, by_parser
from fittingroom.methods.promptdresser.frame import Frame

SIZE = (512, 384)


@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
def test_fine_lies_in_coarse_and_both_cover_what_is_worn(category: str, drawn: Dataset) -> None:
    for person in list(drawn.people.values())[:6]:
        fine, coarse = (person_mask(person, category, variant, SIZE) for variant in ("armneck", "v9"))  # type: ignore[arg-type]
        labels = masks.to_ids(person.parse())
        worn = masks.select(labels, *masks.CLOTH[category])  # type: ignore[index]
        if worn.sum() > 500:
            assert (fine & worn).sum() > 0.99 * worn.sum(), person.id
            assert (coarse & worn).sum() > 0.97 * worn.sum(), person.id
        assert not (coarse & masks.select(labels, "hat", "face", "left-shoe", "right-shoe", "bag")).any(), person.id
        if category != "lower":
            assert coarse.sum() > 1.2 * fine.sum(), person.id


def test_missing_joints_do_not_pull_the_box_into_the_corner(drawn: Dataset) -> None:
    for names in (("right-hip", "left-hip"), ("left-elbow",), ("right-shoulder",), ("left-wrist", "right-wrist")):
        for person in list(drawn.people.values())[:4]:
            joints = person.pose().joints.copy()
            joints[[JOINT[name] for name in names]] = 0
            poorer = replace(person.fresh(), given={"pose": Pose(joints)})
            whole, coarse = (person_mask(each, "upper", "v9", SIZE) for each in (person, poorer))
            rows, columns = np.nonzero(coarse)
            assert columns.min() > 0, (names, person.id)
            assert rows.min() > 0, (names, person.id)
            assert (whole & coarse).sum() / (whole | coarse).sum() > 0.6, (names, person.id)


def test_every_label_set_is_understood() -> None:
    for labels_in in LABEL_SETS.values():
        labels = np.arange(len(labels_in), dtype=np.uint8)[None]
        ids = masks.to_ids(Parse(labels, labels_in))
        assert (ids <= masks.IDS["neck"]).all()
        assert ids[0, labels_in.ids["upper-clothes"]] == masks.IDS["upper-clothes"]
        assert ids[0, labels_in.ids["left-arm"]] == masks.IDS["left-arm"] != masks.IDS["right-arm"]


def test_growing_from_nothing_is_the_fine_mask_unless_parity_is_wanted() -> None:
    fine, coarse = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    fine[9:11, 9:11], coarse[4:16, 4:16] = True, True
    assert np.array_equal(masks.between(fine, coarse, 0, parity=False), fine)
    assert np.array_equal(masks.between(fine, coarse, 0), coarse)
    assert np.array_equal(masks.between(fine, coarse, 200), coarse)
    grown = masks.between(fine, coarse, 2)
    assert grown.sum() == 4 + 8 + 12  # a cross adds its ring twice


@pytest.mark.parametrize(("value", "line"), [(False, "is empty"), (True, "covers the whole photo")])
def test_useless_masks_are_one_line(value: bool, line: str) -> None:
    with pytest.raises(InputError, match=f"person x: the fine mask {line}"):
        masks.check(np.full((4, 4), value), "person x", "fine")


def test_nobody_dressed_is_one_line(drawn: Dataset) -> None:
    person = next(iter(drawn.people.values()))
    empty = Parse(np.zeros(person.image().shape[:2], np.uint8), person.parse().labels_in)
    with pytest.raises(InputError, match="the fine mask is empty"):
        person_mask(replace(person.fresh(), given={"parse": empty}), "upper", "armneck", SIZE)


# --- frames -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("photo", [(512, 320), (320, 512), (100, 75), (1, 40), (1030, 770)])
def test_photos_of_any_aspect_come_back_at_their_size_and_place(photo: tuple[int, int]) -> None:
    frame = Frame(photo, (128, 96))
    image = np.zeros((*photo, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, photo[0])[:, None]
    image[..., 1] = np.linspace(0, 255, photo[1])[None]
    inside = frame.image(image)
    assert inside.shape == (128, 96, 3)
    back = frame.back(inside)
    assert back.shape == image.shape
    if min(photo) > 10:
        assert np.abs(back.astype(int) - image).max() < 12
    point = np.array([[photo[1] / 2, photo[0] / 2]])
    assert np.allclose(frame.points(point), [[48, 64]], atol=1)
    assert frame.labels(np.ones(photo, np.uint8)).sum() == np.prod(frame.inner)
    assert frame.mask_back(frame.labels(np.ones(photo, np.uint8)).astype(bool)).all()


def test_padding_goes_on_or_is_white() -> None:
    image = np.full((40, 10, 3), 7, np.uint8)
    frame = Frame((40, 10), (64, 64))
    assert (frame.image(image) == 7).all()
    assert (frame.image(image, white=True)[:, 0] == 255).all()


def test_pasting_back_keeps_the_photo_outside_the_mask() -> None:
    photo, made = np.full((50, 40, 3), 10, np.uint8), np.full((50, 40, 3), 210, np.uint8)
    mask = np.zeros((50, 40), bool)
    mask[10:40, 10:30] = True
    out = paste_back(photo, made, mask, 0.08)
    assert (out[~mask] == 10).all()
    assert (out[20:30, 18:22] == 210).all()
    assert 10 < out[25, 11, 0] < 210


# --- the garment in the first stage's picture -------------------------------------------------------------------
def test_the_garment_is_found_by_its_colour(drawn: Dataset) -> None:
    """In the drawn picture of somebody in the garment, where the truth is known."""
    found = 0
    for sample in drawn.samples("paired"):
        if sample.category != "upper":
            continue
        person = sample.person
        coarse, fine = (person_mask(person, "upper", variant, SIZE) for variant in ("v9", "armneck"))
        picture, mask = garment_picture(sample.garment)
        seen = by_colour(person.image(), person.image(), picture, mask, coarse, fine)
        truth = by_parser(person.image(), lambda image, person=person: person.parse(), "upper")
        assert not (seen & ~coarse).any()
        overlap = (seen & truth).sum() / max((seen | truth).sum(), 1)
        found += overlap > 0.5
    assert found >= 5


def test_a_parser_is_asked_where_one_is_given(drawn: Dataset) -> None:
    person = next(iter(drawn.people.values()))
    for category, part in (("upper", "upper-clothes"), ("lower", "pants")):
        seen = by_parser(person.image(), lambda image: person.parse(), category)  # type: ignore[arg-type]
        labels = masks.to_ids(person.parse())
        assert (seen | ~masks.select(labels, part)).all()
        assert not (seen & masks.select(labels, "left-leg", "face")).any()


def test_worn_garments_are_cut_out_on_white(drawn: Dataset) -> None:
    from fittingroom.data.sample import Garment

    owner = drawn.people["ben"]
    garment = Garment("ben", owner.files, "cihp20", category="upper", worn=True)
    picture, mask = garment_picture(garment)
    assert picture.shape[:2] == mask.shape
    assert (picture[~mask] == 255).all()
    assert mask.sum() == garment.mask().sum()
    assert not mask[0].any()
    small = replace(
        garment, given={"parse": Parse(np.zeros(owner.image().shape[:2], np.uint8), owner.parse().labels_in)}
    )
    with pytest.raises(FittingroomError, match="no upper garment"):
        garment_picture(small)

"""The garment's own pixels, bent onto another pose and laid over the picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT
from fittingroom.data.dataset import Dataset
from fittingroom.data.regions import dilate, erode
from fittingroom.methods.pasta_gan_pp.body import Body
from fittingroom.methods.pasta_gan_pp.colours import UPPER
from fittingroom.methods.pasta_gan_pp.details import BARE, COVERED, UNKNOWN, known, match_details, match_lengths
from fittingroom.methods.pasta_gan_pp.own_size import UNKNOWN as UNKNOWN_PLACE
from fittingroom.methods.pasta_gan_pp.own_size import OwnSize, at_own_size, match_outline, source_of
from fittingroom.methods.pasta_gan_pp.placing import on_canvas
from fittingroom.methods.pasta_gan_pp.regions import BACKGROUND, CLASS_LIMBS, CLASS_PANTS, CLASS_TOPS

from .conftest import TINY

HEIGHT, WIDTH = 96, 72
ARMS = [[JOINT[f"{side}-{name}"] for name in ("shoulder", "elbow", "wrist")] for side in ("left", "right")]


@pytest.fixture(scope="module")
def pair(drawn: Dataset) -> tuple[Body, Body]:
    """Two people who wear an upper garment."""
    found = [on_canvas(each, TINY, sleeves=False)[0] for each in drawn.people.values()]
    bodies = [body for body in found if body.upper.any() and body.quads[0] is not None]
    return bodies[0], bodies[1]


def test_a_garment_bent_onto_its_own_wearer_stays_as_it_is(pair: tuple[Body, Body]) -> None:
    body = pair[0]
    found, lower = known(body, body, "upper", TINY.patch)
    assert lower is None
    assert found is not None
    sure, worn = found.laid.mask > 0, body.upper > 0
    assert not sure[~worn].any()
    assert sure.sum() > 0.7 * worn.sum()
    off = np.abs(found.laid.image.astype(int) - body.image)[sure]
    assert np.median(off) <= 1
    assert np.mean(off) < 4
    # and its own lengths are right
    assert (found.length[worn] == BARE).mean() < 0.05
    skin = body.worn.mask(CLASS_LIMBS)
    assert (found.length[skin] == COVERED).mean() < 0.1


def test_it_reaches_beyond_the_patches(pair: tuple[Body, Body]) -> None:
    body = pair[0]
    inside = np.zeros(body.labels.shape, np.uint8)
    for quad in body.quads:
        if quad is not None:
            cv2.fillConvexPoly(inside, np.rint(quad).astype(np.int32), 1)
    found = known(body, body, "upper", TINY.patch)[0]
    assert found is not None
    beside = (body.upper > 0) & (inside == 0)
    assert beside.any()
    assert (found.laid.mask[beside] > 0).mean() > 0.3


def test_every_kind_bends_what_it_takes_over(pair: tuple[Body, Body]) -> None:
    person, garment = pair
    assert [each is not None for each in known(person, garment, "upper", TINY.patch)] == [True, False]
    assert [each is not None for each in known(person, garment, "lower", TINY.patch)] == [False, True]
    upper, lower = known(person, garment, "full", TINY.patch)
    assert upper is not None
    assert lower is not None
    # on another body, the pixels are the garment's
    colours = {tuple(each) for each in garment.image[garment.upper > 0] // 32}
    there = upper.laid.image[upper.laid.mask > 0] // 32
    assert np.mean([tuple(each) in colours for each in there]) > 0.9


def _sleeves_cut(body: Body, share: float) -> Body:
    """The body with bare arms from a share of each arm's length on."""
    classes, labels = body.worn.classes.copy(), body.labels.copy()
    y, x = np.mgrid[: classes.shape[0], : classes.shape[1]]
    for shoulder, elbow, wrist in ARMS:
        start, middle, end = (body.keypoints[joint, :2] for joint in (shoulder, elbow, wrist))
        for first, last, before in ((start, middle, 0.0), (middle, end, 0.5)):
            along = last - first
            at = ((x - first[0]) * along[0] + (y - first[1]) * along[1]) / max(float(along @ along), 1e-6)
            near = np.hypot(x - first[0] - at * along[0], y - first[1] - at * along[1]) < 0.06 * len(classes)
            limb = near & (at > 0) & (at < 1.1)
            bare = limb & (before + 0.5 * at > share)
            classes[limb] = CLASS_TOPS
            classes[bare] = CLASS_LIMBS
            labels[bare] = CIHP20.ids["left-arm"]
    return replace(body, labels=labels, worn=replace(body.worn, classes=classes))


@pytest.mark.parametrize("share", [0.0, 0.25, 0.75])
def test_sleeves_get_the_length_of_the_garments(pair: tuple[Body, Body], share: float) -> None:
    person = pair[0]
    found = known(person, _sleeves_cut(person, share), "upper", TINY.patch)[0]
    assert found is not None
    truth = _sleeves_cut(person, share).worn.classes
    told = found.length != UNKNOWN
    arms = told & np.isin(truth, (CLASS_TOPS, CLASS_LIMBS))
    assert arms.sum() > 50
    right = np.where(truth == CLASS_LIMBS, BARE, COVERED) == found.length
    assert right[arms].mean() > 0.8

    for predicted in (CLASS_TOPS, CLASS_LIMBS):  # whatever the network drew
        label = torch.full(truth.shape, predicted, dtype=torch.uint8)
        fitted = match_lengths(label, found.length, UPPER).numpy()
        assert (fitted[found.length == BARE] == CLASS_LIMBS).all()
        assert (fitted[found.length == COVERED] == CLASS_TOPS).all()
        assert (fitted[~told] == predicted).all()


def test_details_come_where_the_network_drew_the_garment() -> None:
    label = np.zeros((HEIGHT, WIDTH), np.uint8)
    label[20:50, 20:52], label[50:80, 20:52] = CLASS_TOPS, CLASS_PANTS
    picture = np.full((HEIGHT, WIDTH, 3), 160, np.uint8)
    stripes = np.broadcast_to(np.where(np.arange(HEIGHT) % 4 < 2, 255, 0)[:, None, None], picture.shape).astype(
        np.uint8
    )
    where = np.zeros((HEIGHT, WIDTH), bool)
    where[10:60, 24:48] = True
    found = match_details(picture, label, [(stripes, where, UPPER)])
    sure = (label == CLASS_TOPS) & where
    assert np.array_equal(found[~sure], picture[~sure])
    assert np.abs(found[25:45, 28:44].astype(int) - stripes[25:45, 28:44]).max() <= 1
    assert match_details(picture, label, [(stripes, np.zeros_like(where), UPPER)]) is picture


@pytest.fixture(scope="module")
def own(drawn: Dataset) -> tuple[OwnSize, np.ndarray, np.ndarray]:
    """Somebody's upper garment on herself, her photo and its classes, at a size that the canvas does not have."""
    person = next(each for each in drawn.people.values() if on_canvas(each, TINY, sleeves=False)[0].upper.any())
    body, at = on_canvas(person, TINY, sleeves=False)
    found, source = known(body, body, "upper", TINY.patch)[0], source_of(person, at, over_dress=False)
    assert found is not None
    assert at.size != at.inner
    return at_own_size(found, source, at, UPPER), person.image(), source.classes


def test_at_its_own_size_a_garment_is_as_sharp_as_its_photo(own: tuple[OwnSize, np.ndarray, np.ndarray]) -> None:
    garment, photo, classes = own
    worn = np.isin(classes, UPPER)
    assert garment.image.shape == photo.shape
    assert not garment.sure[~worn].any()
    assert garment.sure.sum() > 0.8 * worn.sum()
    off = np.abs(garment.image.astype(int) - photo)[garment.sure]
    through_the_canvas = cv2.resize(cv2.resize(photo, (96, 128), interpolation=cv2.INTER_AREA), photo.shape[1::-1])
    assert off.mean() < 0.5 * np.abs(through_the_canvas.astype(int) - photo)[garment.sure].mean()


def test_an_outline_drawn_a_little_too_wide_becomes_the_garments(own: tuple[OwnSize, np.ndarray, np.ndarray]) -> None:
    garment, photo, classes = own
    worn = np.isin(classes, UPPER)
    wide, narrow = (change(worn, 0.015 * len(photo)) for change in (dilate, erode))
    for drawn_ in (wide, narrow):
        label = np.where(drawn_, np.uint8(CLASS_TOPS), np.where(worn, np.uint8(BACKGROUND), classes)).astype(np.uint8)
        made, fitted = match_outline(photo, label, garment)
        assert made.shape == photo.shape
        before, after = (np.isin(each, UPPER) != worn for each in (label, fitted))
        assert after.sum() < 0.25 * before.sum()
    far = np.zeros_like(worn)  # a garment drawn elsewhere is none of its business
    far[:8, :8] = True
    elsewhere = np.where(far, np.uint8(CLASS_TOPS), np.uint8(BACKGROUND)).astype(np.uint8)
    garment = replace(garment, classes=np.full_like(garment.classes, UNKNOWN_PLACE))
    assert np.array_equal(match_outline(photo, elsewhere, garment)[1], elsewhere)


def test_skin_beside_a_garment_is_continued() -> None:
    label = np.zeros((HEIGHT, WIDTH), np.uint8)
    label[20:70, 20:50], label[70:90, 20:50] = CLASS_TOPS, CLASS_LIMBS
    skin, cloth = np.array([200, 150, 120], np.uint8), np.array([20, 60, 160], np.uint8)
    made = np.where(
        (label == CLASS_TOPS)[..., None], cloth, np.where((label == CLASS_LIMBS)[..., None], skin, 255)
    ).astype(np.uint8)
    told = label.copy()
    told[68:70, 20:50] = CLASS_LIMBS  # it is two rows shorter
    garment = OwnSize(made, label == CLASS_TOPS, told, UPPER)
    picture, fitted = match_outline(made, label, garment)
    assert np.array_equal(fitted, told)
    assert np.abs(picture[68:70, 22:48].astype(int) - skin).max() <= 2
    assert np.array_equal(picture[20:68], made[20:68])

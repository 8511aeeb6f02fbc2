"""The baseline: what is put on, what is left alone, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from fittingroom.core.errors import FittingroomError, InputError
from fittingroom.core.images import UInt8, read_image, resize_image, resize_labels
from fittingroom.core.pose import JOINT, Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Garment, Pair, Parse, Person, Sample
from fittingroom.methods.baseline.conditions import conditions
from fittingroom.methods.baseline.dress import pieces
from fittingroom.methods.baseline.fill import blur, spread
from fittingroom.methods.baseline.losses import BENDING, LANDMARKS
from fittingroom.methods.baseline.method import Baseline
from fittingroom.methods.baseline.outline import limb, lowest_level, sleeve_zone
from fittingroom.methods.baseline.pieces import axis_coordinates
from fittingroom.methods.baseline.target import old_garment
from fittingroom.metrics.colour import garment_colour_difference
from fittingroom.nn import tps


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    return Dataset.open("drawn-mini")


def worn_sample(drawn: Dataset, person: str, owner: str, category: str = "upper", paired: bool = False) -> Sample:
    """Somebody in what somebody else wears in a photo."""
    files = drawn.people[owner].files
    garment = Garment(owner, files, "cihp20", category=category, worn=True)  # type: ignore[arg-type]
    return Sample(drawn.people[person].fresh(), garment, paired, None)


@pytest.fixture(scope="module")
def dressed(drawn: Dataset) -> dict[str, dict[str, UInt8]]:
    """Setting -> sample -> picture, of every second pair."""
    method = Baseline()
    return {
        setting: {sample.id: method.run(sample) for sample in list(drawn.samples(setting))[::2]}  # type: ignore[arg-type]
        for setting in ("paired", "unpaired")
    }


def test_pictures_come_nearer_to_the_truth(drawn: Dataset, dressed: dict[str, dict[str, UInt8]]) -> None:
    """Against the drawn counterfactual, in mean absolute grey levels."""
    errors: dict[str, list[float]] = {"paired": [], "unpaired": []}
    before: list[float] = []
    for setting, found in errors.items():
        for sample in list(drawn.samples(setting))[::2]:  # type: ignore[arg-type]
            assert sample.truth_file is not None
            truth = read_image(sample.truth_file).astype(float)
            found.append(float(np.abs(dressed[setting][sample.id] - truth).mean()))
            if setting == "unpaired":
                before.append(float(np.abs(sample.person.image() - truth).mean()))
    assert np.mean(errors["paired"]) < 9
    assert np.mean(errors["unpaired"]) < 0.9 * np.mean(before)


def test_worn_garments_change_owner(drawn: Dataset) -> None:
    sample = worn_sample(drawn, "ada", "ben")
    result = Baseline().run(sample)
    parse = sample.person.parse()
    region = parse.mask("upper-clothes")
    garment = sample.garment
    before = garment_colour_difference(sample.person.image(), region, garment.image(), garment.mask())
    after = garment_colour_difference(result, region, garment.image(), garment.mask())
    assert after < 0.4 * before


@pytest.mark.parametrize("category", ["upper", "lower"])
def test_the_own_garment_put_back_on_changes_little(drawn: Dataset, category: str) -> None:
    for name in ("ada", "ben", "eli", "gus"):
        sample = worn_sample(drawn, name, name, category, paired=True)
        difference = np.abs(Baseline().run(sample).astype(int) - sample.person.image())
        assert difference.mean() < 2.0, name


def test_faces_hair_and_shoes_are_untouched(drawn: Dataset, dressed: dict[str, dict[str, UInt8]]) -> None:
    for sample in list(drawn.samples("unpaired"))[::2]:
        result, parse = dressed["unpaired"][sample.id], sample.person.parse()
        kept = parse.mask("face", "hair", "left-shoe", "right-shoe")
        assert (result[kept] == sample.person.image()[kept]).all(), sample.id


def test_it_works_at_other_sizes(drawn: Dataset) -> None:
    sample = drawn.sample(drawn.pairs["unpaired"][0])
    person = sample.person
    size, small = (1024, 768), person.image().shape[:2]
    pose = person.pose().scaled((small[0], small[1]), size)
    large = Person(
        "large",
        given={
            "image": resize_image(person.image(), size),
            "pose": pose,
            "parse": Parse(resize_labels(person.parse().labels, size).astype(np.uint8), person.parse().labels_in),
        },
    )
    result = Baseline().run(replace(sample, person=large))
    assert result.shape == (1024, 768, 3)
    normal = Baseline().run(sample).astype(float)
    assert np.abs(resize_image(result, (small[0], small[1])).astype(float) - normal).mean() < 4


def without(pose: Pose, *names: str) -> Pose:
    joints = pose.joints.copy()
    joints[[JOINT[name] for name in names]] = 0
    return Pose(joints)


@pytest.mark.parametrize(
    "missing",
    [
        ("right-wrist",),
        ("right-elbow", "left-elbow"),
        ("right-shoulder",),
        ("left-knee", "right-ankle", "left-ankle"),
        ("right-hip", "left-hip"),
    ],
)
def test_missing_limbs_are_guessed(drawn: Dataset, missing: tuple[str, ...]) -> None:
    for pair in drawn.pairs["unpaired"][:2]:
        sample = drawn.sample(pair)
        person = replace(sample.person, given={"pose": without(sample.person.pose(), *missing)})
        result = Baseline().run(replace(sample, person=person))
        assert (result != sample.person.image()).any()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda sample: {"person": replace(sample.person, given={"pose": without(sample.person.pose(), "right-shoulder", "left-shoulder")})}, "right-shoulder and left-shoulder not in the pose"),
        (lambda sample: {"person": replace(sample.person, given={"pose": without(sample.person.pose(), "right-shoulder", "neck")})}, "right-shoulder not in the pose"),
        (lambda sample: {"garment": replace(sample.garment, given={"mask": np.zeros((512, 384), bool)})}, "no upper garment to be seen"),
        (lambda sample: {"garment": replace(sample.garment, given={"mask": np.eye(512, 384, dtype=bool) & (np.arange(384) < 20)})}, "only 20 pixels"),
        (lambda sample: {"garment": replace(sample.garment, given={"mask": np.ones((20, 20), bool)})}, "is 20x20 but its photo is 384x512"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(change: object, line: str, drawn: Dataset) -> None:
    sample = drawn.sample(Pair("ada", "dotted-blouse", False))
    with pytest.raises(FittingroomError) as caught:
        Baseline().run(replace(sample, **change(sample)))  # type: ignore[operator]
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_are_checked() -> None:
    assert Baseline.load(light=0.2).settings()["light"] == 0.2
    for value in (2, -1, "much", True):
        with pytest.raises(InputError, match="choose a number from 0 to 1"):
            Baseline.load(light=value)
    with pytest.raises(InputError, match="has no setting nosuch"):
        Baseline.load(nosuch=1)
    with pytest.raises(InputError, match="has no weights"):
        Baseline.load("published")


def test_spread_fills_from_what_is_known() -> None:
    image = np.zeros((40, 60, 3), np.float32)
    known = np.zeros((40, 60), bool)
    image[:, :10], known[:, :10] = (200, 10, 10), True
    image[:, 50:], known[:, 50:] = (10, 10, 200), True
    filled = spread(image, known)
    assert (filled[known] == image[known]).all()
    assert filled[20, 14, 0] > 150
    assert filled[20, 46, 2] > 150
    assert 60 < filled[20, 30, 0] < 150


def test_a_wide_blur_looks_as_well_at_a_smaller_picture() -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (300, 217)).astype(np.float32)
    picture[:, 100:] += 200
    for sigma in (3.0, 11.9):
        assert np.array_equal(blur(picture, sigma), cv2.GaussianBlur(picture, (0, 0), sigma))
    for sigma in (12.0, 40.0):
        found, exact = blur(picture, sigma), cv2.GaussianBlur(picture, (0, 0), sigma)
        assert found.shape == exact.shape
        assert np.abs(found - exact).max() < 0.04 * np.ptp(exact)


def test_kept_lines_are_those_of_the_figure_and_cannot_be_changed(drawn: Dataset) -> None:
    targets = [conditions(sample)["target"] for sample in list(drawn.samples("unpaired"))[:2]]
    for target in (*targets, *targets):
        place = limb(target.figure.arm("left"), target.size)
        x, y = np.round(target.figure.point("left-elbow")).astype(int)
        assert abs(place.along[y, x] - 1) < 0.1
        level, _ = axis_coordinates(target.figure, target.size)
        x, y = np.round(target.figure.hips).astype(int)
        assert abs(level[y, x] - 1) < 0.1
        for values in (place.along, level):
            with pytest.raises(ValueError, match="read-only"):
                values[0, 0] = 0


def test_a_garment_that_follows_what_is_worn_has_its_length_and_its_sleeves(drawn: Dataset) -> None:
    found = next(
        entry
        for sample in drawn.samples("unpaired")
        if sample.category == "upper" and not sample.garment.worn
        for entry in [conditions(sample)]
        if entry["cut"].sleeves and max(each.end for each in entry["cut"].sleeves.values()) < 1.5
    )
    cut, target = found["cut"], found["target"]
    assert cut.guessed
    own = pieces(cut, target, "upper")
    hem = lowest_level(cut.trunk, cut.figure)
    level, _ = axis_coordinates(target.figure, target.size)
    zones = sleeve_zone(target.figure, "right", target.size) | sleeve_zone(target.figure, "left", target.size)
    for share in (0.75, 1.0):
        labels = target.parse.labels.copy()
        worn = target.parse.mask("upper-clothes", "coat")
        labels[worn & (level > share * hem)] = target.parse.labels_in.ids["background"]
        shown = replace(target, parse=Parse(labels, target.parse.labels_in))
        now = lowest_level(old_garment(shown, "upper") & ~zones, target.figure)
        laid = pieces(cut, shown, "upper", follow=True)
        assert laid.body is not None
        assert laid.whole is not None
        assert abs(lowest_level(laid.body.alpha > 0.5, target.figure) - now) < 0.12
        for side, end in laid.ends.items():
            assert end == pytest.approx(own.ends[side] * np.clip(now / hem, 0.7, 1.1))
    # somebody who wears it tells how long its sleeves are
    worn_by = pieces(replace(cut, guessed=False), target, "upper", follow=True)
    assert worn_by.ends == own.ends


def test_losses_are_their_formulas() -> None:
    centres = torch.from_numpy(np.random.default_rng(0).uniform(0, 1, (1, 9, 2)))
    values = centres + 0.1 * torch.from_numpy(np.random.default_rng(1).normal(size=(1, 9, 2)))
    spline = tps.fit(centres, values, 1e-3)
    expected = sum(float((spline(centres)[0, i] - values[0, i]).norm() ** 2) for i in range(9))
    assert float(LANDMARKS(spline, values)) == pytest.approx(expected)
    # the closed form, from its definition, term by term
    weights, points = spline.weights[0].numpy(), centres[0].numpy()
    kernel = np.array(
        [
            [0.0 if i == j else (r := np.linalg.norm(points[i] - points[j])) ** 2 * np.log(r) for j in range(9)]
            for i in range(9)
        ]
    )
    assert float(BENDING(spline)) == pytest.approx(
        8 * np.pi * sum(weights[:, k] @ kernel @ weights[:, k] for k in range(2))
    )

"""The embedded dataset: complete, the same every time, and true to what it says about itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fittingroom.core.files import sha256_file
from fittingroom.core.images import image_size, read_image
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT, JOINTS
from fittingroom.data.dataset import Dataset
from fittingroom.data.drawn import ensure, write
from fittingroom.data.drawn.body import Body, Stance
from fittingroom.data.drawn.catalogue import GARMENTS, PEOPLE
from fittingroom.data.drawn.figure import draw_person
from fittingroom.data.drawn.paint import curve, disc, filled, stroke
from fittingroom.data.regions import dilate, edit_region
from fittingroom.metrics.colour import garment_colour_difference


@pytest.fixture(scope="module")
def root() -> Path:
    return ensure()


@pytest.fixture(scope="module")
def data(root: Path) -> Dataset:
    return Dataset.open(root)


def files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def test_it_is_complete_and_small(data: Dataset, root: Path) -> None:
    assert data.issues == ()
    assert data.name == "drawn-mini"
    assert len(data.people) >= 8
    assert len(data.garments) >= 12
    assert len(data.pairs["paired"]) >= 8
    assert len(data.pairs["unpaired"]) >= 8
    for category in ("upper", "lower", "dress"):
        assert sum(garment.category == category for garment in data.garments.values()) >= 3
    for setting in ("paired", "unpaired"):
        for sample in data.samples(setting):  # type: ignore[arg-type]
            assert sample.missing(("person.image", "person.pose", "person.parse", "person.mask", "garment.mask")) == []
            assert sample.truth_file is not None, sample.id
    assert sum(path.stat().st_size for path in files(root)) < 6_000_000
    assert all(image_size(path) == (512, 384) for path in files(root) if path.suffix == ".png")


def test_pairs_are_what_they_say(data: Dataset) -> None:
    own = {(person, garment) for person, (_, _, worn) in PEOPLE.items() for garment in worn}
    assert {(pair.person, pair.garment) for pair in data.pairs["paired"]} == own
    for pair in data.pairs["unpaired"]:
        assert (pair.person, pair.garment) not in own
        categories = {data.garments[name].category for name in PEOPLE[pair.person][2]}
        assert data.garments[pair.garment].category in categories, pair.id


def test_it_is_drawn_the_same_to_the_byte(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path))
    again = ensure()
    assert again != root
    names = [path.relative_to(root) for path in files(root)]
    assert names == [path.relative_to(again) for path in files(again)]
    assert [name for name in names if sha256_file(root / name) != sha256_file(again / name)] == []


def test_a_draft_that_breaks_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path))

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(write, "draw_alone", fail)
    monkeypatch.setattr(write, "PEOPLE", {})
    with pytest.raises(OSError, match="no space"):
        ensure()
    assert list((tmp_path / "datasets").iterdir()) == []


def test_many_may_ask_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path))
    monkeypatch.setattr(write, "PEOPLE", {"ben": PEOPLE["ben"]})
    monkeypatch.setattr(write, "UNPAIRED", ())
    monkeypatch.setattr(write, "GARMENTS", {name: GARMENTS[name] for name in ("sailor", "black-trousers")})
    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(lambda _: ensure(), range(3)))
    assert len(found) == 1
    assert list((tmp_path / "datasets").iterdir()) == list(found)


def test_joints_lie_on_the_parts_that_they_belong_to(data: Dataset) -> None:
    clothes = ("upper-clothes", "dress", "pants", "skirt")
    allowed = {"nose": ("face",), "neck": ("torso-skin", *clothes, "hair")}
    for side in ("right", "left"):
        allowed |= {f"{side}-{name}": ("face",) for name in ("eye", "ear")}
        allowed |= {f"{side}-shoulder": (f"{side}-arm", "torso-skin", "hair", *clothes)}
        allowed |= {f"{side}-{name}": (f"{side}-arm", *clothes) for name in ("elbow", "wrist")}
        allowed |= {f"{side}-hip": (*clothes, f"{side}-arm")}
        allowed |= {f"{side}-{name}": (f"{side}-leg", f"{side}-shoe", *clothes) for name in ("knee", "ankle")}
    for person in data.people.values():
        labels, pose = person.parse().labels, person.pose()
        for name in JOINTS:
            if pose.has(name):
                column, row = np.rint(pose.joints[JOINT[name], :2]).astype(int)
                assert CIHP20.names[labels[row, column]] in allowed[name], (person.id, name)


def test_what_is_hidden_is_not_in_the_pose(data: Dataset) -> None:
    assert not data.people["jun"].pose().has("left-wrist")  # behind the back
    assert data.people["jun"].pose().has("left-elbow", "right-wrist")
    assert not data.people["ada"].pose().has("left-ear")  # under hair
    assert data.people["ben"].pose().has(*JOINTS)


def test_right_is_the_persons_own_right(data: Dataset) -> None:
    for person in data.people.values():
        pose, parse = person.pose(), person.parse()
        assert pose.joints[JOINT["right-shoulder"], 0] < pose.joints[JOINT["left-shoulder"], 0]
        right, left = parse.mask("right-shoe"), parse.mask("left-shoe")
        assert np.nonzero(right)[1].mean() < np.nonzero(left)[1].mean()


def test_the_truth_differs_only_where_a_try_on_may(data: Dataset) -> None:
    """Face, hair, shoes and background of the true picture are the person's own; the garment is another."""
    for sample in data.samples("unpaired"):
        assert sample.truth_file is not None
        before, truth = sample.person.image().astype(int), read_image(sample.truth_file).astype(int)
        changed = np.abs(before - truth).max(axis=2) > 24
        parse = sample.person.parse()
        kept = parse.mask("face", "left-shoe", "right-shoe")
        assert changed[kept].mean() < 0.02, sample.id
        region = edit_region(parse, sample.person.pose(), sample.category)
        assert changed[region].mean() > 0.25, sample.id


def test_the_mask_is_the_garment(data: Dataset) -> None:
    """Inside the mask the picture differs from the light ground, outside it does not (but for a soft shadow)."""
    for garment in data.garments.values():
        mask, image = garment.mask(), garment.image().astype(int)
        assert 0.10 < mask.mean() < 0.60, garment.id
        assert image[~dilate(mask, 2)].min() > 140, garment.id
        assert np.median(image[:8].min(axis=2)) > 235
        assert mask[4:-4, 4:-4].sum() == mask.sum(), garment.id


def test_in_shop_and_worn_have_the_same_cloth(data: Dataset) -> None:
    """The colours of a garment on its owner are nearer to its own in-shop photo than to nearly all others."""
    uppers = {name: garment for name, garment in data.garments.items() if garment.category == "upper"}
    for sample in data.samples("paired"):
        if sample.category != "upper":
            continue
        worn = sample.person.parse().mask("upper-clothes")
        distance = {
            name: garment_colour_difference(sample.person.image(), worn, garment.image(), garment.mask())
            for name, garment in uppers.items()
        }
        assert min(distance, key=lambda name: distance[name]) == sample.garment.id


def test_a_print_stays_on_the_cloth() -> None:
    """The emblem of the tee is found at the same trunk coordinates on somebody upright and on somebody leaning."""
    look, _, _ = PEOPLE["ada"]
    for stance in (Stance(), Stance(lean=6, shoulders=4, hips=-4, bow=0.03)):
        drawn = draw_person(look, stance, (GARMENTS["jeans"], GARMENTS["sun-tee"]))
        expected = Body(stance, look.man).at(0.0, 0.33)
        red = (drawn.image[..., 0] > 180) & (drawn.image[..., 1] < 110) & (drawn.labels == CIHP20.ids["upper-clothes"])
        rows, columns = np.nonzero(red)
        assert abs(columns.mean() - expected[0]) < 2.5
        assert abs(rows.mean() - expected[1]) < 4


def test_trunk_coordinates_and_pixels_are_inverse() -> None:
    body = Body(Stance(lean=5, shoulders=3, hips=-4, bow=0.02, nod=4))
    shape = filled(body.place(np.array([[-0.4, -0.2], [0.4, -0.2], [0.5, 2.0], [-0.5, 2.0]])))
    side, level = body.coordinates(shape)
    inside = shape.cover == 1
    rows, columns = np.nonzero(inside)
    back = body.place(np.stack([side[inside], level[inside]], 1))
    assert np.abs(back - np.stack([columns + shape.left, rows + shape.top], 1)).max() < 0.6


def test_shapes_cover_their_area() -> None:
    assert disc((100.3, 80.7), 20, 10).cover.sum() == pytest.approx(np.pi * 200, rel=0.02)
    square = filled(np.array([[50, 50], [90, 50], [90, 90], [50, 90]], float))
    assert square.cover.sum() == pytest.approx(1600, rel=0.02)
    line = np.stack([np.linspace(50, 110, 31), np.full(31, 50.0)], 1)
    round_end, flat = stroke(line, 6).cover.sum(), stroke(line, 6, flat_end=True).cover.sum()
    assert round_end == pytest.approx(60 * 12 + np.pi * 36, rel=0.03)
    assert flat == pytest.approx(60 * 12 + np.pi * 18, rel=0.03)


def test_a_curve_goes_through_its_points() -> None:
    knots = np.array([[0, 0], [10, 5], [20, -3], [30, 0]], float)
    line = curve(*knots)
    assert all(np.abs(line - knot).sum(axis=1).min() < 1e-9 for knot in knots)

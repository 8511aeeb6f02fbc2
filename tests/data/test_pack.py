"""Packing: what is seen stays where it is, worn garments end on white, truths become people, bad samples are one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fittingroom.core.errors import InputError
from fittingroom.core.images import encode_png, write_png
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.pack import _Shown, laid_flat, pack

SIZE = (128, 96)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack") / "small"
    pack([Dataset.open("drawn-mini")], folder, SIZE)
    return folder


def test_everybody_and_every_garment_is_there_at_the_size(packed: Path) -> None:
    before, after = Dataset.open("drawn-mini"), Dataset.open(packed)
    assert not after.issues
    assert len(after.pairs["paired"]) == len(before.pairs["paired"])
    for sample in after.samples("paired"):
        assert sample.person.image().shape == (*SIZE, 3)
        assert sample.garment.image().shape == (*SIZE, 3)
        assert sample.person.parse().size == SIZE
        assert sample.garment.category == before.garments[sample.garment.id.removeprefix("a-")].category
    assert after.people["a-" + next(iter(before.people))].pose().found.sum() > 10


def test_joints_and_labels_go_with_the_picture(packed: Path) -> None:
    before, after = Dataset.open("drawn-mini"), Dataset.open(packed)
    for name, person in before.people.items():
        small = after.people[f"a-{name}"]
        height = person.image().shape[0]
        factor = SIZE[0] / height
        found = person.pose().found & small.pose().found
        offset = small.pose().joints[found, 1] - ((person.pose().joints[found, 1] + 0.5) * factor - 0.5)
        assert np.abs(offset).max() < 0.02
        share = small.parse().mask("face").mean() / max(person.parse().mask("face").mean(), 1e-9)
        assert 0.7 < share < 1.4


def test_the_same_again_is_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    pack([Dataset.open("drawn-mini")], tmp_path / "again", SIZE)
    # the folder's name is in dataset.json
    wanted = sorted(p.relative_to(packed) for p in packed.rglob("*") if p.is_file() and p.name != "dataset.json")
    assert wanted == sorted(
        p.relative_to(tmp_path / "again")
        for p in (tmp_path / "again").rglob("*")
        if p.is_file() and p.name != "dataset.json"
    )
    assert all((packed / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in wanted)


def _worn(root: Path) -> Dataset:
    """Three people in the layout where garments are worn; the third wears nothing that is labelled."""
    source = Dataset.open("drawn-mini")
    pairs = [pair for pair in source.pairs["paired"] if source.garments[pair.garment].category == "upper"][:3]
    for folder in ("image", "keypoints", "parsing"):
        (root / folder).mkdir(parents=True)
    for number, pair in enumerate(pairs):
        person = source.people[pair.person]
        write_png(root / "image" / f"p{number}.png", person.image())
        (root / "keypoints" / f"p{number}_keypoints.json").write_bytes(person.files["pose"].read_bytes())
        labels = person.parse().labels.copy()
        if number == 2:
            labels[:] = np.where(labels == CIHP20.ids["upper-clothes"], 0, labels)
        (root / "parsing" / f"p{number}.png").write_bytes(encode_png(labels))
    return Dataset.open(root)


def test_worn_garments_lie_on_white_and_are_not_where_they_were(tmp_path: Path) -> None:
    done = pack([_worn(tmp_path / "worn")], tmp_path / "out", SIZE)
    made = Dataset.open(tmp_path / "out")
    uppers = [pair for pair in made.pairs["paired"] if made.garments[pair.garment].category == "upper"]
    assert {pair.person for pair in uppers} == {"a-p0-upper", "a-p1-upper"}
    assert any("hardly anything" in line for line in done.left_out)
    for pair in uppers:
        photo = made.garments[pair.garment].image()
        assert photo[[0, -1]].min() > 245
        assert photo[:, [0, -1]].min() > 245
        assert 0.1 < (photo.min(axis=-1) < 240).mean() < 0.9
        # an upper body fills the frame
        assert made.people[pair.person].parse().mask("upper-clothes").mean() > 0.08


def test_true_pictures_become_people(tmp_path: Path) -> None:
    source = Dataset.open("drawn-mini")
    (who, what), path = next(iter(source.truths.items()))
    root = tmp_path / "with-truth"
    from fittingroom.data.layouts import layout

    layout("viton-hd").write(source, root)
    (root / "truth-parse").mkdir()
    labels = source.people[who].parse().labels
    (root / "truth-parse" / f"{path.stem}.png").write_bytes(encode_png(labels))
    pack([Dataset.open(root)], tmp_path / "out", SIZE)
    made = Dataset.open(tmp_path / "out")
    new = f"a-{who}-in-{what}"
    assert [pair.garment for pair in made.pairs["paired"] if pair.person == new] == [f"a-{what}"]
    assert np.array_equal(made.people[new].pose().joints, made.people[f"a-{who}"].pose().joints)


@settings(max_examples=40, deadline=None)
@example(top=0, left=-20, tall=20, wide=20)
@given(top=st.integers(-30, 30), left=st.integers(-30, 30), tall=st.integers(20, 90), wide=st.integers(20, 90))
def test_a_window_shows_a_mark_where_its_joint_is(top: int, left: int, tall: int, wide: int) -> None:
    photo = np.zeros((60, 50, 3), np.uint8)
    labels = np.zeros((60, 50), np.uint8)
    photo[28:33, 22:27], labels[28:33, 22:27] = 255, 5
    joints = np.zeros((18, 3), np.float32)
    joints[0] = (24, 30, 0.9)
    shown = _Shown(photo, labels, Pose(joints)).window(top, left, tall, wide, (120, 120))
    assert shown.photo.shape == (120, 120, 3)
    inside = top + 2 <= 28 and top + tall >= 35 and left + 2 <= 22 and left + wide >= 29
    assert not inside or shown.pose.found[0]
    if inside:
        x, y = shown.pose.joints[0, :2]
        rows, columns = np.nonzero(shown.labels == 5)
        assert abs(rows.mean() - y) < 120 / tall
        assert abs(columns.mean() - x) < 120 / wide
        weight = shown.photo[..., 0].astype(float)
        assert abs((weight.sum(axis=1) @ np.arange(120)) / weight.sum() - y) < 120 / tall


def test_laid_flat_keeps_colour_and_centre() -> None:
    photo = np.full((100, 80, 3), 90, np.uint8)
    mask = np.zeros((100, 80), bool)
    mask[20:60, 10:40] = True
    photo[mask] = (200, 30, 60)
    flat = laid_flat(photo, mask, (128, 96), None)
    garment = flat.min(axis=-1) < 200
    rows, columns = np.nonzero(garment)
    assert abs(rows.mean() - 63.5) < 1
    assert abs(columns.mean() - 47.5) < 1
    assert np.abs(flat[64, 48].astype(int) - (200, 30, 60)).max() <= 1
    assert (flat[:4] == 255).all()


def test_what_cannot_be_packed_is_one_line(tmp_path: Path) -> None:
    data = Dataset.open("drawn-mini")
    with pytest.raises(InputError, match="32 pixels or more"):
        pack([data], tmp_path / "a", (8, 6))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "file").write_text("")
    with pytest.raises(InputError):
        pack([data], tmp_path / "b", SIZE)
    with pytest.raises(InputError, match="nothing to pack"):
        pack([data.only(limit=0)], tmp_path / "c", SIZE)

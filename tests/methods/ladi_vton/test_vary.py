"""Variations of training samples: photo, labels, mask, joints and garment stay together."""

from __future__ import annotations

import numpy as np
import pytest

from fittingroom.core.errors import InputError
from fittingroom.core.pose import JOINT, Pose
from fittingroom.data.dataset import Dataset
from fittingroom.methods.ladi_vton.recipe import TrainOptions, from_recipe
from fittingroom.methods.ladi_vton.training import LadiTask
from fittingroom.methods.ladi_vton.vary import Seen, varied

HEIGHT, WIDTH, GARMENT = 96, 72, 4


def drawn() -> Seen:
    """A red square garment on a grey photo with a joint in its middle and a left elbow at its left edge in the photo."""
    picture, labels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[40:60, 26:46] = GARMENT
    picture[labels == GARMENT] = (200, 40, 40)
    garment = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    garment[30:66, 20:50] = (200, 40, 40)
    joints = np.zeros((18, 3), np.float32)
    joints[JOINT["neck"]] = (36, 50, 1)
    joints[JOINT["left-elbow"]] = (26, 50, 1)
    joints[JOINT["nose"]] = (36, 0.5, 1)
    return Seen(picture, labels, Pose(joints), labels == GARMENT, garment)


def centre(where: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(where)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def test_everything_moves_together() -> None:
    mirrored, lost, dyed, sizes = set(), set(), set(), set()
    for number in range(40):
        seen = varied(drawn(), (GARMENT,), np.random.default_rng(number))
        on = seen.labels == GARMENT
        assert np.array_equal(on, seen.mask)
        assert np.abs(centre(on) - seen.pose.point("neck")).max() < 1.5
        elbow, other = seen.pose.has("left-elbow"), seen.pose.has("right-elbow")
        assert elbow != other, "a mirrored person's left elbow is a right one"
        joint = seen.pose.point("left-elbow" if elbow else "right-elbow")
        columns = np.nonzero(on)[1]
        assert abs(joint[0] - (columns.min() if elbow else columns.max() + 1)) < 1.5
        worn, alone = seen.picture[on].mean(axis=0), seen.garment[(seen.garment < 250).any(axis=-1)].mean(axis=0)
        assert np.abs(worn - np.median(seen.garment[(seen.garment < 250).any(axis=-1)], axis=0)).max() < 40
        assert alone.shape == (3,)
        assert (seen.garment[0] == 255).all(), "white around the garment"
        mirrored.add(bool(other))
        lost.add(seen.pose.has("nose"))
        dyed.add(tuple(np.abs(worn - (200, 40, 40)) > 30))
        sizes.add(int(on.sum()))
    assert mirrored == lost == {True, False}
    assert len(dyed) > 2
    assert min(sizes) >= 380
    assert max(sizes) > 550


def test_what_is_worn_stays_in_the_photo() -> None:
    seen = drawn()
    labels = np.full_like(seen.labels, GARMENT)
    whole = Seen(seen.picture, labels, seen.pose, labels > 0, seen.garment)
    for number in range(20):
        moved = varied(whole, (GARMENT,), np.random.default_rng(number))
        assert (moved.labels == GARMENT).all()


def test_a_training_sees_every_variation(dataset: Dataset) -> None:
    recipe = {"model": {"size": "tiny"}, "ladi-vton": {"start": "random", "adapter_steps": 0, "variations": 3}}
    recipe["ladi-vton"]["perceptual"] = "none"
    task = LadiTask(dataset.only(limit=2), *from_recipe(recipe))
    items = [task.item(1, seed) for seed in range(6)]
    assert [int(item["index"]) for item in items] == [3, 4, 5, 3, 4, 5]
    assert all((items[1][name] == items[4][name]).all() for name in items[1])
    assert not (items[0]["person"] == items[1]["person"]).all()
    plain = LadiTask(
        dataset.only(limit=2), *from_recipe({**recipe, "ladi-vton": {**recipe["ladi-vton"], "variations": 1}})
    )
    assert (plain.item(1, 2)["person"] == items[0]["person"]).all()


@pytest.mark.parametrize("more", [{"variations": 0}, {"variations": 2, "published": True}])
def test_variations_that_make_no_sense(more: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"ladi-vton\.variations is"):
        TrainOptions(**more)  # type: ignore[arg-type]

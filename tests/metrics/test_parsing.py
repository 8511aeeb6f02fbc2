"""Agreement of label maps against counting by hand; the average body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittingroom.annotate.parser.classes import GROUPS
from fittingroom.core.errors import InputError
from fittingroom.core.labels import CIHP20, LIP20, PARTS24
from fittingroom.core.pose import Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse, Person
from fittingroom.metrics.parsing import AverageBody, agreement, compare_parsers, confusion


def test_counts_and_values_are_those_of_counting():
    rng = np.random.default_rng(1)
    truth, found = (rng.integers(0, 4, (6, 9, 7)).astype(np.uint8) for _ in range(2))
    truth[0, 0], found[1, 3] = 255, 9  # left open
    counts = np.stack([confusion(a, b, 5) for a, b in zip(truth, found, strict=True)])
    known = (truth < 5) & (found < 5)
    assert counts.sum() == known.sum()
    result = agreement(counts, list("abcde"))
    for index in range(4):
        a, b = (truth == index) & known, (found == index) & known
        assert result.iou[index].value == pytest.approx((a & b).sum() / (a | b).sum())
        assert result.iou[index].low < result.iou[index].value < result.iou[index].high
    assert np.isnan(result.iou[4].value)  # nowhere
    assert result.shown == tuple("abcd")
    assert result.mean.value == pytest.approx(np.mean([each.value for each in result.iou[:4]]))
    assert result.accuracy == pytest.approx(((truth == found) & known).sum() / known.sum())


def test_a_class_that_is_found_where_there_is_none_does_not_enter_the_mean():
    truth, found = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    found[0] = 1
    result = agreement(confusion(truth, found, 2)[None], ("ground", "thing"))
    assert result.mean.value == result.iou[0].value == 0.75
    assert result.iou[1].value == 0


def test_equal_photos_have_no_spread_and_no_photos_no_value():
    one = confusion(np.eye(4, dtype=np.uint8), np.tri(4, dtype=np.uint8), 2)
    result = agreement(np.stack([one] * 5), ("a", "b"))
    assert result.mean.low == pytest.approx(result.mean.value) == pytest.approx(result.mean.high)
    with pytest.raises(InputError, match="no photos"):
        agreement(np.zeros((0, 2, 2), np.int64), ("a", "b"))
    with pytest.raises(InputError, match="cannot be compared"):
        confusion(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2)


def people(count: int = 3, labels_in=CIHP20) -> dict[str, Person]:
    joints = np.zeros((18, 3), np.float32)
    rng = np.random.default_rng(0)
    found = {}
    for index in range(count):
        joints[:, :2] = rng.uniform((30, 10), (50, 90), (18, 2))
        joints[:, 2] = 1
        labels = np.zeros((100, 80), np.uint8)
        labels[10:50, 30:50], labels[50:90, 30:50] = labels_in.ids["coat"], labels_in.ids["pants"]
        given = {
            "image": np.zeros((100, 80, 3), np.uint8),
            "pose": Pose(joints.copy()),
            "parse": Parse(labels, labels_in),
        }
        found[f"p{index}"] = Person(f"p{index}", label_set=labels_in.name, given=given)
    return found


def test_coat_for_upper_clothes_is_wrong_as_a_part_and_right_as_a_group():
    def swapped(person):
        labels = person.parse().labels
        return np.where(labels == CIHP20.ids["coat"], CIHP20.ids["upper-clothes"], labels).astype(np.uint8)

    (groups, parts), (same, _) = compare_parsers(people().values(), [swapped, lambda person: person.parse().labels])
    assert groups.shape == (3, len(GROUPS), len(GROUPS))
    assert agreement(groups, tuple(GROUPS)).mean.value == 1 == agreement(same, tuple(GROUPS)).mean.value
    assert agreement(parts, CIHP20.names).mean.value == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="one dataset at a time"):
        compare_parsers([*people(1).values(), *people(1, LIP20).values()], [swapped])
    with pytest.raises(InputError, match="nobody"):
        compare_parsers([], [swapped])


def test_the_average_body_is_the_commonest_label_at_each_place():
    data = Dataset("d", Path("x"), "none", people(1), {})
    average = AverageBody(data)
    person = data.people["p0"]
    assert (average(person) == person.parse().labels).mean() > 0.97  # of one person it is that person
    other = people(1, PARTS24)["p0"]
    assert (average(other) == other.parse().labels).mean() > 0.97  # whose labels have other numbers
    with pytest.raises(InputError, match="nobody"):
        AverageBody(Dataset("d", Path("x"), "none", {}, {}))

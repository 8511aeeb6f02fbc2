"""From maps back to people: exact on the maps that training aims at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fittingroom.annotate.pose.choose import prominence
from fittingroom.annotate.pose.limbs import Matching, all_pairs, along
from fittingroom.annotate.pose.maps import cubic_rows, ideal_fields, ideal_heat, resample, to_cells, to_pixels
from fittingroom.annotate.pose.peaks import find_peaks
from fittingroom.annotate.pose.people import Person, Thresholds, decode
from fittingroom.annotate.pose.prepare import Frame
from fittingroom.annotate.pose.skeletons import BODY25, COCO18, Skeleton
from fittingroom.core.pose import JOINTS, read_pose

GRID = (46, 82)
BODIES = pytest.mark.parametrize("skeleton", [COCO18, BODY25], ids=lambda body: body.name)


def found_again(people: list[Person], groups: npt.NDArray[np.floating], within: float = 0.5) -> int:
    """How many of the groups somebody matches: the same joints, none farther than ``within`` cells; nobody counts twice."""
    left = list(people)
    count = 0
    for group in groups:
        seen = group[:, 2] > 0
        for person in left:
            same = ((person.joints[:, 2] > 0) == seen).all()
            if same and np.linalg.norm(person.joints[seen, :2] - group[seen, :2], axis=1).max() < within:
                left.remove(person)
                count += 1
                break
    return count


def maps(people: npt.NDArray[np.floating], skeleton: Skeleton, grid: tuple[int, int] = GRID) -> tuple:
    return ideal_heat(people, grid), ideal_fields(people, grid, skeleton)


@BODIES
def test_everybody_of_a_hundred_scenes_is_put_together_right(skeleton: Skeleton, scene: Callable) -> None:
    hidden = crossings = 0
    for seed in range(100):
        made = scene(seed, skeleton)
        people = decode(*maps(made.people, skeleton), skeleton)
        assert len(people) == len(made.groups), seed
        assert found_again(people, made.groups) == len(made.groups), seed
        hidden, crossings = hidden + made.hidden, crossings + made.crossings
    assert hidden > 1500  # the scenes are not easy
    assert crossings > 500


@BODIES
def test_scenes_that_nothing_was_tuned_on(skeleton: Skeleton, scene: Callable) -> None:
    """Two limbs of a kind upon each other cannot always be told apart; nearly everybody must be right, and more than greedily."""
    right: dict[str, int] = {}
    for matching in ("optimal", "greedy"):
        parts = total = 0
        for seed in range(2000, 2050):
            made = scene(seed, skeleton)
            people = decode(*maps(made.people, skeleton), skeleton, Thresholds(matching=matching))
            parts, total = parts + found_again(people, made.groups), total + len(made.groups)
        right[matching] = parts
    assert right["optimal"] >= 0.99 * total
    assert right["greedy"] < right["optimal"]


@pytest.mark.photos
def test_the_given_joints_of_all_real_photos_come_back(photos: Path) -> None:
    files = sorted((photos / "upt25" / "keypoints").glob("*.json"))
    assert len(files) == 25
    joints = 0
    for file in files:
        pose = read_pose(file)
        frame = Frame((512, 320), (368, 230))
        given = pose.joints.astype(np.float64)
        given[:, 0], given[:, 1] = frame.cells(given[:, 0], 1), frame.cells(given[:, 1], 0)
        given[~pose.found] = 0
        people = decode(*maps(given[None], COCO18, frame.grid), COCO18)
        assert len(people) == 1, file.name
        seen = people[0].joints[:, 2] > 0
        np.testing.assert_array_equal(seen, pose.found, err_msg=file.name)
        away = np.linalg.norm((people[0].joints - given)[seen, :2], axis=1)
        assert away.max() < 0.01, file.name  # a twelfth of a pixel of the photo
        joints += int(seen.sum())
    assert joints == sum(int(read_pose(file).found.sum()) for file in files) > 400


@BODIES
def test_a_little_noise_does_not_matter(skeleton: Skeleton, scene: Callable) -> None:
    random = np.random.default_rng(7)
    parts = total = 0
    for seed in range(20):
        made = scene(seed, skeleton)
        heat, fields = maps(made.people, skeleton)
        heat = (heat + random.normal(0, 0.015, heat.shape)).astype(np.float32)
        fields = (fields + random.normal(0, 0.05, fields.shape)).astype(np.float32)
        parts += found_again(decode(heat, fields, skeleton), made.groups)
        total += len(made.groups)
    assert parts >= 0.93 * total


@pytest.mark.parametrize("place", [(0.0, 0.0), (-0.4, 7.3), (12.5, 9.5), (28.4, 19.45), (3.25, -0.49), (14.0, 19.0)])
def test_a_peak_is_where_its_gaussian_is(place: tuple[float, float]) -> None:
    heat = ideal_heat(np.array([[[*place, 1.0]]]), (20, 29))[:1]
    peaks = find_peaks(heat)
    assert len(peaks) == 1
    np.testing.assert_allclose(peaks.position[0], place, atol=1e-3)
    assert peaks.score[0] == pytest.approx(1, abs=1e-3)


def test_peaks_of_ties_edges_and_bad_numbers() -> None:
    heat = np.zeros((3, 5, 6), np.float32)
    heat[0, 2, 2:4] = 0.8  # two equal neighbours: one peak
    heat[1, 0, 0], heat[1, 4, 5], heat[1, 2, 2] = 0.9, 0.5, 0.09
    heat[2, 1, 1] = np.nan
    heat[2, 3, 3] = np.inf
    peaks = find_peaks(heat)
    assert peaks.joint.tolist() == [0, 1, 1, 2]
    assert peaks.first.tolist() == [0, 1, 3, 4]
    assert peaks.score[1] > peaks.score[2]
    assert np.isfinite(peaks.position).all()
    assert len(find_peaks(heat, most=1)) == 3
    assert len(find_peaks(np.full((2, 1, 1), 0.5, np.float32))) == 2
    assert len(find_peaks(np.zeros((18, 4, 4), np.float32))) == 0


def test_all_pairs_of_candidates_at_once() -> None:
    heat = np.zeros((18, 9, 30), np.float32)
    for joint, count in ((1, 3), (2, 2), (8, 4)):
        heat[joint, 4, 2 : 2 + 3 * count : 3] = 0.9
    peaks = find_peaks(heat)
    limb, start, end = all_pairs(peaks, COCO18)
    expected = [
        (index, a, b)
        for index, (first, second) in enumerate(COCO18.limbs)
        for a in np.flatnonzero(peaks.joint == first)
        for b in np.flatnonzero(peaks.joint == second)
    ]
    assert list(zip(limb.tolist(), start.tolist(), end.tolist(), strict=True)) == expected
    assert len(expected) == 3 * 2 + 3 * 4


def test_a_line_integral_is_that_of_its_formula() -> None:
    random = np.random.default_rng(3)
    fields = random.normal(size=(4, 7, 9)).astype(np.float32)
    start, end = np.array([[0.3, 5.5], [8.0, 6.0]], np.float32), np.array([[7.9, 0.2], [8.0, 6.0]], np.float32)
    values = along(fields, np.array([2, 0]), start, end, 5)
    unit = (end[0] - start[0]) / np.linalg.norm(end[0] - start[0])
    for step in range(5):
        x, y = start[0] + (end[0] - start[0]) * (step + 1) / 6
        left, top = int(x), int(y)
        square = fields[2:4, top : top + 2, left : left + 2]
        weights = np.outer([top + 1 - y, y - top], [left + 1 - x, x - left])
        assert values[0, step] == pytest.approx(float(unit @ (square * weights).sum(axis=(1, 2))), abs=1e-5)
    assert (values[1] == 0).all()  # a segment without length has no direction


def test_a_hidden_neck_does_not_part_head_and_arms(scene: Callable) -> None:
    made = scene(5, COCO18)
    person = np.array(max(made.people, key=lambda one: (one[:, 2] > 0).sum()))
    person[:, 2] = 1
    person[:, 0] += 40 - person[1, 0]
    person[1] = 0
    people = decode(*maps(person[None], COCO18), COCO18)
    whole = max(people, key=lambda one: (one.joints[:, 2] > 0).sum())
    names = {JOINTS[index] for index in np.flatnonzero(whole.joints[:, 2] > 0)}
    assert {"nose", "right-shoulder", "left-shoulder", "right-wrist", "left-wrist"} <= names  # by the ears


def test_redundant_limbs_never_give_somebody_a_second_nose(scene: Callable) -> None:
    """Every ear-to-shoulder field points at somebody else: people stay as they are."""
    made = scene(11, COCO18)
    heat, fields = maps(made.people, COCO18)
    mixed = made.people.copy()
    mixed[:, [16, 17]] = np.roll(mixed[:, [16, 17]], 1, axis=0)
    wrong = ideal_fields(mixed, GRID, COCO18)
    for limb in (17, 18):
        channel = COCO18.fields[limb]
        fields[channel : channel + 2] = wrong[channel : channel + 2]
    people = decode(heat, fields, COCO18)
    assert found_again(people, made.groups) >= len(made.groups) - 1


@pytest.mark.parametrize("matching", ["optimal", "greedy"])
def test_decoding_is_the_same_every_time(matching: Matching, scene: Callable) -> None:
    made = scene(4, BODY25)
    first, second = (decode(*maps(made.people, BODY25), BODY25, Thresholds(matching=matching)) for _ in range(2))
    assert [person.joints.tobytes() for person in first] == [person.joints.tobytes() for person in second]
    assert all(person.pose.joints.shape == (18, 3) and 0 < person.score <= 1 for person in first)


def test_the_largest_and_most_central_comes_first(scene: Callable) -> None:
    for seed in range(10):
        people = decode(*maps(scene(seed, COCO18).people, COCO18), COCO18)
        ranks = [prominence(person.joints, GRID) for person in people]
        assert ranks == sorted(ranks, reverse=True)
    square = np.array([[10, 10, 1], [30, 30, 1]], np.float32)
    at_the_edge = square + np.array([50, 0, 0], np.float32)
    assert prominence(square + np.array([20, 0, 0], np.float32), (40, 82)) > prominence(at_the_edge, (40, 82))
    larger = np.array([[5, 2, 1], [45, 38, 1]], np.float32)
    centred = np.array([[36, 15, 1], [46, 25, 1]], np.float32)
    assert prominence(larger, (40, 82)) > prominence(centred, (40, 82))


def test_nothing_in_the_maps_is_nobody() -> None:
    assert decode(np.zeros((19, 5, 5), np.float32), np.zeros((38, 5, 5), np.float32), COCO18) == []
    alone = ideal_heat(np.array([[[3.0, 3.0, 1.0]] * 18]), (7, 7))
    assert decode(alone, np.zeros((38, 7, 7), np.float32), COCO18) == []
    broken = np.full((38, 7, 7), np.nan, np.float32)
    assert decode(alone, broken, COCO18) == decode(broken[:19], broken, COCO18) == []
    with pytest.raises(ValueError, match="not those of body-25"):
        decode(alone, np.zeros((38, 7, 7), np.float32), BODY25)


def test_maps_of_a_network_that_knows_nothing_are_decoded_all_the_same() -> None:
    """A hundred candidates for each joint: the limit holds, and time and memory stay within bounds."""
    random = np.random.default_rng(0)
    heat, fields = (random.normal(0.2, 0.3, (count, 46, 82)).astype(np.float32) for count in (19, 38))
    assert np.diff(find_peaks(heat[:18]).first).tolist() == [100] * 18
    for person in decode(heat, fields, COCO18):
        assert (person.joints[:, 2] > 0).sum() >= 4


def test_resampling_reads_between_the_cells() -> None:
    rows = np.arange(12, dtype=np.float64)
    np.testing.assert_allclose(cubic_rows(12, rows), np.eye(12), atol=1e-6)
    np.testing.assert_allclose(cubic_rows(12, np.array([3.3, 5.5])).sum(axis=1), 1, atol=1e-6)
    heat = ideal_heat(np.array([[[5.2, 6.4, 1.0]]]), (12, 14), sigma=2.0)[:1]
    moved = resample(heat, rows + 0.4, np.arange(14) - 0.3)
    np.testing.assert_allclose(find_peaks(moved).position[0], [5.5, 6.0], atol=0.03)
    np.testing.assert_allclose(to_pixels(to_cells(np.array([0.0, 3.5, 100.0]), 8), 8), [0, 3.5, 100], atol=1e-4)
    assert to_cells(np.array([3.5]), 8)[0] == 0


def test_the_skeletons_are_sound() -> None:
    for skeleton in (COCO18, BODY25):
        assert sorted(skeleton.fields) == list(range(0, 2 * len(skeleton.limbs), 2))
        assert len(skeleton.tree) == len(skeleton.joints) - 1
        spare = {skeleton.limbs[index] for index in range(len(skeleton.limbs)) if index not in skeleton.tree}
        names = {(skeleton.joints[a], skeleton.joints[b]) for a, b in spare}
        assert names == {("right-shoulder", "right-ear"), ("left-shoulder", "left-ear")}
        assert [skeleton.mirrored[index] for index in skeleton.mirrored] == list(range(len(skeleton.joints)))
    assert (len(COCO18.limbs), len(BODY25.limbs)) == (19, 26)

"""How well a human parser's labels agree with given ones: intersection over union of each class, over all pixels of a set.

The counts of all photos are summed before they are divided, as usual in this field (Everingham et al., The PASCAL Visual Object
Classes Challenge, IJCV 2010, section 4.3); intervals come from a bootstrap over photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..annotate.parser.classes import GROUPS, IGNORED, group_table
from ..annotate.parser.inputs import Matrix, person_box, to_box, warp
from ..core.errors import InputError
from ..core.images import Size, UInt8
from ..core.labels import LabelSet, convert
from ..core.pose import Pose
from ..data.dataset import Dataset
from ..data.sample import Person
from .stats import RESAMPLES, Interval, percentile_interval, resample_indices

Counts: TypeAlias = npt.NDArray[np.int64]
#: labels of a person's photo, ``(H, W)`` uint8
Parser: TypeAlias = Callable[[Person], UInt8]
#: (height, width) in which the average body is kept
_AVERAGE: Size = (128, 96)


@dataclass(frozen=True)
class Agreement:
    """How well labels agree.

    Args:
        names: of the classes.
        iou: of each class, NaN with NaN limits where neither side has it.
        mean: over the classes that the given labels show.
        photos: how many.
        shown: classes that the given labels show.
        accuracy: share of pixels with the right class.
    """

    names: tuple[str, ...]
    iou: tuple[Interval, ...]
    mean: Interval
    photos: int
    shown: tuple[str, ...]
    accuracy: float


def confusion(truth: UInt8, found: UInt8, classes: int) -> Counts:
    """``(classes, classes)`` pixels by given and by found class; what either leaves open does not count.

    Args:
        truth: ``(H, W)`` uint8, ids from ``classes`` on are open.
        found: likewise.
        classes: how many.

    Raises:
        InputError: maps of different sizes.
    """
    if truth.shape != found.shape:
        raise InputError(f"label maps of {truth.shape[::-1]} and {found.shape[::-1]} pixels cannot be compared")
    known = (truth < classes) & (found < classes)
    index = truth[known].astype(np.int64) * classes + found[known]
    return np.bincount(index, minlength=classes * classes).reshape(classes, classes)


def _iou(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``(..., C, C)`` -> ``(..., C)``; NaN where a class is nowhere."""
    both = np.diagonal(counts, axis1=-2, axis2=-1)
    either = counts.sum(axis=-1) + counts.sum(axis=-2) - both
    return np.divide(both, either, out=np.full(both.shape, np.nan), where=either > 0)


def agreement(counts: Counts, names: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES) -> Agreement:
    """Intersection over union with 95 % percentile intervals.

    Args:
        counts: ``(N, C, C)``, one of :func:`confusion` for each photo.
        names: of the C classes.
        seed: of the bootstrap.
        resamples: of the photos.

    Raises:
        InputError: no photos, or no known pixel in them.
    """
    if not len(counts) or not counts.sum():
        raise InputError("no photos with labels to compare")
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    times = np.stack([np.bincount(row, minlength=len(flat)) for row in resample_indices(len(flat), resamples, seed)])
    whole, drawn = flat.sum(axis=0).reshape(counts.shape[1:]), (times @ flat).reshape(-1, *counts.shape[1:])
    value, replicates = _iou(whole), _iou(drawn)
    shown = whole.sum(axis=1) > 0
    means = np.nanmean(replicates[:, shown], axis=1)  # a resample may lack a rare class
    return Agreement(
        tuple(names),
        tuple(percentile_interval(float(v), replicates[:, index]) for index, v in enumerate(value)),
        percentile_interval(float(value[shown].mean()), means),
        len(counts),
        tuple(name for name, there in zip(names, shown, strict=True) if there),
        float(np.trace(whole) / whole.sum()),
    )


def compare_parsers(people: Iterable[Person], parsers: Sequence[Parser]) -> list[tuple[Counts, Counts]]:
    """Counts of several parsers in one pass over photos with a given parse.

    Args:
        people: with a parse.
        parsers: each gives labels in the parse's own label set.

    Returns:
        For each parser ``(N, 8, 8)`` by the groups of :data:`GROUPS`, and ``(N, L, L)`` by the label set's ids.

    Raises:
        InputError: different label sets, or no people.
    """
    groups: list[list[Counts]] = [[] for _ in parsers]
    parts: list[list[Counts]] = [[] for _ in parsers]
    labels_in: LabelSet | None = None
    for each in people:
        person = each.fresh()
        truth = person.parse()
        if labels_in is not None and labels_in.name != truth.labels_in.name:
            raise InputError("parses of different label sets", mend="compare one dataset at a time")
        labels_in = truth.labels_in
        table = group_table(labels_in)
        for index, parser in enumerate(parsers):
            found = parser(person)
            groups[index].append(confusion(table[truth.labels], table[found], len(GROUPS)))
            parts[index].append(confusion(truth.labels, found, len(labels_in)))
    if labels_in is None:
        raise InputError("nobody to compare parses of")
    return [(np.stack(a), np.stack(b)) for a, b in zip(groups, parts, strict=True)]


class AverageBody:
    """The parser that does not look: every person gets the commonest label at each place of the box around the pose.

    Args:
        data: people with pose and parse, whose labels are counted.
    """

    def __init__(self, data: Dataset) -> None:
        votes: npt.NDArray[np.int32] | None = None
        for each in data.people.values():
            person = each.fresh()
            parse = person.parse()
            if votes is None:
                self._labels_in = parse.labels_in.name
                votes = np.zeros((len(parse.labels_in), *_AVERAGE), np.int32)
            matrix = self._matrix(person.pose(), parse.size)
            moved = warp(parse.labels, matrix, _AVERAGE, IGNORED, nearest=True)
            for index in range(len(votes)):
                votes[index] += moved == index
        if votes is None:
            raise InputError("nobody in it to take the average of", path=data.root)
        self._labels = votes.argmax(axis=0).astype(np.uint8)

    @staticmethod
    def _matrix(pose: Pose, size: Size) -> Matrix:
        return to_box(person_box(pose, size, _AVERAGE[1] / _AVERAGE[0]), _AVERAGE)

    def __call__(self, person: Person) -> UInt8:
        """Labels of a person's photo, in the person's label set."""
        size = (person.image().shape[0], person.image().shape[1])
        linear = np.vstack([self._matrix(person.pose(), size), [0, 0, 1]])
        labels = warp(self._labels, np.linalg.inv(linear)[:2], size, 0, nearest=True)
        return convert(labels, self._labels_in, person.label_set)

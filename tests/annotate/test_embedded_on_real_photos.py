"""The package's own parser on real photos that it was not trained on: what its card says is what it does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from fittingroom.annotate.parser.annotator import WEIGHTS, EmbeddedParse
from fittingroom.annotate.parser.classes import GROUPS
from fittingroom.core.images import UInt8, read_labels
from fittingroom.core.labels import PARTS24, convert
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse, Person
from fittingroom.metrics.parsing import Agreement, agreement, compare_parsers
from fittingroom.weights.embedded import CARD, ROOT

pytestmark = pytest.mark.photos


def measured(people: list[Person]) -> Agreement:
    embedded = EmbeddedParse()

    def found(person: Person) -> UInt8:
        labels = embedded.parts(person.image(), {"pose": person.pose()}).labels
        return convert(labels, "parts24", person.label_set)

    return agreement(compare_parsers(people, [found])[0][0], tuple(GROUPS), resamples=100)


def with_bags(root: Path, person: Person) -> Person:
    """As ``scripts/parser.py bags`` does: the set's own labels know the bags that its labels of CIHP-20 leave out."""
    labels, own = person.parse().labels, read_labels(root / "parsing59" / f"{person.id}.png")
    parts = np.where(
        np.isin(own, (1, 2, 33, 56)) & (labels == 0), PARTS24.ids["bag"], convert(labels, "cihp20", "parts24")
    )
    given = {"image": person.image(), "pose": person.pose(), "parse": Parse(parts.astype(np.uint8), PARTS24)}
    return Person(person.id, label_set="parts24", given=given)


def test_fashion_photos_as_the_card_says(photos: Path) -> None:
    people = list(Dataset.open(photos / "upt25").people.values())
    card = (ROOT / WEIGHTS / CARD).read_text(encoding="utf-8")
    said = re.search(r"- upt25, parser, groups: mIoU ([\d.]+)", card)
    assert said is not None
    here = measured(people).mean.value
    assert here == pytest.approx(float(said[1]), abs=0.005)  # sums in another order
    assert here >= 0.70


def test_street_photos(photos: Path) -> None:
    found = measured(
        [with_bags(photos / "ccp", each) for each in Dataset.named(f"{photos / 'ccp'}#val").people.values()][::4]
    )
    iou = dict(zip(found.names, (each.value for each in found.iou), strict=True))
    assert found.mean.value > 0.60
    assert min(iou[name] for name in ("hair", "skin", "upper", "lower", "shoes")) > 0.6
    assert iou["background"] > 0.96

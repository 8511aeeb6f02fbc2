"""``studio-mini``: complete, consistent, small, and true pictures for its unpaired pairs."""

from __future__ import annotations

import numpy as np
import pytest

from fittingroom.core.files import read_json, sha256_file, sha256_json
from fittingroom.core.images import read_image, read_labels
from fittingroom.data.check import check
from fittingroom.data.dataset import Dataset
from fittingroom.data.embedded import FOLDER, RENDERED, embedded, embedded_name
from fittingroom.data.regions import edit_region
from fittingroom.data.sample import Parse
from fittingroom.methods.registry import card, method_names


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset.open(RENDERED)


def test_it_is_small_and_as_it_was_made() -> None:
    files = sorted(
        path for path in FOLDER.rglob("*") if path.is_file() and path.name not in ("dataset.json", "DATA_CARD.md")
    )
    assert sum(path.stat().st_size for path in files) < 12e6
    hashes = {path.relative_to(FOLDER).as_posix(): sha256_file(path) for path in files}
    assert read_json(FOLDER / "dataset.json")["files_sha256"] == sha256_json(hashes)


def test_every_method_finds_what_it_needs(data: Dataset) -> None:
    cards = [card(name) for name in method_names()]
    found = check(
        data, needs={c.name: c.needs for c in cards}, categories={c.name: c.categories for c in cards}, deep=True
    )
    assert not found.errors, found.text()
    assert len(data.people) >= 20
    assert {garment.category for garment in data.garments.values()} == {"upper", "lower", "dress"}
    unpaired = [row for row in found.usability if row.setting == "unpaired"]
    assert {row.method for row in unpaired} == set(method_names())
    assert all(row.usable >= 0.9 * row.total > 0 for row in unpaired)


def test_every_unpaired_pair_has_a_true_picture_that_differs_in_the_garment_only(data: Dataset) -> None:
    samples = list(data.samples("unpaired"))
    assert len(samples) >= 20
    for sample in samples:
        assert sample.truth_file is not None
        truth, photo = read_image(sample.truth_file), sample.person.image()
        assert truth.shape == photo.shape
        after = read_labels(FOLDER / "truth-parse" / f"{sample.id}.png")
        before = sample.person.parse()
        region = edit_region(before, sample.person.pose(), sample.category)
        region |= edit_region(Parse(after, before.labels_in), sample.person.pose(), sample.category)
        away = np.abs(truth.astype(int) - photo.astype(int)).mean(axis=-1)
        assert away[~region].mean() < 3, sample.id
        assert (after != before.labels)[~region].mean() < 0.01, sample.id


def test_names_of_embedded_datasets(data: Dataset) -> None:
    assert embedded("nothing") is None
    assert embedded_name(data.root) == RENDERED
    assert embedded_name(FOLDER.parent) is None
    assert data.people[next(iter(data.people))].caption is not None

"""A tiny model on the disk, and samples of every category."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Sample
from fittingroom.methods.ladi_vton.tiny import write


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny model with random weights."""
    return write(tmp_path_factory.mktemp("tiny-ladi") / "weights")


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return Dataset.open("drawn-mini")


@pytest.fixture(scope="session")
def samples(dataset: Dataset) -> Mapping[str, Sample]:
    """A sample of each category."""
    found: dict[str, Sample] = {}
    for sample in dataset.samples("unpaired"):
        found.setdefault(sample.category, sample)
    assert set(found) == {"upper", "lower", "dress"}
    return found

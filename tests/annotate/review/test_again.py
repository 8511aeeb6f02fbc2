"""A correction makes again what depends on it, and nothing else; elsewhere the queue says what is out of date."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittingroom.annotate.review import pixels
from fittingroom.annotate.review.again import rederiver
from fittingroom.annotate.review.joints import Joints, decode_joints, encode_joints
from fittingroom.annotate.review.queue import Queue
from fittingroom.annotate.review.store import Store
from fittingroom.annotate.runner import annotate
from fittingroom.core.errors import MissingError
from fittingroom.core.files import sha256_file
from fittingroom.core.labels import CIHP20
from fittingroom.data.dataset import Dataset


@pytest.fixture
def annotated(photos_folder: Path, plan: Any, tmp_path: Path) -> Path:
    annotate(photos_folder, tmp_path / "data", plan)
    return tmp_path / "data"


def hashes(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): sha256_file(path)
        for path in root.rglob("*")
        if path.is_file() and ".annotate" not in path.parts and path.name != "dataset.json"
    }


def painted(store: Store, item: str, change: Any) -> list[str]:
    data, opened = store.open(item, "parse")
    assert data is not None
    labels = pixels.decode_labels(data)
    change(labels)
    return store.save(item, "parse", pixels.encode_labels(labels, CIHP20, data), opened=opened, who="Anna")[1]


def block(labels: np.ndarray) -> None:
    height, width = labels.shape
    labels[height // 8 : height // 4, : width // 6] = CIHP20.ids["upper-clothes"]


def test_a_parse_makes_its_masks_again_and_nothing_else(annotated: Path) -> None:
    dataset = Dataset.open(annotated)
    store = Store(dataset, rederiver(dataset))
    before = hashes(annotated)
    assert "agnostic-mask" in painted(store, "p1", block)
    after = hashes(annotated)
    changed = {name for name in before if before[name] != after.get(name)} | (set(after) - set(before))
    assert any(name.startswith("agnostic-mask/p1") for name in changed)
    assert any(name.startswith("image-parse-v3/p1") for name in changed)
    assert all("p1" in Path(name).stem or name == "captions.json" for name in changed), changed
    assert not any(name.startswith(("openpose_json/", "image/")) for name in changed)
    assert Queue(store).entry("person", "p1").findings == () or all(
        found.reason != "stale" for found in Queue(store).entry("person", "p1").findings
    )


def test_a_mask_that_was_corrected_itself_stays(annotated: Path) -> None:
    dataset = Dataset.open(annotated)
    store = Store(dataset, rederiver(dataset))
    data, opened = store.open("p1", "agnostic-mask")
    assert data is not None
    mask = pixels.decode_mask(data)
    mine = pixels.encode_mask(~mask, data, Path("m.png"))
    store.save("p1", "agnostic-mask", mine, opened=opened, who="Anna")
    assert "agnostic-mask" not in painted(store, "p1", block)
    assert store.open("p1", "agnostic-mask")[0] == mine


def test_what_cannot_be_made_again_does_not_hide_that_it_is_saved(annotated: Path) -> None:
    def failing(item: str, condition: str) -> list[str]:
        raise MissingError("no weights", mend="fetch them")

    store = Store(Dataset.open(annotated), failing)
    assert painted(store, "p1", block) == ["no weights — fetch them"]
    assert store.history("p1")[-1].condition == "parse"


def test_elsewhere_the_queue_says_what_is_out_of_date(tmp_path: Path) -> None:
    root = Path(shutil.copytree(Dataset.open("drawn-mini").root, tmp_path / "mini"))
    for path in (root / "agnostic-mask").iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    dataset = Dataset.open(root)
    assert rederiver(dataset) is None
    store = Store(dataset)
    queue = Queue(store)
    assert queue.entry("person", "ada").findings == ()
    data, opened = store.open("ada", "pose")
    assert data is not None
    rows = decode_joints(data).rows()
    rows[4][0] += 1
    store.save("ada", "pose", encode_joints(Joints.make(rows), data), opened=opened, who="Anna")
    (found,) = queue.entry("person", "ada").findings
    assert (found.condition, found.reason, found.value) == ("agnostic-mask", "stale", "pose")
    assert queue.entry("person", "ben").findings == ()

"""Making again, after a correction, what depends on it: in datasets that ``fittingroom annotate`` wrote."""

from __future__ import annotations

import threading
from pathlib import Path

from ...data.dataset import Dataset
from ..records import ITEMS
from .documents import conditions_of, digest, document
from .store import Rederive


def rederiver(dataset: Dataset) -> Rederive | None:
    """What a :class:`~.store.Store` calls after a save; None for a dataset that was annotated elsewhere.

    How its masks were made is not known there, so nothing is made again: the queue says that they are out of date.
    """
    root, one_at_a_time = Path(dataset.root), threading.Lock()
    if not (root / ITEMS).is_dir():
        return None

    def again(item: str, condition: str) -> list[str]:
        from ..runner import rederive  # annotators are loaded only when something was corrected

        if condition in ("state", "pairs"):
            return []
        names = conditions_of(dataset, "person" if item in dataset.people else "garment")
        before = {name: digest(document(dataset, item, name).read()) for name in names}
        with one_at_a_time:
            rederive(root, [item])
        return [
            name for name in names if name != condition and digest(document(dataset, item, name).read()) != before[name]
        ]

    return again

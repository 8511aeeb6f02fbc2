"""A dataset's card: what is in it, where it comes from, who agreed to what, and how good its annotations are."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import FittingroomError
from ..core.images import image_size
from .dataset import Dataset
from .summary import summary

#: what the runner of annotations leaves beside the data
QUALITY, FAILURES = Path(".annotate/quality.csv"), Path(".annotate/failures.csv")
_ABOUT = ("provenance", "licence", "consent")
_UNSAID = "not said"


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows), ""]


def sizes(dataset: Dataset) -> tuple[list[tuple[int, int]], int]:
    """(height, width) of every photo by its header, and how many could not be read."""
    found, broken = [], 0
    files = {
        photo.files["image"]
        for photo in (*dataset.people.values(), *dataset.garments.values())
        if "image" in photo.files
    }
    for path in sorted(files):
        try:
            found.append(image_size(path))
        except FittingroomError:
            broken += 1
    return found, broken


def quality(root: Path) -> list[tuple[str, int, float, float, float]]:
    """(condition, number, worst, tenth percentile, median) of the scores of annotations."""
    scores: dict[str, list[float]] = {}
    for row in _rows(root / QUALITY):
        try:
            scores.setdefault(row["condition"], []).append(float(row["score"]))
        except (KeyError, ValueError, TypeError):
            continue
    return [
        (name, len(values), min(values), float(np.percentile(values, 10)), float(np.median(values)))
        for name, values in sorted(scores.items())
    ]


def _said(dataset: Dataset, key: str) -> list[tuple[str, int]]:
    """What is said of photos one by one, or else of the whole, and of how many."""
    photos = dataset.info.get("photos")
    whole = str(dataset.info.get(key) or _UNSAID)
    if not isinstance(photos, Mapping):
        return [(whole, len(dataset.people) + sum(not garment.worn for garment in dataset.garments.values()))]
    counted: Counter[str] = Counter()
    for entries in photos.values():
        for entry in entries.values() if isinstance(entries, Mapping) else ():
            counted[str(entry.get(key) or whole) if isinstance(entry, Mapping) else whole] += 1
    return counted.most_common()


def card(dataset: Dataset) -> str:
    """The card as Markdown; the same dataset always gives the same text. Reads headers of photos only."""
    lines = [f"# {dataset.name}", "", "```", *summary(dataset).splitlines()[1:], "```", "", "## Origin and consent", ""]
    lines += _table(
        ("of", "said", "photos"), [(key, text, count) for key in _ABOUT for text, count in _said(dataset, key)]
    )
    if dataset.info.get("who"):
        lines += [f"Annotated by {dataset.info['who']}.", ""]
    lines += [str(dataset.info["metadata"]) + ".", ""] if dataset.info.get("metadata") else []
    lines += [f"Faces: {dataset.info['faces']}.", ""] if dataset.info.get("faces") else []
    found, broken = sizes(dataset)
    if found:
        heights, widths = np.array(found).T
        lines += ["## Photos", ""]
        lines += _table(
            ("", "smallest", "median", "largest"),
            [
                (name, int(values.min()), int(np.median(values)), int(values.max()))
                for name, values in (("height", heights), ("width", widths))
            ],
        )
    lines += [f"{broken} photos cannot be read.", ""] if broken else []
    annotators = dataset.info.get("annotators")
    if isinstance(annotators, Mapping) and annotators:
        lines += ["## Annotators", ""]
        entries = [(name, entry) for name, entry in sorted(annotators.items()) if isinstance(entry, Mapping)]
        lines += _table(
            ("condition", "annotator", "licence"),
            [(name, entry.get("name"), entry.get("licence")) for name, entry in entries],
        )
    if scores := quality(dataset.root):
        lines += ["## Quality, as the annotators themselves judge it", ""]
        lines += _table(
            ("condition", "photos", "worst", "10th percentile", "median"),
            [(name, count, *(f"{value:.2f}" for value in values)) for name, count, *values in scores],
        )
    if failures := _rows(dataset.root / FAILURES):
        reasons = Counter((row.get("stage", ""), row.get("reason", "")) for row in failures)
        lines += ["## Not annotated", ""]
        lines += _table(("stage", "reason", "photos"), [(*why, count) for why, count in reasons.most_common()])
    return "\n".join(lines).rstrip() + "\n"

"""The files of a dataset that speak of all photos, made anew from the records: they are the same whoever made which photo."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.files import read_object, sha256_json, write_bytes, write_json
from ..data.pairs import garment_id, write_pairs
from ..data.sample import CATEGORIES, Category
from .conditions import CONDITIONS, LABEL_SET
from .item import caption_part
from .journal import FOLDER, Correction, newest
from .plan import Loaded
from .records import Record, all_records

QUALITY = f"{FOLDER}/quality.csv"
FAILURES = f"{FOLDER}/failures.csv"
#: what dataset.json says of the whole and of single photos
INFO_FIELDS = ("name", "provenance", "licence", "consent", "who")
PAIRS = ("test_pairs_paired.txt", "test_pairs_unpaired.txt")
#: pairs that were written by hand have another content than this says; they are left alone
_OWN_PAIRS = f"{FOLDER}/pairs.json"


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def assemble(
    root: Path,
    loaded: Loaded,
    *,
    info: Mapping[str, str] | None = None,
    left_out: Sequence[tuple[str, str]] | None = None,
) -> list[tuple[str, str, str, str, str]]:
    """Write quality, failures, captions, pairs and ``dataset.json``.

    Args:
        root: the dataset.
        loaded: the plan.
        info: of :data:`INFO_FIELDS`, what is to be said of the whole; what ``dataset.json`` says already stays otherwise.
        left_out: (file, reason) of files that nobody here reads; None keeps those known.

    Returns:
        The failures: (file, item, role, stage, reason).

    Raises:
        InputError: a file cannot be written, or ``dataset.json`` is broken.
    """
    records = list(all_records(root))
    quality = [
        (record.item, record.role, name, f"{made.score:.4f}", "; ".join(made.notes), made.annotator)
        for record in records
        for name, made in record.conditions.items()
    ]
    # what is missing comes first: it is the review's first work
    for record in (entry for entry in records if entry.image):
        missing = {**dict.fromkeys(record.waiting, "to be made by hand"), **dict(record.failures)}
        quality += [
            (record.item, record.role, name, "0.0000", why, "")
            for name, why in missing.items()
            if name in CONDITIONS and name not in record.conditions
        ]
    quality.sort(key=lambda row: (float(row[3]), row[0], row[2]))
    _table(root / QUALITY, ("item", "role", "condition", "score", "notes", "annotator"), quality)
    failures = [
        (record.name, record.item, record.role, stage, why) for record in records for stage, why in record.failures
    ]
    if left_out is None:
        left_out = [(row[0], row[4]) for row in read_failures(root) if not row[1]]
    failures += [(name, "", "", "read", why) for name, why in left_out]
    failures.sort()
    _table(root / FAILURES, ("file", "item", "role", "stage", "reason"), failures)
    present = [record for record in records if record.image]
    _captions(root, present, newest(root))
    worn = _worn(present)
    _pairs(root, present, worn)
    _dataset_json(root, present, worn, loaded, info or {})
    return failures


def read_failures(root: Path) -> list[tuple[str, str, str, str, str]]:
    """Rows of ``failures.csv``: (file, item, role, stage, reason)."""
    path = root / FAILURES
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return [tuple(row[:5]) for row in list(csv.reader(handle))[1:] if len(row) >= 5]  # type: ignore[misc]


def _captions(root: Path, records: Sequence[Record], corrections: Mapping[tuple[str, str], Correction]) -> None:
    """``captions.json``: what annotators wrote; parts by hand, and entries of other makers, stay."""
    path = root / "captions.json"
    entries = read_object(path, "not an object with one entry for each photo")
    before = sha256_json(entries)
    for record in records:
        for condition in (entry for entry in CONDITIONS.values() if entry.part and entry.role == record.role):
            made = record.conditions.get(condition.name)
            phrases = caption_part(root, condition, record.item) if made is not None else None
            if made is None or phrases is None:
                continue
            entry = dict(entries.get(record.item) or {})
            correction = corrections.get((record.item, condition.name))
            if correction is not None and sha256_json(entry.get(condition.part)) == correction.after:
                continue
            source = made.annotator.partition("/")[2] or made.annotator
            said = [text for text in str(entry.get("source", "")).split(", ") if text]
            entries[record.item] = {
                **entry,
                condition.part: phrases,
                "source": ", ".join(dict.fromkeys([*said, source])),
            }
    if entries and sha256_json(entries) != before:
        write_json(path, entries)


def worn_id(person: str, category: Category) -> str:
    """Id of the garment of a category that a person wears."""
    return garment_id(f"{person}-worn", category)


def _worn(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Garments that people wear, by id, as entries of ``dataset.json``."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        parse = record.conditions.get("parse") if record.role == "person" else None
        shown = parse.more.get("wears", ()) if parse is not None else ()
        for category in CATEGORIES:
            if category in shown:
                found[worn_id(record.item, category)] = {"category": category, "worn": True, "person": record.item}
    return found


def _pairs(root: Path, records: Sequence[Record], worn: Mapping[str, Mapping[str, Any]]) -> None:
    """Everybody with the own garment (paired), an in-shop garment and the next one's worn garment (unpaired)."""
    people = [record.item for record in records if record.role == "person"]
    shop = [record.item for record in records if record.role == "garment"]
    own = {
        person: next(
            (
                worn_id(person, category)
                for category in ("upper", "dress", "lower")
                if worn_id(person, category) in worn
            ),
            "",
        )
        for person in people
    }
    wearers = [person for person in people if own[person]]
    paired, unpaired = [], []
    for index, person in enumerate(people):
        if person in shop:
            paired.append((person, person))
        if own[person]:
            paired.append((person, own[person]))
        others = [garment for garment in shop if garment != person]
        if others:
            unpaired.append((person, others[index % len(others)]))
        if len(wearers) > 1 or (wearers and wearers[0] != person):
            later = (
                wearers[(wearers.index(person) + 1) % len(wearers)]
                if person in wearers
                else wearers[index % len(wearers)]
            )
            unpaired.append((person, own[later]))
    known = read_object(root / _OWN_PAIRS)
    for name, lines in zip(PAIRS, (paired, unpaired), strict=True):
        path = root / name
        if path.is_file() and known.get(name) != sha256_json(path.read_text(encoding="utf-8", errors="replace")):
            continue  # written or changed by hand
        if lines:
            write_pairs(path, lines)
            known[name] = sha256_json(path.read_text(encoding="utf-8"))
        else:
            path.unlink(missing_ok=True)
            known.pop(name, None)
    write_json(root / _OWN_PAIRS, known)


def _dataset_json(
    root: Path, records: Sequence[Record], worn: Mapping[str, Any], loaded: Loaded, info: Mapping[str, str]
) -> None:
    path = root / "dataset.json"
    before = read_object(path)
    told = {key: info[key] for key in INFO_FIELDS if info.get(key)}
    garments: dict[str, Any] = {
        record.item: {"category": record.category, "worn": False} for record in records if record.role == "garment"
    }
    photos: dict[str, dict[str, Any]] = {"person": {}, "garment": {}}
    for record in records:
        photos[record.role][record.item] = {"file": record.name, "sha256": record.source, **record.about}
    annotators = {
        entry.provides: {"name": entry.name, "licence": entry.licence, "settings": dict(entry.settings())}
        for role in ("person", "garment")
        for entry in loaded.annotators[role]
    }
    empty = {"provenance": "", "licence": "", "consent": ""}
    write_json(
        path,
        {
            **empty,
            **before,
            **told,
            "name": told.get("name") or before.get("name") or root.resolve().name,
            "label_set": LABEL_SET,
            "metadata": "EXIF and all other metadata of the photos were removed",
            "garments": {**garments, **worn},
            "photos": photos,
            "annotators": annotators,
        },
    )

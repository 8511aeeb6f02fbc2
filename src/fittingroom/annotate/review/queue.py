"""The worst-first queue of a dataset, with the state of each item's review."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from ...core.errors import InputError
from ...core.files import read_json, write_json
from ...data.dataset import Dataset
from ...data.sample import Photo
from ..journal import FOLDER
from .documents import DEPENDENTS, conditions_of, digest, document, garments_alone, value_bytes
from .quality import Finding, findings, score
from .store import Store

STATES = ("open", "done", "skip", "reject")
#: judgements are kept after so many items, so that a program that is stopped need not begin anew
_KEPT_EVERY = 500
#: an annotator's score below this is worth a reason of its own
_LOW = 0.8


@dataclass(frozen=True)
class Entry:
    """One item of the queue.

    Args:
        role: ``person`` or ``garment``.
        item: id.
        score: 0 (look at once) to 1 (probably fine).
        findings: why, heaviest first.
        state: one of :data:`STATES`.
    """

    role: str
    item: str
    score: float
    findings: tuple[Finding, ...]
    state: str = "open"

    @property
    def key(self) -> str:
        """``person/ID`` or ``garment/ID``."""
        return f"{self.role}/{self.item}"


def annotators_findings(root: Path) -> dict[str, list[Finding]]:
    """``role/item`` -> what the annotators themselves noted, from ``.annotate/quality.csv``; empty without one."""
    path = root / FOLDER / "quality.csv"
    found: dict[str, list[Finding]] = {}
    if not path.is_file():
        return found
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            try:
                value = float(row["score"])
                key = f"{row['role']}/{row['item']}"
                notes = [note.strip() for note in (row.get("notes") or "").split(";") if note.strip()]
            except (KeyError, TypeError, ValueError):
                continue
            entry = found.setdefault(key, [])
            lost = round(1.0 - value, 4)
            if notes:
                entry += [Finding(row["condition"], note, lost / len(notes)) for note in notes]
            elif value < _LOW:
                entry.append(Finding(row["condition"], "low-score", lost, f"{100 * value:.0f}"))
    return found


def _stale(photo: Photo, corrected: dict[tuple[str, str], str]) -> list[Finding]:
    """A mask that is older than a correction of what it was derived from."""
    path = photo.files.get("mask")
    if path is None or not path.is_file():
        return []
    made = path.stat().st_mtime
    for source, derived in DEPENDENTS.items():
        when = corrected.get((photo.id, source))
        # the journal's times are whole seconds
        if when and datetime.fromisoformat(when).timestamp() - made >= 1:
            return [Finding(derived[0], "stale", 0.2, source)]
    return []


class Queue:
    """Judges every item once and remembers it until one of its files changes.

    Args:
        store: of the dataset.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._file = store.folder / "review-quality.json"
        self._known = self._remembered()

    @property
    def dataset(self) -> Dataset:
        """Whose queue this is."""
        return self.store.dataset

    def photos(self) -> Iterator[tuple[str, Photo]]:
        """(role, photo) of all that can be corrected: people, and garments photographed alone."""
        for person in self.dataset.people.values():
            yield "person", person
        for garment in garments_alone(self.dataset).values():
            yield "garment", garment

    def photo(self, role: str, item: str) -> Photo:
        """The photo of an item, with the files that it has now.

        Raises:
            InputError: no such item.
        """
        known = self.dataset.people if role == "person" else garments_alone(self.dataset)
        if item not in known:
            raise InputError(f"no {role} {item!r} in {self.dataset.name}", mend="load the page again")
        photo = known[item]
        files = dict(photo.files)
        for condition in conditions_of(self.dataset, role):
            place = document(self.dataset, item, condition)
            if not place.keys and place.path.is_file():
                files["mask" if condition.endswith("mask") else condition] = place.path
        return replace(photo, files=files, _cache={})

    def entries(self, progress: Callable[[int, int], None] | None = None) -> list[Entry]:
        """All items, the worst first, equals in the dataset's order; those that are done, skipped or rejected come last.

        Args:
            progress: called with (judged, in all).
        """
        known = self._context()
        photos = list(self.photos())
        found = []
        for done, (role, photo) in enumerate(photos, start=1):
            found.append(self._entry(role, photo.id, *known))
            if done % _KEPT_EVERY == 0:
                self._remember()
            if progress:
                progress(done, len(photos))
        self._remember()
        return sorted(found, key=lambda entry: (entry.state != "open", entry.score))

    def entry(self, role: str, item: str) -> Entry:
        """One item, judged by the files that it has now."""
        return self._entry(role, item, *self._context())

    def set_state(self, role: str, item: str, state: str, who: str) -> None:
        """Say that an item is done, to be skipped, rejected or open again; it goes into the journal.

        Raises:
            InputError: no such state or item, or no name.
        """
        if state not in STATES:
            raise InputError(f"no state {state!r}", mend=f"choose from {', '.join(STATES)}")
        key = f"{role}/{item}"
        data = value_bytes({"state": state, "who": who})
        _, opened = self.store.open(key, "state")
        self.store.save(key, "state", None if state == "open" else data, opened=opened, who=who)

    def _context(self) -> tuple[dict[str, list[Finding]], dict[str, str], dict[tuple[str, str], str]]:
        """What the annotators noted, the states, and when each (item, condition) was corrected last."""
        corrected = {(line.item, line.condition): line.when for line in self.store.history()}
        return annotators_findings(self.dataset.root), self._states(), corrected

    def _entry(
        self,
        role: str,
        item: str,
        noted: dict[str, list[Finding]],
        states: dict[str, str],
        corrected: dict[tuple[str, str], str],
    ) -> Entry:
        key = f"{role}/{item}"
        photo = self.photo(role, item)
        stamp = self._stamp(photo)
        with self._lock:
            known = self._known.get(key)
        if known is None or known[0] != stamp:
            known = (stamp, findings(photo))
            with self._lock:
                self._known[key] = known
        # what an annotator thought of its result no longer counts once somebody corrected it
        mine = [entry for entry in noted.get(key, []) if (item, entry.condition) not in corrected]
        stale = _stale(photo, corrected) if role == "person" else []
        reasons = sorted([*known[1], *mine, *stale], key=lambda finding: -finding.weight)
        return Entry(role, item, score(reasons), tuple(reasons), states.get(key, "open"))

    def _states(self) -> dict[str, str]:
        path = self.store.folder / "states.json"
        try:
            value = read_json(path) if path.is_file() else {}
        except InputError:
            return {}
        return {key: str(entry.get("state")) for key, entry in value.items() if isinstance(entry, dict)}

    @staticmethod
    def _stamp(photo: Photo) -> str:
        """Changes whenever one of the photo's files does, without reading them."""
        parts = []
        for name, path in sorted(photo.files.items()):
            try:
                status = path.stat()
                parts.append(f"{name}:{status.st_mtime_ns}:{status.st_size}")
            except OSError:
                parts.append(f"{name}:-")
        return digest(";".join(parts).encode())[:16]

    def _remembered(self) -> dict[str, tuple[str, list[Finding]]]:
        try:
            value = json.loads(self._file.read_text(encoding="utf-8"))
            return {key: (stamp, [Finding(**entry) for entry in listed]) for key, (stamp, listed) in value.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}  # it is only kept to be quick: it is made again

    def _remember(self) -> None:
        with self._lock:
            value = {
                key: [stamp, [asdict(finding) for finding in listed]] for key, (stamp, listed) in self._known.items()
            }
        write_json(self._file, value)

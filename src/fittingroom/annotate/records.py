"""What is kept of each photo in ``.annotate/items/<role>/<id>.json``: where it came from, and how each condition was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import read_json, write_json
from .journal import FOLDER

ITEMS = f"{FOLDER}/items"
#: role of photos that could not be read
UNREAD = "unread"
ROLES = ("person", "garment", UNREAD)
#: a condition that was given by hand has this for its annotator
BY_HAND = "by hand"


@dataclass(frozen=True)
class Made:
    """How one condition came to be.

    Args:
        key: hash of all that it was derived from; empty for what was given by hand.
        sha256: of its file.
        annotator: name, or ``by hand``.
        score: in [0, 1].
        notes: on the score.
        more: what the summary needs of the value, e.g. which garments a parse shows.
    """

    key: str
    sha256: str
    annotator: str
    score: float
    notes: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Record:
    """One photo.

    Args:
        item: its id.
        role: ``person``, ``garment`` or ``unread``.
        name: of the file below the folder of photos.
        source: SHA-256 of that file.
        image: file in the dataset, below its root; empty where it was not taken in.
        image_key: hash of source and reading options.
        image_sha256: of the file in the dataset.
        image_notes: what was done to the photo.
        role_key: of what the role was found with; empty where it was given.
        category: of a garment.
        about: provenance, licence, consent of this very photo.
        conditions: condition -> how it was made.
        waiting: conditions that are to be made by hand.
        failures: (stage, reason), in the order in which they happened.
    """

    item: str
    role: str
    name: str = ""
    source: str = ""
    image: str = ""
    image_key: str = ""
    image_sha256: str = ""
    image_notes: tuple[str, ...] = ()
    role_key: str = ""
    category: str = ""
    about: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, Made] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def path(self, root: Path) -> Path:
        """Its file."""
        return record_path(root, self.role, self.item)

    def save(self, root: Path) -> None:
        """Write it, if it says anything new."""
        path, value = self.path(root), _plain(asdict(self))
        try:
            if path.is_file() and read_json(path) == value:
                return
        except InputError:
            pass  # a harmed record is written anew
        write_json(path, value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def record_path(root: Path, role: str, item: str) -> Path:
    """File of a record."""
    return root / ITEMS / role / f"{item}.json"


def load_record(root: Path, role: str, item: str) -> Record | None:
    """A record, or None where there is none or it cannot be read: then everything of the photo is made again."""
    path = record_path(root, role, item)
    if not path.is_file():
        return None
    try:
        value = dict(read_json(path))
        known = {entry.name for entry in fields(Record)}
        value = {key: entry for key, entry in value.items() if key in known}
        value["image_notes"] = tuple(value.get("image_notes", ()))
        value["conditions"] = {
            name: Made(**{**made, "notes": tuple(made.get("notes", ()))})
            for name, made in value.get("conditions", {}).items()
        }
        value["failures"] = [(str(stage), str(reason)) for stage, reason in value.get("failures", ())]
        return Record(**value)
    except (InputError, TypeError, ValueError, AttributeError):
        return None


def all_records(root: Path) -> Iterator[Record]:
    """Every record of a dataset, by role and id."""
    for role in ROLES:
        folder = root / ITEMS / role
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            record = load_record(root, role, path.stem)
            if record is not None:
                yield record

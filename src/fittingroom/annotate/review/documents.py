"""What can be corrected in a dataset, and where it lies: a file of its own, or one entry of a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.files import read_json, sha256_bytes, write_bytes, write_json
from ...core.images import IMAGE_SUFFIXES
from ...data.dataset import Dataset
from ...data.embedded import embedded_name
from ...data.sample import Garment, Person, Photo
from ..conditions import CONDITIONS as ANNOTATED
from ..journal import FOLDER

#: what is known of a person and of a garment that is photographed alone, in the order in which it is looked at
PERSON_CONDITIONS = ("pose", "parse", "agnostic-mask", "caption")
GARMENT_CONDITIONS = ("garment-mask", "garment-caption")
#: conditions of an item; ``pairs`` belongs to a pairs file, ``state`` is that of the review
CONDITIONS = (*PERSON_CONDITIONS, *GARMENT_CONDITIONS, "pairs", "state")
#: our condition -> the name that a person's or garment's photo knows it under
PHOTO_CONDITION: Mapping[str, str] = {
    "pose": "pose",
    "parse": "parse",
    "agnostic-mask": "mask",
    "garment-mask": "mask",
}
#: condition -> what is derived from it; how, is the annotators' business (their ``needs``)
DEPENDENTS: Mapping[str, tuple[str, ...]] = {"pose": ("agnostic-mask",), "parse": ("agnostic-mask",)}
_UPT_FILES: Mapping[str, str] = {"pose": "keypoints/{}_keypoints.json", "parse": "parsing/{}.png"}


@dataclass(frozen=True)
class Document:
    """One thing that is corrected, versioned and saved as a whole.

    Args:
        item: id of a person or garment; the name of a pairs file; for a state ``person/ID`` or ``garment/ID``.
        condition: one of :data:`CONDITIONS`.
        path: the file.
        keys: way to a value inside a JSON file, where the document is only that value; empty where it is the file.
    """

    item: str
    condition: str
    path: Path
    keys: tuple[str, ...] = ()

    def read(self) -> bytes | None:
        """The bytes as they are now; None where there are none. A value inside a JSON file is canonical JSON.

        Raises:
            InputError: the file cannot be read.
        """
        if self.keys:
            found: Any = self._whole()
            for key in self.keys:
                if not isinstance(found, dict) or key not in found:
                    return None
                found = found[key]
            return value_bytes(found)
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", path=self.path) from error

    def write(self, data: bytes | None) -> None:
        """Write the bytes atomically; None removes the file or the value.

        Raises:
            InputError: the folder cannot be written, or the JSON file around a value cannot be read.
        """
        if not self.keys:
            if data is None:
                self.path.unlink(missing_ok=True)
            else:
                write_bytes(self.path, data)
            return
        whole = self._whole()
        inner = whole
        for key in self.keys[:-1]:
            if not isinstance(inner.get(key), dict):
                inner[key] = {}
            inner = inner[key]
        if data is None:
            inner.pop(self.keys[-1], None)
        else:
            inner[self.keys[-1]] = json.loads(data)
        if len(self.keys) > 1 and not inner:
            whole.pop(self.keys[0])  # an entry without parts says nothing
        write_json(self.path, whole)

    def _whole(self) -> dict[str, Any]:
        value = read_json(self.path) if self.path.is_file() else {}
        if not isinstance(value, dict):
            raise InputError("not a JSON object", mend="write {...}", path=self.path)
        return value


def value_bytes(value: Any) -> bytes:
    """Canonical JSON of a value inside a file: its SHA-256 is :func:`~....core.files.sha256_json` of the value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(data: bytes | None) -> str:
    """SHA-256 of a document's bytes; empty where there is no document."""
    return "" if data is None else sha256_bytes(data)


def editable(dataset: Dataset) -> None:
    """Make sure that corrections have a place in this dataset's layout.

    Raises:
        InputError: another layout, or the embedded dataset.
    """
    if dataset.layout not in ("viton-hd", "upt"):
        raise InputError(
            f"corrections by hand need the layout viton-hd or upt, this is {dataset.layout}",
            mend=f"fittingroom dataset export {dataset.root} NEW --to viton-hd",
            path=dataset.root,
        )
    if name := embedded_name(dataset.root):
        raise InputError(
            "an embedded dataset is not to be edited", mend=f"fittingroom dataset export {name} COPY, and review COPY"
        )


def garments_alone(dataset: Dataset) -> dict[str, Garment]:
    """The garments that are photographed alone: a worn one is corrected in its wearer's parse."""
    return {name: garment for name, garment in dataset.garments.items() if not garment.worn}


def conditions_of(dataset: Dataset, role: str) -> tuple[str, ...]:
    """Conditions of a ``person`` or ``garment`` that this dataset's layout has a place for."""
    names = PERSON_CONDITIONS if role == "person" else GARMENT_CONDITIONS
    return tuple(name for name in names if dataset.layout != "upt" or name in _UPT_FILES or ANNOTATED[name].part)


def pair_files(dataset: Dataset) -> list[Path]:
    """The dataset's pairs files, sorted."""
    return sorted(dataset.root.glob("*pairs*.txt"))


def _place(photo: Photo) -> Path:
    """The folder in which ``image/`` or ``cloth/`` with this photo lies: the root, or that of a split."""
    return photo.files["image"].parents[len(Path(photo.id).parts)]


def _caption(photo: Photo, part: str) -> tuple[Path, tuple[str, ...]]:
    """File and keys of a caption: the part ``person`` or ``clothing`` of the entry, or the entry if it has no parts."""
    path = _place(photo) / "captions.json"
    known = read_json(path) if path.is_file() else {}
    if not isinstance(known, dict):
        raise InputError("not a JSON object", mend="write {...}, see docs/datasets.md", path=path)
    item = photo.id
    if item not in known:
        stems = {Path(key).stem: str(key) for key in known if Path(key).suffix.lower() in IMAGE_SUFFIXES}
        item = stems.get(item, item)
    entry = known.get(item)
    plain = isinstance(entry, dict) and entry and not {"person", "clothing"} & set(entry)
    return path, (item,) if plain else (item, part)


def document(dataset: Dataset, item: str, condition: str) -> Document:
    """Where a condition of an item lies, or would lie.

    Raises:
        InputError: no such item or condition, or the dataset's layout has no place for it.
    """
    if condition not in CONDITIONS:
        raise InputError(f"no condition {condition!r}", mend=f"choose from {', '.join(CONDITIONS)}")
    if condition == "pairs":
        path = dataset.root / item
        if path not in pair_files(dataset) and not (item.endswith(".txt") and "pairs" in item and "/" not in item):
            raise InputError(f"no pairs file {item!r}", mend="name it *_pairs_paired.txt or *_pairs_unpaired.txt")
        return Document(item, condition, path)
    alone = garments_alone(dataset)
    if condition == "state":
        role, _, name = item.partition("/")
        if name not in {"person": dataset.people, "garment": alone}.get(role, {}):
            raise InputError(f"no {item!r} in {dataset.name}", mend="name it person/ID or garment/ID")
        return Document(item, condition, dataset.root / FOLDER / "states.json", (item,))
    photo: Person | Garment | None = dataset.people.get(item)
    if condition in GARMENT_CONDITIONS or photo is None:
        photo = alone.get(item)
    if photo is None:
        raise InputError(f"no person or garment {item!r} in {dataset.name}", mend="look at `fittingroom dataset show`")
    kind = "garment" if isinstance(photo, Garment) else "person"
    if condition not in (GARMENT_CONDITIONS if kind == "garment" else PERSON_CONDITIONS):
        raise InputError(f"{item} is a {kind}: it has no {condition}")
    if part := ANNOTATED[condition].part:
        path, keys = _caption(photo, part)
        return Document(item, condition, path, keys)
    known = photo.files.get(PHOTO_CONDITION[condition])
    return Document(item, condition, known or _new_path(dataset, photo, condition))


def _new_path(dataset: Dataset, photo: Photo, condition: str) -> Path:
    place, name = _place(photo), photo.id
    if dataset.layout == "upt":
        if condition not in _UPT_FILES:
            raise InputError(
                f"the layout upt has no place for {condition}",
                mend=f"fittingroom dataset export {dataset.root} NEW --to viton-hd",
            )
        return place / _UPT_FILES[condition].format(name)
    return ANNOTATED[condition].path(place, name)

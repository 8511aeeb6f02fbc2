"""VITON-HD's layout and our additions to it: the canonical layout of this project, described in docs/datasets.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ...core.files import write_json
from ..dataset import Dataset, Issue, Setting
from ..pairs import read_pairs, write_pairs
from ..sample import CATEGORIES, Category, Garment, Pair, Person
from .base import Layout
from .copying import copy_photo, one_label_set, pair_lines
from .listing import (
    first_existing,
    images_in,
    listed_label_set,
    new_folder,
    read_captions,
    read_object,
    stem_of,
    with_suffixes,
)

SPLITS = ("train", "val", "test")
#: condition of a person -> (folder, ends of the file's name)
PERSON_FILES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pose": ("openpose_json", ("_keypoints.json", ".json")),
    "parse": ("image-parse-v3", (".png",)),
    "densepose": ("image-densepose", (".jpg", ".png")),
    "agnostic": ("agnostic-v3.2", (".jpg", ".png")),
    "mask": ("agnostic-mask", ("_mask.png", ".png")),
    "garment-parse": ("garment-parse", (".png",)),
}


def _person_files(root: Path, stem: str, image: Path) -> dict[str, Path]:
    files = {"image": image}
    for condition, (folder, ends) in PERSON_FILES.items():
        if path := first_existing(*(root / folder / f"{stem}{end}" for end in ends)):
            files[condition] = path
    return files


class _Reader:
    """Reads one root or several split folders of one dataset."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.issues: list[Issue] = []
        self.info = read_object(root / "dataset.json", self.issues, "dataset-json")
        self.label_set = listed_label_set(root, self.info, self.issues)
        self.people: dict[str, Person] = {}
        self.garments: dict[str, Garment] = {}
        self.truths: dict[tuple[str, str], Path] = {}
        self.pairs: dict[Setting, list[Pair]] = {"paired": [], "unpaired": []}

    def _entries(self, key: str) -> dict[str, dict[str, Any]]:
        value = self.info.get(key, {})
        if not isinstance(value, dict):
            self.issues.append(
                Issue(f"{key!r} is not an object", "see docs/datasets.md", self.root / "dataset.json", "dataset-json")
            )
            return {}
        return {str(name): entry for name, entry in value.items() if isinstance(entry, dict)}

    def _category(self, name: str, entry: Mapping[str, Any]) -> Category:
        wanted = entry.get("category", "upper")
        for category in CATEGORIES:
            if category == wanted:
                return category
        problem = f"garment {name!r} has the unknown category {wanted!r}, taken as upper"
        self.issues.append(
            Issue(problem, f"choose from {', '.join(CATEGORIES)}", self.root / "dataset.json", "category", name)
        )
        return "upper"

    def folder(self, root: Path) -> None:
        """List people and garments of one folder."""
        captions = read_captions(root, self.issues)
        for stem, image in images_in(root / "image", self.issues).items():
            self.people[stem] = Person(
                stem, _person_files(root, stem, image), self.label_set, caption=captions.get(stem)
            )
        entries = self._entries("garments")
        for stem, image in images_in(root / "cloth", self.issues).items():
            files = {"image": image}
            if mask := with_suffixes(root / "cloth-mask", stem):
                files["mask"] = mask
            self.garments[stem] = Garment(
                stem,
                files,
                self.label_set,
                caption=captions.get(stem),
                category=self._category(stem, entries.get(stem, {})),
            )
        truths = images_in(root / "truth", self.issues) if (root / "truth").is_dir() else {}
        for stem, path in truths.items():
            person, mark, garment = stem.partition("__")
            if mark:
                self.truths[person, garment] = path

    def worn(self) -> None:
        """Garments that ``dataset.json`` says are worn in a person's photo."""
        for name, entry in self._entries("garments").items():
            owner = entry.get("person")
            if not entry.get("worn"):
                continue
            if owner not in self.people:
                self.issues.append(
                    Issue(
                        f"worn garment {name!r} names the missing person {owner!r}",
                        "correct the entry",
                        self.root / "dataset.json",
                        "worn",
                        name,
                    )
                )
                continue
            person = self.people[owner]
            category = self._category(name, entry)
            self.garments[name] = Garment(
                name, person.files, self.label_set, caption=person.caption, category=category, worn=True
            )

    def pair_file(self, path: Path, setting: Setting | None) -> None:
        """Read a pairs file; without a setting it is VITON-HD's: the persons listed are also tried on with their own."""
        lines, issues = read_pairs(path)
        self.issues += issues
        for line in lines:
            person, garment = stem_of(line.first), stem_of(line.second)
            missing = [f"person {person}"] if person not in self.people else []
            missing += [f"garment {garment}"] if garment not in self.garments else []
            if missing:
                self.issues.append(
                    Issue(
                        f"line {line.number} names the missing {' and '.join(missing)}",
                        "add the file or remove the line",
                        path,
                        "pair-missing-file",
                    )
                )
            elif setting:
                self._add(setting, Pair(person, garment, setting == "paired"))
            else:
                self._add("paired" if person == garment else "unpaired", Pair(person, garment, person == garment))
            if setting is None and person in self.people and person in self.garments:
                self._add("paired", Pair(person, person, True))

    def _add(self, setting: Setting, pair: Pair) -> None:
        if pair not in self.pairs[setting]:
            self.pairs[setting].append(pair)

    def dataset(self) -> Dataset:
        """What was listed."""
        info = {key: value for key, value in self.info.items() if key not in ("garments", "people", "content")}
        pairs = {setting: tuple(listed) for setting, listed in self.pairs.items()}
        name = str(self.info.get("name") or self.root.name)
        return Dataset(
            name, self.root, VitonHd.name, self.people, self.garments, pairs, self.truths, tuple(self.issues), info
        )


class VitonHd(Layout):
    """``image/ cloth/ cloth-mask/ image-parse-v3/ openpose_json/ ...`` at the root or below ``train/`` and ``test/``."""

    name: ClassVar[str] = "viton-hd"
    title: ClassVar[str] = "VITON-HD and our additions"

    def detect(self, root: Path) -> bool:
        """A folder ``image`` together with ``cloth``, ``openpose_json`` or ``dataset.json``; or splits of that kind.

        ``dataset.json`` beside ``keypoints`` is UPT's.
        """
        places = [root, *(root / split for split in SPLITS)]
        if any(
            (place / "image").is_dir()
            and any((place / mark).is_dir() for mark in ("cloth", "openpose_json", "image-parse-v3"))
            for place in places
        ):
            return True
        return (root / "image").is_dir() and (root / "dataset.json").is_file() and not (root / "keypoints").is_dir()

    def read(self, root: Path, split: str | None = None) -> Dataset:
        """List the dataset, see :class:`Layout`."""
        reader = _Reader(root)
        splits = [name for name in SPLITS if (root / name / "image").is_dir()]
        places = [root / name for name in splits if split in (None, name)] if splits else [root]
        for place in places:
            reader.folder(place)
        reader.worn()
        for path in sorted(root.glob("*pairs*.txt")):
            stem = path.stem
            if split and stem.split("_")[0] in SPLITS and not stem.startswith(split):
                continue
            setting: Setting | None = (
                "unpaired" if stem.endswith("_unpaired") else "paired" if stem.endswith("_paired") else None
            )
            reader.pair_file(path, setting)
        return reader.dataset()

    def write(self, dataset: Dataset, root: Path) -> list[str]:
        """Write the dataset, see :class:`Layout`."""
        new_folder(root)
        lost: list[str] = []
        captions = {}
        for person in dataset.people.values():
            copy_photo(person, root, "image", PERSON_FILES, lost)
            if person.caption is not None:
                captions[person.id] = dict(person.caption)
        entries: dict[str, dict[str, Any]] = {}
        owners = {person.files.get("image"): person.id for person in dataset.people.values()}
        for garment in dataset.garments.values():
            entries[garment.id] = {"category": garment.category, "worn": garment.worn}
            if garment.worn:
                owner = owners.get(garment.files.get("image"))
                if owner is None:
                    lost.append(f"worn garment {garment.id}: its wearer is not among the people")
                    del entries[garment.id]
                else:
                    entries[garment.id]["person"] = owner
                continue
            copy_photo(garment, root, "cloth", {"mask": ("cloth-mask", (".png", ".jpg"))}, lost)
            if garment.caption is not None:
                captions.setdefault(garment.id, dict(garment.caption))
        for (person_id, garment_id), path in dataset.truths.items():
            target = root / "truth" / f"{person_id}__{garment_id}{path.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        for setting, lines in pair_lines(dataset).items():
            write_pairs(root / f"test_pairs_{setting}.txt", lines)
        if captions:
            write_json(root / "captions.json", captions)
        labels = one_label_set(dataset, lost)
        write_json(
            root / "dataset.json", {**dataset.info, "name": dataset.name, "label_set": labels, "garments": entries}
        )
        return lost

"""Dress Code's layout: three categories, each with people and garments under one number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...core.files import write_bytes, write_json
from ...core.images import encode_png, image_size
from ...core.labels import convert
from ...core.pose import DRESS_CODE_SIZE, Pose
from ..dataset import Dataset, Issue, Setting
from ..pairs import read_pairs, write_pairs
from ..sample import Category, Garment, Pair, Person, Photo
from .base import Layout
from .copying import copy_condition
from .listing import first_existing, images_in, new_folder, with_suffixes

FOLDERS: Mapping[str, Category] = {"upper_body": "upper", "lower_body": "lower", "dresses": "dress"}
_PAIR_FILES: tuple[tuple[str, Setting], ...] = (
    ("test_pairs_paired.txt", "paired"),
    ("test_pairs_unpaired.txt", "unpaired"),
    ("train_pairs.txt", "paired"),
)


def _number(stem: str) -> str:
    return stem.rsplit("_", 1)[0]


def _person_files(folder: Path, number: str, image: Path) -> dict[str, Path]:
    files = {"image": image}
    candidates = {
        "pose": first_existing(folder / "keypoints" / f"{number}_2.json"),
        "parse": with_suffixes(folder / "label_maps", f"{number}_4", (".png",)),
        "densepose": with_suffixes(folder / "dense", f"{number}_5", (".png",)),
    }
    return files | {condition: path for condition, path in candidates.items() if path}


class DressCode(Layout):
    """``upper_body/ lower_body/ dresses/``, each with ``images/ keypoints/ label_maps/ masks/`` and pair files.

    Ids are ``<category folder>/<number>``, for the person and for the garment of that number. Label maps are ATR-18.
    """

    name: ClassVar[str] = "dress-code"
    title: ClassVar[str] = "Dress Code"

    def detect(self, root: Path) -> bool:
        """One of the three category folders with ``images`` in it."""
        return any((root / folder / "images").is_dir() for folder in FOLDERS)

    def read(self, root: Path, split: str | None = None) -> Dataset:
        """List the dataset, see :class:`Layout`; ``split`` is ``train`` or ``test``."""
        issues: list[Issue] = []
        people: dict[str, Person] = {}
        garments: dict[str, Garment] = {}
        pairs: dict[Setting, list[Pair]] = {"paired": [], "unpaired": []}
        for folder, category in FOLDERS.items():
            base = root / folder
            for stem, image in images_in(base / "images", issues).items():
                key = f"{folder}/{_number(stem)}"
                if stem.endswith("_0"):
                    people[key] = Person(key, _person_files(base, _number(stem), image), "atr18")
                elif stem.endswith("_1"):
                    mask = with_suffixes(base / "masks", stem)
                    garments[key] = Garment(
                        key, {"image": image} | ({"mask": mask} if mask else {}), "atr18", category=category
                    )
                else:
                    issues.append(Issue("neither a person (_0) nor a garment (_1)", "rename it", image, "name"))
            for name, setting in _PAIR_FILES:
                if (base / name).is_file() and (split is None or name.startswith(split)):
                    self._pairs(base / name, folder, setting, people, garments, pairs[setting], issues)
        listed: dict[Setting, tuple[Pair, ...]] = {
            setting: tuple(dict.fromkeys(entries)) for setting, entries in pairs.items()
        }
        return Dataset(root.name, root, self.name, people, garments, listed, {}, tuple(issues))

    @staticmethod
    def _pairs(
        path: Path,
        folder: str,
        setting: Setting,
        people: Mapping[str, Any],
        garments: Mapping[str, Any],
        into: list[Pair],
        issues: list[Issue],
    ) -> None:
        lines, found = read_pairs(path)
        issues += found
        for line in lines:
            person, garment = (f"{folder}/{_number(Path(word).stem)}" for word in (line.first, line.second))
            missing = [f"person {person}"] if person not in people else []
            missing += [f"garment {garment}"] if garment not in garments else []
            if missing:
                issues.append(
                    Issue(
                        f"line {line.number} names the missing {' and '.join(missing)}",
                        "add the file or remove the line",
                        path,
                        "pair-missing-file",
                    )
                )
            else:
                into.append(Pair(person, garment, setting == "paired"))

    def write(self, dataset: Dataset, root: Path) -> list[str]:
        """Write the dataset, see :class:`Layout`; worn garments, captions, masks of people and truths have no place here."""
        new_folder(root)
        lost: list[str] = []
        by_category = {category: folder for folder, category in FOLDERS.items()}
        homes: dict[str, str] = {}
        wanted: dict[str, set[str]] = {}
        for setting, listed in dataset.pairs.items():
            lines: dict[str, list[tuple[str, str]]] = {}
            for pair in listed:
                garment = dataset.garments[pair.garment]
                if garment.worn:
                    lost.append(f"pair {pair.id}: garment is worn, this layout holds garments photographed alone")
                    continue
                folder = by_category[garment.category]
                wanted.setdefault(pair.person, set()).add(folder)
                homes[pair.garment] = folder
                lines.setdefault(folder, []).append((f"{_flat(pair.person)}_0.jpg", f"{_flat(pair.garment)}_1.jpg"))
            for folder, entries in lines.items():
                write_pairs(root / folder / f"test_pairs_{setting}.txt", entries)
        for person in dataset.people.values():
            folders = sorted(wanted.get(person.id, ())) or ["upper_body"]
            for folder in folders:
                self._write_person(person, root / folder, lost)
        for garment in dataset.garments.values():
            if garment.worn:
                lost.append(f"garment {garment.id}: worn, this layout holds garments photographed alone")
                continue
            home = root / homes.get(garment.id, by_category[garment.category])
            copy_condition(garment, "image", home / "images", f"{_flat(garment.id)}_1", _IMAGE_ENDS)
            if garment.has("mask"):
                copy_condition(garment, "mask", home / "masks", f"{_flat(garment.id)}_1", (".png", ".jpg"))
        if dataset.truths:
            lost.append(f"{len(dataset.truths)} true pictures of unpaired samples have no place in this layout")
        if any(photo.caption is not None for photo in (*dataset.people.values(), *dataset.garments.values())):
            lost.append("captions have no place in this layout")
        return lost

    @staticmethod
    def _write_person(person: Photo, folder: Path, lost: list[str]) -> None:
        stem = _flat(person.id)
        copy_condition(person, "image", folder / "images", f"{stem}_0", _IMAGE_ENDS)
        photo = person.fresh()
        if photo.has("pose"):
            size = photo.image().shape[:2] if "image" in photo.given else image_size(photo.files["image"])
            write_json(folder / "keypoints" / f"{stem}_2.json", _keypoints(photo.pose(), (size[0], size[1])))
        if photo.has("parse"):
            labels = convert(photo.parse().labels, photo.label_set, "atr18")
            write_bytes(folder / "label_maps" / f"{stem}_4.png", encode_png(labels))
        if photo.has("densepose"):
            copy_condition(photo, "densepose", folder / "dense", f"{stem}_5", (".png",))
        lost.extend(
            f"{person.id}: {condition} has no place in this layout"
            for condition in ("mask", "agnostic", "garment-parse")
            if photo.has(condition)
        )


_IMAGE_ENDS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def _flat(key: str) -> str:
    """Number of an id: the part behind the category folder."""
    head, slash, tail = key.partition("/")
    return tail if slash and head in FOLDERS else key.replace("/", "_")


def _keypoints(pose: Pose, size: tuple[int, int]) -> dict[str, Any]:
    scale = np.array([DRESS_CODE_SIZE[1] / size[1], DRESS_CODE_SIZE[0] / size[0]])
    rows = []
    for index, (x, y, confidence) in enumerate(pose.joints):
        found = confidence > 0
        rows.append(
            [float(x * scale[0]), float(y * scale[1]), float(confidence), float(index)]
            if found
            else [-1.0, -1.0, 0.0, -1.0]
        )
    return {"keypoints": rows}

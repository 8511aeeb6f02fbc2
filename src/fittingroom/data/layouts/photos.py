"""A bare folder of photos: what somebody has before annotating."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ...core.images import IMAGE_SUFFIXES
from ..dataset import Dataset, Issue
from ..sample import Garment, Person
from .base import Layout
from .copying import copy_photo
from .listing import images_in, new_folder

_PEOPLE = ("people", "persons", "person")
_GARMENTS = ("garments", "garment", "clothes")


class Photos(Layout):
    """Photos of people in the folder itself or in ``people/``, photos of garments in ``garments/``; nothing annotated."""

    name: ClassVar[str] = "photos"
    title: ClassVar[str] = "a folder of photos"

    def detect(self, root: Path) -> bool:
        """Any image in the folder or one below."""
        return any(path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() for path in root.glob("**/*"))

    def read(self, root: Path, split: str | None = None) -> Dataset:
        """List the photos, see :class:`Layout`; there are no pairs and no annotation, and one issue says so."""
        issues: list[Issue] = []
        people_folder = next((root / name for name in _PEOPLE if (root / name).is_dir()), None)
        garment_folder = next((root / name for name in _GARMENTS if (root / name).is_dir()), None)
        garments = (
            {stem: Garment(stem, {"image": path}) for stem, path in images_in(garment_folder, issues).items()}
            if garment_folder
            else {}
        )
        if people_folder or garment_folder:
            listed = images_in(people_folder, issues) if people_folder else {}
        else:
            listed = images_in(root, issues)
        people = {stem: Person(stem, {"image": path}) for stem, path in listed.items()}
        if people or garments:
            issues.append(
                Issue(
                    f"{len(people)} people and {len(garments)} garments without annotation",
                    "add pose and parsing, see docs/datasets.md",
                    root,
                    "not-annotated",
                )
            )
        return Dataset(root.name, root, self.name, people, garments, {"paired": (), "unpaired": ()}, {}, tuple(issues))

    def write(self, dataset: Dataset, root: Path) -> list[str]:
        """Write the photos only, see :class:`Layout`."""
        new_folder(root)
        lost: list[str] = []
        for person in dataset.people.values():
            copy_photo(person, root, "people", {}, lost)
        for garment in dataset.garments.values():
            if garment.worn:
                lost.append(f"garment {garment.id}: worn, and only its wearer's photo is written")
            else:
                copy_photo(garment, root, "garments", {}, lost)
        if any(dataset.pairs.values()):
            lost.append("pairs: this layout has none")
        return lost

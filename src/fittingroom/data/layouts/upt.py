"""UPT's layout, as PASTA-GAN++ reads it: photos of dressed people, no garment photographed alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ...core.errors import InputError
from ...core.files import read_json, write_json
from ..dataset import Dataset, Issue
from ..pairs import derangement, garment_id, read_pairs, write_pairs
from ..sample import CATEGORIES, Garment, Pair, Person
from .base import Layout
from .copying import copy_photo, one_label_set
from .listing import first_existing, images_in, listed_label_set, new_folder, read_captions, read_object, stem_of

_PARSING = ("parsing", "parsing20")


def _files(root: Path, stem: str, image: Path) -> dict[str, Path]:
    files = {"image": image}
    candidates = {
        "pose": first_existing(root / "keypoints" / f"{stem}_keypoints.json"),
        "parse": first_existing(*(root / folder / f"{stem}.png" for folder in _PARSING)),
        "garment-parse": first_existing(root / "garment_parsing" / f"{stem}.png"),
    }
    return files | {condition: path for condition, path in candidates.items() if path}


def _split(root: Path, split: str | None, issues: list[Issue]) -> set[str] | None:
    """Ids of a split of ``splits.json``; None = everybody."""
    if split is None:
        return None
    path = root / "splits.json"
    if not path.is_file():
        issues.append(
            Issue(f"no splits.json, so no split {split!r}: everything is taken", "leave --split away", root, "split")
        )
        return None
    value: Any = read_json(path)
    listed = value.get(split) if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise InputError(
            f"no split {split!r} in it",
            mend=f"there are: {', '.join(value) if isinstance(value, dict) else 'none'}",
            path=path,
        )
    return {stem_of(str(entry)) for entry in listed}


class Upt(Layout):
    """``image/ keypoints/ parsing/ garment_parsing/`` and ``test_pairs.txt`` with lines ``<garment photo> <person photo>``.

    Garments are worn. A photo gives up to three: its upper one has the photo's own id, the others have the category
    behind it (``ID.lower``, ``ID.dress``). Pairs are of upper garments; ``pairs.for_category`` makes them for the others.
    Without a pairs file everybody gets somebody else's garment, by a fixed seed. ``label_set`` in ``dataset.json`` names another label
    set than CIHP-20.
    """

    name: ClassVar[str] = "upt"
    title: ClassVar[str] = "UPT (unpaired, garments are worn)"

    def detect(self, root: Path) -> bool:
        """``image`` together with ``keypoints`` and a parsing folder."""
        return (root / "image").is_dir() and any((root / folder).is_dir() for folder in (*_PARSING, "keypoints"))

    def read(self, root: Path, split: str | None = None) -> Dataset:
        """List the dataset, see :class:`Layout`."""
        issues: list[Issue] = []
        chosen = _split(root, split, issues)
        captions = read_captions(root, issues)
        info = read_object(root / "dataset.json", issues, "dataset-json")
        labels = listed_label_set(root, info, issues)
        people: dict[str, Person] = {}
        garments: dict[str, Garment] = {}
        for stem, image in images_in(root / "image", issues).items():
            if chosen is not None and stem not in chosen:
                continue
            files = _files(root, stem, image)
            people[stem] = Person(stem, files, labels, caption=captions.get(stem))
            for category in CATEGORIES:
                garments[garment_id(stem, category)] = Garment(
                    garment_id(stem, category),
                    files,
                    labels,
                    caption=captions.get(stem),
                    category=category,
                    worn=True,
                )
        listed: list[tuple[str, str]] = []
        pair_files = sorted(root.glob("*pairs*.txt"))
        for path in pair_files:
            lines, found = read_pairs(path)
            issues += found
            for line in lines:
                garment, person = stem_of(line.first), stem_of(line.second)
                missing = [name for name in dict.fromkeys((garment, person)) if name not in people]
                if missing and chosen is None:
                    issues.append(
                        Issue(
                            f"line {line.number} names the missing {' and '.join(missing)}",
                            "add the photo or remove the line",
                            path,
                            "pair-missing-file",
                        )
                    )
                elif not missing:
                    listed.append((person, garment))
        if not pair_files:
            listed = derangement(list(people))
        unpaired = tuple(Pair(person, garment, person == garment) for person, garment in listed)
        paired = tuple(Pair(person, person, True) for person in dict.fromkeys(person for person, _ in listed))
        name = str(info.get("name") or root.name)
        return Dataset(
            name, root, self.name, people, garments, {"paired": paired, "unpaired": unpaired}, {}, tuple(issues), info
        )

    def write(self, dataset: Dataset, root: Path) -> list[str]:
        """Write the dataset, see :class:`Layout`; in-shop garments have no place here."""
        new_folder(root)
        lost: list[str] = []
        places = {
            "pose": ("keypoints", ("_keypoints.json",)),
            "parse": ("parsing", (".png",)),
            "garment-parse": ("garment_parsing", (".png",)),
        }
        if (labels := one_label_set(dataset, lost)) not in ("cihp20", "viton-hd"):  # these two have the same ids
            write_json(root / "dataset.json", {"name": dataset.name, "label_set": labels})
        for person in dataset.people.values():
            copy_photo(person, root, "image", places, lost)
        images = {person.files.get("image"): person.id for person in dataset.people.values()}
        lines = []
        alone = [garment.id for garment in dataset.garments.values() if not garment.worn]
        lost += [f"garment {name}: photographed alone, which this layout cannot hold" for name in alone]
        for pair in dataset.pairs.get("unpaired", ()):
            garment = dataset.garments[pair.garment]
            owner = images.get(garment.files.get("image"))
            if not garment.worn or owner is None or garment.category != "upper":
                lost.append(f"pair {pair.id}: this layout lists worn upper garments only")
            else:
                lines.append(
                    (
                        f"{owner}{garment.files['image'].suffix}",
                        f"{pair.person}{dataset.people[pair.person].files['image'].suffix}",
                    )
                )
        write_pairs(root / "test_pairs.txt", lines)
        return lost

"""What every layout does when it lists a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.files import read_json
from ...core.images import IMAGE_SUFFIXES
from ...core.labels import LABEL_SETS
from ..dataset import Issue


def images_in(folder: Path, issues: list[Issue], prefix: str = "") -> dict[str, Path]:
    """Id -> image file of a folder and its sub-folders, sorted; ids are paths below it without suffix.

    Two files that differ only in their suffix are an issue; the first in sorted order is taken. Hidden files are skipped.
    """
    found: dict[str, Path] = {}
    if not folder.is_dir():
        return found
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
            continue
        key = prefix + path.relative_to(folder).with_suffix("").as_posix()
        if key in found:
            issues.append(
                Issue(
                    f"another file of the same name but for the suffix: {found[key].name} is used",
                    "remove one of them",
                    path,
                    "same-stem",
                )
            )
            continue
        found[key] = path
    return found


def first_existing(*candidates: Path) -> Path | None:
    """The first path that is a file."""
    return next((path for path in candidates if path.is_file()), None)


def with_suffixes(
    folder: Path, stem: str, suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg", ".webp")
) -> Path | None:
    """``folder/stem`` with the first suffix that exists."""
    return first_existing(*(folder / f"{stem}{suffix}" for suffix in suffixes))


def read_object(path: Path, issues: list[Issue], kind: str) -> dict[str, Any]:
    """A JSON object, or an empty one and an issue."""
    if not path.is_file():
        return {}
    try:
        value = read_json(path)
    except InputError as error:
        issues.append(Issue(error.problem, error.mend, path, kind))
        return {}
    if not isinstance(value, dict):
        issues.append(Issue("not a JSON object", "write {...}, see docs/datasets.md", path, kind))
        return {}
    return value


def listed_label_set(root: Path, info: Mapping[str, Any], issues: list[Issue]) -> str:
    """The label set that ``dataset.json`` names, CIHP-20 where it names none; an unknown one is an issue, and CIHP-20.

    Args:
        root: of the dataset.
        info: what ``dataset.json`` holds.
        issues: get one more.
    """
    name = str(info.get("label_set", "cihp20"))
    if name in LABEL_SETS:
        return name
    mend = f"choose from {', '.join(LABEL_SETS)}"
    issues.append(Issue(f"unknown label set {name!r}, taken as cihp20", mend, root / "dataset.json", "label-set"))
    return "cihp20"


def read_captions(root: Path, issues: list[Issue]) -> Mapping[str, Mapping[str, Any]]:
    """``captions.json``: stem -> entry; entries that are no objects are issues."""
    path = root / "captions.json"
    captions: dict[str, Mapping[str, Any]] = {}
    for key, entry in read_object(path, issues, "captions").items():
        if isinstance(entry, dict):
            captions[Path(key).stem if Path(key).suffix.lower() in IMAGE_SUFFIXES else key] = entry
        else:
            issues.append(
                Issue(f"the entry of {key!r} is not an object", "write {...} with its attributes", path, "captions")
            )
    return captions


def stem_of(name: str) -> str:
    """A file name of a pairs file as an id: without the suffix of an image."""
    path = Path(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in IMAGE_SUFFIXES else name


def new_folder(root: Path) -> None:
    """Make ``root``, which must be new or empty.

    Raises:
        InputError: something is in it, or it cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise InputError("the folder is not empty", mend="name a new one", path=root)
    except OSError as error:
        raise InputError(
            f"cannot be made ({error.strerror or error})", mend="choose a folder that can be written", path=root
        ) from error

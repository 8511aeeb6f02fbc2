"""What is in a folder of photos: files, ids, and what each photo shows as far as folders and ``photos.csv`` say."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..core.errors import InputError
from ..core.files import sha256_bytes
from ..core.images import IMAGE_SUFFIXES
from ..data.sample import CATEGORIES, Category
from .conditions import Role

#: what is read besides the usual formats, where Pillow or pillow-heif can
PHOTO_SUFFIXES = IMAGE_SUFFIXES | {".heic", ".heif", ".avif", ".gif", ".jfif", ".jpe"}
#: camera files, told apart so that they get a line of their own
RAW_SUFFIXES = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"})
#: names of sub-folders that say what is in them
ROLE_FOLDERS: Mapping[str, Role] = {
    **dict.fromkeys(("people", "person", "persons", "image", "images", "model", "models"), "person"),
    **dict.fromkeys(("garment", "garments", "cloth", "clothes", "clothing", "in-shop"), "garment"),
}
_CATEGORY_FOLDERS: Mapping[str, Category] = {
    "upper": "upper", "upper_body": "upper", "tops": "upper", "lower": "lower", "lower_body": "lower",
    "bottoms": "lower", "dress": "dress", "dresses": "dress",
}  # fmt: skip
#: file beside the photos with what the user knows of them
TABLE = "photos.csv"
TABLE_FIELDS = ("file", "role", "category", "provenance", "licence", "consent")
_LONGEST_ID = 120


@dataclass(frozen=True)
class PhotoFile:
    """One photo to be annotated.

    Args:
        id: unique among photos of its role.
        path: the file.
        name: path below the folder of photos, with forward slashes.
        role: ``person`` or ``garment``; None where only the photo itself can tell.
        category: of a garment.
        about: provenance, licence, consent, as far as they are given for this very photo.
    """

    id: str
    path: Path
    name: str
    role: Role | None
    category: Category
    about: Mapping[str, str] = field(default_factory=dict)


def photo_id(name: str) -> str:
    """An id for a path below the folder of photos: no blanks (pairs files), no double underscores (ids of pairs)."""
    path = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/"))
    stem = str(path.with_suffix("") if path.name else path)
    plain = re.sub(r"_{2,}", "_", re.sub(r"[^\w.+=@-]", "-", stem.replace("/", "-"))).strip(".-_") or "photo"
    return plain if len(plain) <= _LONGEST_ID else f"{plain[:_LONGEST_ID]}-{sha256_bytes(stem.encode())[:8]}"


def _places(name: str) -> tuple[str, Role | None, Category | None]:
    """Name without the folders that say what is in it, and what they say."""
    *folders, file = name.split("/")
    role: Role | None = None
    category: Category | None = None
    kept = []
    for folder in folders:
        word = folder.lower()
        if role is None and word in ROLE_FOLDERS:
            role = ROLE_FOLDERS[word]
        elif category is None and word in _CATEGORY_FOLDERS:
            category = _CATEGORY_FOLDERS[word]
        else:
            kept.append(folder)
    return "/".join([*kept, file]), role, category


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """``photos.csv``: file -> what is said of it.

    Raises:
        InputError: no column ``file``, an unknown role or category, or not a table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"cannot be read as a table ({type(error).__name__})", mend="save it as UTF-8 CSV", path=path
        ) from error
    found = {}
    for number, row in enumerate(rows, start=2):
        entry = {
            key.strip().lower(): (value or "").strip() for key, value in row.items() if key and isinstance(value, str)
        }
        if not entry.get("file"):
            raise InputError(f"line {number} names no file", mend=f"columns are {', '.join(TABLE_FIELDS)}", path=path)
        if entry.get("role", "") not in ("", "person", "garment"):
            raise InputError(f"line {number}: role {entry['role']!r}", mend="use person or garment", path=path)
        if entry.get("category", "") not in ("", *CATEGORIES):
            raise InputError(
                f"line {number}: category {entry['category']!r}", mend=f"use {', '.join(CATEGORIES)}", path=path
            )
        found[entry["file"].replace("\\", "/")] = entry
    return found


def list_photos(
    root: Path, *, role: Role | None = None, category: Category = "upper", out: Path | None = None
) -> tuple[list[PhotoFile], list[tuple[str, str]]]:
    """List the photos below a folder, sorted by name. Decodes nothing.

    What a photo shows is said, in this order, by ``photos.csv`` beside the photos, by ``role``, by the names of folders
    (``people/``, ``garments/``, ``image/``, ``cloth/``; below them ``upper/``, ``lower/``, ``dress/``); else by the photo itself.

    Args:
        root: the folder.
        role: of all photos.
        category: of garments of which nothing else is said.
        out: the dataset's folder, which is passed over if it lies inside.

    Returns:
        The photos, and (file, reason) of files that are photos but cannot be read by anybody here.

    Raises:
        InputError: no such folder, nothing in it, or a broken ``photos.csv``.
    """
    if not root.is_dir():
        raise InputError(
            "no such folder" if not root.exists() else "not a folder", mend="name a folder of photos", path=root
        )
    table = read_table(root / TABLE) if (root / TABLE).is_file() else {}
    listed: list[tuple[str, str, Path, Role | None, Category, dict[str, str]]] = []
    left_out = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if any(part.startswith(".") for part in name.split("/")) or (out is not None and path.is_relative_to(out)):
            continue
        suffix = path.suffix.lower()
        if suffix in RAW_SUFFIXES and path.is_file():
            left_out.append((name, f"a camera's raw file ({suffix}) — export it as JPEG or TIFF"))
        if suffix not in PHOTO_SUFFIXES or not path.is_file():
            continue
        short, by_folder, of_folder = _places(name)
        said = table.get(name, {})
        chosen = said.get("role") or role or by_folder
        about = {key: said[key] for key in ("provenance", "licence", "consent") if said.get(key)}
        kind = next(known for known in (said.get("category"), of_folder, category) if known)
        listed.append((short, name, path, chosen, kind, about))  # type: ignore[arg-type]
    for name in sorted(set(table) - {entry[1] for entry in listed}):
        left_out.append((name, f"named in {TABLE} but not there — add the photo or remove the line"))
    if not listed and not left_out:
        raise InputError("no photos in it", mend=f"photos end in {', '.join(sorted(PHOTO_SUFFIXES))}", path=root)
    ids = _distinct([(short, name, chosen) for short, name, _, chosen, _, _ in listed])
    photos = [
        PhotoFile(key, path, name, chosen, kind, about)
        for key, (_, name, path, chosen, kind, about) in zip(ids, listed, strict=True)
    ]
    return photos, left_out


def _distinct(names: Sequence[tuple[str, str, Role | None]]) -> list[str]:
    """Ids that differ within a role; a photo that may be either differs from both. All of a clash get a longer id."""
    plain = [photo_id(short) for short, _, _ in names]
    roles = [("person", "garment") if role is None else (role,) for _, _, role in names]
    taken = Counter((key.casefold(), role) for key, chosen in zip(plain, roles, strict=True) for role in chosen)
    return [
        f"{key}-{sha256_bytes(name.encode())[:6]}" if any(taken[key.casefold(), role] > 1 for role in chosen) else key
        for key, chosen, (_, name, _) in zip(plain, roles, names, strict=True)
    ]

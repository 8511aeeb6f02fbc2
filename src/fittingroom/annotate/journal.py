"""What was corrected by hand: a journal beside the data that is only ever appended to.

``.annotate/journal.jsonl`` has one line for each correction:
``{"item", "condition", "who", "when", "before", "after", "note"}``. ``before`` and ``after`` are SHA-256 of the file's bytes
(of a caption: of its part of ``captions.json`` in canonical JSON); the bytes that were replaced are kept in
``.annotate/versions/`` under their hash. A value counts as given by hand while its file is what the newest line says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ..core.files import sha256_bytes, write_bytes

#: all that is not part of the dataset itself lies in this folder of it
FOLDER = ".annotate"
JOURNAL = f"{FOLDER}/journal.jsonl"
VERSIONS = f"{FOLDER}/versions"


@dataclass(frozen=True)
class Correction:
    """One line of the journal; all fields as they stand there."""

    item: str
    condition: str
    who: str
    when: str
    before: str
    after: str
    note: str = ""


def read_journal(root: Path) -> list[Correction]:
    """All corrections, oldest first; a line that was cut off by a crash, or that is none, is passed over."""
    path = root / JOURNAL
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(line)
            found.append(Correction(**{field.name: str(value.get(field.name, "")) for field in fields(Correction)}))
        except (ValueError, AttributeError):
            continue
    return found


def newest(root: Path) -> Mapping[tuple[str, str], Correction]:
    """(item, condition) -> its newest correction."""
    return {(entry.item, entry.condition): entry for entry in read_journal(root)}


def keep_version(root: Path, data: bytes) -> str:
    """Keep bytes that are about to be replaced, under their hash.

    Returns:
        The hash.
    """
    digest = sha256_bytes(data)
    path = root / VERSIONS / digest
    if not path.is_file():
        write_bytes(path, data)
    return digest

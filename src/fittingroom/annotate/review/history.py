"""Adding to the journal of corrections, and finding the way back in it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ...core.errors import InputError
from ..journal import Correction

#: beginnings of the notes that the store itself writes
UNDO, RESTORE = "undo", "restore"


def as_line(entry: Correction) -> str:
    """A correction as a line of JSON, with its end."""
    return json.dumps(asdict(entry), ensure_ascii=False) + "\n"


def append(path: Path, entry: Correction) -> None:
    """Add a line to the journal and bring it to the disk; a last line that broke off is ended first.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as handle:
            end = handle.seek(0, os.SEEK_END)
            broken = b""
            if end:
                handle.seek(-1, os.SEEK_END)
                broken = b"" if handle.read(1) == b"\n" else b"\n"
            handle.write(broken + as_line(entry).encode())
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror or error})", mend="check the folder's rights and free space", path=path
        ) from error


def undo_target(entries: Sequence[Correction]) -> str | None:
    """The version that one more undo leads to; None where everything is undone.

    Args:
        entries: those of one document, oldest first. An undo takes back the correction before it, so undoing again goes
            further back and never to and fro.
    """
    done: list[str] = []
    for entry in entries:
        if entry.note.startswith(UNDO):
            if done:
                done.pop()
        else:
            done.append(entry.before)
    return done[-1] if done else None

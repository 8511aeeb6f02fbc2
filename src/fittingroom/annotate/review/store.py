"""Saving corrections so that nothing is lost: atomic, versioned, attributable, and refused where somebody was quicker.

In the dataset's folder ``.annotate``: ``journal.jsonl`` has one line for each correction (see :mod:`..journal`),
``versions/`` the bytes before and after each, named by their SHA-256, and ``lock`` is held while one is written.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from ...core.errors import FittingroomError, InputError
from ...core.files import write_text
from ...data.dataset import Dataset
from ..journal import FOLDER, JOURNAL, VERSIONS, Correction, keep_version, read_journal
from . import history
from .documents import Document, digest, document, editable

#: called after a save with (item, condition); makes again what depends on it, and names those conditions
Rederive: TypeAlias = Callable[[str, str], list[str]]


class ConflictError(InputError):
    """The file is not the one that was opened: somebody else saved in the meantime."""


class Store:
    """The corrections of one dataset.

    Args:
        dataset: whose; of the layouts viton-hd or upt.
        rederive: makes again what depends on a corrected condition.
        clock: gives the time; for tests.

    Raises:
        InputError: the dataset cannot be edited.
    """

    def __init__(
        self, dataset: Dataset, rederive: Rederive | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        editable(dataset)
        self.dataset = dataset
        self.rederive = rederive
        self.folder = dataset.root / FOLDER
        self._clock = clock or (lambda: datetime.now(UTC))
        if (self.folder / "pending.json").is_file():
            with self._locked():
                self._finish()

    @property
    def journal_file(self) -> Path:
        """``.annotate/journal.jsonl``."""
        return self.dataset.root / JOURNAL

    def document(self, item: str, condition: str) -> Document:
        """Where a condition lies, see :func:`.documents.document`."""
        return document(self.dataset, item, condition)

    def open(self, item: str, condition: str) -> tuple[bytes | None, str]:
        """The bytes of a document and their hash, which :meth:`save` wants back."""
        data = self.document(item, condition).read()
        return data, digest(data)

    def save(
        self, item: str, condition: str, data: bytes | None, *, opened: str, who: str, note: str = ""
    ) -> tuple[Correction | None, list[str]]:
        """Save a correction.

        Args:
            item: id of a person or garment, or the name of a pairs file.
            condition: what is corrected.
            data: the new bytes; None removes the document.
            opened: the hash that :meth:`open` gave; empty where there was nothing.
            who: name of the corrector.
            note: why.

        Returns:
            The journal's line (None where nothing changed), and the conditions that were made again because of it; or
            why they could not be.

        Raises:
            ConflictError: the document is not the one that was opened. Nothing was written.
            InputError: no name, no such document, or the folder cannot be written.
        """
        who = " ".join(who.split())
        if not who:
            raise InputError("a correction needs a name", mend="say who you are")
        place = self.document(item, condition)
        with self._locked():
            before = place.read()
            if digest(before) != opened:
                raise ConflictError(
                    f"{condition} of {item} was changed by {self._last_writer(item, condition, digest(before))} since "
                    "it was opened",
                    mend="load it again, then repeat the correction",
                )
            if digest(data) == opened:
                return None, []
            line = Correction(item, condition, who, self._now(), digest(before), digest(data), " ".join(note.split()))
            for version in (before, data):
                if version is not None:
                    keep_version(self.dataset.root, version)
            write_text(self.folder / "pending.json", history.as_line(line))
            place.write(data)
            self._finish()
        return line, self._made_again(item, condition)

    def _made_again(self, item: str, condition: str) -> list[str]:
        if self.rederive is None:
            return []
        try:
            return self.rederive(item, condition)
        except FittingroomError as error:  # the correction itself is saved, and must not look as if it were not
            return [str(error)]

    def undo(self, item: str, condition: str, *, opened: str, who: str) -> tuple[Correction | None, list[str]]:
        """Take the last correction back; again, the one before it.

        Raises:
            ConflictError: see :meth:`save`.
            InputError: nothing to take back.
        """
        target = history.undo_target(self.history(item, condition))
        if target is None:
            raise InputError(f"nothing to undo in {condition} of {item}")
        return self.save(
            item, condition, self.version(item, condition, target), opened=opened, who=who, note=history.UNDO
        )

    def restore(
        self, item: str, condition: str, version: str, *, opened: str, who: str
    ) -> tuple[Correction | None, list[str]]:
        """Make an earlier version the present one; that, too, can be undone.

        Raises:
            ConflictError: see :meth:`save`.
            InputError: no such version.
        """
        note = f"{history.RESTORE} {version[:12]}"
        return self.save(item, condition, self.version(item, condition, version), opened=opened, who=who, note=note)

    def version(self, item: str, condition: str, sha: str) -> bytes | None:
        """Bytes of a version; None for the empty name, which stands for "there was nothing".

        Raises:
            InputError: it is not kept, or its file was harmed.
        """
        if not sha:
            return None
        path = self.dataset.root / VERSIONS / sha
        if len(sha) != 64 or not path.is_file():
            raise InputError(f"no version {sha[:12]} of {condition} of {item} is kept")
        data = path.read_bytes()
        if digest(data) != sha:
            raise InputError("the kept version was changed", mend="restore another one", path=path)
        return data

    def history(self, item: str | None = None, condition: str | None = None) -> list[Correction]:
        """The journal's lines of an item, of a condition of it, or all of them; oldest first."""
        return [
            line
            for line in read_journal(self.dataset.root)
            if item in (None, line.item) and condition in (None, line.condition)
        ]

    def _last_writer(self, item: str, condition: str, sha: str) -> str:
        lines = self.history(item, condition)
        return lines[-1].who if lines and lines[-1].after == sha else "another program"

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def _finish(self) -> None:
        """Write the journal's line of a save that was begun; one that never reached its file is forgotten."""
        pending = self.folder / "pending.json"
        if not pending.is_file():
            return
        try:
            line = Correction(**json.loads(pending.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            line = None
        if line is not None:
            arrived = digest(self.document(line.item, line.condition).read()) == line.after
            known = read_journal(self.dataset.root)
            if arrived and (not known or known[-1] != line):
                history.append(self.journal_file, line)
        pending.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one program writes at a time; a save that was cut off is finished first."""
        import fcntl  # Linux and macOS, as the whole project

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / "lock").open("a")
        except OSError as error:
            raise InputError(
                f"cannot be written ({error.strerror})", mend="check the folder's rights", path=self.folder
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._finish()
            yield

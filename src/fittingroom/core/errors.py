"""Errors that a user can act on: one line that says what is wrong and how to mend it."""

from __future__ import annotations

from pathlib import Path


class FittingroomError(Exception):
    """Base of every error that the project raises on purpose.

    Args:
        problem: what is wrong, without a full stop.
        mend: what the user can do about it, without a full stop.
        path: the file or folder concerned.
    """

    def __init__(self, problem: str, *, mend: str = "", path: Path | str | None = None) -> None:
        self.problem = " ".join(str(problem).split())
        self.mend = " ".join(mend.split())
        self.path = Path(path) if path is not None else None
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path is not None else ""
        mend = f" — {self.mend}" if self.mend else ""
        return f"{where}{self.problem}{mend}"


class InputError(FittingroomError):
    """A file or value that came from the user cannot be used."""


class MissingError(FittingroomError):
    """Something optional (weights, a library, a condition) is not here; the mend says how to get it."""

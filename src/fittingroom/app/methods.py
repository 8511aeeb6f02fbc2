"""The methods of the app: one is kept loaded at a time, since they may be large."""

from __future__ import annotations

from threading import Lock

from ..compare.job import MethodSpec
from ..core.errors import FittingroomError
from ..methods.base import Method
from ..methods.registry import load_method


class Loaded:
    """The method that was used last."""

    def __init__(self) -> None:
        self._name = ""
        self._method: Method | None = None
        self._lock = Lock()

    def get(self, name: str) -> Method:
        """The method called ``NAME`` or ``NAME@WEIGHTS``.

        Raises:
            InputError, MissingError: it cannot be loaded; one line.
        """
        with self._lock:
            if self._method is None or name != self._name:
                spec = MethodSpec.parse(name)
                self._method = None  # its memory is given back before the next one is loaded
                self._method, self._name = load_method(spec.name, spec.weights), name
            return self._method

    def problem(self, name: str) -> str:
        """Why a method cannot be used here, as Markdown; empty where it can."""
        try:
            self.get(name)
        except FittingroomError as error:
            return f"⚠ {plain(str(error))}"
        return ""


def plain(line: str) -> str:
    """A line for Markdown, without its marks having a meaning."""
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]<>#|~$" else mark for mark in line)

"""The methods of the app: one is kept loaded at a time, since they may be large."""

from __future__ import annotations

from threading import Lock

import gradio as gr

from ..compare.job import MethodSpec
from ..core.errors import FittingroomError
from ..methods.base import Method
from ..methods.registry import load_method, method_names
from .texts import static


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


def method_choice(methods: Loaded) -> gr.Dropdown:
    """The list of methods; below it stands why the chosen one cannot be used here, as soon as it is chosen."""
    names = method_names()
    choice = gr.Dropdown(
        names, value=names[0], label=static("method"), info=static("method_info"), allow_custom_value=True
    )
    choice.change(methods.problem, choice, gr.Markdown())
    return choice

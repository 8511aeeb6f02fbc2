"""The app's texts in English and Russian; which of them is shown is the browser's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import gradio as gr

LANGUAGES = ("en", "ru")


@lru_cache(maxsize=2)
def _read(language: str) -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((Path(__file__).parent / f"main_{language}.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def translations() -> gr.I18n:
    """Texts that do not change, for ``launch(i18n=...)``: the browser puts them in."""
    return gr.I18n(**{language: dict(_read(language)["static"]) for language in LANGUAGES})


def static(key: str) -> str:
    """A text that does not change, as what the browser replaces."""
    if key not in _read("en")["static"]:
        raise KeyError(key)
    return translations()(key)  # type: ignore[return-value]  # a string for all that Gradio does with it


def dynamic(request: gr.Request | None) -> Mapping[str, str]:
    """Texts that are put together here, in the language that the browser asks for."""
    asked = str(request.headers.get("accept-language", "")) if request is not None else ""
    return _read("ru" if asked.lower().startswith("ru") else "en")["dynamic"]

"""What weights recommend: settings that hold where nobody chose others, in ``settings.json`` beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.files import read_object, write_json

SETTINGS = "settings.json"


def recommended(weights: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given, before those that the weights' folder recommends.

    Args:
        weights: a folder, or a file in one.
        given: by name.

    Raises:
        InputError: the folder's file is not a table of settings.
    """
    folder = weights if weights.is_dir() else weights.parent
    return {**read_object(folder / SETTINGS, "not a table of settings"), **given}


def recommend(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write what a folder of weights recommends."""
    write_json(folder / SETTINGS, dict(settings))


def carry_recommended(weights: Path, folder: Path) -> None:
    """Copy what weights recommend, if anything, to where they were saved.

    Args:
        weights: a folder, or a file in one.
        folder: of the copy.
    """
    if given := recommended(weights, {}):
        recommend(folder, given)

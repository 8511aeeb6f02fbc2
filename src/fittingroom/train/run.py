"""A training by names: dataset, method, recipe."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import file_name
from ..core.progress import Report
from ..data.dataset import Dataset
from ..methods.registry import method_class
from .loop import Trained, fit
from .settings import TrainSettings

Recipe = dict[str, dict[str, Any]]


def read_recipe(path: Path | str) -> Recipe:
    """A recipe: TOML with the table ``[train]`` and those of the method.

    Raises:
        InputError: no such file, or not such a TOML file.
    """
    path = Path(path)
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError("no such recipe", mend="name a TOML file, or leave --recipe away", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not a recipe: {error}", mend="mend the file", path=path) from error
    for name, table in recipe.items():
        if not isinstance(table, dict):
            raise InputError(f"{name} stands outside of a table", mend="put it below [train] or the like", path=path)
    return recipe


def merged(recipe: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """The recipe with some values replaced."""
    out = {name: dict(table) for name, table in recipe.items()}
    for name, table in changes.items():
        out.setdefault(name, {}).update(table)
    return out


def train(
    data: Path | str | Dataset,
    method: str,
    *,
    recipe: Path | str | Mapping[str, Mapping[str, Any]] | None = None,
    out: Path | str | None = None,
    split: str | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    device: str = "cpu",
    progress: Report | None = None,
) -> Trained:
    """Train a method on a dataset; called again with the same folder it goes on where it was.

    Args:
        data: folder, name of an embedded dataset, or an open one.
        method: name.
        recipe: TOML file or its tables; None for the published settings.
        out: folder of the training; ``runs/train-METHOD`` if not given.
        split: of the dataset.
        changes: table -> setting -> value, put over the recipe.
        device: ``cpu`` or ``cuda``.
        progress: called with (steps done, steps in all).

    Raises:
        InputError, MissingError: dataset, recipe or setting that cannot be used; one line says why.
    """
    tables = recipe if isinstance(recipe, Mapping) else read_recipe(recipe) if recipe else {}
    tables = merged(tables, changes or {})
    settings = TrainSettings.of(tables.pop("train", {}))
    dataset = data if isinstance(data, Dataset) else Dataset.open(data, split=split)
    kind = method_class(method)
    known = {*kind.recipe_tables}
    if unknown := sorted(set(tables) - known):
        names = ", ".join(sorted({"train", *known}))
        raise InputError(f"{method} has no recipe table {', '.join(unknown)}", mend=f"there are: {names}")
    task = kind.training(dataset, tables, settings.seed)
    folder = Path(out) if out is not None else Path("runs") / f"train-{file_name(method)}"
    return fit(task, settings, folder, device=device, progress=progress)

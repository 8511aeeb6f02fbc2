"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..core.errors import InputError

Methods = Annotated[str, typer.Option(help="Comma-separated: NAME, NAME@WEIGHTS or LABEL=NAME@WEIGHTS.")]
Metrics = Annotated[
    str, typer.Option(help="Comma-separated names, aliases (fid, kid, lpips) or groups (default, all).")
]
Seed = Annotated[int, typer.Option(help="Seed of the run.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ... or auto.")]
Layout = Annotated[str, typer.Option(help="Layout of the dataset; found out when left away.")]
Split = Annotated[str, typer.Option(help="Split of the dataset, e.g. train or test.")]
Language = Annotated[str, typer.Option(help="Language of the report: en or ru.")]
WeightsFile = Annotated[
    list[str] | None, typer.Option("--weights-file", help="NAME=PATH of a local weights file; repeatable.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="METHOD.KEY=VALUE for a method's own option; repeatable.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def names(text: str) -> tuple[str, ...]:
    """Comma-separated text as a tuple of names, without the empty ones."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def weights_files(entries: Sequence[str] | None) -> dict[str, Path]:
    """``NAME=PATH`` entries as a dictionary.

    Raises:
        InputError: an entry of another form, or a file that is not there.
    """
    found = {}
    for entry in entries or ():
        name, equals, path = entry.partition("=")
        if not (name and equals and path):
            raise InputError(f"{entry!r} is not NAME=PATH", mend="write e.g. --weights-file inception=inception.pth")
        if not Path(path).is_file():
            raise InputError("no such weights file", path=path)
        found[name] = Path(path)
    return found


def weights_paths(entries: Sequence[str] | None) -> dict[str, Path]:
    """``NAME=PATH`` entries, where a path may also be a model's folder.

    Raises:
        InputError: an entry of another form, or a path that is not there.
    """
    files = [entry for entry in entries or () if not Path(entry.partition("=")[2]).is_dir()]
    folders = {entry.partition("=")[0]: Path(entry.partition("=")[2]) for entry in entries or () if entry not in files}
    return {**weights_files(files), **folders}


def role(name: str) -> Literal["person", "garment"] | None:
    """A photo's role, or None for an empty text.

    Raises:
        InputError: another word.
    """
    if name not in ("", "person", "garment"):
        raise InputError(f"no role named {name!r}", mend="use person or garment")
    return "person" if name == "person" else "garment" if name else None


def shard(text: str) -> tuple[int, int] | None:
    """``i/n`` with i from 0 to n - 1; None for an empty text.

    Raises:
        InputError: another form.
    """
    if not text:
        return None
    first, slash, second = text.partition("/")
    if not (slash and first.isdigit() and second.isdigit() and int(first) < int(second)):
        raise InputError(f"{text!r} is not a shard", mend="write i/n with i below n, e.g. --shard 0/4")
    return int(first), int(second)


def method_settings(entries: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """``METHOD.KEY=VALUE`` entries as method -> key -> value; values that read as JSON are taken as such.

    Raises:
        InputError: an entry of another form.
    """
    import json

    found: dict[str, dict[str, Any]] = {}
    for entry in entries or ():
        target, equals, text = entry.partition("=")
        method, dot, key = target.rpartition(".")
        if not (equals and dot and method and key):
            raise InputError(f"{entry!r} is not METHOD.KEY=VALUE", mend="write e.g. --set baseline.feather=2")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        found.setdefault(method, {})[key] = value
    return found


def device(name: str) -> str:
    """``auto`` resolved; a device that is not there is refused.

    Raises:
        InputError: not a torch device, or CUDA where there is none.
    """
    import torch

    from ..compare.engine import default_device

    if name == "auto":
        return default_device()
    try:
        kind = torch.device(name).type
    except RuntimeError:
        raise InputError(f"no device named {name!r}", mend="use cpu, cuda or auto") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "no CUDA device here", mend="use --device cpu; `fittingroom doctor` says what this machine has"
        )
    return name


def language(name: str) -> str:
    """A language that reports come in.

    Raises:
        InputError: another one.
    """
    if name not in ("en", "ru"):
        raise InputError(f"no report in language {name!r}", mend="use en or ru")
    return name

"""``fittingroom dataset pack``: several datasets as one small training set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def pack_command(
    data: Annotated[list[str], typer.Argument(help="Datasets; FOLDER#SPLIT for one split of a folder.")],
    out: Annotated[Path, typer.Option(help="New folder.")],
    height: Annotated[int, typer.Option(help="Of the pictures in pixels; their width is three quarters of it.")] = 256,
    seed: Annotated[int, typer.Option(help="Of crops and of what is done to garments that were cut out.")] = 1,
    quality: Annotated[int, typer.Option(help="Of the JPEGs, 1 to 100.")] = 90,
    quiet: options.Quiet = False,
) -> None:
    """Write the paired samples of datasets as one, at training size; worn garments are cut out and laid on white."""
    from ..core.progress import progress
    from ..data.dataset import Dataset
    from ..data.pack import pack

    opened = [Dataset.named(entry) for entry in data]
    with progress("packing", quiet=quiet) as report:
        done = pack(opened, out, (height, height * 3 // 4), seed=seed, quality=quality, progress=report)
    for line in done.left_out:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{done.people} people, {done.garments} garments, {done.size / 1e6:.1f} MB: {done.root}")

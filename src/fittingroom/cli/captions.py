"""``fittingroom captions``: write or complete the captions of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def captions_command(
    data: Annotated[str, typer.Argument(help="Dataset: a folder with photos, poses and parses.")],
    model: Annotated[
        str,
        typer.Option(help="rules, the name of a model in `weights list`, or the folder of a vision-language model."),
    ] = "rules",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also replace what is described already.")] = False,
    layout: options.Layout = "",
    split: options.Split = "",
    device: options.Device = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Describe people and garments in captions.json, which may then be edited; what stands there stays."""
    from ..core.progress import progress
    from ..data.dataset import Dataset
    from ..methods.promptdresser.captioner import MODEL, LanguageModel, write_captions

    dataset = Dataset.open(data, layout=layout or None, split=split or None)
    captioner = None
    if model != "rules":
        captioner = LanguageModel(None if model == MODEL else Path(model), options.device(device))
    with progress("describing", quiet=quiet) as report:
        written, failures = write_captions(dataset, captioner, overwrite=overwrite, progress=report)
    for line in failures:
        typer.echo(f"not described: {line}", err=True)
    typer.echo(f"{written} descriptions written: {dataset.root / 'captions.json'}")

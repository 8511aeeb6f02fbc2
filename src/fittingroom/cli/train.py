"""``fittingroom train``: train a method on a dataset, or go on with a training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def train_command(
    data: Annotated[
        str, typer.Argument(help="Dataset folder, or the name of an embedded one (studio-mini, drawn-mini).")
    ],
    method: Annotated[str, typer.Option(help="Name of the method.")],
    recipe: Annotated[Path | None, typer.Option(help="TOML file; published settings without it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the training; runs/train-METHOD without it.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps in all, instead of the recipe's.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop with a checkpoint after so many minutes.")] = None,
    batch: Annotated[int | None, typer.Option(help="Items a step, instead of the recipe's.")] = None,
    split: options.Split = "",
    device: options.Device = "auto",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="TABLE.KEY=VALUE over the recipe; repeatable.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Train; the same command goes on where it was stopped. Several GPUs: put `accelerate launch -m` before it."""
    from ..core.progress import progress
    from ..train.run import train

    changes = options.method_settings(set_)
    given = {"steps": steps, "minutes": minutes, "batch": batch}
    changes.setdefault("train", {}).update({name: value for name, value in given.items() if value is not None})
    with progress(f"training {method}", quiet=quiet) as report:
        done = train(
            data,
            method,
            recipe=recipe,
            out=out,
            split=split or None,
            changes=changes,
            device=options.device(device),
            progress=report,
        )
    state = "finished" if done.finished else "stopped, run the same command again to go on"
    typer.echo(f"{state} after step {done.steps}; weights: {done.weights}; curves: {done.folder / 'curves.png'}")
    if done.refused:
        typer.echo(
            f"{len(done.refused)} photos were left out, see {done.folder / 'config.json'}; the first: {done.refused[0]}"
        )

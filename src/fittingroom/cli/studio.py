"""``fittingroom studio``: render people in garments, with every annotation (extra ``studio``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options

app = typer.Typer(
    help="Render people in garments, with every annotation and the true try-on pictures.", no_args_is_help=True
)


@app.callback()
def _root() -> None:
    """Render people in garments, with every annotation and the true try-on pictures."""


@app.command("render")
def render_command(
    out: Annotated[Path, typer.Option(help="Folder of the dataset; a rendering that was stopped goes on.")],
    count: Annotated[int, typer.Option("-n", "--count", help="People, and as many garments.")] = 24,
    seed: Annotated[int, typer.Option(help="Seed: the same numbers give the same people, garments and poses.")] = 1,
    height: Annotated[
        int, typer.Option(help="Height of the pictures in pixels; their width is three quarters of it.")
    ] = 512,
    variants: Annotated[
        int, typer.Option(help="Colours and prints for each light: photos = people times variants.")
    ] = 1,
    counterfactuals: Annotated[int, typer.Option(help="Other garments that everybody is also photographed in.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes; 0 is one for each core.")] = 0,
    quiet: options.Quiet = False,
) -> None:
    """Render a dataset: photos, garments, keypoints, parses, masks, depth, captions, counterfactuals."""
    from ..core.progress import progress
    from ..studio.render import render

    size = (height, height * 3 // 4)
    with progress("rendering", quiet=quiet) as report:
        done = render(
            out, count, seed, size=size, variants=variants, counterfactuals=counterfactuals, workers=workers or None, progress=report
        )  # fmt: skip
    for line in done.left_out:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{done.people} people, {done.garments} garments, {done.truths} counterfactuals: {done.root}")

"""``fittingroom annotate``: a folder of photos in, a dataset that all methods accept out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def annotate_command(
    photos: Annotated[
        Path,
        typer.Argument(help="Folder of photos; people/ and garments/ in it say what they show, else the photos do."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the dataset; a run that was stopped goes on there.")],
    pose: Annotated[str, typer.Option(help="Pose annotator, or auto.")] = "auto",
    parse: Annotated[str, typer.Option(help="Human parser, auto or none.")] = "auto",
    person_mask: Annotated[str, typer.Option(help="Annotator of the person's mask, auto or none.")] = "auto",
    garment_mask: Annotated[str, typer.Option(help="Annotator of the garment's mask, or none.")] = "auto",
    densepose: Annotated[str, typer.Option(help="densepose/file with a --weights-file, or none.")] = "none",
    agnostic: Annotated[
        str, typer.Option(help="canonical, ladi-vton, pasta-gan++, promptdresser-armneck, -v9 ..., or none.")
    ] = "canonical",
    captions: Annotated[str, typer.Option(help="rules, model (a vision-language model), or none.")] = "rules",
    weights_file: options.WeightsFile = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="ANNOTATOR.KEY=VALUE for an annotator's own option; repeatable.")
    ] = None,
    role: Annotated[str, typer.Option(help="person or garment, of all photos; else found out.")] = "",
    category: Annotated[
        str, typer.Option(help="Of garments of which nothing else is said: upper, lower or dress.")
    ] = "upper",
    longest: Annotated[
        int, typer.Option(min=0, help="Photos are scaled down to this longer side; 0 keeps them.")
    ] = 1024,
    max_pixels: Annotated[float, typer.Option(help="Photos of more million pixels are refused.")] = 200.0,
    name: Annotated[str, typer.Option(help="Name of the dataset.")] = "",
    who: Annotated[str, typer.Option(help="Who annotates, for the record.")] = "",
    provenance: Annotated[str, typer.Option(help="Where the photos come from.")] = "",
    licence: Annotated[str, typer.Option(help="Under which licence the photos are.")] = "",
    consent: Annotated[str, typer.Option(help="What the people in them agreed to.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    executor: Annotated[str, typer.Option(help="local or ray.")] = "local",
    shard: Annotated[str, typer.Option(help="i/n: only this share of the photos (0/3, 1/3, 2/3).")] = "",
    list_: Annotated[bool, typer.Option("--list", help="List the annotators with their licences, and end.")] = False,
    device: options.Device = "cpu",
    quiet: options.Quiet = False,
) -> None:
    """Annotate people and garments; exit code 1 if some photos could not be."""
    from ..annotate.choice import Wanted, choose_plan, describe
    from ..annotate.reading import Reading
    from ..annotate.runner import annotate
    from ..core.progress import progress
    from ..data.single import as_category
    from ..methods.annotators import TARGETS

    if list_:
        typer.echo("\n".join(describe(TARGETS)))
        return
    wanted = Wanted(pose, parse, person_mask, garment_mask, densepose, agnostic, captions, as_category(category))
    plan, remarks = choose_plan(
        wanted,
        targets=TARGETS,
        weights=options.weights_paths(weights_file),
        settings=options.method_settings(set_),
        reading=Reading(longest, round(max_pixels * 1e6)),
        device=options.device(device),
    )
    for line in remarks:
        typer.echo(line, err=True)
    with progress("annotating", quiet=quiet) as report:
        done = annotate(
            photos,
            out,
            plan,
            role=options.role(role),
            category=wanted.category,
            info={"name": name, "who": who, "provenance": provenance, "licence": licence, "consent": consent},
            workers=workers,
            executor=executor,
            shard=options.shard(shard),
            progress=report,
        )
    for file, item, _, stage, why in done.failures:
        typer.echo(f"failed: {file or item or out}: {stage}: {why}", err=True)
    typer.echo(
        f"{done.people} people and {done.garments} garments of {done.photos} photos: {done.made} annotations made, "
        f"{done.kept} found ready, {len(done.failures)} failures: {done.root}"
    )
    if done.failures:
        typer.echo(
            f"failures: {out / '.annotate' / 'failures.csv'}; worst first: {out / '.annotate' / 'quality.csv'}",
            err=True,
        )
        raise typer.Exit(1)

"""``fittingroom try-on``: one person, one garment, one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def try_on_command(
    person: Annotated[str, typer.Argument(help="Person: an id of --data, or a photo.")],
    garment: Annotated[str, typer.Argument(help="Garment: an id of --data, or a photo.")],
    data: Annotated[str, typer.Option(help="Dataset that the ids belong to.")] = "",
    method: Annotated[str, typer.Option(help="NAME or NAME@WEIGHTS.")] = "baseline",
    out: Annotated[Path, typer.Option(help="The picture (PNG).")] = Path("try-on.png"),
    category: Annotated[str, typer.Option(help="Of the garment: upper, lower or dress.")] = "upper",
    person_pose: Annotated[Path | None, typer.Option(help="OpenPose JSON of the person's photo.")] = None,
    person_parse: Annotated[Path | None, typer.Option(help="Label map of the person's photo.")] = None,
    garment_mask: Annotated[Path | None, typer.Option(help="Mask of an in-shop garment.")] = None,
    garment_pose: Annotated[Path | None, typer.Option(help="OpenPose JSON of a worn garment's photo.")] = None,
    garment_parse: Annotated[Path | None, typer.Option(help="Label map of a worn garment's photo.")] = None,
    pose: Annotated[str, typer.Option(help="Annotator of a pose that is missing, auto, none or hand.")] = "auto",
    parse: Annotated[str, typer.Option(help="Human parser where a parse is missing, auto, none or hand.")] = "auto",
    mask: Annotated[
        str, typer.Option(help="Annotator of an in-shop garment's missing mask, auto, none or hand.")
    ] = "auto",
    annotate: Annotated[bool, typer.Option(help="Make what is missing; else it is an error.")] = True,
    worn: Annotated[
        bool | None,
        typer.Option("--worn/--in-shop", help="Whether somebody wears the garment in its photo; else found out."),
    ] = None,
    longest: Annotated[
        int,
        typer.Option(min=0, help="Photos without any annotation are scaled down to this longer side; 0 keeps them."),
    ] = 1024,
    weights_file: options.WeightsFile = None,
    label_set: Annotated[str, typer.Option(help="Label set of the maps: cihp20, atr18, lip20, viton-hd.")] = "cihp20",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    set_: options.Settings = None,
    vram: options.Vram = "",
) -> None:
    """Dress one person: by ids of a dataset, or from photos; what they lack of annotations is made."""
    from ..annotate.complete import complete
    from ..annotate.makers import Makers
    from ..annotate.reading import Reading
    from ..compare.job import MethodSpec
    from ..core.images import write_png
    from ..data.dataset import Dataset
    from ..data.sample import Pair
    from ..data.single import sample_from_files
    from ..methods.registry import load_method

    if data:
        sample = Dataset.open(data).sample(Pair(person, garment, paired=False))
        worn = sample.garment.worn
    else:
        sample = sample_from_files(
            person,
            garment,
            category=category,
            person_pose=person_pose,
            person_parse=person_parse,
            garment_mask=garment_mask,
            garment_pose=garment_pose,
            garment_parse=garment_parse,
            label_set=label_set,
            worn=worn,
        )
    spec = MethodSpec.parse(method)
    settings = options.method_settings(set_)
    (spec,) = options.planned([MethodSpec(spec.name, spec.weights, settings.get(spec.name, {}))], vram)
    makers = Makers(
        pose,
        parse,
        mask,
        options.weights_paths(weights_file),
        {name: own for name, own in settings.items() if "/" in name},  # annotators have one in their names
        Reading(longest),
        options.device(device),
    )
    loaded = load_method(spec.name, spec.weights, device=makers.device, **spec.settings)
    loaded.accept(sample)
    if annotate:
        uses = () if data else loaded.card.uses  # of a dataset the same as `compare` makes of it
        completed = complete(sample, loaded.card.needs, uses, makers=makers, worn=worn)
        sample = completed.sample
        for entry in completed.filled:
            typer.echo(f"{entry.need}: {entry.annotator}, score {entry.score:.2f}", err=True)
        for line in completed.warnings:
            typer.echo(f"warning: {line}", err=True)
        if completed.warnings and completed.folder:
            typer.echo(f"to correct annotations: fittingroom app --review {completed.folder}", err=True)
    write_png(out, loaded.run(sample, seed))
    typer.echo(f"picture: {out}")

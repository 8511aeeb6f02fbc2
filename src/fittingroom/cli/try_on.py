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
    label_set: Annotated[str, typer.Option(help="Label set of the maps: cihp20, atr18, lip20, viton-hd.")] = "cihp20",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    set_: options.Settings = None,
    vram: options.Vram = "",
) -> None:
    """Dress one person: by ids of a dataset, or from photos with their annotation files."""
    from ..compare.job import MethodSpec
    from ..core.images import write_png
    from ..data.dataset import Dataset
    from ..data.sample import Pair
    from ..data.single import sample_from_files
    from ..methods.registry import load_method

    if data:
        sample = Dataset.open(data).sample(Pair(person, garment, paired=False))
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
        )
    spec = MethodSpec.parse(method)
    own = options.method_settings(set_).get(spec.name, {})
    (spec,) = options.planned([MethodSpec(spec.name, spec.weights, own)], vram)
    loaded = load_method(spec.name, spec.weights, device=options.device(device), **spec.settings)
    write_png(out, loaded.run(sample, seed))
    typer.echo(f"picture: {out}")

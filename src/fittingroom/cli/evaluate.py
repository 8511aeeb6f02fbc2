"""``fittingroom evaluate``: metrics of a folder of pictures against another folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.files import cache_folder
from . import options


def evaluate_command(
    generated: Annotated[Path, typer.Argument(help="Folder of generated pictures.")],
    reference: Annotated[Path, typer.Argument(help="Folder of real ones; paired metrics match by file name.")],
    metrics: options.Metrics = "default",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    weights_file: options.WeightsFile = None,
    json: Annotated[Path | None, typer.Option(help="Also write values and protocols as JSON.")] = None,
    quiet: options.Quiet = False,
) -> None:
    """Measure pictures that some other program made."""
    from dataclasses import asdict

    from ..core.files import write_json
    from ..core.progress import progress
    from ..metrics.cache import EmbeddingCache
    from ..metrics.evaluate import evaluate

    with progress("measuring", quiet=quiet) as report:
        found = evaluate(
            generated,
            reference,
            options.names(metrics),
            seed=seed,
            device=options.device(device),
            overrides=options.weights_files(weights_file),
            cache=EmbeddingCache(cache_folder() / "embeddings"),
            progress=report,
        )
    typer.echo(found.table())
    if json:
        write_json(
            json,
            {
                "values": [asdict(value) for value in found.values],
                "protocols": {key: asdict(protocol) for key, protocol in found.protocols.items()},
            },
        )
        typer.echo(f"values: {json}")

"""``fittingroom compare``: methods x pairs x metrics -> a run and its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InputError
from ..core.files import file_name, sha256_json
from . import options


def compare_command(
    data: Annotated[
        str, typer.Argument(help="Dataset: a folder, or the name of an embedded one (studio-mini, drawn-mini).")
    ],
    methods: options.Methods = "baseline",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; by default runs/ and a name made of the job.")
    ] = None,
    metrics: options.Metrics = "default",
    settings: Annotated[str, typer.Option(help="paired, unpaired or both, comma-separated.")] = "paired,unpaired",
    category: Annotated[str, typer.Option(help="Only garments of this category: upper, lower or dress.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many pairs of each setting; 0 = all.")] = 0,
    layout: options.Layout = "",
    split: options.Split = "",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    executor: Annotated[str, typer.Option(help="local or ray.")] = "local",
    workers: Annotated[int, typer.Option(min=1, help="Processes (local) or tasks (ray) that make pictures.")] = 1,
    shard: Annotated[
        str, typer.Option(help="i/n: make only every n-th picture, beginning with the i-th, and measure nothing.")
    ] = "",
    weights_file: options.WeightsFile = None,
    set_: options.Settings = None,
    vram: options.Vram = "",
    language: options.Language = "en",
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the report at the end.")] = True,
    quiet: options.Quiet = False,
) -> None:
    """Compare methods on a dataset; run again to continue or to finish."""
    from ..compare.engine import compare
    from ..compare.job import SETTINGS, Job, MethodSpec
    from ..report import write_report
    from ..report.tables import text_table

    options.language(language)
    own = options.method_settings(set_)
    specs = [MethodSpec.parse(text) for text in options.names(methods)]
    if unused := sorted(set(own) - {spec.label for spec in specs} - {spec.name for spec in specs}):
        raise InputError(f"--set names {', '.join(unused)}, which this run has not", mend="name a method of --methods")
    specs = [
        MethodSpec(spec.name, spec.weights, {**own.get(spec.name, {}), **own.get(spec.label, {})}, spec.label)
        for spec in specs
    ]
    wanted = options.names(settings)
    if unknown := [name for name in wanted if name not in SETTINGS]:
        raise InputError(f"no setting named {unknown[0]!r}", mend=f"choose from {', '.join(SETTINGS)}")
    job = Job(
        dataset=data,
        methods=tuple(options.planned(specs, vram)),
        layout=layout,
        split=split,
        category=category,
        settings=tuple(name for name in SETTINGS if name in wanted),
        limit=limit,
        seed=seed,
        device=options.device(device),
    )
    folder = out or Path("runs") / f"{file_name(Path(data).resolve().name)}-{sha256_json(job.as_json())[:8]}"
    run = compare(
        job,
        folder,
        metrics=options.names(metrics),
        shard=options.shard(shard),
        executor=executor,
        workers=workers,
        weights_files=options.weights_files(weights_file),
        quiet=quiet,
    )
    if shard:
        typer.echo(f"shard {shard} done in {folder}; run the same command without --shard when all are")
        return
    failed = [item for item in run.items if item.error]
    for item in failed[:10]:
        typer.echo(f"no picture: {item.method}, {item.setting}, {item.id}: {item.error}", err=True)
    if len(failed) > 10:
        typer.echo(f"... and {len(failed) - 10} more, see {folder / 'log.txt'}", err=True)
    if not any(item.image for item in run.items):
        raise InputError(
            "not one picture could be made", mend="`fittingroom dataset check` says what is missing", path=folder
        )
    typer.echo(text_table(run))
    if report:
        typer.echo(f"report: {write_report(run, language=language)}")

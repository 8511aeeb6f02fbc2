"""``fittingroom report``: a run -> HTML, figures, tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def report_command(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file; by default report.html (report.ru.html) in the run.")
    ] = None,
    language: options.Language = "en",
    figures: Annotated[
        Path | None, typer.Option(help="Also write the figures as PNG and PDF into this folder.")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option(help="Also write the tables as Markdown, CSV and LaTeX into this folder.")
    ] = None,
) -> None:
    """Write the report of a run again, in English or Russian, with figures and tables as files if asked."""
    from ..compare.run import Run
    from ..report import write_figures, write_report, write_tables

    options.language(language)
    opened = Run.open(run)
    if figures:
        write_figures(opened, figures, language)
        typer.echo(f"figures: {figures}")
    if tables:
        write_tables(opened, tables, language)
        typer.echo(f"tables: {tables}")
    typer.echo(f"report: {write_report(opened, out, language=language)}")

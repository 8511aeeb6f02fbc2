"""``fittingroom weights``: list, fetch, import, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Published weights: what there is, and getting it here.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(help="Name in `fittingroom weights list`.")]


@app.command("list")
def list_command() -> None:
    """What can be used, how large it is, under which licence, and whether it is here."""
    from rich.console import Console
    from rich.table import Table

    from ..weights.fetch import find
    from ..weights.manifest import entries

    table = Table("name", "for", "MB", "licence", "here")
    for entry in entries():
        path = find(entry.name)
        table.add_row(entry.name, entry.purpose, f"{entry.size / 1e6:.2f}", entry.licence, str(path) if path else "no")
    Console().print(table)


@app.command("fetch")
def fetch_command(name: Name) -> None:
    """Download a file, check its hash, keep it."""
    from ..core.progress import progress
    from ..weights.fetch import fetch

    with progress(f"fetching {name}") as report:
        path = fetch(name, progress=report)
    typer.echo(f"weights: {path}")


@app.command("import")
def import_command(name: Name, file: Annotated[Path, typer.Argument(help="The file you have.")]) -> None:
    """Take a file that you have: its hash is checked, its tensors are converted to safetensors, no code in it runs."""
    from ..weights.convert import import_file

    typer.echo(f"weights: {import_file(name, file)}")


@app.command("verify")
def verify_command() -> None:
    """Check the hash of every file that is here."""
    from ..weights.fetch import verify_all

    bad = 0
    for name, path, problem in verify_all():
        bad += bool(problem)
        typer.echo(f"{'ok  ' if not problem else 'FAIL'} {name}: {path}{': ' + problem if problem else ''}")
    if bad:
        raise typer.Exit(1)

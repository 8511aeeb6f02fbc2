"""``fittingroom dataset``: check, export, show, card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InputError
from . import exchange, options

app = typer.Typer(help="Look at a dataset, check it, export it.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(exchange.app, name="exchange")
Data = Annotated[str, typer.Argument(help="Dataset: a folder, or the name of an embedded one.")]


@app.command("check")
def check_command(
    data: Data,
    methods: Annotated[str, typer.Option(help="Comma-separated methods to check for; all by default.")] = "",
    layout: options.Layout = "",
    split: options.Split = "",
    deep: Annotated[
        bool, typer.Option("--deep/--quick", help="Decode every file, or only look at their names.")
    ] = True,
    json: Annotated[Path | None, typer.Option(help="Also write the findings as JSON.")] = None,
    quiet: options.Quiet = False,
) -> None:
    """Say which samples each method can use, what is missing, and every broken file in one line."""
    from ..core.files import write_json
    from ..core.progress import progress
    from ..data.check import check
    from ..data.dataset import Dataset
    from ..methods.registry import card, method_names

    cards = [card(name) for name in options.names(methods) or method_names()]
    dataset = Dataset.open(data, layout=layout or None, split=split or None)
    with progress("checking", quiet=quiet) as report:
        found = check(
            dataset,
            needs={entry.name: entry.needs for entry in cards},
            categories={entry.name: entry.categories for entry in cards},
            deep=deep,
            progress=report,
        )
    typer.echo(found.text())
    if json:
        write_json(json, found.as_json())
    if found.errors:
        raise typer.Exit(1)


@app.command("export")
def export_command(
    data: Data,
    out: Annotated[Path, typer.Argument(help="New folder.")],
    to: Annotated[str, typer.Option(help="Layout to write.")] = "viton-hd",
    blur_faces: Annotated[
        bool, typer.Option("--blur-faces", help="Make faces unrecognisable; whose face cannot be found is left out.")
    ] = False,
    layout: options.Layout = "",
    split: options.Split = "",
) -> None:
    """Write a dataset in another layout."""
    import tempfile

    from ..data.dataset import Dataset
    from ..data.faces import without_faces
    from ..data.layouts import layout as find_layout

    dataset = Dataset.open(data, layout=layout or None, split=split or None)
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        if blur_faces:
            dataset, lost = without_faces(dataset, Path(folder))
        lost += find_layout(to).write(dataset, out)
    for line in lost:
        typer.echo(f"not kept: {line}", err=True)
    typer.echo(f"dataset: {out}")


@app.command("show")
def show_command(
    data: Data,
    out: Annotated[Path | None, typer.Option(help="Also write a contact sheet as PNG.")] = None,
    count: Annotated[int, typer.Option("-n", min=1, help="Samples on the sheet.")] = 8,
    layout: options.Layout = "",
    split: options.Split = "",
) -> None:
    """Say what is in a dataset; draw a contact sheet if asked."""
    from ..core.images import write_png
    from ..data.dataset import Dataset
    from ..data.summary import contact_sheet, summary

    dataset = Dataset.open(data, layout=layout or None, split=split or None)
    typer.echo(summary(dataset))
    if out:
        if out.suffix.lower() != ".png":
            raise InputError("a contact sheet is a .png file", path=out)
        write_png(out, contact_sheet(dataset, count))
        typer.echo(f"contact sheet: {out}")


@app.command("card")
def card_command(
    data: Data,
    out: Annotated[
        Path | None, typer.Option(help="Markdown file; a contact sheet of the same name (.png) is put beside it.")
    ] = None,
    count: Annotated[int, typer.Option("-n", min=1, help="Samples on the sheet.")] = 8,
    layout: options.Layout = "",
    split: options.Split = "",
) -> None:
    """Say what is in a dataset, where it is from, who agreed to what, and how good its annotations are."""
    from ..core.files import write_text
    from ..core.images import write_png
    from ..data.card import card
    from ..data.dataset import Dataset
    from ..data.summary import contact_sheet

    dataset = Dataset.open(data, layout=layout or None, split=split or None)
    text = card(dataset)
    if out is None:
        typer.echo(text)
        return
    if out.suffix.lower() != ".md":
        raise InputError("a card is a .md file", path=out)
    sheet = out.with_suffix(".png")
    write_png(sheet, contact_sheet(dataset, count))
    write_text(out, text + f"\n![contact sheet]({sheet.name})\n")
    typer.echo(f"card: {out}, contact sheet: {sheet}")

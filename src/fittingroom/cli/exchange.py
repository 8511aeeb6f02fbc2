"""``fittingroom dataset exchange``: annotations to and from other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import InputError
from . import options

app = typer.Typer(help="Annotations to and from other tools.", no_args_is_help=True, rich_markup_mode=None)
_FORMATS = "coco, cvat, label-studio or labelme"
Data = Annotated[str, typer.Argument(help="Dataset: a folder of the layout viton-hd or upt.")]
FormatName = Annotated[str, typer.Option("--format", help=f"{_FORMATS}.")]


def _say(complaints: list[str]) -> None:
    for line in dict.fromkeys(complaints):
        typer.echo(f"left out: {line}", err=True)


@app.command("export")
def export_command(
    data: Data,
    out: Annotated[Path, typer.Argument(help="New file (coco: .json) or folder.")],
    to: FormatName,
    items: Annotated[str, typer.Option(help="Comma-separated ids; everything by default.")] = "",
) -> None:
    """Write poses, parse maps, masks, captions and pairs for another tool; photos stay where they are."""
    from ..annotate.exchange import labelme
    from ..annotate.exchange.dataset import collect
    from ..annotate.exchange.formats import exchange_format
    from ..annotate.review.store import Store
    from ..data.dataset import Dataset
    from ..data.layouts.listing import new_folder

    chosen = exchange_format(to)
    if chosen.file and out.suffix.lower() != chosen.file:
        raise InputError(
            f"{chosen.name} is one {chosen.file} file", mend=f"name one, e.g. {out}{chosen.file}", path=out
        )
    if chosen.file and out.exists():
        raise InputError("is there already", mend="name a new file", path=out)
    if not chosen.file:
        new_folder(out)
    complaints: list[str] = []
    store = Store(Dataset.open(data))
    bundle = collect(store, options.names(items), complain=complaints)
    if chosen.name == "labelme":
        labelme.write(bundle, out, store.dataset.root)
    else:
        chosen.write(bundle, out)
    _say(complaints)
    typer.echo(f"{chosen.title}: {len(bundle.records)} photos in {out}")


@app.command("import")
def import_command(
    data: Data,
    source: Annotated[Path, typer.Argument(help="What the tool saved or exported: a file, an archive or a folder.")],
    source_format: FormatName,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write the changes; without it they are shown and asked for.")
    ] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Only show the changes.")] = False,
    who: Annotated[str, typer.Option(help="Name in the journal; by default the tool's.")] = "",
) -> None:
    """Show what the file would change, and write it after a yes: versioned, so that it can be undone."""
    from ..annotate.exchange.dataset import apply, known_photos, plan
    from ..annotate.exchange.formats import exchange_format
    from ..annotate.review.store import Store
    from ..data.dataset import Dataset

    chosen = exchange_format(source_format)
    if not source.exists():
        raise InputError("no such file or folder", path=source)
    store = Store(Dataset.open(data))
    complaints: list[str] = []
    bundle = chosen.read(source, known_photos(store, complaints), complaints.append)
    changes = plan(store, bundle, complain=complaints)
    for change in changes:
        typer.echo(str(change))
    _say(complaints)
    typer.echo(f"{len(changes)} changes, {len(set(complaints))} entries left out")
    if not changes or dry or not (yes or typer.confirm("write them?")):
        return
    refused: list[str] = []
    count = apply(store, changes, who or chosen.title, note=f"imported from {source.name}", complain=refused)
    _say(refused)
    typer.echo(f"{count} written; each can be undone in `fittingroom app --review {data}`")
    if refused:
        raise typer.Exit(1)

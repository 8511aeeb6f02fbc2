"""All commands together, and one line for every error."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .. import __version__
from ..core.errors import FittingroomError
from . import (
    annotate,
    captions,
    compare,
    dataset,
    doctor,
    evaluate,
    methods,
    pack,
    report,
    studio,
    train,
    try_on,
    weights,
)
from . import app as app_command

app = typer.Typer(
    name="fittingroom",
    help="Virtual try-on: compare methods, measure them honestly, read one report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("compare")(compare.compare_command)
app.command("try-on")(try_on.try_on_command)
app.command("train")(train.train_command)
app.command("annotate")(annotate.annotate_command)
app.command("captions")(captions.captions_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("report")(report.report_command)
app.command("methods")(methods.methods_command)
app.command("doctor")(doctor.doctor_command)
app.command("app")(app_command.app_command)
dataset.app.command("pack")(pack.pack_command)
app.add_typer(dataset.app, name="dataset")
app.add_typer(studio.app, name="studio")
app.add_typer(weights.app, name="weights")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Virtual try-on: compare methods, measure them honestly, read one report."""


def main() -> None:
    """Entry point: an error a user can act on is one line on standard error and exit code 2."""
    try:
        app()
    except FittingroomError as error:
        typer.echo(f"fittingroom: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("fittingroom: stopped; run the same command again to go on", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)

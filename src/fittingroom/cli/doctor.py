"""``fittingroom doctor``: what this machine can run, what is missing, and how to mend it."""

from __future__ import annotations

import typer


def doctor_command() -> None:
    """Say what this machine can run and what is missing, with the mend."""
    from ..doctor import findings

    lines = findings()
    width = max(len(line.what) for line in lines)
    for line in lines:
        mend = f" -> {line.mend}" if line.mend else ""
        typer.echo(f"{line.state:8} {line.what:{width}}  {line.detail}{mend}")
    if any(line.state == "broken" for line in lines):
        raise typer.Exit(1)

"""``fittingroom methods``: what there is, what each needs, and whether one keeps the contract."""

from __future__ import annotations

from typing import Annotated

import typer


def methods_command(
    check: Annotated[str, typer.Option(metavar="NAME", help="Run the conformance tests on NAME or NAME@WEIGHTS.")] = "",
) -> None:
    """List the methods, or check one against the contract that all of ours keep."""
    from rich.console import Console
    from rich.table import Table

    from ..methods.registry import card, method_names

    console = Console()
    if check:
        from ..compare.job import MethodSpec
        from ..methods.conformance import check_method

        spec = MethodSpec.parse(check)
        results = check_method(spec.name, spec.weights)
        for result in results:
            console.print(
                f"{'ok  ' if result.passed else 'FAIL'} {result.name}{'' if result.passed else ': ' + result.detail}",
                markup=False,
                highlight=False,
            )
        if failed := sum(not result.passed for result in results):
            typer.echo(f"{failed} of {len(results)} checks failed", err=True)
            raise typer.Exit(1)
        return
    table = Table("method", "family", "size", "garments", "needs", "code", "weights")
    for name in method_names():
        entry = card(name)
        size = f"{entry.native_size[1]}x{entry.native_size[0]}" if entry.native_size else "photo's own"
        table.add_row(
            name,
            entry.family,
            size,
            ", ".join(entry.categories),
            ", ".join(entry.needs),
            entry.code_licence,
            entry.weights_licence,
        )
    console.print(table)

"""Results as tables: plain text, Markdown, CSV, LaTeX."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from ..compare.run import Row, Run
from ..core.files import write_text
from .collect import Column, columns, costs
from .texts import say


def number(value: float) -> str:
    """Three or four significant digits; a dash for what there is not."""
    if math.isnan(value):
        return "–"
    if value != 0 and abs(value) < 0.001:
        return f"{value:.1e}"
    digits = 4 if abs(value) < 1 else 3 if abs(value) < 10 else 2
    return f"{value:.{digits}f}"


def interval(row: Row) -> str:
    """``[low, high]``, or nothing."""
    return f"[{number(row.low)}, {number(row.high)}]" if not math.isnan(row.low) else ""


def heading(column: Column) -> str:
    """Title and direction of a metric."""
    return f"{column.info.title} {'↓' if column.info.better == 'lower' else '↑'}"


def text_table(run: Run) -> str:
    """All results of a run as plain text: a block for each setting, a line for each metric and method."""
    lines = []
    width = max((len(method) for method in run.methods), default=6)
    for setting in run.settings:
        made = columns(run, setting)
        lines += ["", setting, "-" * len(setting)]
        title = max((len(heading(column)) for column in made), default=6)
        for column in made:
            for index, (method, cell) in enumerate(column.cells.items()):
                name = heading(column) if index == 0 else ""
                lines.append(
                    f"{name:{title}}  {method:{width}}  {number(cell.value):>9}  {interval(cell):22}  N={cell.n}"
                )
    for cost in costs(run):
        lines += [
            "",
            f"{cost.method}: {cost.total_p50:.2f} s a picture (p95 {cost.total_p95:.2f}), {cost.peak_mb:.0f} MB, {cost.device}",
        ]
    return "\n".join(lines).strip("\n")


def _grid(run: Run, setting: str, language: str) -> tuple[list[str], list[list[str]]]:
    made = columns(run, setting)
    head = [say("method", language), *(f"{heading(column)} ({column.protocol})" for column in made)]
    body = []
    for method in run.methods:
        cells = []
        for column in made:
            cell = column.cells.get(method)
            cells.append(
                "–" if cell is None else " ".join(filter(None, (number(cell.value), interval(cell), f"N={cell.n}")))
            )
        body.append([method, *cells])
    return head, body


def markdown_tables(run: Run, language: str = "en") -> str:
    """The results as Markdown tables, one for each setting."""
    parts = []
    for setting in run.settings:
        head, body = _grid(run, setting, language)
        rows = ["| " + " | ".join(row) + " |" for row in (head, *body)]
        rows.insert(1, "|" + "---|" * len(head))
        parts.append(f"### {say(setting, language)}\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


_LATEX = {
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "×": r"$\times$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "∞": r"$\infty$",
    "Δ": r"$\Delta$",
    "–": "--",
    "₀": "0",
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def latex_tables(run: Run, language: str = "en") -> str:
    """The results as LaTeX tabulars (package booktabs), metrics as rows."""
    parts = []
    for setting in run.settings:
        head, body = _grid(run, setting, language)
        turned = list(zip(head, *body, strict=True))
        lines = [rf"\begin{{tabular}}{{l{'r' * len(body)}}}", r"\toprule"]
        for index, row in enumerate(turned):
            lines.append(" & ".join(_latex(cell) for cell in row) + r" \\")
            if index == 0:
                lines.append(r"\midrule")
        lines += [r"\bottomrule", r"\end{tabular}"]
        parts.append(f"% {setting}\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def csv_table(run: Run) -> str:
    """Every value of whole sets as CSV, one line each."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["method", "setting", "metric", "value", "low", "high", "n", "protocol", "note"])
    for row in run.rows:
        if not row.item:
            writer.writerow(
                [row.method, row.setting, row.metric, row.value, row.low, row.high, row.n, row.protocol, row.note]
            )
    return buffer.getvalue()


def write_tables(run: Run, folder: Path, language: str = "en") -> list[Path]:
    """Write ``results.md``, ``results.csv`` and ``results.tex``.

    Returns:
        The files.
    """
    content = {
        "results.md": markdown_tables(run, language),
        "results.csv": csv_table(run),
        "results.tex": latex_tables(run, language),
    }
    for name, text in content.items():
        write_text(folder / name, text)
    return [folder / name for name in content]

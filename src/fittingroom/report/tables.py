"""Results as tables: plain text, Markdown, CSV, LaTeX."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from ..compare.run import Run
from ..core.files import write_text
from .collect import Column, columns, costs, grouped, pasted
from .texts import Texts, texts

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$", "↓": r"$\downarrow$", "↑": r"$\uparrow$",
    "∞": r"$\infty$", "Δ": r"$\Delta$", "—": "--", "−": "$-$", "₀": "$_0$", "\u00a0": "~",
}  # fmt: skip


def cell_text(column: Column, method: str, t: Texts) -> str:
    """``0.123 [0.110, 0.140]``, or a dash."""
    cell = column.cells.get(method)
    if cell is None:
        return "—"
    value, interval = t.number(cell.value, column.digits), t.interval(cell.low, cell.high, column.digits)
    return f"{value} {interval}".strip()


def count_text(column: Column) -> str:
    """``N = 25``, or both ends where methods differ."""
    counts = sorted({cell.n for cell in column.cells.values()})
    return f"N = {counts[0]}" if len(counts) == 1 else f"N = {counts[0]}–{counts[-1]}" if counts else ""


def text_table(run: Run) -> str:
    """All results of a run as plain text: a block for each setting, a line for each metric and method."""
    t = texts("en")
    lines = []
    width = max((len(method) for method in run.methods), default=6)
    for setting in run.settings:
        made = columns(run, setting)
        lines += ["", setting, "-" * len(setting)]
        title = max((len(t.heading(column.info)) for column in made), default=6)
        for column in made:
            for index, (method, cell) in enumerate(column.cells.items()):
                name = t.heading(column.info) if index == 0 else ""
                value = t.number(cell.value, column.digits)
                interval = t.interval(cell.low, cell.high, column.digits)
                lines.append(f"{name:{title}}  {method:{width}}  {value:>9}  {interval:20}  N={cell.n}")
    for cost in costs(run):
        seconds = f"{cost.total_p50:.2f} s a picture (p95 {cost.total_p95:.2f})"
        back = f", {t('word.pasted')}" if cost.method in pasted(run) else ""
        lines += ["", f"{cost.method}: {seconds}, {cost.peak_mb:.0f} MB, {cost.device}{back}"]
    return "\n".join(lines).strip("\n")


def _notes(made: list[Column], back: list[str], t: Texts) -> list[str]:
    """What must be said beside the numbers, once each."""
    found: dict[str, None] = {f"{method}: {t('word.pasted')}": None for method in back}
    for column in made:
        for method, cell in column.cells.items():
            if cell.note:
                found[f"{t.title(column.info)}, {method}: {t.note(cell.note)}"] = None
    return list(found)


def _pipe(text: str) -> str:
    return text.replace("|", r"\|")


def markdown_tables(run: Run, language: str = "en") -> str:
    """The results as Markdown: per setting one table for each group of metrics, best in bold where that is shown."""
    t = texts(language)
    parts = []
    for setting in run.settings:
        parts.append(f"### {t(f'setting.{setting}')}")
        made = columns(run, setting)
        for group, chosen in grouped(made).items():
            head = [
                t("word.method"),
                *(f"{t.heading(column.info)}, {count_text(column)} `{column.protocol}`" for column in chosen),
            ]
            rows = [head, ["---", *["---:"] * len(chosen)]]
            for method in run.methods:
                cells = [cell_text(column, method, t) for column in chosen]
                marked = [f"**{c}**" if method in column.best else c for c, column in zip(cells, chosen, strict=True)]
                rows.append([method, *marked])
            table = "\n".join("| " + " | ".join(map(_pipe, row)) + " |" for row in rows)
            parts.append(f"**{t(f'group.{group}')}**\n\n{table}")
        if notes := _notes(made, pasted(run), t):
            parts.append("\n".join(f"- {note}" for note in notes))
    parts.append(f"{t('results.bold')} {t('results.bold_rule')}")
    return "\n\n".join(parts) + "\n"


def latex_escape(text: str) -> str:
    """Text that LaTeX sets as it stands."""
    return "".join(_LATEX.get(character, character) for character in text)


def latex_tables(run: Run, language: str = "en") -> str:
    """The results as LaTeX tables (package booktabs): metrics as rows, methods as columns, best in bold where shown."""
    t = texts(language)
    parts = ["% \\usepackage{booktabs}"]
    for setting in run.settings:
        made = columns(run, setting)
        caption = f"{t('section.results')}, {t(f'in_setting.{setting}')}. {t('results.bold')} {t('results.bold_rule')}"
        caption += "".join(f" {method}: {t('word.pasted')}." for method in pasted(run))
        lines = [
            r"\begin{table}",
            rf"\caption{{{latex_escape(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * len(run.methods)}}}",
            r"\toprule",
            " & ".join(latex_escape(name) for name in (t("word.metric"), *run.methods)) + r" \\",
        ]
        for chosen in grouped(made).values():
            lines.append(r"\midrule")
            for column in chosen:
                cells = []
                for method in run.methods:
                    text = latex_escape(cell_text(column, method, t))
                    cells.append(rf"\textbf{{{text}}}" if method in column.best else text)
                name = latex_escape(f"{t.heading(column.info)}, {count_text(column)}")
                lines.append(" & ".join([name, *cells]) + rf" \\ % protocol {column.protocol}")
        lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
        parts.append(f"% {setting}\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def csv_table(run: Run) -> str:
    """Every value of whole sets as CSV with full precision, one line each, empty for NaN."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["method", "setting", "metric", "value", "low", "high", "n", "protocol", "note"])
    for row in run.rows:
        if not row.item:
            numbers = ["" if math.isnan(value) else repr(value) for value in (row.value, row.low, row.high)]
            writer.writerow([row.method, row.setting, row.metric, *numbers, row.n, row.protocol, row.note])
    return buffer.getvalue()


def write_tables(run: Run, folder: Path, language: str = "en") -> list[Path]:
    """Write ``results.md``, ``results.csv`` and ``results.tex``.

    The CSV is for programs and the same in every language.

    Args:
        run: a run.
        folder: where to; made when missing.
        language: ``en`` or ``ru``.

    Returns:
        The files.

    Raises:
        InputError: another language, or a folder that cannot be written.
    """
    content = {
        "results.md": markdown_tables(run, language),
        "results.csv": csv_table(run),
        "results.tex": latex_tables(run, language),
    }
    for name, text in content.items():
        write_text(folder / name, text)
    return [folder / name for name in content]

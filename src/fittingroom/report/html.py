"""The report as one HTML file that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from ..compare.run import Run
from ..core.files import write_text
from .collect import Column, PairedTest, colour, columns, costs, entry_of, grouped, pasted, quality_column
from .conclusions import conclude
from .figures import all_charts
from .gallery import extremes, gallery
from .pictures import Pictures
from .svg import inline_svg
from .tables import count_text
from .texts import Texts, check_language, digits_for, texts
from .theory import chapters
from .words import summary

_TEMPLATES = Path(__file__).parent / "templates"
#: failed pictures listed one by one; the rest are counted
_FAILURES = 60
_SAMPLES = 4


@dataclass(frozen=True)
class Cell:
    """One cell of a results table, as it is written."""

    value: str
    interval: str
    best: bool
    notes: list[int]


@dataclass(frozen=True)
class ResultTable:
    """One results table: a group of metrics in one setting."""

    group: str
    setting: str
    columns: list[Column]
    counts: list[str]
    rows: list[tuple[str, list[Cell | None]]]
    any_best: bool


@dataclass(frozen=True)
class Results:
    """Everything of one setting: tables, the notes beside their numbers, the paired tests."""

    setting: str
    has_truth: bool
    tables: list[ResultTable]
    notes: list[str]
    tests: list[tuple[Column, PairedTest]]


def _results(run: Run, setting: str, t: Texts) -> Results:
    made = columns(run, setting)
    notes: dict[str, int] = {}
    tables = []
    for group, chosen in grouped(made).items():
        rows: list[tuple[str, list[Cell | None]]] = []
        for method in run.methods:
            cells: list[Cell | None] = []
            for column in chosen:
                cell = column.cells.get(method)
                if cell is None:
                    cells.append(None)
                    continue
                parts = [t.note(part) for part in cell.note.split("; ") if part]
                numbers = [notes.setdefault(part, len(notes) + 1) for part in parts]
                value = t.number(cell.value, column.digits)
                interval = t.interval(cell.low, cell.high, column.digits)
                cells.append(Cell(value, interval, method in column.best, numbers))
            rows.append((method, cells))
        any_best = any(column.best for column in chosen)
        tables.append(ResultTable(group, setting, chosen, [count_text(column) for column in chosen], rows, any_best))
    has_truth = any(item.truth for item in run.items if item.setting == setting)
    tests = [(column, test) for column in made for test in column.tests]
    return Results(setting, has_truth, tables, list(notes), tests)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _protocols(run: Run, t: Texts) -> list[dict[str, Any]]:
    """Every protocol that a value of the run has, in the order of the tables."""
    used: dict[str, tuple[Column, list[str]]] = {}
    for setting in run.settings:
        for column in columns(run, setting):
            used.setdefault(column.protocol, (column, []))[1].append(t(f"setting.{setting}"))
    made = []
    for protocol, (column, settings) in used.items():
        known: Mapping[str, Any] = run.protocols.get(protocol, {}).get("settings", {})
        entries = [(key, _plain(known[key])) for key in sorted(known)]
        made.append(
            {"id": protocol, "info": column.info, "metric": column.metric, "settings": settings, "entries": entries}
        )
    return made


def _methods(run: Run, t: Texts) -> list[dict[str, Any]]:
    made = []
    for label in run.methods:
        entry = entry_of(run, label)
        weights = str(entry.get("weights") or "")
        made.append(
            {
                "label": label,
                "colour": colour(run, label),
                "name": entry.get("name", label),
                "weights": Path(weights).name or t("environment.embedded"),
                "trained": entry.get("trained"),
                "settings": [(key, _plain(value)) for key, value in sorted(dict(entry.get("settings") or {}).items())],
            }
        )
    return made


@lru_cache(maxsize=4)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(t=texts(language), language=language, digits_for=digits_for)
    return environment


def _file(name: str) -> Markup:
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


def _page(run: Run, t: Texts, worst: int, limit: int) -> dict[str, Any]:
    """Everything that the template shows."""
    pictures = Pictures()
    quality = {setting: quality_column(columns(run, setting)) for setting in run.settings}
    # galleries first: they hold the large copies that all other places lead to
    galleries = [gallery(run, setting, pictures, quality[setting], limit, t) for setting in run.settings]
    strips = [
        (setting, column, found)
        for setting in run.settings
        if (column := quality[setting]) and (found := extremes(run, setting, pictures, column, worst, t))
    ]
    samples = [gallery(run, setting, pictures, quality[setting], _SAMPLES, t) for setting in run.settings[-1:]]
    parts, unknown = chapters(run, t)
    conditions = sorted({need for part in parts for need in (*part.card.needs, *part.card.uses)}, key=_condition_order)
    charts = all_charts(run, t)
    failures = [item for item in run.items if not item.image]
    return {
        "run": run,
        "version": __version__,
        "dataset": run.config.get("dataset", {}),
        "methods": _methods(run, t),
        "colours": {label: colour(run, label) for label in run.methods},
        "summary": summary(run, t),
        "conclusions": conclude(run, t),
        "samples": samples,
        "results": [_results(run, setting, t) for setting in run.settings],
        "charts": {name: (chart, inline_svg(chart.figure, name, chart.alt)) for name, chart in charts.items()},
        "costs": costs(run),
        "extremes": strips,
        "galleries": galleries,
        "quality": quality,
        "chapters": parts,
        "unknown": unknown,
        "conditions": conditions,
        "protocols": _protocols(run, t),
        "pasted": set(pasted(run)),
        "env": run.env,
        "failures": failures[:_FAILURES],
        "more_failures": max(0, len(failures) - _FAILURES),
        "figure_number": count(1).__next__,
        "table_number": count(1).__next__,
        "style": _file("style.css"),
        "script": _file("script.js"),
    }


def _condition_order(name: str) -> tuple[int, str]:
    return ({"person": 0, "garment": 1, "worn": 2, "wearer": 2}.get(name.split(".")[0], 3), name)


def write_report(
    run: Run, path: Path | None = None, *, language: str = "en", worst: int = 4, gallery: int = 24
) -> Path:
    """Write the report of a run: one HTML file that works from ``file://`` without a network.

    The same run and language give the same bytes: nothing in it depends on when it was written.

    Args:
        run: a run, finished or not.
        path: the HTML file; ``report.html`` (``report.ru.html``) in the run by default.
        language: ``en`` or ``ru``.
        worst: so many best and so many worst pictures of each method in each setting.
        gallery: at most so many pairs of each setting.

    Returns:
        The file.

    Raises:
        InputError: another language, or a file that cannot be written.
    """
    t = texts(check_language(language))
    path = path or run.folder / ("report.html" if language == "en" else f"report.{language}.html")
    write_text(path, _environment(language).get_template("report.html.j2").render(_page(run, t, worst, gallery)))
    return path

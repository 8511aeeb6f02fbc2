"""The report as one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..compare.run import Item, Run
from ..core.files import write_text
from ..methods.base import MethodCard
from .collect import Column, colour, columns, costs, describe, method_card, quality_column
from .figures import all_figures, figure_svg
from .formulas import formula_html, with_formulas
from .pictures import Pictures
from .tables import heading, interval, number
from .texts import category_name, decimal, say
from .words import conclusions, summary

_EXTREME_HEIGHT = 300


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("fittingroom.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["say"] = lambda key, **values: say(key, language, **values)
    environment.globals["language"] = language
    environment.filters["number"] = lambda value: decimal(number(value), language)
    environment.filters["fixed"] = lambda value, digits=2: decimal(f"{value:.{digits}f}", language)
    environment.filters["formulas"] = lambda text: Markup(with_formulas(text))
    environment.filters["category"] = lambda name: category_name(name, language)
    return environment


def _letters(run: Run) -> dict[str, str]:
    """Protocol id -> a, b, c ..., in the order in which the tables use them."""
    order = list(dict.fromkeys(row.protocol for row in run.rows))
    return {
        protocol: (chr(97 + index) if index < 26 else f"{chr(97 + index // 26 - 1)}{chr(97 + index % 26)}")
        for index, protocol in enumerate(order)
    }


def _results(run: Run, setting: str, letters: Mapping[str, str], language: str) -> dict[str, Any]:
    made = columns(run, setting)
    rows = []
    for method in run.methods:
        cells: list[dict[str, Any] | None] = []
        for column in made:
            cell = column.cells.get(method)
            if cell is None:
                cells.append(None)
                continue
            cells.append(
                {
                    "value": decimal(number(cell.value), language),
                    "interval": decimal(interval(cell), language).replace("],", "]"),
                    "n": cell.n,
                    "best": method in column.best,
                }
            )
        rows.append({"method": method, "colour": colour(run, method), "cells": cells})
    notes = {f"{heading(column)}: {cell.note}" for column in made for cell in column.cells.values() if cell.note}
    tests = [entry for entry in run.comparisons if entry["setting"] == setting]
    return {
        "setting": setting,
        "columns": [
            {"title": heading(column), "letter": letters[column.protocol], "text": column.info.text[language]}
            for column in made
        ],
        "rows": rows,
        "notes": sorted(notes),
        "tests": [{**entry, "title": describe(entry["metric"]).title} for entry in tests],
        "truth": setting == "unpaired" and any(item.truth for item in run.items if item.setting == setting),
    }


def _shown(run: Run, item: Item, pictures: Pictures, value: str = "", height: int | None = None) -> dict[str, str]:
    return {
        "src": pictures.address(run.path(item.image), height) if item.image else "",
        "error": item.error,
        "title": f"{item.method}, {item.id}, seed {item.seed}",
        "value": value,
    }


def _gallery(
    run: Run, setting: str, pictures: Pictures, quality: Column | None, limit: int, language: str
) -> dict[str, Any]:
    by_id: dict[str, dict[str, Item]] = {}
    for item in run.items:
        if item.setting == setting:
            by_id.setdefault(item.id, {})[item.method] = item
    rows = []
    for items in list(by_id.values())[:limit]:
        first = next(iter(items.values()))
        results = []
        for method in run.methods:
            if method in items:
                score = quality.items.get(method, {}).get(first.id) if quality else None
                label = (
                    f"{quality.info.title} {decimal(number(score), language)}" if quality and score is not None else ""
                )
                results.append(_shown(run, items[method], pictures, label))
            else:
                results.append({"src": "", "error": "", "title": "", "value": ""})
        truth = next((item.truth for item in items.values() if item.truth), "")
        rows.append(
            {
                "person": {"src": pictures.address(run.person_image(first)), "title": first.person},
                "garment": {
                    "src": pictures.address(run.garment_image(first)),
                    "title": f"{first.garment} ({category_name(first.category, language)})",
                },
                "results": results,
                "truth": {"src": pictures.address(run.path(truth)), "title": first.id}
                if truth and setting == "unpaired"
                else None,
            }
        )
    return {
        "setting": setting,
        "rows": rows,
        "all": len(by_id),
        "shown": len(rows),
        "truths": any(row["truth"] for row in rows),
    }


def _extremes(run: Run, setting: str, pictures: Pictures, quality: Column | None, count: int) -> dict[str, Any] | None:
    if quality is None or not quality.items:
        return None
    items = {(item.method, item.id): item for item in run.items if item.setting == setting}
    methods = []
    for method in run.methods:
        scored = sorted(
            quality.items.get(method, {}).items(), key=lambda entry: entry[1], reverse=quality.info.better == "higher"
        )
        if not scored:
            continue
        taken = min(count, max(1, len(scored) // 2))
        groups = {}
        for name, part in (("best", scored[:taken]), ("worst", scored[::-1][:taken])):
            groups[name] = [
                {
                    "person": pictures.address(run.person_image(items[method, key]), _EXTREME_HEIGHT),
                    "garment": pictures.address(run.garment_image(items[method, key]), _EXTREME_HEIGHT),
                    "result": pictures.address(run.path(items[method, key].image), _EXTREME_HEIGHT),
                    "title": key,
                    "value": score,
                }
                for key, score in part
            ]
        methods.append({"method": method, "colour": colour(run, method), **groups})
    return {"setting": setting, "metric": quality.info.title, "methods": methods} if methods else None


def _needs(cards: Mapping[str, MethodCard]) -> list[dict[str, Any]]:
    conditions = list(dict.fromkeys(need for entry in cards.values() for need in (*entry.needs, *entry.uses)))
    return [
        {
            "name": name,
            "cells": [
                "needed" if name in entry.needs else "used" if name in entry.uses else "" for entry in cards.values()
            ],
        }
        for name in conditions
    ]


def _theory(entry: MethodCard, language: str) -> dict[str, Any]:
    losses = [
        {
            "formula": Markup(formula_html(f"{loss.symbol} = {loss.formula}", display=True)),
            "text": loss.text[language],
            "where": loss.where[language],
            "weight": decimal(f"{loss.weight:g}", language),
            "source": loss.source,
        }
        for loss in entry.losses
    ]
    total = " + ".join(
        f"{loss.weight:g}\\, {loss.symbol}" if loss.weight != 1 else loss.symbol for loss in entry.losses
    )
    return {
        "losses": losses,
        "objective": Markup(
            formula_html(
                r"\min \; " + total.replace("e-0", r"\cdot 10^{-").replace("10^{-6\\", "10^{-6}\\"), display=True
            )
        )
        if total
        else "",
    }


def _protocols(run: Run, letters: Mapping[str, str]) -> list[dict[str, Any]]:
    made = []
    for protocol, letter in letters.items():
        known = run.protocols.get(protocol, {"metric": "?", "settings": {}})
        settings = [
            (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for key, value in sorted(known["settings"].items())
        ]
        made.append(
            {
                "letter": letter,
                "id": protocol,
                "metric": known["metric"],
                "title": describe(known["metric"]).title,
                "settings": settings,
            }
        )
    return made


def write_report(
    run: Run, path: Path | None = None, *, language: str = "en", worst: int = 4, gallery: int = 24
) -> Path:
    """Write the report of a run.

    The same run and language give the same bytes: nothing in it depends on when it was written.

    Args:
        run: a run.
        path: the HTML file; ``report.html`` (``report.ru.html``) in the run by default.
        language: ``en`` or ``ru``.
        worst: so many best and worst pictures of each method.
        gallery: at most so many pairs of each setting.

    Returns:
        The file.
    """
    path = path or run.folder / ("report.html" if language == "en" else f"report.{language}.html")
    pictures, letters = Pictures(), _letters(run)
    figures = {
        name: "data:image/svg+xml;base64," + base64.b64encode(figure_svg(figure)).decode("ascii")
        for name, figure in all_figures(run, language).items()
    }
    quality = {setting: quality_column(columns(run, setting)) for setting in run.settings}
    cards = {label: entry for label in run.methods if (entry := method_card(run, label)) is not None}
    page = _environment(language).get_template("report.html.j2").render(
        run=run,
        dataset=run.config["dataset"],
        methods=[{"label": label, "colour": colour(run, label)} for label in run.methods],
        summary=summary(run, language),
        conclusions=conclusions(run, language),
        results=[_results(run, setting, letters, language) for setting in run.settings],
        figures=figures,
        galleries=[_gallery(run, setting, pictures, quality[setting], gallery, language) for setting in run.settings],
        extremes=[found for setting in run.settings if (found := _extremes(run, setting, pictures, quality[setting], worst))],
        costs=costs(run),
        env=run.env,
        cards=cards,
        needs=_needs(cards),
        theory={label: _theory(entry, language) for label, entry in cards.items()},
        unknown=[label for label in run.methods if label not in cards],
        protocols=_protocols(run, letters),
    )  # fmt: skip
    write_text(path, page)
    return path

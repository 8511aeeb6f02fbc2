"""Charts of a run: bars with intervals, quality against time."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..compare.run import Run
from ..core.files import write_bytes
from .collect import Column, colour, columns, costs, quality_column
from .texts import say

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888",
    "axes.labelcolor": "#333",
    "xtick.color": "#555",
    "ytick.color": "#222",
    "svg.fonttype": "path",
    "svg.hashsalt": "fittingroom",
    "pdf.fonttype": 42,
}
#: metrics that get a chart, the first of each group that the run has
_CHARTED = (
    ("fid-clean", "fid-tf1", "fd-mini", "fd-random"),
    ("lpips-alex", "lpips-vgg", "lpips-squeeze", "lpips-mini", "lpips-random"),
    ("ssim",),
    ("garment-de2000",),
    ("psnr-outside",),
)


def charted(made: list[Column]) -> list[Column]:
    """The columns that are drawn as bars."""
    names = {column.metric: column for column in made if column.cells}
    return [
        names[next(name for name in group if name in names)]
        for group in _CHARTED
        if any(name in names for name in group)
    ]


def bar_chart(run: Run, setting: str, language: str) -> Figure | None:
    """Bars of the main metrics of one setting, with 95 % intervals; None where there is nothing to draw."""
    chosen = charted(columns(run, setting))
    if not chosen:
        return None
    with mpl.rc_context(_STYLE):
        height = 0.62 + 0.42 * len(run.methods)
        figure = Figure(figsize=(3.3 * len(chosen), height + 0.75), layout="constrained")
        FigureCanvasAgg(figure)
        axes = np.atleast_1d(figure.subplots(1, len(chosen)))
        for index, (axis, column) in enumerate(zip(axes, chosen, strict=True)):
            shown = [method for method in run.methods if method in column.cells]
            for position, method in enumerate(shown):
                cell = column.cells[method]
                axis.barh(position, cell.value, color=colour(run, method), height=0.62, zorder=2)
                if np.isfinite(cell.low):
                    errors = [[max(cell.value - cell.low, 0)], [max(cell.high - cell.value, 0)]]
                    axis.errorbar(cell.value, position, xerr=errors, color="#222", capsize=3, lw=1.1, zorder=3)
                top = cell.high if np.isfinite(cell.high) else cell.value
                axis.annotate(
                    f"{cell.value:.3g}",
                    (max(top, 0), position),
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                )
            axis.set_yticks(range(len(shown)), shown if index == 0 else [""] * len(shown))
            axis.invert_yaxis()
            axis.margins(x=0.22)
            axis.xaxis.set_major_locator(MaxNLocator(4))
            axis.grid(axis="x", color="#e6e6e6", zorder=0)
            count = max(cell.n for cell in column.cells.values())
            arrow = say("lower" if column.info.better == "lower" else "higher", language)
            axis.set_title(f"{column.info.title}\n{arrow}, N = {count}", fontsize=9.5, loc="left", color="#222")
    return figure


def time_chart(run: Run, setting: str, language: str) -> Figure | None:
    """Quality against seconds per picture, one point per method."""
    column = quality_column(columns(run, setting))
    spent = {entry.method: entry for entry in costs(run)}
    if column is None or not any(method in spent for method in column.cells):
        return None
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6.2, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        for method in run.methods:
            if method not in spent or method not in column.cells:
                continue
            cell, cost = column.cells[method], spent[method]
            error = (
                [[max(cell.value - cell.low, 0)], [max(cell.high - cell.value, 0)]] if np.isfinite(cell.low) else None
            )
            axis.errorbar(
                cost.total_p50, cell.value, yerr=error, fmt="o", ms=8, color=colour(run, method), capsize=3, zorder=3
            )
            axis.annotate(method, (cost.total_p50, cell.value), xytext=(9, 5), textcoords="offset points")
        axis.set_xscale("log")
        axis.margins(0.25)
        axis.grid(color="#e6e6e6", which="both", zorder=0)
        axis.set_xlabel(say("seconds_axis", language))
        axis.set_ylabel(
            f"{column.info.title} ({say('lower' if column.info.better == 'lower' else 'higher', language)})"
        )
    return figure


def figure_svg(figure: Figure) -> bytes:
    """The figure as SVG without a date: equal figures give equal bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return re.sub(rb"<!--.*?-->", b"", buffer.getvalue(), flags=re.DOTALL)


def all_figures(run: Run, language: str) -> dict[str, Figure]:
    """File name without suffix -> figure."""
    found: dict[str, Figure] = {}
    for setting in run.settings:
        for name, make in (("metrics", bar_chart), ("quality-time", time_chart)):
            figure = make(run, setting, language)
            if figure is not None:
                found[f"{name}-{setting}"] = figure
    return found


def write_figures(run: Run, folder: Path, language: str = "en") -> list[Path]:
    """Write every figure as PNG (200 dots an inch) and PDF.

    Returns:
        The files.
    """
    written = []
    for name, figure in all_figures(run, language).items():
        for suffix in ("png", "pdf"):
            buffer = io.BytesIO()
            with mpl.rc_context(_STYLE):
                metadata = {"CreationDate": None} if suffix == "pdf" else {"Software": None}
                figure.savefig(buffer, format=suffix, dpi=200, metadata=metadata)
            path = folder / f"{name}.{suffix}"
            write_bytes(path, buffer.getvalue())
            written.append(path)
    return written

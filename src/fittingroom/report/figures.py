"""Charts of a run: bars with intervals, every picture's value, quality against time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..compare.run import Run
from ..core.files import write_bytes
from .collect import Column, colour, columns, costs, find, quality_column
from .svg import SVG_STYLE, figure_bytes
from .texts import Texts, texts

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa0a6",
    "axes.labelcolor": "#3c4043",
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "xtick.color": "#5f6368",
    "ytick.color": "#202124",
    "xtick.labelsize": 8.0,
    "pdf.fonttype": 42,
    **SVG_STYLE,
}
_GRID = "#e8eaed"
_INK = "#202124"
#: metrics that get bars: the first of each group that the run has
_CHARTED = (
    ("fid-clean", "fid-tf1", "fd-mini", "fd-random"),
    ("kid-clean", "kid-tf1", "kd-mini", "kd-random"),
    ("lpips-alex", "lpips-vgg", "lpips-squeeze", "lpips-mini", "lpips-random"),
    ("ssim",),
    ("psnr-outside", "de2000-outside"),
    ("garment-de2000-truth", "garment-de2000"),
)
_IN_A_ROW = 3
#: times that differ by more than this factor get a logarithmic axis
_LOGARITHMIC = 4.0


@dataclass(frozen=True)
class Chart:
    """A figure with its words.

    Args:
        name: file name without suffix.
        figure: the drawing.
        caption: what stands below it.
        alt: what it shows, for those who cannot see it.
    """

    name: str
    figure: Figure
    caption: str
    alt: str


def _plain(text: str) -> str:
    """Text in which a dollar sign is no formula."""
    return text.replace("$", r"\$")


@contextmanager
def _canvas(width: float, height: float) -> Iterator[Figure]:
    """A figure in our style; everything about it must be drawn inside."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def charted(made: Sequence[Column]) -> list[Column]:
    """The columns that are drawn as bars."""
    return [column for group in _CHARTED if (column := find(made, *group)) is not None]


def _title(axis: Axes, column: Column, t: Texts) -> None:
    count = max(cell.n for cell in column.cells.values())
    direction = t(f"chart.{column.info.better}") if column.info.better else ""
    detail = ", ".join(filter(None, (direction, t("chart.n", n=count))))
    axis.set_title(_plain(t.title(column.info)), fontweight="bold", color=_INK, pad=17)
    axis.annotate(
        detail, (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=8, color="#5f6368"
    )


def _numbers(axis: Axes, column: Column, t: Texts, which: str) -> None:
    """Tick labels as the language writes numbers."""
    used = axis.xaxis if which == "x" else axis.yaxis
    used.set_major_locator(MaxNLocator(5))
    used.set_major_formatter(lambda value, _position: t.number(value, column.digits).rstrip("0").rstrip(",.") or "0")


def _bars(axis: Axes, run: Run, column: Column, t: Texts, *, named: bool) -> None:
    shown = list(column.cells)
    for position, method in enumerate(shown):
        cell = column.cells[method]
        if not np.isfinite(cell.value):
            axis.annotate("—", (0, position), (5, 0), textcoords="offset points", va="center")
            continue
        axis.barh(position, cell.value, color=colour(run, method), height=0.58, zorder=2)
        if np.isfinite(cell.low):
            low, high = max(cell.value - cell.low, 0), max(cell.high - cell.value, 0)
            axis.errorbar(cell.value, position, xerr=[[low], [high]], color=_INK, capsize=3, lw=1.1, zorder=3)
        end = max(cell.high if np.isfinite(cell.high) else cell.value, 0)
        label = t.number(cell.value, column.digits)
        axis.annotate(label, (end, position), (5, 0), textcoords="offset points", va="center", fontsize=8.5)
    axis.set_yticks(range(len(shown)), [_plain(name) for name in shown] if named else [""] * len(shown))
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(shown) - 0.45, -0.55)
    axis.axvline(0, color="#9aa0a6", lw=0.8, zorder=1)
    low, high = axis.get_xlim()
    axis.set_xlim(low if low < 0 else 0, high + 0.24 * (high - low))
    axis.grid(axis="x", color=_GRID, zorder=0)
    _numbers(axis, column, t, "x")
    _title(axis, column, t)


def bar_chart(run: Run, setting: str, t: Texts) -> Chart | None:
    """Bars of the main metrics of one setting with 95 % intervals; None where there is nothing to draw."""
    chosen = charted(columns(run, setting))
    if not chosen:
        return None
    across = 2 if len(chosen) == 4 else min(_IN_A_ROW, len(chosen))
    down = -(-len(chosen) // across)
    height = down * (0.95 + 0.34 * max(len(column.cells) for column in chosen))
    with _canvas(1.1 + 2.75 * across, height) as figure:
        figure.set_layout_engine("constrained", wspace=0.04, hspace=0.06)
        axes = np.atleast_1d(figure.subplots(down, across)).ravel()
        for index, axis in enumerate(axes):
            if index < len(chosen):
                _bars(axis, run, chosen[index], t, named=index % across == 0)
            else:
                axis.set_axis_off()
    where, titles = t(f"in_setting.{setting}"), t.listed([t.title(column.info) for column in chosen])
    alt = t("chart.bars_alt", metrics=titles, methods=t.listed(run.methods), setting=where)
    return Chart(f"metrics-{setting}", figure, t("chart.bars", setting=where), alt)


def _spread(count: int) -> np.ndarray:
    """Offsets that keep the dots of one method apart; the golden ratio spreads any number of them evenly."""
    return 0.5 * ((np.arange(count) * 0.6180339887) % 1.0 - 0.5)


def picture_chart(run: Run, setting: str, t: Texts) -> Chart | None:
    """Every picture's value in the metric that stands for quality; None where there are no values of pictures."""
    column = quality_column(columns(run, setting))
    if column is None or not any(column.items.values()):
        return None
    shown = [method for method in run.methods if column.items.get(method)]
    with _canvas(7.6, 0.95 + 0.5 * len(shown)) as figure:
        axis = figure.subplots()
        for position, method in enumerate(shown):
            values = np.array([value for value in column.items[method].values() if np.isfinite(value)])
            tone = colour(run, method)
            axis.scatter(values, position + _spread(len(values)), s=13, color=tone, alpha=0.6, lw=0, zorder=2)
            cell = column.cells.get(method)
            if cell is not None and np.isfinite(cell.value):
                axis.plot([cell.value] * 2, [position - 0.36, position + 0.36], color=_INK, lw=1.6, zorder=4)
                if np.isfinite(cell.low):
                    axis.plot([cell.low, cell.high], [position] * 2, color=_INK, lw=1.2, zorder=3)
        axis.set_yticks(range(len(shown)), [_plain(name) for name in shown])
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(len(shown) - 0.45, -0.55)
        axis.grid(axis="x", color=_GRID, zorder=0)
        _numbers(axis, column, t, "x")
        _title(axis, column, t)
    where, title = t(f"in_setting.{setting}"), t.title(column.info)
    alt = t("chart.spread_alt", title=title, methods=t.listed(shown), setting=where)
    return Chart(f"pictures-{setting}", figure, t("chart.spread", title=title, setting=where), alt)


def _seconds(axis: Axes, t: Texts) -> None:
    """A logarithmic axis where times differ much, else a plain one; tick labels as the language writes numbers."""
    low, high = axis.get_xlim()
    if low > 0 and high / low > _LOGARITHMIC:
        axis.set_xscale("log")
        ticks = [step * 10.0**power for power in range(-4, 6) for step in (1, 2, 5)]
        axis.set_xticks([tick for tick in ticks if low <= tick <= high])
        axis.set_xticks([], minor=True)
    else:
        axis.set_xlim(max(low, 0), high)
        axis.locator_params(axis="x", nbins=6)
    comma = t.number(0.5, 1)[1]
    axis.xaxis.set_major_formatter(lambda value, _position: f"{value:g}".replace(".", comma))


def _labels(figure: Figure, axis: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Names beside points, each at the first of four places where it covers no other name."""
    figure.draw_without_rendering()
    taken: list[tuple[float, float, float]] = []
    for name, x, y in points:
        left, bottom = axis.transData.transform((x, y)) * 72.0 / figure.dpi
        width = 5.6 * len(name)
        places = [(8.0, 6.0, "left"), (8.0, -14.0, "left"), (-8.0, 6.0, "right"), (-8.0, -14.0, "right")]
        places += [(8.0, 6.0 + 12.0 * step, "left") for step in range(1, len(points) + 1)]
        for dx, dy, side in places:
            start = left + dx if side == "left" else left + dx - width
            clear = all(
                abs(bottom + dy - row) >= 11 or start > end or start + width < begin for row, begin, end in taken
            )
            if clear:
                break
        taken.append((bottom + dy, start, start + width))
        axis.annotate(_plain(name), (x, y), (dx, dy), textcoords="offset points", ha=side, color=_INK)


def time_chart(run: Run, setting: str, t: Texts) -> Chart | None:
    """Quality against seconds per picture, a point for each method; None where either is not there."""
    column = quality_column(columns(run, setting))
    spent = {entry.method: entry for entry in costs(run)}
    if column is None:
        return None
    shown = [method for method in column.ranked() if method in spent]
    if not shown:
        return None
    with _canvas(6.0, 3.5) as figure:
        axis = figure.subplots()
        for method in shown:
            cell, cost = column.cells[method], spent[method]
            whole = [
                e.conditions_s + e.generate_s for e in run.timings if e.method == method and e.device == cost.device
            ]
            ends = np.quantile(whole, (0.05, 0.95))
            x = [[max(cost.total_p50 - ends[0], 0)], [max(ends[1] - cost.total_p50, 0)]]
            y = [[max(cell.value - cell.low, 0)], [max(cell.high - cell.value, 0)]] if np.isfinite(cell.low) else None
            tone = colour(run, method)
            axis.errorbar(cost.total_p50, cell.value, xerr=x, yerr=y, fmt="o", ms=8, color=tone, lw=1.3, zorder=3)
        axis.margins(0.25)
        _seconds(axis, t)
        axis.grid(color=_GRID, zorder=0)
        axis.set_xlabel(t("chart.seconds"))
        axis.set_ylabel(_plain(t.title(column.info)))
        _numbers(axis, column, t, "y")
        _labels(figure, axis, [(method, spent[method].total_p50, column.cells[method].value) for method in shown])
        corner = {"lower": 0.03, "higher": 0.97}.get(column.info.better)
        if corner is not None:
            side = "bottom" if corner < 0.5 else "top"
            arrow = "↙" if corner < 0.5 else "↖"
            word = f"{arrow} {t('chart.better_corner')}"
            axis.text(0.015, corner, word, transform=axis.transAxes, va=side, color="#5f6368", fontsize=8.5)
    where, title = t(f"in_setting.{setting}"), t.title(column.info)
    alt = t("chart.time_alt", title=title, methods=t.listed(shown), setting=where)
    return Chart(f"quality-time-{setting}", figure, t("chart.time", title=title, setting=where), alt)


_MAKERS: tuple[Callable[[Run, str, Texts], Chart | None], ...] = (bar_chart, picture_chart, time_chart)


def all_charts(run: Run, t: Texts) -> dict[str, Chart]:
    """Every chart of a run by its name."""
    made = [make(run, setting, t) for setting in run.settings for make in _MAKERS]
    return {chart.name: chart for chart in made if chart is not None}


def write_figures(run: Run, folder: Path, language: str = "en") -> list[Path]:
    """Write every chart as PNG (200 dots an inch) and PDF; equal runs give equal bytes.

    Args:
        run: a run.
        folder: where to; made when missing.
        language: ``en`` or ``ru``.

    Returns:
        The files.

    Raises:
        InputError: another language, or a folder that cannot be written.
    """
    written = []
    for name, chart in all_charts(run, texts(language)).items():
        for suffix in ("png", "pdf"):
            path = folder / f"{name}.{suffix}"
            with mpl.rc_context(_STYLE):
                write_bytes(path, figure_bytes(chart.figure, suffix))
            written.append(path)
    return written

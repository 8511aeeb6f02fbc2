"""What all views of a run share: its numbers put into order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compare.run import Row, Run
from ..core.errors import FittingroomError
from ..methods.base import MethodCard
from ..methods.registry import card
from ..metrics.catalogue import metric_info
from ..metrics.values import MetricInfo

#: one colour per method, told apart by people who see red and green alike (Okabe and Ito)
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442")


@dataclass(frozen=True)
class Column:
    """One column of a results table: a metric under one protocol.

    Args:
        metric: full name.
        protocol: id.
        info: what the metric is.
        cells: method -> row of the whole set.
        items: method -> picture -> value.
        best: methods that no other is shown to be better than, where there is more than one method and a difference was
            shown at all; empty otherwise.
    """

    metric: str
    protocol: str
    info: MetricInfo
    cells: Mapping[str, Row]
    items: Mapping[str, Mapping[str, float]]
    best: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """What a picture costs with one method: seconds (50th and 95th percentile) and MB."""

    method: str
    device: str
    n: int
    conditions_p50: float
    conditions_p95: float
    generate_p50: float
    generate_p95: float
    total_p50: float
    total_p95: float
    peak_mb: float

    @property
    def per_hour(self) -> float:
        """Pictures in an hour."""
        return 3600.0 / max(self.total_p50, 1e-9)


def describe(metric: str) -> MetricInfo:
    """What a metric is; one of a package that is not installed is described by its name alone."""
    try:
        return metric_info(metric)
    except FittingroomError:
        return MetricInfo(metric, metric, "lower", "image", (), "", {"en": "", "ru": ""})


def _winners(comparisons: list[Mapping[str, Any]], methods: list[str], lower: bool) -> tuple[str, ...]:
    """Methods that nobody is shown to beat (Holm-corrected p below 0.05), if anybody is shown to beat anybody."""
    beaten = set()
    for entry in comparisons:
        if entry["p_holm"] is not None and entry["p_holm"] < 0.05:
            first_better = (entry["mean_difference"] < 0) == lower
            beaten.add(entry["b"] if first_better else entry["a"])
    return tuple(method for method in methods if method not in beaten) if beaten else ()


def columns(run: Run, setting: str) -> list[Column]:
    """All columns of one setting, in the order of the run's rows."""
    found: dict[tuple[str, str], tuple[dict[str, Row], dict[str, dict[str, float]]]] = {}
    for row in run.rows:
        if row.setting != setting:
            continue
        cells, items = found.setdefault((row.metric, row.protocol), ({}, {}))
        if row.item:
            items.setdefault(row.method, {})[row.item] = row.value
        else:
            cells[row.method] = row
    made = []
    for (metric, protocol), (cells, items) in found.items():
        info = describe(metric)
        tests = [
            entry
            for entry in run.comparisons
            if (entry["setting"], entry["metric"], entry["protocol"]) == (setting, metric, protocol)
        ]
        made.append(
            Column(
                metric,
                protocol,
                info,
                cells,
                items,
                _winners(tests, [name for name in run.methods if name in cells], info.better == "lower"),
            )
        )
    return made


def _quantile(share: float, values: npt.NDArray[np.float64]) -> float:
    return float(np.quantile(values, share))


def costs(run: Run) -> list[Cost]:
    """Cost of each method that made a picture."""
    made = []
    for method in run.methods:
        timings = [entry for entry in run.timings if entry.method == method]
        if not timings:
            continue
        conditions = np.array([entry.conditions_s for entry in timings])
        generate = np.array([entry.generate_s for entry in timings])
        total = conditions + generate
        peak = max(entry.peak_mb for entry in timings)
        made.append(
            Cost(
                method,
                timings[0].device,
                len(timings),
                _quantile(0.5, conditions),
                _quantile(0.95, conditions),
                _quantile(0.5, generate),
                _quantile(0.95, generate),
                _quantile(0.5, total),
                _quantile(0.95, total),
                peak,
            )
        )
    return made


def method_card(run: Run, label: str) -> MethodCard | None:
    """The card of a method of a run, or None where its package is not installed here."""
    name = next((entry["name"] for entry in run.config["methods"] if entry["label"] == label), label)
    try:
        return card(name)
    except FittingroomError:
        return None


def colour(run: Run, method: str) -> str:
    """The colour of a method in every chart of a run."""
    return COLOURS[run.methods.index(method) % len(COLOURS)]


def quality_column(made: list[Column]) -> Column | None:
    """The column that best stands for quality: LPIPS where there is a truth, else the garment's colour."""
    for prefix in ("lpips-alex", "lpips-vgg", "lpips-squeeze", "lpips-mini", "lpips-random", "garment-de2000"):
        for column in made:
            if column.metric == prefix and column.cells:
                return column
    return made[0] if made else None

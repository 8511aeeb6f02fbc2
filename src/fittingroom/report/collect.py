"""What all views of a run share: its numbers put into order, and what may be claimed of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
from .texts import digits_for

#: one colour per method, told apart by people who see red and green alike (Okabe and Ito, Color Universal Design, 2008)
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7F7F7F", "#B8A900")
#: a difference is claimed below this corrected p
ALPHA = 0.05
#: metrics that stand for quality, the best first
_QUALITY = (
    "lpips-alex",
    "lpips-vgg",
    "lpips-squeeze",
    "lpips-mini",
    "lpips-random",
    "ssim",
    "garment-de2000-truth",
    "garment-de2000",
)
#: order of the groups of metrics
GROUPS = ("set", "truth", "kept", "other")


@dataclass(frozen=True)
class PairedTest:
    """A paired test between two methods on one metric.

    Args:
        a: one method.
        b: the other.
        n: pictures that both made.
        difference: mean of a - b.
        low: lower end of its 95 % interval.
        high: upper end of it.
        p: of Wilcoxon's signed-rank test.
        p_holm: corrected for all pairs of methods of the metric.
    """

    a: str
    b: str
    n: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: corrected p below 0.05, and the interval lies on one side of zero.

        Both are asked for because ranks and means may point in different directions.
        """
        one_side = self.low > 0 or self.high < 0
        return self.p_holm < ALPHA and (one_side or math.isnan(self.low)) and self.difference != 0


@dataclass(frozen=True)
class Column:
    """One column of a results table: a metric under one protocol.

    Args:
        metric: full name.
        protocol: id.
        info: what the metric is.
        cells: method -> row of the whole set.
        items: method -> picture -> value.
        tests: between methods.
    """

    metric: str
    protocol: str
    info: MetricInfo
    cells: Mapping[str, Row]
    items: Mapping[str, Mapping[str, float]]
    tests: tuple[PairedTest, ...] = ()

    @property
    def group(self) -> str:
        """``set`` (distances between sets), ``truth`` (closeness to it), ``kept`` (preservation, garment) or ``other``."""
        if self.info.kind == "set":
            return "set"
        return "truth" if "truth" in self.info.needs else "kept" if "context" in self.info.needs else "other"

    @property
    def digits(self) -> int:
        """Decimals of this column."""
        return digits_for([part for cell in self.cells.values() for part in (cell.value, cell.low, cell.high)])

    def ranked(self) -> list[str]:
        """Methods with a finite value, best first; empty where nobody knows which direction is better."""
        if not self.info.better:
            return []
        finite = [method for method, cell in self.cells.items() if math.isfinite(cell.value)]
        return sorted(finite, key=lambda method: self.cells[method].value, reverse=self.info.better == "higher")

    def beats(self, a: str, b: str) -> bool:
        """Whether ``a`` is shown to be better than ``b``.

        By the paired test; for distances between sets, of which there is no test, by intervals that do not touch.
        """
        first, second = self.cells.get(a), self.cells.get(b)
        if not self.info.better or first is None or second is None:
            return False
        lower = self.info.better == "lower"
        if self.info.kind == "set":
            if first.n != second.n:
                return False
            return first.high < second.low if lower else first.low > second.high  # False with NaN
        for test in self.tests:
            if {test.a, test.b} == {a, b} and test.shown:
                return ((test.difference < 0) == lower) == (test.a == a)
        return False

    @property
    def best(self) -> tuple[str, ...]:
        """Methods that no other is shown to beat, if anybody is shown to beat anybody; else empty."""
        names = self.ranked()
        beaten = {b for b in names for a in names if a != b and self.beats(a, b)}
        return tuple(name for name in names if name not in beaten) if beaten else ()


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
        """Pictures in an hour, from the median time."""
        return 3600.0 / max(self.total_p50, 1e-9)


def describe(metric: str) -> MetricInfo:
    """What a metric is; of one whose package is not installed nothing is known but its name."""
    try:
        return metric_info(metric)
    except FittingroomError:
        return MetricInfo(metric, metric, "", "image", (), "", {"en": "", "ru": ""})


def untrained(metric: str) -> bool:
    """Whether a metric looks through the embedded network with random weights."""
    return "random" in metric.split("-")


def unpublished(metric: str) -> bool:
    """Whether a metric looks through a network of our own, so that no published table has its values."""
    return untrained(metric) or "mini" in metric.split("-")


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _test(entry: Mapping[str, Any]) -> PairedTest:
    numbers = (_float(entry.get(key)) for key in ("mean_difference", "low", "high", "p", "p_holm"))
    return PairedTest(str(entry["a"]), str(entry["b"]), int(entry["n"]), *numbers)


def columns(run: Run, setting: str) -> list[Column]:
    """All columns of one setting, in the order of the run's rows; values of different protocols never share one."""
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
        wanted = (setting, metric, protocol)
        entries = [
            entry for entry in run.comparisons if (entry["setting"], entry["metric"], entry["protocol"]) == wanted
        ]
        ordered = {method: cells[method] for method in run.methods if method in cells}
        made.append(Column(metric, protocol, describe(metric), ordered, items, tuple(map(_test, entries))))
    return made


def grouped(made: Sequence[Column]) -> dict[str, list[Column]]:
    """Group -> its columns; only groups that have any."""
    return {group: chosen for group in GROUPS if (chosen := [entry for entry in made if entry.group == group])}


def _ends(seconds: npt.NDArray[np.float64]) -> tuple[float, float]:
    """50th and 95th percentile."""
    return float(np.quantile(seconds, 0.5)), float(np.quantile(seconds, 0.95))


def costs(run: Run) -> list[Cost]:
    """Cost of each method that made a picture, in the order of the run; one entry per device where there are several."""
    made = []
    for method in run.methods:
        devices = dict.fromkeys(entry.device for entry in run.timings if entry.method == method)
        for device in devices:
            timings = [entry for entry in run.timings if (entry.method, entry.device) == (method, device)]
            conditions = np.array([entry.conditions_s for entry in timings])
            generate = np.array([entry.generate_s for entry in timings])
            made.append(
                Cost(
                    method,
                    device,
                    len(timings),
                    *_ends(conditions),
                    *_ends(generate),
                    *_ends(conditions + generate),
                    peak_mb=max(entry.peak_mb for entry in timings),
                )
            )
    return made


def entry_of(run: Run, label: str) -> Mapping[str, Any]:
    """What the run's configuration says of a method."""
    found: Mapping[str, Any] = next(entry for entry in run.config["methods"] if entry["label"] == label)
    return found


def pasted(run: Run) -> list[str]:
    """Labels of the methods that put the photo back outside the mask because they were told to (setting ``paste``)."""
    return told_to(run, "paste")


def told_to(run: Run, setting: str, value: bool | str = True) -> list[str]:
    """Labels of the methods whose setting of this name has this value."""
    found = {label: dict(entry_of(run, label).get("settings") or {}).get(setting) for label in run.methods}
    return [label for label, each in found.items() if type(each) is type(value) and each == value]


def method_card(run: Run, label: str) -> MethodCard | None:
    """The card of a method of a run, or None where its package is not installed here."""
    try:
        return card(str(entry_of(run, label).get("name") or label))
    except FittingroomError:
        return None


def colour(run: Run, method: str) -> str:
    """The colour of a method in every chart of a run."""
    return COLOURS[run.methods.index(method) % len(COLOURS)]


def find(made: Sequence[Column], *names: str) -> Column | None:
    """The first column of the first of these metrics that has a finite value."""
    for name in names:
        for column in made:
            if column.metric == name and any(math.isfinite(cell.value) for cell in column.cells.values()):
                return column
    return None


def quality_column(made: Sequence[Column]) -> Column | None:
    """The column that best stands for quality: LPIPS where there is a truth, else SSIM, else the garment's colour."""
    return find(made, *_QUALITY)

"""What the numbers of a run allow to be concluded, and what they do not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ..compare.run import Run
from .collect import Column, columns, unpublished
from .texts import Texts
from .words import cost_sentences, metrics_like

#: fewer pictures than this and a test misses middling differences
_SMALL = 200


@dataclass(frozen=True)
class Conclusions:
    """The chapter of conclusions.

    Args:
        overall: sentences about all methods together.
        pairs: (method against method, sentences).
        cost: sentences about time and memory.
        limits: what cannot be concluded.
    """

    overall: list[str]
    pairs: list[tuple[str, list[str]]]
    cost: list[str]
    limits: list[str]


def _listed(found: list[tuple[str, Column]], t: Texts) -> str:
    """Titles of metrics, each setting's together."""
    parts = []
    for setting, entries in itertools.groupby(found, key=lambda entry: entry[0]):
        titles = ", ".join(t.title(column.info) for _, column in entries)
        parts.append(t("conclusion.metric_in", title=titles, setting=t(f"setting.{setting}").lower()))
    return "; ".join(parts)


def _pair(a: str, b: str, made: list[tuple[str, Column]], t: Texts) -> list[str]:
    """Sentences about two methods over all metrics that both have."""
    common = [(setting, column) for setting, column in made if a in column.ranked() and b in column.ranked()]
    lines = []
    for first, second in ((a, b), (b, a)):
        if won := [entry for entry in common if entry[1].beats(first, second)]:
            lines.append(t("conclusion.better", a=first, metrics=_listed(won, t)))
    open_ = [entry for entry in common if not entry[1].beats(a, b) and not entry[1].beats(b, a)]
    if not lines:
        lines.append(t("conclusion.undecided_all"))
    elif open_:
        lines.append(t("conclusion.undecided", metrics=_listed(open_, t)))
    return lines


def _overall(run: Run, made: list[tuple[str, Column]], t: Texts) -> list[str]:
    """Who is never shown to be worse, if anybody is shown to be better at all."""
    methods = run.methods
    if len(methods) == 1:
        return [t("conclusion.one_method")]
    wins = dict.fromkeys(methods, 0)
    losses = dict.fromkeys(methods, 0)
    for _, column in made:
        beaten = {(a, b) for a in methods for b in methods if a != b and column.beats(a, b)}
        for method in methods:
            wins[method] += any(a == method for a, _ in beaten)
            losses[method] += any(b == method for _, b in beaten)
    if not any(wins.values()):
        return [t("conclusion.no_difference")]
    never = [method for method in methods if wins[method] and not losses[method]]
    if not never:
        return [t("conclusion.nobody")]
    return [
        t("conclusion.never_worse", method=method, count=t.count("plural.by_metrics", wins[method])) for method in never
    ]


def _limits(run: Run, made: list[tuple[str, Column]], t: Texts) -> list[str]:
    lines = []
    counts = [cell.n for _, column in made for cell in column.cells.values()]
    if counts and min(counts) < _SMALL:
        lines.append(t("conclusion.few", n=min(counts)))
    if titles := metrics_like(run, t, unpublished):
        lines.append(t("conclusion.random", metrics=t.listed(titles)))
    lines.append(t("conclusion.people"))
    lines.append(t("conclusion.dataset", dataset=run.config.get("dataset", {}).get("name", "?")))
    lines.append(t("conclusion.seed"))
    if "unpaired" in run.settings and not any(item.truth for item in run.items if item.setting == "unpaired"):
        lines.append(t("conclusion.no_truth"))
    lines.append(t("conclusion.preserve"))
    if len(run.methods) > 1:
        lines.append(t("conclusion.families"))
        if any(not item.image for item in run.items):
            lines.append(t("conclusion.common"))
    if run.timings:
        lines.append(t("conclusion.time", device=", ".join(sorted({entry.device for entry in run.timings}))))
    return lines


def conclude(run: Run, t: Texts) -> Conclusions:
    """Draw the conclusions of a run."""
    made = [(setting, column) for setting in run.settings for column in columns(run, setting) if column.info.better]
    pairs = [
        (t("conclusion.against", a=a, b=b), _pair(a, b, made, t)) for a, b in itertools.combinations(run.methods, 2)
    ]
    return Conclusions(_overall(run, made, t), pairs, cost_sentences(run, t), _limits(run, made, t))

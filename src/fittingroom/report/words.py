"""Sentences drawn from a run's numbers: nothing is said that they do not show."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..compare.run import Run
from ..metrics.summary import FEW
from .collect import (
    Column,
    Cost,
    columns,
    costs,
    entry_of,
    find,
    pasted,
    quality_column,
    told_to,
    unpublished,
    untrained,
)
from .texts import Texts, digits_for

#: times that differ by less than this factor are called alike
_ALIKE = 1.15
_FRECHET = ("fid-clean", "fid-tf1", "fd-mini", "fd-random")
_KERNEL = ("kid-clean", "kid-tf1", "kd-mini", "kd-random")
_KEPT = ("psnr-outside", "de2000-outside")
_COLOUR = "garment-de2000"


@dataclass(frozen=True)
class Finding:
    """One thing to say.

    Args:
        kind: ``scope``, ``result``, ``cost`` or ``mind`` (a warning).
        head: two or three words.
        text: what may be claimed, one or more sentences.
        detail: the numbers behind it, or empty.
    """

    kind: str
    head: str
    text: str
    detail: str = ""


def value_text(column: Column, method: str, t: Texts) -> str:
    """Value, interval and unit of one method as a sentence says them."""
    cell = column.cells[method]
    parts = (t.number(cell.value, column.digits), t.interval(cell.low, cell.high, column.digits))
    return "\u00a0".join(filter(None, (*parts, t.unit(column.info))))


def _largest_p(column: Column, a: str, others: Sequence[str], t: Texts) -> str:
    found = [test.p_holm for test in column.tests for b in others if {test.a, test.b} == {a, b}]
    return t.p(max(found, default=math.nan))


def _claim(column: Column, t: Texts) -> tuple[str, list[str]]:
    """What may be claimed of the order of two or more methods in a metric that is tested, and whom the leader beats."""
    names, title = column.ranked(), t.title(column.info)
    leader, others = names[0], names[1:]
    beaten = [name for name in others if column.beats(leader, name)]
    rest = [name for name in others if name not in beaten]
    words = {"leader": leader, "title": title, "beaten": t.listed(beaten), "rest": t.listed(rest)}
    if beaten:
        key = "quality.some_shown" if rest else "quality.all_shown"
        return t(key, **words, p=_largest_p(column, leader, beaten, t)), beaten
    if len({column.cells[name].value for name in names}) == 1:
        return t("quality.tie", **words), []
    if not column.tests:
        return t("quality.no_tests", **words), []
    if shown := [(a, b) for a in names for b in names if a != b and column.beats(a, b)]:
        pairs = [t("quality.better_pair", a=a, b=b, p=_largest_p(column, a, [b], t)) for a, b in shown]
        return t("quality.none_shown_but", **words, pairs=", ".join(pairs)), []
    count = max(cell.n for cell in column.cells.values())
    return t("quality.none_shown", **words, pictures=t.count("plural.on_pictures", count)), []


def _difference(column: Column, a: str, b: str, t: Texts) -> str:
    """The mean difference between two methods with its interval."""
    for test in column.tests:
        if {test.a, test.b} == {a, b}:
            ends = (test.difference, test.low, test.high)
            mean, low, high = ends if test.a == a else (-ends[0], -ends[2], -ends[1])
            digits = digits_for(ends, most=8)
            text = f"{t.number(mean, digits)} {t.interval(low, high, digits)}".strip()
            return t("quality.difference", a=a, b=b, difference=text)
    return ""


def _values(column: Column, t: Texts) -> str:
    return ", ".join(f"{name} {value_text(column, name, t)}" for name in column.ranked())


def tested(column: Column, kind: str, head: str, t: Texts) -> list[Finding]:
    """What a metric of single pictures shows; nothing where it has no value."""
    names, title = column.ranked(), t.title(column.info)
    if not names:
        return []
    if len(names) == 1:
        pictures = t.count("plural.by_pictures", column.cells[names[0]].n)
        value = value_text(column, names[0], t)
        return [Finding(kind, head, t("quality.one", method=names[0], title=title, value=value, pictures=pictures))]
    claim, beaten = _claim(column, t)
    detail = [t("quality.values", title=title, values=_values(column, t))]
    detail += [_difference(column, names[0], name, t) for name in beaten]
    return [Finding(kind, head, claim, " ".join(filter(None, detail)))]


def _between_sets(made: Sequence[Column], head: str, t: Texts) -> list[Finding]:
    """What the distances between sets of one setting show."""
    claims, details = [], []
    for column in filter(None, (find(made, *_FRECHET), find(made, *_KERNEL))):
        names, title = column.ranked(), t.title(column.info)
        if len(names) == 1:
            pictures, value = t.count("plural.by_pictures", column.cells[names[0]].n), value_text(column, names[0], t)
            claims.append(t("set.one", method=names[0], title=title, value=value, pictures=pictures))
        else:
            beaten = [name for name in names[1:] if column.beats(names[0], name)]
            rest = [name for name in names[1:] if name not in beaten]
            unknown = any(math.isnan(column.cells[name].low) for name in names)
            key = "no_interval" if unknown else "apart_all" if not rest else "apart_some" if beaten else "overlap"
            words = {"leader": names[0], "title": title, "beaten": t.listed(beaten), "rest": t.listed(rest)}
            claims.append(t(f"set.{key}", **words))
            details.append(t("set.values", title=title, values=_values(column, t)))
        least = min(column.cells[name].n for name in names)
        if column.metric in _FRECHET and least < FEW:
            claims.append(t("set.few", n=least))
    return [Finding("result", head, " ".join(claims), " ".join(details))] if claims else []


def _scope(run: Run, t: Texts) -> Finding:
    counts = {setting: len({item.id for item in run.items if item.setting == setting}) for setting in run.settings}
    asked, made = len(run.items), sum(bool(item.image) for item in run.items)
    line = t(
        "scope.text",
        methods=t.listed(run.methods),
        dataset=run.config.get("dataset", {}).get("name", "?"),
        people=t.count("plural.people", len({item.person for item in run.items})),
        garments=t.count("plural.garments", len({item.garment for item in run.items})),
        pairs=t.listed([t.count(f"plural.{setting}_pairs", count) for setting, count in counts.items()]),
    )
    pictures = t.count("plural.pictures", asked)
    ending = t("scope.all_made", asked=pictures) if made == asked else t("scope.made", asked=pictures, made=made)
    return Finding("scope", t("scope.head" if len(run.methods) > 1 else "scope.head_one"), f"{line} {ending}")


def _results(run: Run, setting: str, t: Texts) -> list[Finding]:
    made = columns(run, setting)
    where = t(f"setting.{setting}").lower()
    quality = quality_column(made)
    found = []
    if quality is not None and quality.metric != _COLOUR:
        found += tested(quality, "result", t("quality.head", setting=where), t)
    found += _between_sets(made, t("set.head", setting=where), t)
    for key, column in (("quality.head_kept", find(made, *_KEPT)), ("quality.head_garment", find(made, _COLOUR))):
        if column is not None:
            found += tested(column, "result", t(key, setting=where), t)
    return found


def seconds_text(value: float, t: Texts) -> str:
    """Seconds with three significant digits."""
    return t.number(value, digits_for([value]))


def _dominated(run: Run, spent: dict[str, Cost], t: Texts) -> list[str]:
    """Who is both faster and shown to be better than whom, by the metric that stands for quality."""
    lines = []
    for setting in run.settings:
        column = quality_column(columns(run, setting))
        if column is None:
            continue
        for a in run.methods:
            for b in run.methods:
                faster = a in spent and b in spent and spent[b].total_p50 > _ALIKE * spent[a].total_p50
                if faster and column.beats(a, b):
                    where = t(f"in_setting.{setting}")
                    lines.append(t("speed.dominated", a=a, b=b, title=t.title(column.info), setting=where))
    return lines


def _speed(run: Run, t: Texts) -> list[Finding]:
    spent = sorted(costs(run), key=lambda entry: entry.total_p50)
    if not spent:
        return []
    first = spent[0]
    if len(spent) == 1:
        line = t(
            "speed.one",
            method=first.method,
            p50=seconds_text(first.total_p50, t),
            p95=seconds_text(first.total_p95, t),
            device=first.device,
            per_hour=t.number(first.per_hour, 0),
            peak=t.number(first.peak_mb, 0),
        )
        return [Finding("cost", t("speed.head"), line)]
    lines = []
    devices = sorted({entry.device for entry in spent})
    if len(devices) > 1:
        lines.append(t("speed.devices", devices=", ".join(devices)))
    else:
        others = []
        for entry in spent[1:]:
            ratio = entry.total_p50 / max(first.total_p50, 1e-9)
            key = "speed.other" if ratio >= _ALIKE else "speed.other_equal"
            p50, times = seconds_text(entry.total_p50, t), t.number(ratio, 1 if ratio < 10 else 0)
            others.append(t(key, method=entry.method, p50=p50, ratio=times))
        p50, p95 = seconds_text(first.total_p50, t), seconds_text(first.total_p95, t)
        lines.append(t("speed.fastest", method=first.method, p50=p50, p95=p95, others="; ".join(others)))
        lines += _dominated(run, {entry.method: entry for entry in spent}, t)
    peaks = [t("speed.peak", method=entry.method, peak=t.number(entry.peak_mb, 0)) for entry in spent]
    lines.append(t("speed.memory", peaks=t.listed(peaks)))
    return [Finding("cost", t("speed.head"), " ".join(lines))]


def metrics_like(run: Run, t: Texts, like: Callable[[str], bool]) -> list[str]:
    """Titles of the metrics of this run whose names are ``like`` that."""
    names = dict.fromkeys((column.metric, t.title(column.info)) for s in run.settings for column in columns(run, s))
    return [title for metric, title in names if like(metric)]


def _mind(run: Run, t: Texts) -> list[Finding]:
    found = []
    for method in run.methods:
        own = [item for item in run.items if item.method == method]
        failed = sum(bool(item.error) or not item.image for item in own)
        if failed and failed == len(own):
            text = t("trust.failed_all", method=method)
        elif failed:
            text = t("trust.failed", method=method, pairs=t.count("plural.of_pairs", failed))
            text += f" {t('trust.left_out')}" if len(run.methods) > 1 else ""
        else:
            continue
        found.append(Finding("mind", t("trust.head_failed"), text))
    warnings = []
    if not run.rows:
        warnings.append(t("trust.no_results"))
    if titles := metrics_like(run, t, untrained):
        warnings.append(t("trust.untrained", metrics=t.listed(titles)))
    elif titles := metrics_like(run, t, unpublished):
        warnings.append(t("trust.small", metrics=t.listed(titles)))
    if idle := [label for label in run.methods if entry_of(run, label).get("trained") is False]:
        warnings.append(t("trust.untrained_method", methods=t.listed(idle)))
    if back := pasted(run):
        warnings.append(t("trust.pasted", methods=t.listed(back)))
    if kept := told_to(run, "keep_same"):
        warnings.append(t("trust.kept", methods=t.listed(kept)))
    for value in ("colours", "details", "layers"):
        if matched := told_to(run, "match", value):
            warnings.append(t(f"trust.matched_{value}", methods=t.listed(matched)))
    sets = [row for row in run.rows if not row.item and row.setting == "paired" and row.metric in _FRECHET + _KERNEL]
    if sets:
        warnings.append(t("trust.same_photos"))
    if len(run.methods) == 1:
        warnings.append(t("trust.one_method"))
    return found + [Finding("mind", t("trust.head"), text) for text in warnings]


def summary(run: Run, t: Texts) -> list[Finding]:
    """What a reader must know first: scope, quality, realism, preservation, cost, warnings."""
    results = [finding for setting in run.settings for finding in _results(run, setting, t)]
    return [_scope(run, t), *results, *_speed(run, t), *_mind(run, t)]


def cost_sentences(run: Run, t: Texts) -> list[str]:
    """What may be said of time and memory."""
    return [finding.text for finding in _speed(run, t)]

"""Sentences drawn from a run's numbers: nothing is said that they do not show."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.run import Run
from .collect import Column, columns, costs, quality_column
from .tables import number
from .texts import decimal, say

_Sentence = tuple[str, str]


def _pick(sentence: _Sentence, language: str) -> str:
    return sentence[0 if language == "en" else 1]


def _names(methods: Sequence[str], language: str) -> str:
    joined = " and " if language == "en" else " и "
    return joined.join(filter(None, (", ".join(methods[:-1]), methods[-1])))


def _value(column: Column, method: str, language: str) -> str:
    cell = column.cells[method]
    text = number(cell.value)
    if cell.low == cell.low:  # not NaN
        text += f" [{number(cell.low)}; {number(cell.high)}]"
    return decimal(text, language) + (f" {column.info.unit}" if column.info.unit else "")


def _verdict(column: Column, setting: str, language: str) -> str:
    """What may be said about who is better in one metric."""
    methods = list(column.cells)
    values = "; ".join(f"{method} {_value(column, method, language)}" for method in methods)
    where = say(setting, language).lower()
    title = column.info.title
    if len(methods) == 1:
        return _pick((f"{title}, {where}: {values}.", f"{title}, {where}: {values}."), language)
    if column.info.kind == "set":
        ranked = sorted(methods, key=lambda name: column.cells[name].value, reverse=column.info.better == "higher")
        first, second = column.cells[ranked[0]], column.cells[ranked[1]]
        apart = first.high < second.low if column.info.better == "lower" else first.low > second.high
        if apart:
            return _pick((f"{title}, {where}: {ranked[0]} is best, its interval apart from all others ({values}).", f"{title}, {where}: лучший — {ranked[0]}, его интервал не пересекается с остальными ({values})."), language)  # fmt: skip
        return _pick((f"{title}, {where}: intervals overlap, so no order is claimed ({values}).", f"{title}, {where}: интервалы пересекаются, порядок не утверждается ({values})."), language)  # fmt: skip
    if not column.best:
        return _pick((f"{title}, {where}: no difference between the methods was shown ({values}).", f"{title}, {where}: различие методов не показано ({values})."), language)  # fmt: skip
    best = _names(column.best, language)
    if len(column.best) == 1:
        return _pick((f"{title}, {where}: {best} is shown to be best ({values}).", f"{title}, {where}: лучшим показан {best} ({values})."), language)  # fmt: skip
    return _pick((f"{title}, {where}: no method is shown to be better than {best} ({values}).", f"{title}, {where}: ни один метод не показан лучшим, чем {best} ({values})."), language)  # fmt: skip


def _scope(run: Run, language: str) -> str:
    dataset = run.config["dataset"]
    people = len({item.person for item in run.items})
    garments = len({item.garment for item in run.items})
    counts = {setting: len({item.id for item in run.items if item.setting == setting}) for setting in run.settings}
    english = ", ".join(f"{count} {setting} pairs" for setting, count in counts.items())
    russian = ", ".join(f"{say(setting, 'ru').lower()}: пар — {count}" for setting, count in counts.items())
    made = sum(bool(item.image) for item in run.items)
    return _pick((
        f"{_names(run.methods, language)} on {dataset['name']}: {people} people, {garments} garments, {english}; {made} of {len(run.items)} pictures were made.",
        f"{_names(run.methods, language)} на наборе {dataset['name']}: людей — {people}, предметов одежды — {garments}; {russian}. Создано снимков: {made} из {len(run.items)}.",
    ), language)  # fmt: skip


def _failures(run: Run, language: str) -> list[str]:
    found = []
    for method in run.methods:
        failed = sum(item.method == method and bool(item.error) for item in run.items)
        if failed:
            found.append(_pick((f"{method} made no picture of {failed} pairs; the gallery and log.txt say why.", f"{method}: для {failed} пар снимка нет; причины — в галерее и в log.txt."), language))  # fmt: skip
    return found


def _speed(run: Run, language: str) -> list[str]:
    spent = sorted(costs(run), key=lambda entry: entry.total_p50)
    if not spent:
        return []
    english = "; ".join(f"{entry.method} {entry.total_p50:.2f} s, {entry.peak_mb:.0f} MB" for entry in spent)
    russian = decimal(
        "; ".join(f"{entry.method} {entry.total_p50:.2f} с, {entry.peak_mb:.0f} МБ" for entry in spent), "ru"
    )
    text = (
        f"Median time and peak memory for one picture: {english}.",
        f"Медиана времени и пик памяти на один снимок: {russian}.",
    )
    lines = [_pick(text, language)]
    if len(spent) > 1 and spent[0].total_p50 > 0:
        ratio = spent[-1].total_p50 / spent[0].total_p50
        lines.append(_pick((f"{spent[0].method} is {ratio:.1f} times as fast as {spent[-1].method}.", decimal(f"{spent[0].method} быстрее, чем {spent[-1].method}, в {ratio:.1f} раза.", "ru")), language))  # fmt: skip
    return lines


def _warnings(run: Run, language: str) -> list[str]:
    found = []
    if any(row.metric.endswith("-random") or "-random-" in row.metric for row in run.rows):
        found.append(_pick((
            "Metrics called “random” look through the embedded network with untrained weights, because published backbones are not on this machine: "
            "use them to compare within this report only.",
            "Метрики с пометкой «random» вычислены через встроенную сеть с необученными весами, так как опубликованных весов на этой машине нет: "
            "сравнивайте их только внутри этого отчёта.",
        ), language))  # fmt: skip
    counts = [row.n for row in run.rows if not row.item and row.metric.startswith(("fid-", "fd-"))]
    if counts and min(counts) < 2032:
        found.append(_pick((
            f"A Fréchet distance on {min(counts)} pictures is mostly bias: it would fall with more pictures even if nothing else changed. "
            "The kernel distance beside it has no such bias.",
            f"Расстояние Фреше на {min(counts)} снимках состоит главным образом из смещения: с ростом числа снимков оно падало бы само собой. "
            "Ядерное расстояние рядом такого смещения не имеет.",
        ), language))  # fmt: skip
    if "paired" in run.settings and counts:
        found.append(_pick((
            "In the paired setting the reference holds the very photos that results were made from, which flatters distances between sets.",
            "В парном режиме в эталон входят те самые фотографии, из которых получены результаты, — это занижает расстояния между наборами.",
        ), language))  # fmt: skip
    return found


def summary(run: Run, language: str) -> list[str]:
    """The report's first page: scope, quality, preservation, cost, failures, warnings."""
    lines = [_scope(run, language)]
    for setting in run.settings:
        made = columns(run, setting)
        quality = quality_column(made)
        chosen = [quality] if quality else []
        chosen += [
            column for column in made if column.metric in ("garment-de2000", "psnr-outside") and column is not quality
        ]
        lines += [_verdict(column, setting, language) for column in chosen if column.cells]
    return [*lines, *_speed(run, language), *_failures(run, language), *_warnings(run, language)]


def conclusions(run: Run, language: str) -> list[str]:
    """What the numbers allow to be concluded, and what they do not."""
    lines = []
    several = len(run.methods) > 1
    for setting in run.settings:
        wins: dict[str, list[str]] = {}
        undecided = []
        for column in columns(run, setting):
            if column.info.kind == "set" or len(column.cells) < 2:
                continue
            if len(column.best) == 1:
                wins.setdefault(column.best[0], []).append(column.info.title)
            else:
                undecided.append(column.info.title)
        where = say(setting, language).lower()
        lines += [_pick((f"{method} is shown to be best in {', '.join(titles)} ({where}).", f"{method} показан лучшим по метрикам: {', '.join(titles)} ({where})."), language) for method, titles in wins.items()]  # fmt: skip
        if undecided:
            lines.append(_pick((f"Not decided by these pictures: {', '.join(undecided)} ({where}).", f"Эти снимки не решают: {', '.join(undecided)} ({where})."), language))  # fmt: skip
    if not several:
        lines.append(_pick((
            "With one method there is nothing to rank: its numbers are the mark that others on the same pairs must beat.",
            "Метод один, ранжировать нечего: его числа — планка, которую должны превзойти другие методы на тех же парах.",
        ), language))  # fmt: skip
    lines.append(_pick((
        "What cannot be concluded: how people would judge the pictures; how the methods do on other photos than these; anything about "
        "published tables, unless the protocol says the same backbone, size and test set.",
        "Чего заключить нельзя: как снимки оценили бы люди; как методы поведут себя на других фотографиях; как числа соотносятся с "
        "опубликованными таблицами, если протокол не называет ту же сеть, тот же размер и тот же набор.",
    ), language))  # fmt: skip
    return lines

"""What is shown of a run's pictures: rows of person, garment and every method's result; best and worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..compare.run import Item, Run, Timing
from .collect import Column
from .pictures import Picture, Pictures
from .texts import Texts


@dataclass(frozen=True)
class Shown:
    """One place of a row.

    Args:
        picture: None where there is none.
        alt: what it shows.
        label: what stands below it.
        tip: what the pointer says.
        method: whose result it is; empty for person, garment and truth.
        error: why there is no picture.
    """

    picture: Picture | None
    alt: str
    label: str
    tip: str = ""
    method: str = ""
    value: str = ""
    error: str = ""


@dataclass(frozen=True)
class Gallery:
    """The rows of one setting.

    Args:
        setting: ``paired`` or ``unpaired``.
        rows: (id of the pair, its places).
        total: pairs that the run has.
        width: places in the widest row.
    """

    setting: str
    rows: list[tuple[str, list[Shown]]]
    total: int
    width: int


@dataclass(frozen=True)
class Strip:
    """Person, garment, result (and truth, where there is one beside the person's photo) of one picture, and its value."""

    id: str
    value: str
    places: list[Shown]


@dataclass(frozen=True)
class Extremes:
    """The best and the worst of one method in one setting."""

    setting: str
    method: str
    best: list[Strip]
    worst: list[Strip]


def evenly(count: int, total: int) -> list[int]:
    """``count`` indices spread evenly over ``range(total)``, or all of them."""
    if count >= total:
        return list(range(total))
    return [index * total // count for index in range(count)]


def _by_pair(run: Run, setting: str) -> dict[str, dict[str, Item]]:
    found: dict[str, dict[str, Item]] = {}
    for item in run.items:
        if item.setting == setting:
            found.setdefault(item.id, {})[item.method] = item
    return found


def _input(picture: Picture, alt: str, label: str, tip: str, t: Texts) -> Shown:
    missing = "" if picture.src else t("gallery.unreadable")
    return Shown(picture if picture.src else None, alt, label, tip, error=missing)


def _person(run: Run, item: Item, pictures: Pictures, t: Texts) -> Shown:
    is_truth = item.truth != "" and run.path(item.truth) == run.person_image(item)
    label = t("word.person_truth" if is_truth else "word.person")
    return _input(pictures.show(run.person_image(item)), t("gallery.alt_person", id=item.person), label, item.person, t)


def _garment(run: Run, item: Item, pictures: Pictures, t: Texts) -> Shown:
    tip = f"{item.garment} ({t.word('category', item.category)})" if item.category else item.garment
    picture = pictures.show(run.garment_image(item), trimmed=True)
    return _input(picture, t("gallery.alt_garment", id=item.garment), t("word.garment"), tip, t)


def _truth(run: Run, item: Item, pictures: Pictures, t: Texts) -> Shown | None:
    """The true picture, where it is another than the person's photo."""
    if not item.truth or run.path(item.truth) == run.person_image(item):
        return None
    picture = pictures.show(run.path(item.truth))
    return _input(picture, t("gallery.alt_truth", id=item.id), t("word.truth"), item.id, t)


def _result(run: Run, item: Item, pictures: Pictures, value: str, timing: Timing | None, t: Texts) -> Shown:
    tip = t("gallery.tip", method=item.method, id=item.id, seed=item.seed)
    if timing is not None:
        tip += " · " + t("gallery.tip_time", seconds=t.number(timing.conditions_s + timing.generate_s, 2))
    alt = t("gallery.alt_result", method=item.method, id=item.id)
    if not item.image:
        return Shown(None, alt, item.method, tip, item.method, error=item.error or t("gallery.no_picture"))
    picture = pictures.show(run.path(item.image))
    if not picture.src:
        return Shown(None, alt, item.method, tip, item.method, error=t("gallery.unreadable"))
    return Shown(picture, alt, item.method, tip, item.method, value)


def _score(column: Column | None, method: str, pair: str, t: Texts) -> str:
    value = column.items.get(method, {}).get(pair, math.nan) if column else math.nan
    return t.number(value, column.digits) if column and math.isfinite(value) else ""


def gallery(run: Run, setting: str, pictures: Pictures, quality: Column | None, limit: int, t: Texts) -> Gallery:
    """The gallery of one setting: at most ``limit`` pairs, evenly spaced over the job's order."""
    timings = {(entry.method, entry.item): entry for entry in run.timings if entry.setting == setting}
    pairs = list(_by_pair(run, setting).items())
    rows = []
    for index in evenly(limit, len(pairs)):
        pair, items = pairs[index]
        first = next((item for item in items.values() if item.truth), next(iter(items.values())))
        places = [_person(run, first, pictures, t), _garment(run, first, pictures, t)]
        for method in run.methods:
            if method in items:
                value, timing = _score(quality, method, pair, t), timings.get((method, pair))
                places.append(_result(run, items[method], pictures, value, timing, t))
            else:
                alt = t("gallery.alt_result", method=method, id=pair)
                places.append(Shown(None, alt, method, method=method, error=t("gallery.not_asked")))
        if (truth := _truth(run, first, pictures, t)) is not None:
            places.append(truth)
        rows.append((pair, places))
    return Gallery(setting, rows, len(pairs), max((len(places) for _, places in rows), default=0))


def _strips(
    run: Run, items: Mapping[str, Item], chosen: Sequence[str], column: Column, pictures: Pictures, t: Texts
) -> list[Strip]:
    made = []
    for pair in chosen:
        item = items[pair]
        value = _score(column, item.method, pair, t)
        places = [_person(run, item, pictures, t), _garment(run, item, pictures, t)]
        places.append(_result(run, item, pictures, value, None, t))
        if (truth := _truth(run, item, pictures, t)) is not None:
            places.append(truth)
        made.append(Strip(pair, value, places))
    return made


def extremes(run: Run, setting: str, pictures: Pictures, column: Column, count: int, t: Texts) -> list[Extremes]:
    """The best and the worst pictures of each method by one metric; never the same picture on both sides."""
    made = []
    for method in run.methods:
        items = {item.id: item for item in run.items if (item.method, item.setting) == (method, setting) and item.image}
        scored = [(value, pair) for pair, value in column.items.get(method, {}).items() if pair in items]
        ordered = [pair for value, pair in sorted(scored) if math.isfinite(value)]
        if column.info.better == "higher":
            ordered.reverse()
        taken = min(count, len(ordered) // 2)
        if taken:
            best = _strips(run, items, ordered[:taken], column, pictures, t)
            worst = _strips(run, items, ordered[::-1][:taken], column, pictures, t)
            made.append(Extremes(setting, method, best, worst))
    return made

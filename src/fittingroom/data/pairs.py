"""Pairs: reading and writing the files that list them, and making new lists."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.errors import InputError
from ..core.files import write_text
from .dataset import Dataset, Issue, Setting
from .sample import GARMENT_PARTS, Category, Garment, Pair


@dataclass(frozen=True)
class Line:
    """One line of a pairs file.

    Args:
        first: first word.
        second: second word.
        number: line number, from 1.
    """

    first: str
    second: str
    number: int


def read_pairs(path: Path) -> tuple[list[Line], list[Issue]]:
    """The lines of a pairs file, and one issue for each line that cannot be used.

    A line is two file names (or ids) separated by blanks; empty lines and lines beginning with ``#`` are skipped; a
    line that says again what an earlier one said is an issue and counts once.
    """
    lines: list[Line] = []
    issues: list[Issue] = []
    seen: set[tuple[str, str]] = set()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return [], [
            Issue(
                f"cannot be read as text ({type(error).__name__})", "write it again as UTF-8", path, "pairs-unreadable"
            )
        ]
    for number, raw in enumerate(text.splitlines(), start=1):
        words = raw.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            issues.append(
                Issue(f"line {number} has {len(words)} words instead of 2", "write two file names", path, "pairs-line")
            )
        elif (words[0], words[1]) in seen:
            issues.append(
                Issue(f"line {number} repeats an earlier pair: {' '.join(words)}", "remove it", path, "pairs-duplicate")
            )
        else:
            seen.add((words[0], words[1]))
            lines.append(Line(words[0], words[1], number))
    return lines, issues


def write_pairs(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Write a pairs file, one pair a line."""
    write_text(path, "".join(f"{first} {second}\n" for first, second in pairs))


def derangement(names: Sequence[str], seed: int = 0) -> list[tuple[str, str]]:
    """Everybody with somebody else's garment, each garment once; the same for the same names and seed.

    Returns:
        (person, garment owner) in the order of ``names``; empty for fewer than two names.
    """
    if len(names) < 2:
        return []
    order = list(range(len(names)))
    random.Random(seed).shuffle(order)
    # one cycle through all of them: nobody can meet the own garment
    following = {order[index]: order[(index + 1) % len(order)] for index in range(len(order))}
    return [(name, names[following[index]]) for index, name in enumerate(names)]


def garment_id(stem: str, category: Category) -> str:
    """Id of the worn garment of a photo: the photo's own id for ``upper``, with the category behind it for the others."""
    return stem if category == "upper" else f"{stem}.{category}"


def for_category(dataset: Dataset, category: Category) -> Dataset:
    """The dataset with the pairs of one category only.

    Where garments are worn, the pair lists are made again for the category: the same people and the same owners, but
    of each owner the garment of this category. People or owners whose parse shows that they wear none are left out.

    Raises:
        InputError: nothing is left.
    """
    pairs: dict[Setting, tuple[Pair, ...]] = {}
    wears: dict[str, bool] = {}
    for setting, listed in dataset.pairs.items():
        kept: list[Pair] = []
        for pair in listed:
            garment = dataset.garments.get(pair.garment)
            if garment is None:
                continue
            if garment.category == category:
                kept.append(pair)
            elif garment.worn:
                owner = pair.garment.removesuffix(f".{garment.category}")
                other = garment_id(owner, category)
                if other in dataset.garments and _wears(dataset.garments[other], wears):
                    kept.append(Pair(pair.person, other, pair.paired))
        pairs[setting] = tuple(dict.fromkeys(kept))
    if not any(pairs.values()):
        raise InputError(
            f"no pairs of category {category}", mend="choose another category or add pairs", path=dataset.root
        )
    return replace(dataset, pairs=pairs)


def _wears(garment: Garment, known: dict[str, bool]) -> bool:
    if garment.id not in known:
        try:
            known[garment.id] = bool(garment.fresh().parse().mask(*GARMENT_PARTS[garment.category]).sum() >= 64)
        except Exception:  # a broken parse is reported when the pair is tried, not here
            known[garment.id] = True
    return known[garment.id]

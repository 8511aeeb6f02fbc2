"""Words of the report: one TOML file per language in ``languages/``, plural forms and numbers as the language writes them."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..metrics.values import MetricInfo

LANGUAGES = ("en", "ru")
_FOLDER = Path(__file__).parent / "languages"
#: smaller values are written as zero: a table full of zeros behind the point says less
_MOST_DIGITS = 5
_ARROWS = {"lower": "↓", "higher": "↑"}


class Texts:
    """The words of one language.

    Args:
        language: code of the language.
        content: parsed TOML: tables of texts; a plural is a table of forms.
    """

    def __init__(self, language: str, content: Mapping[str, Any]) -> None:
        self.language = language
        self._content = content
        self._notes = [(re.compile(entry["pattern"]), entry["text"]) for entry in content.get("notes", ())]

    def _find(self, key: str) -> Any:
        found: Any = self._content
        for part in key.split(".", 1):
            found = found[part]
        return found

    def __call__(self, key: str, **values: object) -> str:
        """The text ``table.name`` with its braces filled in.

        Raises:
            KeyError: there is no such text, or a value is missing: a mistake in the program.
        """
        return str(self._find(key)).format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """The form of a plural text that goes with a number, e.g. "1 picture", "2 pictures".

        English has ``one`` and ``many``; Russian ``one`` (1, 21, 31 ...), ``few`` (2 to 4, 22 to 24 ...) and ``many``.
        """
        forms: Mapping[str, str] = self._find(key)
        if self.language == "ru":
            last, teen = number % 10, 11 <= number % 100 <= 14
            form = "many" if teen or last == 0 or last >= 5 else "one" if last == 1 else "few"
        else:
            form = "one" if number == 1 else "many"
        return forms[form].format(n=number, **values)

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        table, _, name = key.partition(".")
        return name in self._content.get(table, {})

    def word(self, table: str, name: str) -> str:
        """A single word's translation; the word itself where the table does not know it."""
        return str(self._content.get(table, {}).get(name, name))

    def number(self, value: float, digits: int) -> str:
        """A number with so many decimals; a dash for NaN."""
        if math.isnan(value):
            return "—"
        text = f"{value:.{digits}f}"
        if not text.strip("-0."):
            text = text.lstrip("-")  # no minus before a zero
        text = text.replace("-", "\u2212")
        return text.replace(".", ",") if self.language == "ru" else text

    def interval(self, low: float, high: float, digits: int) -> str:
        """``[low, high]`` or, where the comma is the decimal sign, ``[low; high]``; empty without an interval."""
        if math.isnan(low) or math.isnan(high):
            return ""
        between = "; " if self.language == "ru" else ", "
        return f"[{self.number(low, digits)}{between}{self.number(high, digits)}]"

    def p(self, value: float) -> str:
        """A p-value with its sign: ``= 0.012``, ``< 0.001``; a dash for NaN."""
        if math.isnan(value):
            return "—"
        return f"<\u00a0{self.number(0.001, 3)}" if value < 0.001 else f"=\u00a0{self.number(value, 3)}"

    def listed(self, names: Sequence[str]) -> str:
        """``a, b and c``."""
        names = list(names)
        if len(names) < 2:
            return "".join(names)
        return f"{', '.join(names[:-1])} {self('word.and')} {names[-1]}"

    def title(self, info: MetricInfo) -> str:
        """How a metric is written in this language."""
        if self.has(f"metric.{info.name}"):
            return self(f"metric.{info.name}")
        return info.title.replace(", garment", f", {self('word.garment_region')}")

    def heading(self, info: MetricInfo) -> str:
        """Title, unit and the direction that is better."""
        unit = f", {self.unit(info)}" if self.unit(info) else ""
        return " ".join(filter(None, (self.title(info) + unit, _ARROWS.get(info.better, ""))))

    def unit(self, info: MetricInfo) -> str:
        """The unit to write behind values; empty where there is none or the title says it already (ΔE)."""
        return "" if info.unit.rstrip("₀") in info.title else self.word("unit", info.unit)

    def note(self, text: str) -> str:
        """A note of the metrics in this language; parts that nobody translated stay as they are."""
        return "; ".join(self._one_note(part) for part in text.split("; ")) if text else ""

    def _one_note(self, text: str) -> str:
        for pattern, template in self._notes:
            if match := pattern.fullmatch(text):
                text = match.expand(template)
                text = re.sub(r"(?<=\d)\.(?=\d)", ",", text) if self.language == "ru" else text
                break
        return re.sub(r"(?<![\w-])-(?=\d)", "\u2212", text)


def digits_for(values: Sequence[float], most: int = _MOST_DIGITS) -> int:
    """Decimals with which all values of one column are written: about three significant digits of the largest."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=0.0)
    if largest >= 1000:
        return 0
    if largest >= 100:
        return 1
    if largest >= 1 or largest == 0:
        return 2
    return min(2 - math.floor(math.log10(largest)), most)


def check_language(language: str) -> str:
    """The language, if the report comes in it.

    Raises:
        InputError: it does not.
    """
    if language not in LANGUAGES:
        raise InputError(f"no report in language {language!r}", mend=f"use {' or '.join(LANGUAGES)}")
    return language


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: str) -> Texts:
    """The words of a language.

    Raises:
        InputError: the report does not come in it.
    """
    path = _FOLDER / f"{check_language(language)}.toml"
    return Texts(language, tomllib.loads(path.read_text(encoding="utf-8")))

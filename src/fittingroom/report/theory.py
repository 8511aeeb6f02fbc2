"""The theory chapter: what each method minimises, from the objects that the program evaluates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..compare.run import Run
from ..methods.base import Loss, MethodCard
from .collect import method_card
from .formulas import formula_or_source, with_formulas
from .texts import Texts


@dataclass(frozen=True)
class Term:
    """One loss as the page shows it."""

    number: int
    formula: Markup
    text: Markup
    where: Markup
    weight: str
    source: str
    function: str


@dataclass(frozen=True)
class Chapter:
    """One method's part of the chapter.

    Args:
        labels: of the run's methods that share this card.
        card: the card.
        objective: the weighted sum of all terms, or None without losses.
        terms: the losses.
    """

    labels: list[str]
    card: MethodCard
    summary: Markup
    data: Markup
    limits: Markup
    objective: Markup | None
    terms: list[Term]


def weight_latex(weight: float) -> str:
    r"""A weight as LaTeX: ``0.05``, ``10^{-6}``, ``2.5 \cdot 10^{-6}``."""
    if weight == 0 or 0.001 <= abs(weight) < 10_000:
        return f"{weight:g}"
    exponent = math.floor(math.log10(abs(weight)))
    factor = f"{weight / 10.0**exponent:.4g}"
    power = f"10^{{{exponent}}}"
    return power if factor == "1" else rf"{factor} \cdot {power}"


def objective(losses: Sequence[Loss]) -> str:
    r"""LaTeX of the total: ``\mathcal{L} = E + 0.5\, J``."""
    parts = []
    for index, loss in enumerate(losses):
        minus = loss.weight < 0
        size = "" if abs(loss.weight) == 1 else weight_latex(abs(loss.weight)) + r"\, "
        sign = "-" if minus else "+" if index else ""
        parts.append(f"{sign} {size}{loss.symbol}".strip())
    return r"\mathcal{L} = " + " ".join(parts)


def function_name(function: Callable[..., object]) -> str:
    """Where the implementation is: ``fittingroom.methods.baseline.losses.bending_energy``."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '') or ''}.{name}".lstrip(".")


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


def chapters(run: Run, t: Texts) -> tuple[list[Chapter], list[str]]:
    """The parts of the chapter, one per card, and the labels of methods whose card is not here. Equations are numbered."""
    by_card: dict[str, tuple[MethodCard, list[str]]] = {}
    unknown = []
    for label in run.methods:
        found = method_card(run, label)
        if found is None:
            unknown.append(label)
        else:
            by_card.setdefault(found.name, (found, []))[1].append(label)

    def in_language(text: Mapping[str, str]) -> Markup:
        return with_formulas(_sentence(text.get(t.language) or text.get("en", "")))

    made, number = [], 0
    for card, labels in by_card.values():
        terms = []
        for loss in card.losses:
            number += 1
            whole = formula_or_source(f"{loss.symbol} = {loss.formula}", display=True)
            weight = t.number(loss.weight, 0) if float(loss.weight).is_integer() else ""
            weight = weight or str(formula_or_source(_decimal(weight_latex(loss.weight), t)))
            name = function_name(loss.function)
            text, where = in_language(loss.text), in_language(loss.where)
            terms.append(Term(number, whole, text, where, Markup(weight), loss.source, name))
        total = formula_or_source(objective(card.losses), display=True) if card.losses else None
        words = (in_language(card.summary), in_language(card.data), in_language(card.limits))
        made.append(Chapter(labels, card, *words, total, terms))
    return made, unknown


def _decimal(latex: str, t: Texts) -> str:
    return latex.replace(".", "{,}") if t.language == "ru" else latex

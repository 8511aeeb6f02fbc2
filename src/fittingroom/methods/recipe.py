"""Reading a method's tables of a training recipe, and refusing what makes no sense in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from ..core.errors import InputError

Options = TypeVar("Options")


def check_options(options: Any, table: str, choices: Mapping[str, Sequence[str]], most: Mapping[str, float]) -> None:
    """Check every field of a dataclass of options against the kind of its default.

    Numbers must not be negative, learning rates (``lr...``) not zero, names one of the choices.

    Args:
        options: an instance of a dataclass whose fields are numbers, switches and texts.
        table: of the recipe, for messages.
        choices: field -> what it may be.
        most: field -> largest value.

    Raises:
        InputError: a value that makes no sense.
    """
    for each in fields(options):
        value = getattr(options, each.name)
        number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if each.name in choices:
            good = value in choices[each.name]
        elif isinstance(each.default, bool):
            good = isinstance(value, bool)
        elif isinstance(each.default, str):
            good = isinstance(value, str)
        else:
            good = number and (isinstance(value, int) or isinstance(each.default, float))
        if number and ((each.name.startswith("lr") and value <= 0) or value > most.get(each.name, value)):
            good = False
        if not good:
            mend = f"choose something like {each.default!r}; see the method's README"
            raise InputError(f"{table}.{each.name} is {value!r}", mend=mend)


def fallen(step: int, halve: int) -> float:
    """Factor of a learning rate that halves every ``halve`` steps, smoothly; 1 where that is 0."""
    return 0.5 ** (step / halve) if halve else 1.0


def options_of(recipe: Mapping[str, Mapping[str, Any]], table: str, kind: type[Options]) -> Options:
    """A dataclass of options from one table of a recipe.

    Raises:
        InputError: an unknown name, or what the dataclass itself refuses.
    """
    settings = dict(recipe.get(table, {}))
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(set(settings) - set(known)):
        raise InputError(f"{table} has no setting {', '.join(unknown)}", mend=f"it has: {', '.join(known)}")
    return kind(**settings)


def size_of(recipe: Mapping[str, Mapping[str, Any]], sizes: Sequence[str]) -> str:
    """The name in ``model.size``; ``published`` where there is none.

    Raises:
        InputError: an unknown one, or anything else in the table.
    """
    model = dict(recipe.get("model", {}))
    name = model.pop("size", "published")
    if model:
        raise InputError(f"model has no setting {', '.join(sorted(model))}", mend="it has: size")
    if name not in sizes:
        raise InputError(f"model.size is {name!r}", mend=f"choose from {', '.join(sizes)}")
    return str(name)


class Staged:
    """Options of a training in stages: fields ``stage`` and, for each stage but the last, ``..._steps``.

    The last stage has no field, since it has all the steps that remain; where the one before it has no steps given, that one is the
    last, and there is none after it.
    """

    stage: str
    #: in the order of training
    all_stages: ClassVar[tuple[str, ...]]

    def stages(self) -> dict[str, int]:
        """The stages that are trained, in order, with their steps; the last one's are not looked at."""
        if self.stage != "all":
            return {self.stage: 0}
        planned = {stage: int(getattr(self, f"{stage}_steps")) for stage in self.all_stages[:-1]}
        last = self.all_stages[-1 if planned[self.all_stages[-2]] else -2]
        return {**{stage: steps for stage, steps in planned.items() if steps}, last: 0}

    def stage_at(self, number: int) -> tuple[str, int]:
        """The stage of a step, and its number within that stage; both from 0."""
        planned = list(self.stages().items())
        for stage, steps in planned[:-1]:
            if number < steps:
                return stage, number
            number -= steps
        return planned[-1][0], number

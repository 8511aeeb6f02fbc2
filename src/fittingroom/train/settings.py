"""How long, in what portions and in which precision is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from ..core.errors import InputError

Precision = Literal["fp32", "bf16", "auto"]


@dataclass(frozen=True)
class TrainSettings:
    """Settings of the loop.

    Args:
        steps: training ends after so many in all.
        batch: items a step, in each process.
        seed: of order, augmentation and noise.
        precision: ``fp32``, ``bf16`` (convolutions and products in bfloat16, weights in float32), or ``auto``: bf16 where the
            hardware multiplies that faster. A training that goes on on other hardware must name what it began with.
        save_every: steps between checkpoints.
        sheet_every: steps between sample sheets and drawings of the curves; 0 = none, not even at the end.
        log_every: steps between lines of the log; they show means.
        keep: checkpoints kept.
        workers: processes that prepare items.
        minutes: stop (with a checkpoint) after so many; 0 = no limit.
        compile: networks that a method offers for it are compiled before the first step, which takes minutes and a C++ compiler;
            afterwards their small operations are one. Worth it for many steps of networks with few channels.

    Raises:
        InputError: a value that makes no sense.
    """

    steps: int = 10_000
    batch: int = 4
    seed: int = 1
    precision: Precision = "fp32"
    save_every: int = 500
    sheet_every: int = 500
    log_every: int = 10
    keep: int = 2
    workers: int = 0
    minutes: float = 0
    compile: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "save_every", "sheet_every", "log_every", "keep"):
            value, least = getattr(self, name), 0 if name == "sheet_every" else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"train.{name} is {value!r}", mend=f"choose a whole number from {least}")
        if not isinstance(self.workers, int) or self.workers < 0:
            raise InputError(f"train.workers is {self.workers!r}", mend="choose a whole number from 0")
        if isinstance(self.minutes, bool) or not isinstance(self.minutes, int | float) or self.minutes < 0:
            raise InputError(f"train.minutes is {self.minutes!r}", mend="choose a number of minutes, 0 for no limit")
        if not isinstance(self.compile, bool):
            raise InputError(f"train.compile is {self.compile!r}", mend="choose true or false")
        if self.precision not in get_args(Precision):
            raise InputError(f"train.precision is {self.precision!r}", mend="choose fp32, bf16 or auto")

    @classmethod
    def of(cls, table: dict[str, Any]) -> TrainSettings:
        """From the ``[train]`` table of a recipe.

        Raises:
            InputError: an unknown name or a bad value.
        """
        known = {each.name for each in fields(cls)}
        if unknown := sorted(set(table) - known):
            raise InputError(f"train has no setting {', '.join(unknown)}", mend=f"it has: {', '.join(sorted(known))}")
        return cls(**table)

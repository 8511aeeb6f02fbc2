"""The baseline as a method: load, conditions, generate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from ...core.errors import InputError
from ...core.images import UInt8
from ...data.sample import Sample
from ..base import Conditions, Method
from .card import CARD
from .conditions import conditions
from .dress import put_on


class Baseline(Method):
    """Thin-plate-spline warp without weights; see README.md beside this file.

    Args:
        light: how much of the old garment's coarse light is carried over, 0 to 1.
    """

    card = CARD
    #: raised whenever pictures change, so that old ones are made again
    revision = 4

    def __init__(self, light: float = 0.6) -> None:
        self.light = light

    @classmethod
    def load(cls, weights: str | Path | None = None, *, device: str = "cpu", **settings: Any) -> Self:
        """Nothing is loaded; the device is ignored (everything runs on the processor). See :meth:`Method.load`."""
        if weights is not None:
            raise InputError("the baseline has no weights", mend="leave @WEIGHTS away")
        if unknown := sorted(set(settings) - {"light"}):
            raise InputError(f"the baseline has no setting {', '.join(unknown)}", mend="it has: light")
        light = settings.get("light", 0.6)
        if isinstance(light, bool) or not isinstance(light, int | float) or not 0 <= light <= 1:
            raise InputError(f"light is {light!r}", mend="choose a number from 0 to 1")
        return cls(float(light))

    def settings(self) -> Mapping[str, Any]:
        """See :meth:`Method.settings`."""
        return {"light": self.light, "revision": self.revision}

    def conditions(self, sample: Sample) -> Conditions:
        """See :meth:`Method.conditions`."""
        return conditions(sample)

    def generate(self, batch: Sequence[Conditions], seeds: Sequence[int]) -> list[UInt8]:
        """See :meth:`Method.generate`; nothing is random, so the seeds change nothing."""
        return [put_on(entry["cut"], entry["target"], entry["category"], light=self.light) for entry in batch]

"""What a metric gives: a value together with everything that it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.files import sha256_json


@dataclass(frozen=True)
class Protocol:
    """Everything that a metric's value depends on besides the pictures.

    Args:
        metric: the metric's full name, backbone included (``lpips-alex``, ``fid-clean``, ``fd-random``).
        settings: backbone, weights' hash, resize, codec, region, subsets, seed ...; JSON values.
    """

    metric: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Eight hexadecimal digits; values of different protocols never share a column."""
        return sha256_json({"metric": self.metric, "settings": dict(self.settings)})[:8]


@dataclass(frozen=True)
class Value:
    """One number.

    Args:
        metric: full name of the metric.
        item: id of the picture it is of; empty for a value of a whole set.
        value: the number; NaN where it cannot be computed (the note says why).
        low: lower end of the 95 % interval; NaN where there is none.
        high: upper end of it.
        n: number of pictures it was computed from.
        protocol: id of its :class:`Protocol`.
        note: a warning that belongs beside the number, or empty.
    """

    metric: str
    item: str
    value: float
    low: float
    high: float
    n: int
    protocol: str
    note: str = ""


@dataclass(frozen=True)
class MetricInfo:
    """What a reader must know of a metric.

    Args:
        name: full name.
        title: how it is written in tables.
        better: ``lower`` or ``higher``.
        kind: ``image`` (a value per picture) or ``set`` (one value for a set of pictures).
        needs: ``truth``, ``reference``, ``outside``, ``garment`` -- what an item must offer.
        unit: unit, or empty.
        text: what it measures, by language code.
    """

    name: str
    title: str
    better: str
    kind: str
    needs: tuple[str, ...]
    unit: str
    text: Mapping[str, str]

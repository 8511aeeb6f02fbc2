"""A run: one folder that holds everything about one comparison. Every view (table, figure, report, app) reads it.

====================  ==============================================================================================
``config.json``       what was asked for: dataset, methods and their settings, metrics, seed
``env.json``          the machine: processor, memory, GPU, driver, library versions
``items.json``        one entry per method, setting and pair: where its picture is, or why there is none
``images/``           ``<method>/<setting>/<person>__<garment>.png``
``inputs/``           ``person/``, ``garment/`` and ``truth/`` pictures, so that the folder stands alone
``results.parquet``   every metric value, one row each (:class:`Row`); the same bytes whenever the same job is run
``comparisons.json``  paired tests between methods
``protocols.json``    protocol id -> what its values depend on
``timings.parquet``   seconds and peak memory of every item; measured, so never the same twice
``log.txt``           what happened
====================  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ..core.errors import InputError
from ..core.files import atomic_write, file_name, read_json

_T = TypeVar("_T", "Row", "Timing")
_ARROW = {"str": pa.string(), "float": pa.float64(), "int": pa.int64()}


@dataclass(frozen=True)
class Item:
    """One picture that was asked for.

    Args:
        method: label of the method (its name, or a name given to it in this run).
        setting: ``paired`` or ``unpaired``.
        id: ``<person>__<garment>``.
        person: person id.
        garment: garment id.
        category: of the garment.
        seed: used for this item.
        image: path of the picture, relative to the run; empty where it failed.
        truth: path of the true picture, relative to the run; empty where there is none.
        error: the one-line reason why there is no picture; empty where there is one.
    """

    method: str
    setting: str
    id: str
    person: str
    garment: str
    category: str
    seed: int
    image: str = ""
    truth: str = ""
    error: str = ""


@dataclass(frozen=True)
class Row:
    """One metric value of a run; the fields after ``setting`` are those of :class:`fittingroom.metrics.values.Value`.

    ``item`` is empty for values of a whole set (means over the pictures included).
    """

    method: str
    setting: str
    metric: str
    item: str
    value: float
    low: float
    high: float
    n: int
    protocol: str
    note: str = ""


@dataclass(frozen=True)
class Timing:
    """What making one picture cost.

    Args:
        method: label of the method.
        setting: ``paired`` or ``unpaired``.
        item: id of the pair.
        conditions_s: seconds for decoding and preparing the sample.
        generate_s: seconds for making the picture.
        peak_mb: peak memory while doing so, in MB: of the GPU where there is one, else of the process.
        device: where it ran.
    """

    method: str
    setting: str
    item: str
    conditions_s: float
    generate_s: float
    peak_mb: float
    device: str


def _write_table(path: Path, rows: Sequence[_T], kind: type[_T]) -> None:
    columns = {
        entry.name: pa.array([getattr(row, entry.name) for row in rows], type=_ARROW[str(entry.type)])
        for entry in fields(kind)
    }
    with atomic_write(path) as handle:
        pq.write_table(pa.table(columns), handle, compression="zstd", store_schema=False)


def _read_table(path: Path, kind: type[_T]) -> list[_T]:
    if not path.is_file():
        return []
    try:
        records = pq.read_table(path).to_pylist()
        return [kind(**record) for record in records]
    except (pa.ArrowException, TypeError, OSError) as error:
        raise InputError(
            f"not a readable table ({type(error).__name__})",
            mend="delete it and run the comparison again: it is made anew",
            path=path,
        ) from error


@dataclass(frozen=True)
class Run:
    """A run on disk. Everything is read when first asked for."""

    folder: Path

    @classmethod
    def open(cls, folder: Path | str) -> Run:
        """Open a finished or unfinished run.

        Raises:
            InputError: the folder is not a run.
        """
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise InputError(
                "not a run (no config.json in it)", mend="make one with `fittingroom compare`", path=folder
            )
        return cls(folder)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What was asked for."""
        return dict(read_json(self.folder / "config.json"))

    @cached_property
    def env(self) -> Mapping[str, Any]:
        """The machine it ran on."""
        path = self.folder / "env.json"
        return dict(read_json(path)) if path.is_file() else {}

    @cached_property
    def items(self) -> list[Item]:
        """Every picture asked for, in the order of the job."""
        path = self.folder / "items.json"
        return [Item(**entry) for entry in read_json(path)] if path.is_file() else []

    @cached_property
    def rows(self) -> list[Row]:
        """Every metric value."""
        return _read_table(self.folder / "results.parquet", Row)

    @cached_property
    def timings(self) -> list[Timing]:
        """Seconds and memory of every picture made."""
        return _read_table(self.folder / "timings.parquet", Timing)

    @cached_property
    def protocols(self) -> Mapping[str, Mapping[str, Any]]:
        """Protocol id -> ``{"metric": ..., "settings": {...}}``."""
        path = self.folder / "protocols.json"
        return dict(read_json(path)) if path.is_file() else {}

    @cached_property
    def comparisons(self) -> list[Mapping[str, Any]]:
        """Paired tests: setting, metric, protocol, a, b, n, mean_difference, low, high, p, p_holm."""
        path = self.folder / "comparisons.json"
        return list(read_json(path)) if path.is_file() else []

    @property
    def methods(self) -> list[str]:
        """Labels of the methods, in the order asked for."""
        return [entry["label"] for entry in self.config["methods"]]

    @property
    def settings(self) -> list[str]:
        """Settings that occur, paired first."""
        present = {item.setting for item in self.items}
        return [setting for setting in ("paired", "unpaired") if setting in present]

    def path(self, relative: str) -> Path:
        """Absolute path of a file of the run."""
        return self.folder / relative

    def person_image(self, item: Item) -> Path:
        """Picture of the person."""
        return self.folder / "inputs" / "person" / f"{file_name(item.person)}.png"

    def garment_image(self, item: Item) -> Path:
        """Picture of the garment (a worn one is cut out, on white)."""
        return self.folder / "inputs" / "garment" / f"{file_name(item.garment)}.png"

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Write ``results.parquet``."""
        _write_table(self.folder / "results.parquet", rows, Row)

    def write_timings(self, timings: Sequence[Timing]) -> None:
        """Write ``timings.parquet``."""
        _write_table(self.folder / "timings.parquet", timings, Timing)


def item_record(item: Item) -> dict[str, Any]:
    """The item as a JSON object."""
    return asdict(item)

"""From pictures to numbers: every metric of every method and setting of a run, and the tests between methods."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import FittingroomError
from ..core.files import file_name, write_json
from ..data.dataset import Dataset
from ..data.regions import edit_region, garment_region
from ..data.sample import Pair
from ..metrics.cache import EmbeddingCache
from ..metrics.catalogue import metric_info
from ..metrics.engine import Context, Picture, evaluate_pictures
from ..metrics.stats import compare_methods
from .run import Item, Row, Run

LOG = logging.getLogger("fittingroom")


def common_items(items: Sequence[Item], setting: str) -> dict[str, list[Item]]:
    """Method label -> its items of one setting, only those that every method made which made any.

    A distance between sets depends on their size, so methods are compared on equal sets.
    """
    made: dict[str, dict[str, Item]] = {}
    for item in items:
        if item.setting == setting and item.image:
            made.setdefault(item.method, {})[item.id] = item
    if not made:
        return {}
    shared = set.intersection(*(set(entries) for entries in made.values()))
    return {method: [entry for key, entry in entries.items() if key in shared] for method, entries in made.items()}


def _context(dataset: Dataset, pair: Pair) -> Context:
    sample = dataset.sample(pair)
    person, parse = sample.person.image(), sample.person.parse()
    pose = sample.person.pose() if sample.person.has("pose") else None
    return Context(
        person=person,
        outside=~edit_region(parse, pose, sample.category),
        region=garment_region(parse, sample.category),
        garment=sample.garment.image(),
        garment_mask=sample.garment.mask(),
    )


def _pictures(run: Run, dataset: Dataset, items: Sequence[Item]) -> list[Picture]:
    pictures = []
    for item in items:
        pair = Pair(item.person, item.garment, item.setting == "paired")
        person = dataset.people[item.person]
        context = (lambda pair=pair: _context(dataset, pair)) if person.has("parse") else None
        pictures.append(Picture(item.id, run.path(item.image), run.path(item.truth) if item.truth else None, context))
    return pictures


def _reference(run: Run, items: Sequence[Item]) -> list[Path]:
    """The real photos that set metrics compare with: every person of the setting once."""
    names = sorted({file_name(item.person) for item in items})
    return [path for name in names if (path := run.folder / "inputs" / "person" / f"{name}.png").is_file()]


def _comparisons(
    rows: Sequence[Row], methods: Sequence[str], settings: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for setting in settings:
        metrics = dict.fromkeys((row.metric, row.protocol) for row in rows if row.setting == setting and row.item)
        for metric, protocol in metrics:
            per_method: dict[str, dict[str, float]] = {method: {} for method in methods}
            for row in rows:
                if (
                    row.setting == setting
                    and row.metric == metric
                    and row.protocol == protocol
                    and row.item
                    and np.isfinite(row.value)
                ):
                    per_method[row.method][row.item] = row.value
            per_method = {method: values for method, values in per_method.items() if values}
            shared = sorted(set.intersection(*(set(values) for values in per_method.values()))) if per_method else []
            if len(per_method) < 2 or len(shared) < 2:
                continue
            arrays = {method: np.array([values[item] for item in shared]) for method, values in per_method.items()}
            found.extend(
                {"setting": setting, "metric": metric, "protocol": protocol, **asdict(entry)}
                for entry in compare_methods(arrays, seed=seed)
            )
    return found


def measure(
    run: Run,
    dataset: Dataset,
    metrics: Sequence[str],
    *,
    cache: EmbeddingCache | None,
    overrides: Mapping[str, Path],
    seed: int,
    device: str,
    report: Any = None,
) -> None:
    """Compute every metric and write ``results.parquet``, ``protocols.json`` and ``comparisons.json``.

    Args:
        run: whose items are done.
        dataset: that the run is about, for the regions of regional metrics.
        metrics: names, aliases or groups.
        cache: of embeddings.
        overrides: weights name -> local file.
        seed: of resampling.
        device: torch device of the backbones.
        report: called with (done, total).

    Raises:
        MissingError: a metric was asked for by name whose backbone is not here.
        InputError: an unknown metric.
    """
    rows: list[Row] = []
    protocols: dict[str, Any] = {}
    for setting in run.settings:
        chosen = common_items(run.items, setting)
        for method in run.methods:
            items = chosen.get(method, [])
            if not items:
                continue
            left_out = sum(
                item.method == method and item.setting == setting and bool(item.image) for item in run.items
            ) - len(items)
            evaluation = evaluate_pictures(
                _pictures(run, dataset, items),
                _reference(run, items),
                metrics,
                seed=seed,
                cache=cache,
                overrides=overrides,
                device=device,
                progress=report,
            )
            for item_id, line in evaluation.failures:
                LOG.warning("%s, %s, %s: not measured: %s", method, setting, item_id, line)
            protocols |= {key: asdict(protocol) for key, protocol in evaluation.protocols.items()}
            for value in evaluation.values:
                row = Row(method, setting, **asdict(value))
                if left_out and not row.item:
                    reason = f"{left_out} of its pictures left out: another method has none for them"
                    row = Row(**{**asdict(row), "note": "; ".join(filter(None, (row.note, reason)))})
                rows.append(row)
    run.write_rows(rows)
    write_json(run.folder / "protocols.json", protocols)
    write_json(run.folder / "comparisons.json", _comparisons(rows, run.methods, run.settings, seed))


def check_metrics(metrics: Sequence[str]) -> None:
    """Refuse unknown metrics before any picture is made.

    Raises:
        InputError: an unknown name.
    """
    for name in metrics:
        try:
            metric_info(name)
        except FittingroomError:
            raise

"""The main job from beginning to end: pictures, then numbers, into one run folder."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from ..core.errors import InputError
from ..core.files import cache_folder, file_name, read_json, write_json
from ..core.progress import progress
from ..data.dataset import Dataset
from ..methods.registry import card
from ..metrics.cache import EmbeddingCache
from .environment import describe_machine
from .executors import execute
from .generate import image_path, load_spec, make_shard, read_record, write_inputs
from .job import Job, Work, item_seed, list_work
from .measure import measure
from .run import Item, Run, Timing, item_record

LOG = logging.getLogger("fittingroom")


def default_device() -> str:
    """``cuda`` where there is one, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextlib.contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    before, LOG.level = LOG.level, logging.INFO
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(before)
        handler.close()


def prepare(job: Job, out: Path) -> None:
    """Write ``config.json``; a folder that already holds another job is refused.

    Raises:
        InputError: ``out`` holds a run of another job, or something that is no run.
    """
    config = out / "config.json"
    asked = job.as_json()
    if config.is_file():
        before = read_json(config).get("job")
        if before != asked:
            changed = [key for key in asked if not isinstance(before, dict) or before.get(key) != asked[key]]
            raise InputError(
                f"the folder holds a run of another job (it differs in {', '.join(changed)})",
                mend="choose another --out, or delete the folder",
                path=out,
            )
    elif out.is_dir() and any(entry.name != "log.txt" for entry in out.iterdir()):
        raise InputError("the folder is not empty and holds no run", mend="choose another --out", path=out)


def _write_config(job: Job, out: Path, dataset: Dataset, metrics: Sequence[str]) -> None:
    methods = []
    for spec in job.methods:
        settings = dict(load_spec(spec, job.device).settings())
        methods.append(
            {
                "label": spec.label,
                "name": spec.name,
                "weights": spec.weights or "",
                "settings": settings,
                "trained": card(spec.name).trained,
            }
        )
    about = {
        "name": dataset.name,
        "layout": dataset.layout,
        "people": len(dataset.people),
        "garments": len(dataset.garments),
        "info": dict(dataset.info),
    }
    write_json(
        out / "config.json",
        {"job": job.as_json(), "methods": methods, "metrics": list(metrics), "seed": job.seed, "dataset": about},
    )


def _items(job: Job, out: Path, dataset: Dataset, todo: Sequence[Work]) -> tuple[list[Item], list[Timing]]:
    items, timings = [], []
    for work in todo:
        record = read_record(out, job, work)
        if record is None:
            continue
        label, pair = job.methods[work.method].label, work.pair
        garment = dataset.garments.get(pair.garment)
        truth = f"inputs/person/{file_name(pair.person)}.png" if pair.paired else f"inputs/truth/{work.id}.png"
        items.append(
            Item(
                method=label,
                setting=work.setting,
                id=work.id,
                person=pair.person,
                garment=pair.garment,
                category=garment.category if garment else "",
                seed=item_seed(job.seed, pair),
                image=image_path(job, work) if record.image else "",
                truth=truth if (out / truth).is_file() else "",
                error=record.error,
            )
        )
        if record.image:
            timings.append(
                Timing(
                    label, work.setting, work.id, record.conditions_s, record.generate_s, record.peak_mb, record.device
                )
            )
    return items, timings


def compare(
    job: Job,
    out: Path | str,
    *,
    metrics: Sequence[str] = ("default",),
    shard: tuple[int, int] | None = None,
    executor: str = "local",
    workers: int = 1,
    weights_files: Mapping[str, Path] | None = None,
    quiet: bool = False,
) -> Run:
    """Run a comparison, or continue one.

    What is already in ``out`` and unharmed is not made again. A bad sample is reported and skipped.

    Args:
        job: what to compare.
        out: folder of the run.
        metrics: names, aliases or groups of metrics.
        shard: make only the pictures of shard (i, n) and measure nothing; run once more without it to finish.
        executor: ``local`` or ``ray``.
        workers: processes (local) or tasks (Ray).
        weights_files: weights name -> local file, for backbones.
        quiet: show no progress.

    Returns:
        The run.

    Raises:
        InputError: the job cannot be started at all (unknown method or metric, no pairs, ``out`` taken).
        MissingError: weights that were asked for by name are not here.
    """
    from ..metrics.catalogue import resolve_metrics

    out = Path(out)
    overrides = dict(weights_files or {})
    names = resolve_metrics(metrics, overrides=overrides)
    dataset = job.open_dataset()
    todo = list_work(job, dataset)
    prepare(job, out)
    with _logging_to(out / "log.txt"):
        LOG.info(
            "comparing %s on %s: %d pictures", ", ".join(spec.label for spec in job.methods), dataset.name, len(todo)
        )
        for issue in dataset.issues:
            LOG.warning("%s", issue)
        _write_config(job, out, dataset, names)
        with progress("making pictures", quiet=quiet) as report:
            if shard is not None:
                failed = make_shard(out, job.as_json(), shard, report)
            else:
                failed = execute(executor, out, job.as_json(), workers, report)
        LOG.info("%d pictures could not be made", failed)
        run = Run.open(out)
        if shard is not None:
            return run
        write_json(out / "env.json", describe_machine())
        write_inputs(out, dataset, todo)
        items, timings = _items(job, out, dataset, todo)
        write_json(out / "items.json", [item_record(item) for item in items])
        run.write_timings(timings)
        cache = EmbeddingCache(cache_folder() / "embeddings")
        with progress("measuring", quiet=quiet) as report:
            measure(
                Run.open(out),
                dataset,
                names,
                cache=cache,
                overrides=overrides,
                seed=job.seed,
                device=job.device,
                report=report,
            )
        LOG.info("done")
    return Run.open(out)

"""Making the pictures of a run: every item on its own, atomic, validated when found again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.errors import FittingroomError, InputError
from ..core.files import file_name, read_json, sha256_bytes, sha256_file, write_bytes, write_json
from ..core.images import UInt8, encode_png, read_image, write_png
from ..data.dataset import Dataset
from ..data.sample import Sample
from ..methods.base import Method
from ..methods.registry import load_method
from .job import Job, MethodSpec, Work, item_seed, list_work, take_shard, work_key
from .memory import PeakMemory

LOG = logging.getLogger("fittingroom")


@dataclass(frozen=True)
class Record:
    """What is kept of one item, in ``items/<method>/<setting>/<id>.json``.

    Args:
        key: hash of everything that the picture depends on.
        image: SHA-256 of the PNG; empty where there is none.
        error: why there is none.
        conditions_s: seconds spent on decoding and preparing.
        generate_s: seconds spent on making the picture.
        peak_mb: peak memory.
        device: where it ran.
    """

    key: str
    image: str = ""
    error: str = ""
    conditions_s: float = 0.0
    generate_s: float = 0.0
    peak_mb: float = 0.0
    device: str = ""


def image_path(job: Job, work: Work) -> str:
    """Path of an item's picture, relative to the run."""
    return f"images/{file_name(job.methods[work.method].label)}/{work.setting}/{work.id}.png"


def record_path(job: Job, work: Work) -> str:
    """Path of an item's record, relative to the run."""
    return f"items/{file_name(job.methods[work.method].label)}/{work.setting}/{work.id}.json"


def read_record(folder: Path, job: Job, work: Work) -> Record | None:
    """The record of an item, or None where there is none that can be read."""
    path = folder / record_path(job, work)
    try:
        return Record(**read_json(path))
    except (FittingroomError, TypeError):
        return None


def finished(folder: Path, job: Job, work: Work, key: str) -> Record | None:
    """The record of an item that is already done and unharmed: same key, and the picture's bytes as recorded."""
    record = read_record(folder, job, work)
    if record is None or record.key != key or not record.image:
        return None  # a refusal is tried again: that is quick, and the cause may be gone
    path = folder / image_path(job, work)
    return record if path.is_file() and sha256_file(path) == record.image else None


def load_spec(spec: MethodSpec, device: str) -> Method:
    """Load the method that a spec describes."""
    return load_method(spec.name, spec.weights, device=device, **spec.settings)


class Maker:
    """Makes items one by one; holds the method loaded last.

    Args:
        folder: of the run.
        job: what is asked for.
        dataset: the job's dataset.
    """

    def __init__(self, folder: Path, job: Job, dataset: Dataset) -> None:
        self.folder, self.job, self.dataset = folder, job, dataset
        self._loaded: tuple[int, Method] | None = None
        self._hashes: dict[str, str] = {}

    def method(self, index: int) -> Method:
        """The job's method number ``index``, loaded."""
        if self._loaded is None or self._loaded[0] != index:
            self._loaded = None  # let go of the old one before the new one takes memory
            self._loaded = (index, load_spec(self.job.methods[index], self.job.device))
        return self._loaded[1]

    def make(self, work: Work) -> Record:
        """Make one picture, or find it done. Never raises for a bad sample: the record says what was wrong."""
        method = self.method(work.method)
        try:
            key = work_key(work, self.dataset, method, self.job.seed, self._hashes)
        except FittingroomError as error:
            return self._refuse(work, Record(key="", error=str(error), device=self.job.device))
        if done := finished(self.folder, self.job, work, key):
            return done
        try:
            image, record = self._timed(
                method, self.dataset.sample(work.pair), item_seed(self.job.seed, work.pair), key
            )
        except FittingroomError as error:
            return self._refuse(work, Record(key=key, error=str(error), device=self.job.device))
        except Exception as error:
            LOG.exception("%s: %s failed", work.id, self.job.methods[work.method].label)
            line = " ".join(f"{type(error).__name__}: {error}".split())
            return self._refuse(
                work,
                Record(
                    key=key,
                    error=f"unexpected failure ({line}) — see log.txt of the run and report it",
                    device=self.job.device,
                ),
            )
        data = encode_png(image)
        write_bytes(self.folder / image_path(self.job, work), data)
        record = Record(**{**asdict(record), "image": sha256_bytes(data)})
        write_json(self.folder / record_path(self.job, work), asdict(record))
        return record

    def _refuse(self, work: Work, record: Record) -> Record:
        LOG.warning("%s, %s, %s: %s", self.job.methods[work.method].label, work.setting, work.id, record.error)
        (self.folder / image_path(self.job, work)).unlink(missing_ok=True)
        write_json(self.folder / record_path(self.job, work), asdict(record))
        return record

    def _timed(self, method: Method, sample: Sample, seed: int, key: str) -> tuple[UInt8, Record]:
        device = self.job.device
        with PeakMemory(device) as memory, torch.inference_mode():
            begin = time.perf_counter()
            method.check(sample)
            conditions = method.conditions(sample)
            ready = time.perf_counter()
            image = method.generate([conditions], [seed])[0]
            if device.startswith("cuda"):
                torch.cuda.synchronize(device)
            end = time.perf_counter()
        expected = sample.person.image().shape
        if image.dtype != np.uint8 or image.shape != expected:
            raise InputError(
                f"{method.card.name} returned {image.dtype} {image.shape} for a photo of {expected}",
                mend="correct the method",
            )
        return image, Record(
            key,
            conditions_s=round(ready - begin, 4),
            generate_s=round(end - ready, 4),
            peak_mb=round(memory.megabytes, 1),
            device=device,
        )


def make_shard(
    folder: Path,
    job_json: Mapping[str, Any],
    shard: tuple[int, int] | None,
    report: Callable[[int, int], None] | None = None,
) -> int:
    """Make the pictures of one shard; the function that executors run, wherever.

    Returns:
        How many items could not be made.
    """
    job = Job.from_json(job_json)
    dataset = job.open_dataset()
    todo = take_shard(list_work(job, dataset), shard)
    maker = Maker(folder, job, dataset)
    failed = 0
    for done, work in enumerate(todo):
        if report:
            report(done, len(todo))
        failed += bool(maker.make(work).error)
    if report:
        report(len(todo), len(todo))
    return failed


def write_inputs(folder: Path, dataset: Dataset, todo: Iterable[Work]) -> None:
    """Copy the pictures of persons, garments and truths into the run; what cannot be read is left out.

    ``inputs/index.json`` remembers which content each picture was made from, so a second call does only what changed.
    """
    index_path = folder / "inputs" / "index.json"
    known: dict[str, str] = dict(read_json(index_path)) if index_path.is_file() else {}
    index: dict[str, str] = {}
    for work in todo:
        pair = work.pair
        for name, source, picture in (
            (
                f"inputs/person/{file_name(pair.person)}.png",
                lambda sample: sample.person.content_hash(),
                lambda sample: sample.person.image(),
            ),
            (
                f"inputs/garment/{file_name(pair.garment)}.png",
                lambda sample: sample.garment.content_hash(),
                garment_picture,
            ),
            (f"inputs/truth/{work.id}.png", _truth_hash, _truth_picture),
        ):
            if name in index:
                continue
            try:
                sample = dataset.sample(pair)
                content = source(sample)
                if content and not (known.get(name) == content and (folder / name).is_file()):
                    write_png(folder / name, picture(sample))
                index[name] = content
            except FittingroomError as error:
                index[name] = ""
                LOG.warning("%s: %s", name, error)
    write_json(index_path, index)


def _truth_hash(sample: Sample) -> str:
    """Empty where there is nothing to copy: a paired truth is the person's own photo."""
    return "" if sample.paired or sample.truth_file is None else sha256_file(sample.truth_file)


def _truth_picture(sample: Sample) -> UInt8:
    if sample.truth_file is None:
        raise InputError("no true picture")
    return read_image(sample.truth_file)


def garment_picture(sample: Sample) -> UInt8:
    """The garment as a reader should see it: an in-shop photo as it is, a worn one cut out and laid on white."""
    garment = sample.garment
    image = garment.image()
    if not garment.worn:
        return image
    mask = garment.mask()
    return np.where(mask[..., None], image, np.uint8(255)).astype(np.uint8)

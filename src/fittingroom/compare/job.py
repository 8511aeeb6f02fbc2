"""What a comparison is asked to do, as a list of content-keyed items."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.errors import InputError
from ..core.files import file_name, sha256_json
from ..data.dataset import Dataset, Setting
from ..data.pairs import for_category
from ..data.sample import Pair, Photo
from ..data.single import as_category
from ..methods.base import Method

SETTINGS: tuple[Setting, ...] = ("paired", "unpaired")


@dataclass(frozen=True)
class MethodSpec:
    """A method of a run.

    Args:
        name: of the registry.
        weights: None for the embedded ones, ``published``, a folder or a file.
        settings: the method's own options.
        label: its name in this run; made of name and weights where not given.
    """

    name: str
    weights: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            tail = f"@{Path(self.weights).name}" if self.weights else ""
            object.__setattr__(self, "label", f"{self.name}{tail}")

    @classmethod
    def parse(cls, text: str) -> MethodSpec:
        """``name``, ``name@weights`` or ``label=name@weights``."""
        label, equals, rest = text.partition("=")
        name, _, weights = (rest if equals else text).partition("@")
        if not name.strip():
            raise InputError(f"{text!r} names no method", mend="write NAME, NAME@WEIGHTS or LABEL=NAME@WEIGHTS")
        return cls(name.strip(), weights.strip() or None, label=label.strip() if equals else "")


@dataclass(frozen=True)
class Job:
    """Everything that the pictures of a run depend on. JSON values only, so that workers anywhere can be given it.

    Args:
        dataset: folder, or name of an embedded dataset.
        methods: what to compare.
        layout: layout of the dataset; found out when empty.
        split: of the dataset; all of it when empty.
        category: only garments of this category; every listed pair when empty.
        settings: ``paired``, ``unpaired`` or both.
        limit: at most so many pairs of each setting; 0 = all.
        seed: of the run.
        device: torch device.
    """

    dataset: str
    methods: tuple[MethodSpec, ...]
    layout: str = ""
    split: str = ""
    category: str = ""
    settings: tuple[Setting, ...] = SETTINGS
    limit: int = 0
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        labels = [method.label for method in self.methods]
        if not labels:
            raise InputError("no method to compare", mend="name one with --methods")
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise InputError(
                f"two methods are called {', '.join(twice)}", mend="give one another label: LABEL=NAME@WEIGHTS"
            )
        if unknown := [setting for setting in self.settings if setting not in SETTINGS]:
            raise InputError(f"no setting named {unknown[0]!r}", mend=f"choose from {', '.join(SETTINGS)}")

    def open_dataset(self) -> Dataset:
        """The dataset with only the pairs that this job is about."""
        dataset = Dataset.open(self.dataset, layout=self.layout or None, split=self.split or None)
        if self.category:
            dataset = for_category(dataset, as_category(self.category))
        return dataset.only(limit=self.limit or None)

    def as_json(self) -> dict[str, Any]:
        """The job as JSON values."""
        value = asdict(self)
        value["methods"] = [{**entry, "settings": dict(entry["settings"])} for entry in value["methods"]]
        value["settings"] = list(self.settings)
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Job:
        """Inverse of :meth:`as_json`."""
        methods = tuple(MethodSpec(**entry) for entry in value["methods"])
        return cls(**{**value, "methods": methods, "settings": tuple(value["settings"])})


@dataclass(frozen=True)
class Work:
    """One picture to be made.

    Args:
        method: index into the job's methods.
        setting: ``paired`` or ``unpaired``.
        pair: whom and what.
    """

    method: int
    setting: Setting
    pair: Pair

    @property
    def id(self) -> str:
        """File-name friendly id of the pair."""
        return file_name(self.pair.id)


def list_work(job: Job, dataset: Dataset) -> list[Work]:
    """All pictures of the job: method by method (so that one is loaded at a time), paired first, in the pairs' order.

    Raises:
        InputError: the dataset has no pair of the settings asked for.
    """
    chosen: list[tuple[Setting, Pair]] = [
        (setting, pair) for setting in job.settings for pair in dataset.pairs.get(setting, ())
    ]
    if not chosen:
        what = f" of category {job.category}" if job.category else ""
        raise InputError(
            f"no {' or '.join(job.settings)} pairs{what}",
            mend="add a pairs file, see docs/datasets.md",
            path=dataset.root,
        )
    return [Work(index, setting, pair) for index in range(len(job.methods)) for setting, pair in chosen]


def item_seed(seed: int, pair: Pair) -> int:
    """Seed of one pair: the same for every method and whatever the order; 31 bits."""
    digest = hashlib.sha256(f"{seed}\0{pair.person}\0{pair.garment}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def work_key(work: Work, dataset: Dataset, method: Method, seed: int, hashes: dict[str, str]) -> str:
    """Hash of everything that the picture depends on: photos, annotations, method, its settings, seed, our version.

    Args:
        work: the item.
        dataset: where its photos are.
        method: the loaded method.
        seed: of the run.
        hashes: filled with content hashes, so that each photo is read once.

    Raises:
        InputError: the pair names something that is not there.
    """
    sample, pair = dataset.sample(work.pair), work.pair
    photos: dict[str, Photo] = {"person": sample.person, "garment": sample.garment}
    if sample.wearer is not None and any(
        need.startswith("wearer.") for need in (*method.card.needs, *method.card.uses)
    ):
        photos["wearer"] = sample.wearer
    for name, photo in photos.items():
        if (known := f"{name}:{photo.id}") not in hashes:
            hashes[known] = photo.content_hash()
    return sha256_json(
        {
            "person": hashes[f"person:{pair.person}"],
            "garment": hashes[f"garment:{pair.garment}"],
            **({"wearer": hashes[f"wearer:{photos['wearer'].id}"]} if "wearer" in photos else {}),
            "category": sample.category,
            "method": method.card.name,
            "settings": dict(method.settings()),
            "seed": item_seed(seed, pair),
            "version": __version__,
        }
    )


def take_shard(work: Sequence[Work], shard: tuple[int, int] | None) -> list[Work]:
    """Every n-th item, starting with the i-th, of ``shard = (i, n)``; all of them without one."""
    if shard is None:
        return list(work)
    index, count = shard
    if count < 1 or not 0 <= index < count:
        raise InputError(f"no shard {index}/{count}", mend="write i/n with 0 <= i < n")
    return list(work[index::count])

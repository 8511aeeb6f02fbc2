"""A dataset: people, garments and pairs in a folder, whatever its layout. Opening one decodes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from ..core.errors import InputError
from ..core.files import sha256_json
from .sample import Category, Garment, Pair, Person, Sample

Setting: TypeAlias = Literal["paired", "unpaired"]


@dataclass(frozen=True)
class Issue:
    """One thing wrong with a dataset, found without stopping at it.

    Args:
        problem: what is wrong.
        mend: what to do.
        path: where.
        kind: short name of the kind of problem, e.g. ``pair-missing-file``.
        subject: id of the person or garment that cannot be used because of it, where it is one.
    """

    problem: str
    mend: str = ""
    path: Path | None = None
    kind: str = "other"
    subject: str = ""

    def __str__(self) -> str:
        return str(InputError(self.problem, mend=self.mend, path=self.path))


@dataclass(frozen=True, eq=False)
class Dataset:
    """People, garments and pairs.

    Args:
        name: shown in reports.
        root: its folder.
        layout: name of the on-disk layout it was read from.
        people: id -> person.
        garments: id -> garment.
        pairs: setting -> pairs, in the dataset's own order.
        truths: (person id, garment id) -> photo of that person in that garment, beyond the paired ones.
        issues: what was found wrong while listing files (not decoding them).
        info: the content of ``dataset.json`` (provenance, licence, consent ...).
        wearers: garment id -> people photographed in it; found from the paired pairs where it is not given.
    """

    name: str
    root: Path
    layout: str
    people: Mapping[str, Person]
    garments: Mapping[str, Garment]
    pairs: Mapping[Setting, tuple[Pair, ...]] = field(default_factory=dict)
    truths: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    wearers: Mapping[str, tuple[str, ...]] | None = None

    @cached_property
    def _wearers(self) -> Mapping[str, tuple[str, ...]]:
        if self.wearers is not None:
            return self.wearers
        found: dict[str, list[str]] = {}
        for pair in self.pairs.get("paired", ()):
            found.setdefault(pair.garment, []).append(pair.person)
        return {garment: tuple(people) for garment, people in found.items()}

    @classmethod
    def open(cls, path: Path | str, *, layout: str | None = None, split: str | None = None) -> Dataset:
        """Open a folder, or an embedded dataset by its name.

        Args:
            path: a folder, or ``drawn-mini``.
            layout: name of the layout; found out from the folder where it is not given.
            split: ``train``, ``test`` ... where the layout knows splits; all of them without it.

        Raises:
            InputError: no such folder, an unknown layout, or nothing in it that looks like a dataset.
        """
        from .layouts import open_dataset  # the layouts build Datasets: a lower import would be circular

        return open_dataset(path, layout=layout, split=split)

    @classmethod
    def named(cls, text: str) -> Dataset:
        """Open what a command line names: a dataset, or with ``FOLDER#SPLIT`` one split of it; see :meth:`open`."""
        path, mark, split = text.rpartition("#")
        return cls.open(path, split=split) if mark else cls.open(text)

    def sample(self, pair: Pair) -> Sample:
        """The pair as a sample with nothing decoded yet.

        Raises:
            InputError: the pair names a person or garment that is not here.
        """
        if pair.person not in self.people:
            raise InputError(f"no person {pair.person!r} in {self.name}", mend="correct the pairs file", path=self.root)
        if pair.garment not in self.garments:
            raise InputError(
                f"no garment {pair.garment!r} in {self.name}", mend="correct the pairs file", path=self.root
            )
        person, garment = self.people[pair.person].fresh(), self.garments[pair.garment].fresh()
        truth = person.files.get("image") if pair.paired else self.truths.get((pair.person, pair.garment))
        return Sample(person, garment, pair.paired, truth, self._wearer(garment, pair.person))

    def _wearer(self, garment: Garment, person: str) -> Person | None:
        """Somebody else in the garment: from the person's own photo a method would copy the answer."""
        if garment.worn:
            return None
        others = (each for each in self._wearers.get(garment.id, ()) if each != person and each in self.people)
        first = next(others, None)
        return None if first is None else self.people[first].fresh()

    def samples(self, setting: Setting) -> Iterator[Sample]:
        """Samples of one setting, in order."""
        for pair in self.pairs.get(setting, ()):
            yield self.sample(pair)

    def only(
        self, *, category: Category | None = None, limit: int | None = None, pairs: Sequence[Pair] | None = None
    ) -> Self:
        """The same dataset with fewer pairs: of one category, at most ``limit`` per setting, or exactly ``pairs``."""

        def keep(chosen: tuple[Pair, ...]) -> tuple[Pair, ...]:
            kept = [
                pair
                for pair in chosen
                if category is None
                or (pair.garment in self.garments and self.garments[pair.garment].category == category)
            ]
            if pairs is not None:
                kept = [pair for pair in kept if pair in pairs]
            return tuple(kept[:limit])

        kept = {setting: keep(chosen) for setting, chosen in self.pairs.items()}
        return replace(self, pairs=kept, wearers=self._wearers)

    def content_hash(self) -> str:
        """SHA-256 over every photo, annotation and pair: equal data gives an equal hash wherever it lies."""
        return sha256_json(
            {
                "people": {key: person.content_hash() for key, person in self.people.items()},
                "garments": {
                    key: [garment.content_hash(), garment.category, garment.worn]
                    for key, garment in self.garments.items()
                },
                "pairs": {
                    setting: [[pair.person, pair.garment, pair.paired] for pair in chosen]
                    for setting, chosen in self.pairs.items()
                },
            }
        )

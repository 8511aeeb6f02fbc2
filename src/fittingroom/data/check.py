"""Checking a dataset: every broken file in one line, and for each method what can be used and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import FittingroomError, InputError
from .dataset import Dataset, Issue
from .duplicates import find_duplicates
from .sample import Garment, Parse, Person, Photo, Sample

#: conditions that are decoded in a deep check
_CONDITIONS = ("image", "pose", "parse", "mask", "densepose", "agnostic", "garment-parse")


@dataclass(frozen=True)
class Usability:
    """How far one method can use one setting of a dataset.

    Args:
        method: name.
        setting: ``paired`` or ``unpaired``.
        usable: number of pairs that can be used.
        total: number of pairs.
        missing: condition or reason -> number of pairs that lack it.
    """

    method: str
    setting: str
    usable: int
    total: int
    missing: Mapping[str, int]


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Args:
        dataset: its name.
        errors: what is broken: it costs samples.
        warnings: what should be looked at: near-duplicates, leaks between splits, files without a partner.
        usability: for every method and setting.
        checked: number of photos decoded.
    """

    dataset: str
    errors: tuple[Issue, ...]
    warnings: tuple[Issue, ...]
    usability: tuple[Usability, ...]
    checked: int = 0

    def text(self) -> str:
        """The report as plain text: one line for each finding, then the table."""
        lines = [f"error: {issue}" for issue in self.errors] + [f"warning: {issue}" for issue in self.warnings]
        lines.append(
            f"{self.dataset}: {self.checked} photos decoded, {len(self.errors)} errors, {len(self.warnings)} warnings"
        )
        width = max((len(entry.method) for entry in self.usability), default=6)
        lines.append(f"{'method':{width}}  {'setting':9}  {'usable':>13}  missing")
        for entry in self.usability:
            missing = ", ".join(f"{name} ({count})" for name, count in entry.missing.items())
            lines.append(f"{entry.method:{width}}  {entry.setting:9}  {entry.usable:5d} of {entry.total:4d}  {missing}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""

        def issues(entries: Sequence[Issue]) -> list[dict[str, str]]:
            return [
                {
                    "problem": entry.problem,
                    "mend": entry.mend,
                    "path": str(entry.path or ""),
                    "kind": entry.kind,
                    "subject": entry.subject,
                }
                for entry in entries
            ]

        return {
            "dataset": self.dataset,
            "checked": self.checked,
            "errors": issues(self.errors),
            "warnings": issues(self.warnings),
            "usability": [
                {
                    "method": entry.method,
                    "setting": entry.setting,
                    "usable": entry.usable,
                    "total": entry.total,
                    "missing": dict(entry.missing),
                }
                for entry in self.usability
            ],
        }


@dataclass
class _Findings:
    errors: list[Issue] = field(default_factory=list)
    #: (kind of photo, id) -> conditions that cannot be used
    broken: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    seen: set[Path] = field(default_factory=set)

    def add(self, who: tuple[str, str], condition: str, error: FittingroomError, path: Path | None) -> None:
        self.broken.setdefault(who, set()).add(condition)
        place = error.path or path
        if place is not None and place in self.seen:
            return  # a file shared by a person and a worn garment is reported once
        if place is not None:
            self.seen.add(place)
        self.errors.append(Issue(error.problem, error.mend, place, f"{condition}-broken", who[1]))


def _check_values(photo: Photo, condition: str, value: Any) -> None:
    """Refuse what decodes but cannot be right.

    Raises:
        InputError: an empty or full mask, a parse map without a person.
    """
    path = photo.files.get(condition)
    if condition == "mask":
        mask = np.asarray(value)
        if not mask.any():
            raise InputError("the mask is empty", mend="make it again", path=path)
        if isinstance(photo, Garment) and mask.all():
            raise InputError("the mask covers the whole photo", mend="make it again", path=path)
    if condition == "parse" and isinstance(value, Parse) and not value.labels.any():
        raise InputError("the parse map is background only", mend="annotate the photo again", path=path)


def _check_photo(photo: Photo, findings: _Findings) -> None:
    who = ("garment" if isinstance(photo, Garment) else "person", photo.id)
    photo = photo.fresh()
    for condition in _CONDITIONS:
        if not photo.has(condition):
            continue
        if condition != "image" and "image" in findings.broken.get(who, ()):
            break  # without the photo nothing can be held against it
        try:
            value: Any = photo.pose() if condition == "pose" else photo.load(condition)
            if condition == "mask" and isinstance(photo, Garment) and value.shape != photo.image().shape[:2]:
                raise InputError(
                    f"the mask is {value.shape[1]}x{value.shape[0]} but its photo is another size",
                    mend="make it again",
                    path=photo.files.get("mask"),
                )
            _check_values(photo, condition, value)
        except FittingroomError as error:
            findings.add(who, condition, error, photo.files.get(condition))
    if photo.has("pose") and photo.has("parse") and not findings.broken.get(who):
        try:
            photo.body()
        except FittingroomError as error:
            findings.add(who, "pose", error, photo.files.get("pose"))


def _unusable(
    sample: Sample, needs: Sequence[str], categories: Sequence[str], broken: Mapping[tuple[str, str], set[str]]
) -> list[str]:
    if sample.category not in categories:
        return [f"category {sample.category}"]
    found = list(sample.missing(tuple(needs)))
    for need in needs:
        who, condition = need.split(".", 1)
        if who == "worn" and not sample.garment.worn:
            continue
        if who == "wearer" and not sample.garment.worn:
            if sample.wearer is not None and condition in broken.get(("person", sample.wearer.id), ()):
                found.append(f"{need} (broken)")
            continue
        photo: Photo = sample.person if who == "person" else sample.garment
        key = ("person" if isinstance(photo, Person) else "garment", photo.id)
        source = "parse" if condition == "mask" and not photo.has("mask") else condition
        if source in broken.get(key, ()) and need not in found:
            found.append(f"{need} (broken)")
    return found


def check(
    dataset: Dataset,
    *,
    needs: Mapping[str, Sequence[str]],
    categories: Mapping[str, Sequence[str]],
    deep: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check a dataset.

    Args:
        dataset: what to check.
        needs: method -> conditions it cannot do without (``person.pose`` ...).
        categories: method -> categories it can put on.
        deep: decode every file, and look for near-duplicates; else only file names are looked at.
        progress: called with (photos done, photos in all).

    Returns:
        The report. Nothing in the dataset makes this function raise.
    """
    findings = _Findings()
    warnings: list[Issue] = []
    for issue in dataset.issues:
        (warnings if issue.kind in ("not-annotated", "split", "same-stem") else findings.errors).append(issue)
    photos: list[Photo] = [
        *dataset.people.values(),
        *(garment for garment in dataset.garments.values() if not garment.worn),
    ]
    if deep:
        for done, photo in enumerate(photos):
            _check_photo(photo, findings)
            if progress:
                progress(done + 1, len(photos))
        owners = {person.files.get("image"): person.id for person in dataset.people.values()}
        for garment in dataset.garments.values():
            owner = owners.get(garment.files.get("image")) if garment.worn else None
            if owner is not None and ("person", owner) in findings.broken:
                findings.broken[("garment", garment.id)] = findings.broken[("person", owner)]
        sound = {
            person.id: person.files["image"]
            for person in dataset.people.values()
            if "image" in person.files and ("person", person.id) not in findings.broken
        }
        warnings += find_duplicates(sound)
    usability = []
    for method, wanted in needs.items():
        for setting, pairs in dataset.pairs.items():
            missing: Counter[str] = Counter()
            usable = 0
            for pair in pairs:
                reasons = _unusable(dataset.sample(pair), wanted, categories[method], findings.broken)
                usable += not reasons
                missing.update(reasons)
            usability.append(Usability(method, setting, usable, len(pairs), dict(missing.most_common())))
    if not any(dataset.pairs.values()):
        warnings.append(Issue("no pairs", "add a pairs file, see docs/datasets.md", dataset.root, "no-pairs"))
    return CheckReport(
        dataset.name, tuple(findings.errors), tuple(warnings), tuple(usability), len(photos) if deep else 0
    )

"""From a dataset to what is exchanged, and back through the store, with the changes shown before they are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import FittingroomError, InputError
from ...core.images import Size, image_size
from ...core.labels import LabelSet, label_set
from ...data.sample import Photo
from ..conditions import Role
from ..review import pixels
from ..review.documents import conditions_of, document, garments_alone, pair_files
from ..review.joints import Joints, decode_joints, encode_joints
from ..review.store import Store
from .model import MASKS, Bundle, Photos, Record, merge_joints


@dataclass(frozen=True)
class Change:
    """One document that an import would change.

    Args:
        item: id of a person or garment, or the name of a pairs file.
        condition: what.
        summary: how, in words.
        data: the new bytes.
        opened: hash of the present ones.
    """

    item: str
    condition: str
    summary: str
    data: bytes
    opened: str

    def __str__(self) -> str:
        return f"{self.item}: {self.condition}: {self.summary}"


def _labels(store: Store) -> LabelSet:
    return label_set(min({person.label_set for person in store.dataset.people.values()} or {"cihp20"}))


def _photos(store: Store) -> Iterable[tuple[Role, Photo]]:
    for person in store.dataset.people.values():
        yield "person", person
    for garment in garments_alone(store.dataset).values():
        yield "garment", garment


def known_photos(store: Store, complain: list[str]) -> Photos:
    """The dataset's photos, to find what an imported file means; unreadable ones are complained of and left out."""
    records = []
    for role, photo in _photos(store):
        try:
            records.append(_record(store, role, photo))
        except FittingroomError as error:
            complain.append(str(error))
    return Photos(tuple(records), _labels(store))


def _record(store: Store, role: Role, photo: Photo) -> Record:
    path = photo.files["image"]
    return Record(role, photo.id, path.relative_to(store.dataset.root).as_posix(), image_size(path))


def _decode(condition: str, data: bytes, size: Size, item: str) -> Any:
    if condition == "pose":
        return decode_joints(data)
    if condition not in ("parse", *MASKS.values()):
        return json.loads(data)
    value = pixels.decode_labels(data) if condition == "parse" else pixels.decode_mask(data)
    if value.shape != size:
        raise InputError(
            f"{item}: {condition} is {value.shape[1]}x{value.shape[0]}, its photo {size[1]}x{size[0]}",
            mend="correct it with `fittingroom app --review`",
        )
    return value


def collect(store: Store, items: Sequence[str] = (), *, complain: list[str]) -> Bundle:
    """All annotations of a dataset, or of the named items.

    Args:
        store: of the dataset.
        items: ids; everything without.
        complain: gets one line for each document that cannot be read; the others are collected.
    """
    bundle = Bundle(store.dataset.name, _labels(store))
    for role, photo in _photos(store):
        if items and photo.id not in items:
            continue
        try:
            record = _record(store, role, photo)
        except FittingroomError as error:
            complain.append(str(error))
            continue
        for condition in conditions_of(store.dataset, role):
            try:
                data = document(store.dataset, photo.id, condition).read()
                if data is not None:
                    value = _decode(condition, data, record.size, photo.id)
                    if condition == "parse" and (unknown := bundle.labels.unknown_ids(value)):
                        raise InputError(f"{photo.id}: label ids outside {bundle.labels.name}: {unknown[:5]}")
                    record.values[condition] = value
            except FittingroomError as error:
                complain.append(str(error))
        bundle.records.append(record)
    if not items:
        for path in pair_files(store.dataset):
            bundle.pairs[path.name] = path.read_text(encoding="utf-8-sig")
    return bundle


def plan(store: Store, bundle: Bundle, *, complain: list[str]) -> list[Change]:
    """What importing would change, in the bundle's order; nothing is written.

    Args:
        store: of the dataset.
        bundle: what a format's reader gave.
        complain: gets one line for each value that cannot be taken; the others are planned.
    """
    changes: list[Change] = []
    labels = _labels(store)
    for record in bundle.records:
        for condition, value in record.values.items():
            try:
                changes += _planned(store, record, condition, value, labels)
            except FittingroomError as error:
                complain.append(str(error) if record.item in str(error) else f"{record.item}: {error}")
    for name, text in bundle.pairs.items():
        try:
            data, opened = store.open(name, "pairs")
            lines, now = set((data or b"").decode(errors="replace").splitlines()), set(text.splitlines())
            if (data or b"").decode("utf-8-sig", errors="replace") != text:
                summary = f"{len(now - lines)} lines new, {len(lines - now)} gone"
                changes.append(Change(name, "pairs", summary, text.encode(), opened))
        except FittingroomError as error:
            complain.append(str(error))
    return changes


def _planned(store: Store, record: Record, condition: str, value: Any, labels: LabelSet) -> list[Change]:
    place = store.document(record.item, condition)
    before, opened = store.open(record.item, condition)
    old: Any = None
    if before is not None:
        try:
            old = _decode(condition, before, record.size, record.item)
        except FittingroomError:
            old = None  # a broken file is replaced by what comes from outside
    if condition == "pose":
        value = merge_joints(value, record.reference or old)
        if not value.seen.any():
            raise InputError("no joint at all")
        data = encode_joints(value, before)
    elif condition == "parse":
        data = pixels.encode_labels(value, labels, before)
    elif condition in MASKS.values():
        data = pixels.encode_mask(value, before, place.path)
    else:
        data = pixels.encode_value(value, before)
    if data == before:
        return []
    return [Change(record.item, condition, _summary(condition, old, value, labels), data, opened)]


def _summary(condition: str, old: Any, new: Any, labels: LabelSet) -> str:
    if old is None:
        return "new"
    if condition == "pose":
        return _pose_summary(old, new)
    if condition == "parse":
        changed = old != new
        parts = [labels.names[index] for index in np.unique(new[changed]).tolist()]
        return f"{int(changed.sum())} pixels, now {', '.join(parts)}"
    if condition in MASKS.values():
        return f"{int((new & ~old).sum())} pixels added, {int((old & ~new).sum())} removed"
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return ", ".join(names)


def _pose_summary(old: Joints, new: Joints) -> str:
    both = (old.seen > 0) & (new.seen > 0)
    far = np.linalg.norm(old.points[:, :2] - new.points[:, :2], axis=1)[both]
    moved = int((far > 0).sum())
    words = [f"{moved} joints moved, up to {far.max():.1f} px"] if moved else []
    for count, word in (
        (int(((new.seen > 0) & (old.seen == 0)).sum()), "new"),
        (int(((new.seen == 0) & (old.seen > 0)).sum()), "gone"),
        (int((both & (new.seen != old.seen)).sum()), "with another visibility"),
    ):
        words += [f"{count} {word}"] if count else []
    return ", ".join(words) or "confidences"


def apply(store: Store, changes: Iterable[Change], who: str, *, note: str = "", complain: list[str]) -> int:
    """Write planned changes through the store: versioned, and refused one by one where somebody was quicker.

    Returns:
        How many were written.
    """
    written = 0
    for change in changes:
        try:
            line, _ = store.save(change.item, change.condition, change.data, opened=change.opened, who=who, note=note)
            written += line is not None
        except FittingroomError as error:
            complain.append(str(error))
    return written

"""One photo's way through the stages: read, stage, validate, write. Whatever goes wrong with it stays with it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..core.errors import FittingroomError, InputError
from ..core.files import sha256_bytes, sha256_json, write_bytes
from ..core.images import UInt8, image_array
from ..core.pose import Pose
from ..data.regions import WORN_PARTS
from ..data.sample import Parse
from .base import Annotation, Annotator, NothingFoundError, ToBeMadeByHandError
from .conditions import CONDITIONS, Condition, Role
from .journal import Correction, keep_version
from .photos import PhotoFile
from .plan import CATEGORY, Loaded
from .reading import content_of, keep
from .records import BY_HAND, UNREAD, Made, Record, load_record

_IMAGE_FOLDERS: Mapping[str, str] = {"person": "image", "garment": "cloth"}
#: without this a photo of the role is not taken into the dataset
_ESSENTIAL: Mapping[str, str] = {"person": "pose"}
#: a pose of a lower score is a garment that looks like a body
_PERSON_SCORE = 0.35
#: share of the photo from which on a garment on somebody is worth trying on
_WORN_SHARE = 0.01


@dataclass
class Outcome:
    """What became of one photo.

    Args:
        item: id.
        name: file below the folder of photos.
        role: found or given.
        made: conditions computed now.
        kept: conditions found valid.
        failures: (stage, reason).
        saved: whether the record could be written.
        taken: whether the photo is in the dataset.
    """

    item: str
    name: str
    role: str
    made: int = 0
    kept: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    saved: bool = True
    taken: bool = False


@dataclass
class _Worker:
    """One photo at work: its record, its pixels, and what is known of its conditions."""

    root: Path
    loaded: Loaded
    corrections: Mapping[tuple[str, str], Correction]
    record: Record
    outcome: Outcome
    data: bytes = b""
    _pixels: UInt8 | None = None
    #: condition -> value, decoded or made; filled when asked for
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> UInt8:
        """The photo as the dataset keeps it."""
        if self._pixels is None:
            self._pixels = image_array(Image.open(io.BytesIO(self.data)))
        return self._pixels

    def fail(self, stage: str, error: Exception) -> None:
        self.outcome.failures.append((stage, reason(error)))

    def run(self) -> None:
        """All conditions of the role, in order."""
        done: dict[str, Made] = {}
        lost: set[str] = set()
        self.record.waiting = []
        for annotator in self.loaded.annotators[self.record.role]:  # type: ignore[index]
            condition = CONDITIONS[annotator.provides]
            made = self._by_hand(condition)
            if made is None and not set(annotator.needs) & lost:
                try:
                    made = self._made(annotator, condition, done)
                except ToBeMadeByHandError:
                    self.record.waiting.append(annotator.provides)
                except NothingFoundError as error:
                    self.fail(annotator.provides, error)
                    if _ESSENTIAL.get(self.record.role) == annotator.provides:
                        self._leave_out()
                        return
                except Exception as error:  # a third party's annotator may raise anything; the others go on
                    self.fail(annotator.provides, error)
            if made is None:
                lost.add(annotator.provides)
                self._forget(condition)
            else:
                done[annotator.provides] = made
                self.record.conditions[annotator.provides] = made
                self.save()
        for name in set(self.record.conditions) - set(done) - lost:
            if CONDITIONS[name].role == self.record.role and self._by_hand(CONDITIONS[name]) is None:
                del self.record.conditions[name]  # no longer planned; its file stays

    def _on_disk(self, condition: Condition) -> bytes | None:
        path = condition.path(self.root, self.record.item)
        try:
            return path.read_bytes()
        except OSError:
            return None

    def _by_hand(self, condition: Condition) -> Made | None:
        correction = self.corrections.get((self.record.item, condition.name))
        if correction is None or condition.part:
            return None  # captions by hand are kept when captions.json is put together
        data = self._on_disk(condition)
        if data is None or sha256_bytes(data) != correction.after:
            return None
        before = self.record.conditions.get(condition.name)
        more = before.more if before is not None and before.sha256 == correction.after else self._more(condition)
        return Made("", correction.after, BY_HAND, 1.0, (f"by {correction.who}",), more)

    def _more(self, condition: Condition) -> dict[str, Any]:
        return _more(condition.name, self._value(condition.name)) if condition.name == "parse" else {}

    def _value(self, name: str) -> Any:
        if name == CATEGORY:
            return self.record.category
        if name not in self.values:
            self.values[name] = CONDITIONS[name].decode(CONDITIONS[name].path(self.root, self.record.item))
        return self.values[name]

    def _made(self, annotator: Annotator, condition: Condition, done: Mapping[str, Made]) -> Made:
        inputs = {need: self.record.category if need == CATEGORY else done[need].sha256 for need in annotator.needs}
        key = sha256_json([self.loaded.settings[annotator.name], self.record.image_sha256, inputs])
        before, old = self.record.conditions.get(condition.name), self._on_disk(condition)
        if before is not None and before.key == key and old is not None and sha256_bytes(old) == before.sha256:
            self.outcome.kept += 1
            return before
        found = self.values.pop(f"found:{annotator.name}", None)
        if found is None:
            found = annotator.annotate(self.pixels, {need: self._value(need) for need in annotator.needs})
        validate(condition, found, self.pixels)
        data = condition.encode(found.value)
        digest = sha256_bytes(data)
        if old is not None and old != data and (before is None or sha256_bytes(old) != before.sha256):
            keep_version(self.root, old)  # neither ours nor in the journal: not lost, though replaced
        if old != data:
            write_bytes(condition.path(self.root, self.record.item), data)
        self.values.pop(condition.name, None)  # what depends on it sees it as it was written
        self.outcome.made += 1
        return Made(key, digest, annotator.name, round(found.score, 4), found.notes, _more(condition.name, found.value))

    def _forget(self, condition: Condition) -> None:
        """Remove what was made before from something that has changed; what was not made here stays."""
        before, old = self.record.conditions.pop(condition.name, None), self._on_disk(condition)
        if (
            before is not None
            and before.annotator != BY_HAND
            and old is not None
            and sha256_bytes(old) == before.sha256
        ):
            condition.path(self.root, self.record.item).unlink()

    def _leave_out(self) -> None:
        for annotator in self.loaded.annotators[self.record.role]:  # type: ignore[index]
            if self._by_hand(CONDITIONS[annotator.provides]) is None:
                self._forget(CONDITIONS[annotator.provides])
        (self.root / self.record.image).unlink(missing_ok=True)
        self.record.image = self.record.image_sha256 = ""

    def save(self) -> None:
        """Write the record."""
        self.record.save(self.root)


def reason(error: Exception) -> str:
    """An error as one line for the list of failures: no traceback, no path of the photo (the list names it)."""
    if isinstance(error, FittingroomError):
        return f"{error.problem} — {error.mend}" if error.mend else error.problem
    first = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def validate(condition: Condition, found: Annotation, photo: UInt8) -> None:
    """Refuse what an annotator must not give.

    Raises:
        InputError: of another type, size or emptiness than the condition may have.
    """
    size, value = photo.shape[:2], found.value
    mend = "choose another annotator, or report it to its authors"
    if condition.name == "pose":
        if not isinstance(value, Pose) or not np.isfinite(value.joints).all() or not value.found.any():
            raise InputError("the annotator gave no usable pose", mend=mend)
        return
    if condition.part:
        if not isinstance(value, Mapping) or not value:
            raise InputError("the annotator gave no phrases", mend=mend)
        return
    array = value.labels if isinstance(value, Parse) else np.asarray(value)
    if array.shape[:2] != size:
        raise InputError(
            f"the annotator gave {array.shape[1]}x{array.shape[0]} for a photo of {size[1]}x{size[0]}", mend=mend
        )
    if array.dtype != (bool if condition.name.endswith("mask") else np.uint8):
        raise InputError(f"the annotator gave values of type {array.dtype}", mend=mend)
    if condition.name.endswith("mask") or condition.name == "parse":
        if not array.any():
            raise InputError("the annotator gave an empty map", mend="correct it by hand")
        if condition.name == "garment-mask" and array.all():
            raise InputError("the mask covers the whole photo", mend="correct it by hand")


def _more(name: str, value: Any) -> dict[str, Any]:
    if name != "parse" or not isinstance(value, Parse):
        return {}
    worn = {
        category: value.mask(*(part for part in parts if category != "dress" or part in ("dress", "jumpsuits"))).mean()
        for category, parts in WORN_PARTS.items()
    }
    return {"wears": sorted(category for category, share in worn.items() if share >= _WORN_SHARE)}


def _find_role(photo: PhotoFile, worker: _Worker) -> tuple[Role, str]:
    """What a photo shows, and the key of how that was found."""
    finder = worker.loaded.finder
    unknown = InputError(
        "nobody here can tell people from garments",
        mend="put photos into people/ and garments/, or choose a pose annotator",
    )
    if finder is None or finder.needs:
        raise unknown
    key = sha256_json([worker.loaded.settings[finder.name], worker.record.image_sha256])
    for role in ("person", "garment"):
        known = load_record(worker.root, role, photo.id)
        if known is not None and known.role_key == key:
            return role, key
    try:
        found = finder.annotate(worker.pixels, {})
    except ToBeMadeByHandError:
        raise unknown from None
    except NothingFoundError:
        return "garment", key
    if found.score < _PERSON_SCORE:
        return "garment", key
    worker.values[f"found:{finder.name}"] = found
    return "person", key


def do_photo(
    root: Path, photo: PhotoFile, loaded: Loaded, corrections: Mapping[tuple[str, str], Correction]
) -> Outcome:
    """Bring one photo up to date in the dataset ``root``; never raises for what is wrong with the photo or the disk."""
    outcome = Outcome(photo.id, photo.name, photo.role or UNREAD)
    roles = [photo.role] if photo.role else ["person", "garment"]
    known = next((record for role in roles if (record := load_record(root, role, photo.id)) is not None), None)
    record = known or Record(photo.id, photo.role or UNREAD)
    worker = _Worker(root, loaded, corrections, record, outcome)
    try:
        if not _read(photo, worker):
            return outcome
        role, role_key = (photo.role, "") if photo.role else _find_role(photo, worker)
        _settle(photo, worker, role, role_key)
        worker.run()
    except Exception as error:  # the disk is full, the photo is broken ...: one line, and the others go on
        worker.fail("write" if isinstance(error, OSError | InputError) else "read", error)
    outcome.role, outcome.taken = worker.record.role, bool(worker.record.image)
    worker.record.failures = list(outcome.failures)
    return _saved(worker)


def _saved(worker: _Worker) -> Outcome:
    """The outcome after an attempt to write the record."""
    try:
        worker.save()
    except InputError as error:
        worker.outcome.saved = False
        if not worker.outcome.failures:
            worker.fail("write", error)
    return worker.outcome


def _read(photo: PhotoFile, worker: _Worker) -> bool:
    """The photo's bytes as the dataset keeps them; False, with a record of it, where it cannot be read."""
    record = worker.record
    try:
        source, digest = content_of(photo.path)
        key = sha256_json([digest, dict(worker.loaded.plan.reading.settings())])
        kept = None
        if record.image and record.image_key == key:
            try:
                kept = (worker.root / record.image).read_bytes()
            except OSError:
                kept = None
        if kept is None or sha256_bytes(kept) != record.image_sha256:
            made = keep(source, photo.path, worker.loaded.plan.reading)
            kept, record.image_notes = made.data, made.notes
        record.name, record.source, record.image_key = photo.name, digest, key
        record.image_sha256, worker.data = sha256_bytes(kept), kept
    except FittingroomError as error:
        worker.fail("read", error)
        worker.outcome.role = photo.role or UNREAD
        unread = Record(photo.id, UNREAD, photo.name, failures=list(worker.outcome.failures))
        try:
            unread.save(worker.root)
        except InputError:
            worker.outcome.saved = False
        return False
    return True


def _settle(photo: PhotoFile, worker: _Worker, role: Role, role_key: str) -> None:
    """Give the record its role, and write the photo into the role's folder."""
    root, record = worker.root, worker.record
    _forget_others(root, photo, role)
    if record.role != role:
        record = Record(
            photo.id, role, record.name, record.source, "", record.image_key, record.image_sha256, record.image_notes
        )
        worker.record = record
    suffix = ".png" if worker.data[:4] == b"\x89PNG" else ".jpg"
    image = f"{_IMAGE_FOLDERS[role]}/{photo.id}{suffix}"
    if record.image and record.image != image:
        (root / record.image).unlink(missing_ok=True)
    path = root / image
    if not path.is_file() or sha256_bytes(path.read_bytes()) != record.image_sha256:
        write_bytes(path, worker.data)
    record.image, record.role_key = image, role_key
    record.category = photo.category if role == "garment" else ""
    record.about = dict(photo.about)


def _forget_others(root: Path, photo: PhotoFile, role: str) -> None:
    """Remove what an earlier run wrote of the same photo in another role, or on its being unreadable."""
    for other in ("person", "garment", UNREAD):
        record = load_record(root, other, photo.id) if other != role else None
        if record is None or record.name != photo.name:  # a person and a garment may have the same id
            continue
        for name, made in record.conditions.items():
            path = CONDITIONS[name].path(root, photo.id)
            if made.annotator != BY_HAND and path.is_file() and sha256_bytes(path.read_bytes()) == made.sha256:
                path.unlink()
        if record.image:
            (root / record.image).unlink(missing_ok=True)
        record.path(root).unlink(missing_ok=True)


def redo_item(root: Path, record: Record, loaded: Loaded, corrections: Mapping[tuple[str, str], Correction]) -> Outcome:
    """Bring a photo that is in the dataset up to date without its source: after a correction by hand."""
    outcome = Outcome(record.item, record.name, record.role)
    worker = _Worker(root, loaded, corrections, record, outcome)
    try:
        worker.data, digest = content_of(root / record.image)
        if digest != record.image_sha256:
            raise InputError(
                "the photo in the dataset was changed",
                mend="run `fittingroom annotate` again",
                path=root / record.image,
            )
        worker.run()
    except Exception as error:  # as in do_photo
        worker.fail("write", error)
    record = worker.record
    record.failures = [entry for entry in record.failures if entry[0] == "read"] + outcome.failures
    return _saved(worker)


def caption_part(root: Path, condition: Condition, item: str) -> Mapping[str, str] | None:
    """The phrases that an annotator wrote, or None."""
    path = condition.path(root, item)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None

"""Loose photos are annotated as the runner does it, into one dataset in the cache.

A photo is found again by its content, each annotation by the photo, its annotator's settings and what it was derived from. So it is
made once, and corrections by hand in the review of that dataset count from then on.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import torch
from PIL import Image

from ..core.errors import InputError
from ..core.files import cache_folder, sha256_bytes, sha256_json, write_bytes
from ..core.images import UInt8, image_array
from ..core.labels import convert, label_set
from ..data.sample import Category, Photo
from ..data.sample import Parse as ParseMap
from .assemble import assemble
from .conditions import CONDITIONS, LABEL_SET, Role
from .item import do_photo
from .journal import FOLDER, Correction, newest
from .makers import Makers
from .photos import PhotoFile, photo_id
from .plan import PLAN, Loaded, Plan, Step, loaded, problem_of
from .reading import content_of
from .records import ITEMS, Made, load_record
from .registry import annotator_class
from .runner import locked, prepare

_NAME = "Photos that were tried on"


def cache_root() -> Path:
    """The dataset in the cache that loose photos are annotated into. It may be deleted at any time."""
    return cache_folder() / "tried-on"


@dataclass
class Done:
    """What became of one photo.

    Args:
        item: its id in the dataset.
        role: given or found.
        image: as it is kept.
        values: condition -> value.
        made: how each came to be.
        failures: stage -> reason, as one line.
        waiting: conditions to be drawn by hand.
        changed: whether the dataset has something new.
    """

    item: str
    role: str
    image: UInt8 | None = None
    values: dict[str, Any] = field(default_factory=dict)
    made: Mapping[str, Made] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    waiting: Sequence[str] = ()
    changed: bool = False


def _given(photo: Photo) -> dict[str, bytes]:
    """Annotations that came with a photo and that annotators may need, as the runner's files."""
    found: dict[str, bytes] = {}
    if photo.has("pose"):
        found["pose"] = CONDITIONS["pose"].encode(photo.pose())
    if photo.has("parse"):
        parse = photo.parse()
        labels = convert(parse.labels, parse.labels_in.name, LABEL_SET)
        found["parse"] = CONDITIONS["parse"].encode(ParseMap(labels, label_set(LABEL_SET)))
    return found


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """As the runner annotates; whoever called has its threads back."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def annotate_photos(
    photos: Mapping[str, tuple[Photo, Role | None]], category: Category, steps: Sequence[Step], makers: Makers
) -> dict[str, Done]:
    """Bring photos up to date in the dataset in the cache.

    Args:
        photos: by any name: a photo and its role; None where it is to be found out.
        category: of garments.
        steps: the annotators.
        makers: how photos are read, and the device.

    Returns:
        What became of each, by the same names.

    Raises:
        InputError: a photo that cannot be read, or a cache that cannot be written.
    """
    root = cache_root()
    try:
        prepare(root)
    except InputError as error:
        raise InputError(
            error.problem, mend="set FITTINGROOM_CACHE to a folder that can be written", path=root
        ) from error
    plan = Plan(tuple(steps), device=makers.device)
    done = {}
    with _one_thread():
        ready = loaded(json.dumps(plan.as_json(), sort_keys=True))
        for name, (photo, role) in photos.items():
            done[name] = _photo(root, photo, role, category, ready, makers)
    if any(entry.changed for entry in done.values()) or not (root / PLAN).is_file():
        _with_earlier(root, plan).save(root)
        with locked(root / FOLDER / "finish.lock", alone=True):
            assemble(root, ready, info={"name": _NAME})
    return done


def _with_earlier(root: Path, plan: Plan) -> Plan:
    """The plan together with those annotators of earlier ones that it has no match for and that are still here.

    The review makes again what depends on a correction by the plan that is saved, for all photos: without this, a try-on to which
    a pose was given would take the poses away that were made for others.
    """
    try:
        earlier = {annotator_class(step.name).provides: step for step in Plan.of(root).steps}
    except InputError:
        return plan
    mine = {annotator_class(step.name).provides: step for step in plan.steps}
    kept = {
        kind: step
        for kind, step in earlier.items()
        if (kind not in mine or mine[kind].name.endswith("/hand")) and problem_of(step, plan.device) is None
    }
    return replace(plan, steps=tuple({**mine, **kept}.values()))


def _item(root: Path, path: Path, key: str) -> str:
    """Id of a photo: its name, and a hash of its content; one that has been here under another name keeps that."""
    for known in sorted((root / ITEMS).glob(f"*/*-{key}.json")):
        return known.stem
    return f"{photo_id(path.name)}-{key}"


def _photo(root: Path, photo: Photo, role: Role | None, category: Category, ready: Loaded, makers: Makers) -> Done:
    path = photo.files.get("image")
    if path is None:
        raise InputError(f"the photo of {photo.id} is not in a file", mend="write it to a file first")
    given = _given(photo)
    # given annotations are of the photo's own size
    reading = replace(makers.reading, longest=0) if given or photo.has("mask") else makers.reading
    _, digest = content_of(path)
    marks = {kind: sha256_bytes(data) for kind, data in given.items()}
    item = _item(root, path, sha256_json([digest, dict(reading.settings()), marks])[:12])
    ready = replace(ready, plan=replace(ready.plan, reading=reading))
    with locked(root / FOLDER / "locks" / f"{item}.lock", alone=True):
        corrections = dict(newest(root))
        provided = {entry.provides for found in ready.annotators.values() for entry in found}
        for kind, data in given.items():
            target = CONDITIONS[kind].path(root, item)
            if kind not in provided or (item, kind) in corrections:
                continue
            if not target.is_file() or target.read_bytes() != data:
                write_bytes(target, data)
            corrections[item, kind] = Correction(item, kind, "a file", "", "", marks[kind])
        outcome = do_photo(root, PhotoFile(item, path, path.name, role, category), ready, corrections)
        failures = dict(outcome.failures)
        for stage in ("read", "write"):
            if stage in failures:
                raise InputError(failures[stage], path=path if stage == "read" else root)
        done = Done(item, outcome.role, failures=failures, changed=bool(outcome.made or failures))
        record = load_record(root, outcome.role, item)
        if record is None or not record.image:
            return done
        done.image = image_array(Image.open(io.BytesIO((root / record.image).read_bytes())))
        done.waiting, done.made = tuple(record.waiting), dict(record.conditions)
        done.values = {name: CONDITIONS[name].decode(CONDITIONS[name].path(root, item)) for name in done.made}
        done.changed = done.changed or bool(done.waiting)
        return done

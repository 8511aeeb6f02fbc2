"""The staged, resumable runner: a folder of photos in, a dataset in the canonical layout out.

Work is one photo at a time, keyed by content: a condition's key is the hash of the photo as it is kept, of its annotator's
settings and of what it was derived from. What is there with the right key and the right bytes is kept; a run that was
killed goes on where it was; a correction by hand renews what depends on it and nothing else. The bytes are the same
whatever the order, the workers, the shards or the interruptions.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..core.errors import FittingroomError, InputError
from ..core.parallel import Done, Shard, run_shards
from ..data.sample import Category
from .assemble import assemble
from .conditions import Role
from .item import Outcome, do_photo, redo_item
from .journal import FOLDER, newest
from .photos import PhotoFile, list_photos
from .plan import Plan, loaded
from .records import UNREAD, all_records

#: photos of one shard of one worker: the progress's grain; a multiple costs one look into the journal
_GRAIN = 8


@dataclass
class Summary:
    """What a run did.

    Args:
        root: the dataset.
        photos: photos of this run's share.
        people: taken into the dataset, of this run's share.
        garments: taken into the dataset, of this run's share.
        made: conditions computed now.
        kept: conditions found valid.
        failures: (file, item, role, stage, reason) of the whole dataset.
    """

    root: Path
    photos: int = 0
    people: int = 0
    garments: int = 0
    made: int = 0
    kept: int = 0
    failures: list[tuple[str, str, str, str, str]] = field(default_factory=list)


@contextlib.contextmanager
def locked(path: Path, *, alone: bool, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file, with others or alone; yields whether it was got. Where there are no such locks all get it."""
    try:
        import fcntl
    except ImportError:  # Windows: one run at a time
        yield True
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as handle:
        how = (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(handle, how)
        except BlockingIOError:
            yield False
            return
        except OSError:  # a file system without locks
            yield True
            return
        yield True


def prepare(root: Path) -> None:
    """Make a dataset's folder; refuse one that cannot be written.

    Raises:
        InputError: it cannot.
    """
    try:
        (root / FOLDER).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root / FOLDER):
            pass
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror or error})", mend="choose another --out, or mend its rights", path=root
        ) from error
    with locked(root / FOLDER / "run.lock", alone=True, wait=False) as alone:
        if alone:  # nobody else is at work: halves of files were left by a run that was killed
            for path in root.rglob(".*.part"):
                path.unlink(missing_ok=True)


def _do_shard(
    root: str, plan_text: str, photos: list[PhotoFile], shard: Shard, report: Done | None = None
) -> list[Outcome]:
    folder, plan = Path(root), loaded(plan_text)
    corrections = newest(folder)
    mine = photos[shard[0] :: shard[1]]
    outcomes = []
    for index, photo in enumerate(mine):
        outcomes.append(do_photo(folder, photo, plan, corrections))
        if report:
            report(index + 1, len(mine))
    return outcomes


def annotate(
    photos: Path | str,
    out: Path | str,
    plan: Plan,
    *,
    role: Role | None = None,
    category: Category = "upper",
    info: Mapping[str, str] | None = None,
    workers: int = 1,
    executor: str = "local",
    shard: Shard | None = None,
    progress: Done = lambda done, total: None,
) -> Summary:
    """Annotate a folder of photos, or go on with it.

    Args:
        photos: the folder, see :func:`.photos.list_photos`.
        out: the dataset's folder.
        plan: who annotates what.
        role: of all photos; found by folders and by the photos themselves without it.
        category: of garments of which nothing else is said.
        info: of the whole: ``name``, ``provenance``, ``licence``, ``consent``, ``who``.
        workers: processes.
        executor: ``local`` or ``ray``.
        shard: (i, n): only every n-th photo from the i-th on; run all n of them, here or on other machines, in any order.
        progress: called with (photos done, photos in all).

    Returns:
        What was done; a photo that could not be annotated is a failure in it and stops nothing.

    Raises:
        InputError: no photos, an output that cannot be written, a plan that cannot be followed.
        MissingError: an annotator's weights or library are not here.
    """
    source, root = Path(photos), Path(out)
    listed, left_out = list_photos(source, role=role, category=category, out=root)
    mine = listed[shard[0] :: shard[1]] if shard else listed
    text = json.dumps(plan.as_json(), sort_keys=True)
    ready = loaded(text)
    prepare(root)
    plan.save(root)
    summary = Summary(root, photos=len(mine))
    with locked(root / FOLDER / "run.lock", alone=False):
        if executor == "local" and workers == 1:
            outcomes = _do_shard(str(root), text, mine, (0, 1), progress)
        else:
            pieces = max(workers, min(len(mine), len(mine) // _GRAIN))
            shares = partial(_do_shard, str(root), text, mine)
            gpus = 1.0 / workers if plan.device.startswith("cuda") else 0.0
            scaled = partial(_scaled, progress, len(mine))
            results = run_shards(executor, shares, max(pieces, 1), workers, scaled, gpus=gpus)
            outcomes = [outcome for part in results for outcome in part]
    for outcome in outcomes:
        summary.people += outcome.taken and outcome.role == "person"
        summary.garments += outcome.taken and outcome.role == "garment"
        summary.made, summary.kept = summary.made + outcome.made, summary.kept + outcome.kept
    summary.failures = _finish(root, ready, outcomes, info, left_out)
    return summary


def _scaled(progress: Done, photos: int, done: int, total: int) -> None:
    progress(round(done * photos / total), photos)


def _finish(
    root: Path,
    ready: Any,
    outcomes: list[Outcome],
    info: Mapping[str, str] | None,
    left_out: list[tuple[str, str]] | None,
) -> list[tuple[str, str, str, str, str]]:
    """Write what speaks of all photos; what could not even be recorded is added to the failures."""
    unsaved = [
        (outcome.name, outcome.item, outcome.role, stage, why)
        for outcome in outcomes
        if not outcome.saved
        for stage, why in outcome.failures
    ]
    try:
        # shards that end together: whoever comes last has seen all records
        with locked(root / FOLDER / "finish.lock", alone=True):
            failures = assemble(root, ready, info=info, left_out=left_out)
    except FittingroomError as error:
        failures = [("", "", "", "write", str(error))]
    return sorted({*failures, *unsaved})


def rederive(
    root: Path | str, items: Collection[str] | None = None, *, progress: Done = lambda done, total: None
) -> Summary:
    """Bring a dataset up to date after corrections by hand: only what depends on what changed is made again.

    Args:
        root: a dataset that :func:`annotate` wrote.
        items: ids of photos; all without it.
        progress: called with (photos done, photos in all).

    Raises:
        InputError: not such a dataset, or it cannot be written.
        MissingError: an annotator's weights or library are not here.
    """
    root = Path(root)
    plan = Plan.of(root)
    ready = loaded(json.dumps(plan.as_json(), sort_keys=True))
    corrections = newest(root)
    records = [
        record
        for record in all_records(root)
        if record.role != UNREAD and record.image and (items is None or record.item in items)
    ]
    summary = Summary(root, photos=len(records))
    outcomes = []
    with locked(root / FOLDER / "run.lock", alone=False):
        for index, record in enumerate(records):
            outcome = redo_item(root, record, ready, corrections)
            outcomes.append(outcome)
            summary.people += record.role == "person"
            summary.garments += record.role == "garment"
            summary.made, summary.kept = summary.made + outcome.made, summary.kept + outcome.kept
            progress(index + 1, len(records))
    summary.failures = _finish(root, ready, outcomes, None, None)
    return summary

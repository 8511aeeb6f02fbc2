"""Filling in what two loose photos lack, so that a method can use them; :mod:`.loose` annotates and keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import InputError, MissingError
from ..data.sample import Photo, Sample
from .conditions import Role
from .loose import Done, annotate_photos, cache_root
from .makers import Makers, missing_error
from .plan import Step
from .reading import Reading, read_photo
from .records import BY_HAND, Made

#: an annotation of a lower score is worth a warning
LOW_SCORE = 0.5
#: whose and which condition of a sample -> condition that an annotator provides
_PROVIDED_AS: Mapping[tuple[str, str], str] = {
    ("person", "pose"): "pose",
    ("person", "parse"): "parse",
    ("person", "densepose"): "densepose",
    ("garment", "pose"): "pose",
    ("garment", "parse"): "parse",
    ("garment", "mask"): "garment-mask",
}


@dataclass(frozen=True)
class Lack:
    """A need that a sample does not meet.

    Args:
        need: as on the card, e.g. ``worn.parse``.
        who: ``person`` or ``garment``: whose photo.
        condition: of that photo.
        kind: what an annotator has to provide for it; empty where none can.
        required: whether the method cannot do without.
    """

    need: str
    who: str
    condition: str
    kind: str
    required: bool


@dataclass(frozen=True)
class Filled:
    """One condition that an annotator made.

    Args:
        need: what it meets, e.g. ``person.pose``.
        annotator: its name, or ``by hand``.
        score: in [0, 1], what the annotator thinks of it.
        notes: on the score.
    """

    need: str
    annotator: str
    score: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Completed:
    """A sample with everything that is needed.

    Args:
        sample: with the annotations as values in memory, and the photos as they were annotated.
        filled: what was made.
        warnings: lines that a user should read: low scores, several people, a garment that somebody wears.
        folder: the dataset in the cache that holds photos and annotations, to be corrected with ``fittingroom app --review``;
            None where nothing was made.
    """

    sample: Sample
    filled: tuple[Filled, ...] = ()
    warnings: tuple[str, ...] = ()
    folder: Path | None = None


def complete(
    sample: Sample,
    needs: Sequence[str],
    uses: Sequence[str] = (),
    *,
    makers: Makers | None = None,
    worn: bool | None = None,
) -> Completed:
    """Fill in what a method needs and the sample lacks.

    Args:
        sample: two photos in files, with or without annotations.
        needs: of the method's card; those that nobody can fill in are an error.
        uses: of the method's card; filled in where somebody can.
        makers: who annotates.
        worn: whether somebody wears the garment in its photo; None where the annotations given, the needs or, at last, the
            photo itself tell (it is worn where somebody is found in it).

    Returns:
        The sample, what was made, and what to warn of. A photo that lacks something is read by :mod:`.reading`: upright, in
        sRGB, scaled down as ``makers.reading`` says unless annotations were given with it.

    Raises:
        MissingError: what nobody here makes, all in one line with what could.
        InputError: a photo that cannot be read, or in which an annotator does not find what it looks for.
    """
    makers, sample = makers or Makers(), _readable(sample)
    ways = _ways(sample, needs, worn)
    lacks = {way: _lacks(_as(sample, way), needs, uses) for way in ways}
    if len(ways) > 1 and not any(lack.who == "garment" for lack in lacks[False]):
        ways = (False,)
    if len(ways) > 1 and makers.step("pose") is None:
        ways = (False,)  # nobody tells whether it is worn
    every = list(dict.fromkeys(lack for way in ways for lack in lacks[way]))
    by_who = {who: [lack for lack in every if lack.who == who] for who in ("person", "garment")}
    kinds = [lack.kind for lack in every if lack.kind]
    if len(ways) > 1:
        kinds.append("pose")
    steps = makers.steps(dict.fromkeys(kinds), _given_kinds(sample)) if kinds else {}
    certain = [lack for lack in every if lack.who == "person" or len(ways) == 1]
    _refuse(sample, [lack for lack in certain if lack.kind not in steps], makers)
    work = {who: [lack for lack in by_who[who] if lack.kind in steps] for who in by_who}
    if not any(work.values()):
        return Completed(_as(sample, ways[0]))
    role: Role | None = None if len(ways) > 1 else "person" if ways[0] else "garment"
    photos: dict[str, tuple[Photo, Role | None]] = {
        "person": (sample.person, "person"),
        "garment": (sample.garment, role),
    }
    wanted = {who: photo for who, photo in photos.items() if work[who]}
    done = annotate_photos(wanted, sample.category, list(steps.values()), makers)
    way = ways[0] if len(ways) == 1 else done["garment"].role == "person"
    return _completed(_as(sample, way), lacks[way], steps, done, makers, found_out=len(ways) > 1)


def _ways(sample: Sample, needs: Sequence[str], worn: bool | None) -> tuple[bool, ...]:
    """Whether the garment may be in-shop (False), worn (True) or either."""
    garment = sample.garment
    if worn is None and (garment.worn or garment.has("parse") or garment.has("pose")):
        worn = True
    elif worn is None and garment.has("mask"):
        worn = False
    elif worn is None and sample.wearer is None and any(need.startswith("wearer.") for need in needs):
        worn = True
    return (False, True) if worn is None else (worn,)


def _as(sample: Sample, worn: bool) -> Sample:
    return sample if sample.garment.worn == worn else replace(sample, garment=replace(sample.garment, worn=worn))


def _lacks(sample: Sample, needs: Sequence[str], uses: Sequence[str]) -> list[Lack]:
    found = []
    for required, wanted in ((True, needs), (False, uses)):
        for need in sample.missing(tuple(wanted)):
            who, condition = need.split(".", 1)
            if who == "wearer" and not sample.garment.worn:
                found.append(Lack(need, "garment", condition, "", required))
                continue
            who = "person" if who == "person" else "garment"
            if need == "garment.mask" and sample.garment.worn:
                need, condition = "worn.parse", "parse"  # a worn garment is cut out by it
            if all((lack.who, lack.condition) != (who, condition) for lack in found):
                found.append(Lack(need, who, condition, _PROVIDED_AS.get((who, condition), ""), required))
    return [lack for lack in found if lack.required or lack.kind]


def _refuse(sample: Sample, lacks: Sequence[Lack], makers: Makers) -> None:
    if absent := [(lack.need, lack.kind) for lack in lacks if lack.required]:
        raise missing_error(sample.id, absent, makers)


def _given_kinds(sample: Sample) -> set[str]:
    return {kind for photo in (sample.person, sample.garment) for kind in ("pose", "parse") if photo.has(kind)}


def _readable(sample: Sample) -> Sample:
    """Photos that only the tolerant reader can decode are put into memory."""

    def read(photo: Any) -> Any:
        path = photo.files.get("image")
        if path is None or "image" in photo.given or path.suffix.lower() not in (".heic", ".heif", ".avif"):
            return photo
        pixels = read_photo(path, Reading(longest=0))
        return replace(photo, given={**photo.given, "image": pixels}, _cache={})

    return replace(sample, person=read(sample.person), garment=read(sample.garment))


def _completed(
    sample: Sample,
    lacks: Sequence[Lack],
    steps: Mapping[str, Step],
    done: Mapping[str, Done],
    makers: Makers,
    *,
    found_out: bool,
) -> Completed:
    """Put the values into the sample; what could not be made is an error."""
    names = {
        "person": sample.person.files.get("image", Path(sample.person.id)).name,
        "garment": sample.garment.files.get("image", Path(sample.garment.id)).name,
    }
    warnings, filled, failed, waiting, absent = [], [], [], [], []
    values: dict[str, dict[str, Any]] = {"person": {}, "garment": {}}
    if found_out and sample.garment.worn:
        warnings.append(
            f"{names['garment']}: somebody is in it, so it is taken as a worn garment; say in-shop where it is not"
        )
    for lack in lacks:
        got = done.get(lack.who)
        made = got.made.get(lack.kind) if got is not None else None
        if got is not None and made is not None:
            values[lack.who][lack.condition] = got.values[lack.kind]
            filled.append(Filled(lack.need, made.annotator, made.score, made.notes))
            warnings += _warnings(names[lack.who], lack.kind, made)
        elif lack.kind in steps and got is not None:
            reasons = [f"{names[lack.who]}: {kind}: {why}" for kind, why in got.failures.items()]
            if lack.required and lack.kind in got.waiting:
                waiting.append(lack.need)
            elif lack.required:
                failed += reasons
            else:
                warnings += reasons
        else:
            absent.append(lack)
    if failed:
        wearer = any(lack.need.startswith("wearer.") for lack in lacks) and done["garment"].failures
        hint = "; this method takes garments from photos of people who wear them" if wearer else ""
        raise InputError("; ".join(dict.fromkeys(failed)) + hint)
    _refuse(sample, absent, makers)
    if waiting:
        raise MissingError(
            f"{sample.id}: {', '.join(waiting)} to be drawn by hand",
            mend=f"fittingroom app --review {cache_root()}, then try on again",
        )

    def put(photo: Any, who: str) -> Any:
        got = done.get(who)
        if got is None or got.image is None:
            return photo
        return replace(photo, given={**photo.given, **values[who], "image": got.image}, _cache={})

    sample = replace(sample, person=put(sample.person, "person"), garment=put(sample.garment, "garment"))
    return Completed(sample, tuple(filled), tuple(dict.fromkeys(warnings)), cache_root())


def _warnings(name: str, kind: str, made: Made) -> list[str]:
    if made.annotator == BY_HAND or not (made.notes or made.score < LOW_SCORE):
        return []
    return [f"{name}: {kind} by {made.annotator} (score {made.score:.2f}): {'; '.join(made.notes) or 'look at it'}"]

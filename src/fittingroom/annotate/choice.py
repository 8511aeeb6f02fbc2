"""From what a user asks for to a plan: names, ``auto`` (the best that is here) and ``none``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError, MissingError
from ..data.sample import Category
from .plan import Plan, Step, choose
from .reading import Reading
from .registry import annotator_class, annotator_names, full_name, is_own

#: what ``auto`` tries, best first; those that are not registered are passed over
AUTO: Mapping[str, tuple[str, ...]] = {
    "pose": ("pose/rtmpose", "pose/mediapipe", "pose/vitpose", "pose/embedded"),
    "parse": ("parse/segformer", "parse/embedded"),
    "person-mask": ("person-mask/mediapipe", "person-mask/embedded", "person-mask/grabcut"),
    "garment-mask": ("garment-mask/rembg", "garment-mask/colour"),
}
NONE = "none"


def candidates(kind: str, weights: Iterable[str] = ()) -> list[str]:
    """What ``auto`` tries for a condition, in this order: what weights are named for, ours, then what other packages offer.

    Args:
        kind: the condition.
        weights: annotators for which weights were named.
    """
    here = [name for name in AUTO.get(kind, ()) if name in annotator_names()]
    named = [name for name in weights if name.startswith(f"{kind}/")]
    return list(dict.fromkeys([*named, *here, *(name for name in annotator_names(kind) if not is_own(name))]))


@dataclass(frozen=True)
class Wanted:
    """What is asked for: for each condition a name, ``auto`` or ``none``."""

    pose: str = "auto"
    parse: str = "auto"
    person_mask: str = "auto"
    garment_mask: str = "auto"
    densepose: str = NONE
    agnostic: str = "canonical"
    captions: str = "rules"
    category: Category = "upper"


def choose_plan(
    wanted: Wanted,
    *,
    targets: Mapping[str, str] | None = None,
    weights: Mapping[str, Path] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    reading: Reading | None = None,
    device: str = "cpu",
) -> tuple[Plan, list[str]]:
    """Turn what is asked for into a plan.

    Args:
        wanted: names.
        targets: annotator -> ``module:class`` of floors above.
        weights: annotator -> file or folder.
        settings: annotator -> options.
        reading: how photos are read.
        device: torch device.

    Returns:
        The plan, and one line for everything that is left out because something is missing here.

    Raises:
        InputError: no such annotator, or weights or options for one that is not used.
        MissingError: what was asked for by name, or any pose annotator, is not here.
    """
    targets, weights, settings = targets or {}, weights or {}, settings or {}

    def step(name: str, **more: Any) -> Step:
        options = {**more, **settings.get(name, {})}
        return Step(name, targets.get(name, ""), str(weights.get(name, "")), options)

    def pick(kind: str, name: str) -> tuple[Step | None, list[str]]:
        if name == NONE:
            return None, []
        if name != "auto":
            chosen = step(full_name(kind, name))
            chosen.load(device)
            return chosen, []
        found, problems = choose([step(entry) for entry in candidates(kind, weights)], device)
        if found is not None:
            return found, []
        lines = [f"no {kind}: {problem}" for problem in problems] or [f"no {kind}: nobody here provides it"]
        if kind == "parse":  # the methods need it: it is left to the review
            return step("parse/hand"), [
                *lines,
                "the parse is left to be painted by hand; what depends on it follows then",
            ]
        return None, lines

    steps: list[Step] = []
    remarks: list[str] = []
    pose, problems = pick("pose", wanted.pose)
    if pose is None and wanted.pose != NONE:
        easiest = next((line for line in problems if "MediaPipe" in line), problems[-1]).partition(": ")[2]
        why, _, mend = easiest.partition(" — ")
        raise MissingError(f"no pose annotator is here ({why})", mend=mend or "see docs/annotate.md")
    for kind, name in (("person-mask", wanted.person_mask), ("parse", wanted.parse)):
        found, lines = pick(kind, name) if pose is not None else (None, [])
        remarks += lines
        if found is not None:
            steps.append(found)
    if pose is not None:
        steps.insert(0, pose)
    if wanted.densepose != NONE and pose is not None:
        steps.append(pick("densepose", wanted.densepose)[0] or step("densepose/file"))
    have = {annotator_class(entry.name, entry.target).provides for entry in steps}
    if {"pose", "parse"} <= have:
        steps += _derived(wanted, step)
    mask, lines = pick("garment-mask", wanted.garment_mask)
    remarks += lines
    if mask is not None:
        steps.append(mask)
        if wanted.captions != NONE:
            steps.append(_known(step(f"garment-caption/{wanted.captions}"), device))
    used = {entry.name for entry in steps}
    if idle := sorted({*weights, *settings} - used):
        raise InputError(
            f"weights or options for {', '.join(idle)}, which is not used",
            mend=f"choose it by its option, or leave them out; used are {', '.join(sorted(used))}",
        )
    return Plan(tuple(steps), reading or Reading(), device), remarks


def _derived(wanted: Wanted, step: Any) -> Iterator[Step]:
    if wanted.agnostic == "canonical":
        yield step("agnostic-mask/canonical", category=wanted.category)
    elif wanted.agnostic != NONE:
        yield step("agnostic-mask/method", variant=wanted.agnostic, category=wanted.category)
    if wanted.agnostic != NONE:
        yield step("agnostic/grey")
    if wanted.captions != NONE:
        yield step(f"caption/{wanted.captions}")


def _known(step: Step, device: str) -> Step:
    annotator_class(step.name, step.target)
    return step


def describe(targets: Mapping[str, str] | None = None) -> list[str]:
    """One line for each annotator: name, needs, licence."""
    lines = []
    for name in [*annotator_names(), *(targets or {})]:
        kind = annotator_class(name, (targets or {}).get(name, ""))
        needs = f" (needs {', '.join(kind.needs)})" if kind.needs else ""
        lines.append(f"{name}{needs}: {kind.licence}")
    return lines

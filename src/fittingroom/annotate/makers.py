"""Who makes the annotations that two loose photos lack: names, ``auto`` or ``none``; and what to do where nobody here can."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import InputError, MissingError
from .choice import NONE, candidates
from .plan import CATEGORY, Step, choose, problem_of
from .reading import Reading
from .registry import annotator_class, annotator_names, full_name

#: option and argument that names the annotator of a condition
_OPTIONS: Mapping[str, str] = {"pose": "pose", "parse": "parse", "garment-mask": "mask"}
#: conditions that somebody can draw in the review
_DRAWN = ("pose", "parse", "garment-mask")
#: what was found to be loadable in this process: looking again would load whole networks again
_FOUND: dict[str, Step] = {}


@dataclass(frozen=True)
class Makers:
    """Which annotators fill in what is missing.

    Args:
        pose: a name, ``auto`` (the first that is here) or ``none``.
        parse: likewise.
        mask: likewise, of an in-shop garment.
        weights: annotator -> file or folder.
        settings: annotator -> options.
        reading: how photos are read that come without any annotation; others keep their size.
        device: torch device.
    """

    pose: str = "auto"
    parse: str = "auto"
    mask: str = "auto"
    weights: Mapping[str, Path] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    device: str = "cpu"

    def __post_init__(self) -> None:
        for kind, option in _OPTIONS.items():
            name = getattr(self, option)
            if name not in ("auto", NONE):
                found = annotator_class(full_name(kind, name))
                if found.provides != kind:
                    raise InputError(
                        f"{found.name} makes {found.provides}, not {kind}",
                        mend=f"choose from auto, none, {', '.join(annotator_names(kind))}",
                    )
        for name in {*self.weights, *self.settings}:
            annotator_class(name)

    def _step(self, name: str) -> Step:
        return Step(name, "", str(self.weights.get(name, "")), dict(self.settings.get(name, {})))

    def step(self, kind: str) -> Step | None:
        """The annotator of a condition, or None where nobody here makes it.

        Raises:
            InputError: one that cannot be used as asked for, e.g. with broken weights.
        """
        name = getattr(self, _OPTIONS[kind]) if kind in _OPTIONS else "auto"
        if name == NONE:
            return None
        names = candidates(kind, self.weights) if name == "auto" else [full_name(kind, name)]
        steps = [self._step(entry) for entry in names]
        key = json.dumps([self.device, *(asdict(step) for step in steps)], sort_keys=True)
        if key not in _FOUND:
            found, _ = choose(steps, self.device)
            if found is None:
                return None
            _FOUND[key] = found
        return _FOUND[key]

    def steps(self, kinds: Iterable[str], given: Iterable[str] = ()) -> dict[str, Step]:
        """The annotators of these conditions and of what they need themselves; without those that nobody here makes.

        Args:
            kinds: conditions to be made.
            given: conditions that are there already, for annotators that need them.

        Returns:
            Condition -> annotator; a given one has the annotator that makes nothing.
        """
        wanted, given = list(kinds), set(given)
        found: dict[str, Step] = {}
        waiting = list(wanted)
        while waiting:
            kind = waiting.pop(0)
            if kind in found:
                continue
            step = Step(f"{kind}/hand") if kind in given and kind not in wanted else self.step(kind)
            if step is not None:
                found[kind] = step
                waiting += _needs(step)
        while lacking := [kind for kind, step in found.items() if not set(_needs(step)) <= set(found)]:
            for kind in lacking:
                del found[kind]
        return found

    def ways(self, kind: str) -> list[str]:
        """How a condition that nobody here makes can be had: every annotator of it with what it lacks."""
        option = _OPTIONS.get(kind, "")
        said = []
        for name in dict.fromkeys([*candidates(kind), *annotator_names(kind)]):
            if name.endswith("/hand"):
                continue
            problem = problem_of(self._step(name), self.device)
            if problem is not None:
                said.append(f"{name} ({problem.mend or problem.problem})")
                continue
            needs = _needs(self._step(name))
            said.append(f"{name} (--{option} {name.partition('/')[2]}{', needs ' + ', '.join(needs) if needs else ''})")
        if kind in _DRAWN:
            said.append(f"draw it (--{option} hand)")
        return said


def _needs(step: Step) -> list[str]:
    return [need for need in annotator_class(step.name).needs if need != CATEGORY]


def missing_error(item: str, lacks: Sequence[tuple[str, str]], makers: Makers) -> MissingError:
    """One line for everything that nobody here can fill in.

    Args:
        item: id of the sample.
        lacks: (need of a method's card, condition that an annotator would have to provide; empty where none can).
        makers: who was asked.
    """
    by_kind: dict[str, list[str]] = {}
    for need, kind in lacks:
        by_kind.setdefault(kind, []).append(need)
    said = []
    for kind, needs in by_kind.items():
        if not kind and all(need.startswith("wearer.") for need in needs):
            said.append(f"{', '.join(needs)}: give a photo of somebody who wears the garment")
        elif not kind:
            said.append(f"{', '.join(needs)}: no annotator makes it, use a dataset that has it")
        else:
            files = [f"a file (--{file_option(need)})" for need in needs if need in FILE_OPTIONS]
            said.append(f"{', '.join(needs)}: {'; '.join([*makers.ways(kind), *files])}")
    return MissingError(
        f"{item}: nobody here makes {', '.join(need for need, _ in lacks)}", mend="one of — " + " | ".join(said)
    )


#: need -> the argument that gives its file
FILE_OPTIONS: Mapping[str, str] = {
    "person.pose": "person_pose",
    "person.parse": "person_parse",
    "garment.mask": "garment_mask",
    **{f"{who}.{kind}": f"garment_{kind}" for who in ("worn", "wearer") for kind in ("pose", "parse")},
}


def file_option(need: str) -> str:
    """The option that gives a need's file, as on the command line."""
    return FILE_OPTIONS[need].replace("_", "-")

"""What is to be annotated by whom: a plan of steps, written into the dataset so that it can be brought up to date later."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import torch

from ..core.errors import FittingroomError, InputError, MissingError
from ..core.files import read_json, sha256_json, write_json
from .base import Annotator
from .conditions import CONDITIONS, Role, condition
from .journal import FOLDER
from .reading import Reading
from .registry import is_own, load_annotator

PLAN = f"{FOLDER}/plan.json"
#: given to annotators of garments besides conditions
CATEGORY = "category"


@dataclass(frozen=True)
class Step:
    """One annotator of a plan.

    Args:
        name: see :func:`.registry.annotator_names`, or any name together with ``target``.
        target: ``module:class`` of an annotator that is not registered (floors above offer theirs this way).
        weights_file: a file or folder of weights instead of the manifest's.
        options: of the annotator.
    """

    name: str
    target: str = ""
    weights_file: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self, device: str) -> Annotator:
        """Load it, see :func:`.registry.load_annotator`."""
        path = Path(self.weights_file) if self.weights_file else None
        return load_annotator(self.name, path, device, target=self.target, **self.options)


@dataclass(frozen=True)
class Plan:
    """All steps, how photos are read, and the device."""

    steps: tuple[Step, ...]
    reading: Reading = field(default_factory=Reading)
    device: str = "cpu"

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        steps = [
            {"name": step.name, "target": step.target, "weights_file": step.weights_file, "options": dict(step.options)}
            for step in self.steps
        ]
        reading = {"longest": self.reading.longest, "max_pixels": self.reading.max_pixels}
        return {"steps": steps, "reading": reading, "device": self.device}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Plan:
        """The reverse of :meth:`as_json`.

        Raises:
            InputError: not a plan.
        """
        try:
            steps = tuple(Step(**step) for step in value["steps"])
            return Plan(steps, Reading(**value["reading"]), str(value.get("device", "cpu")))
        except (KeyError, TypeError) as error:
            raise InputError(f"not a plan of annotators ({error})", mend="run `fittingroom annotate` again") from error

    def save(self, root: Path) -> None:
        """Write it into the dataset, for :func:`.runner.rederive`; paths become absolute."""
        value = self.as_json()
        for step in value["steps"]:
            step["weights_file"] = str(Path(step["weights_file"]).resolve()) if step["weights_file"] else ""
        path = root / PLAN
        if not path.is_file() or read_json(path) != value:
            write_json(path, value)

    @staticmethod
    def of(root: Path) -> Plan:
        """The plan that a dataset was annotated with.

        Raises:
            InputError: it has none, or a broken one.
        """
        if not (root / PLAN).is_file():
            raise InputError("not annotated here", mend="run `fittingroom annotate` first", path=root)
        return Plan.from_json(read_json(root / PLAN))


@dataclass(frozen=True, eq=False)
class Loaded:
    """A plan with its annotators, in an order in which each finds what it needs.

    Args:
        plan: the plan.
        annotators: for every role.
        settings: annotator's name -> hash of name and settings.
    """

    plan: Plan
    annotators: Mapping[Role, tuple[Annotator, ...]]
    settings: Mapping[str, str]

    @property
    def finder(self) -> Annotator | None:
        """Who tells people from garments: the pose annotator."""
        return next((entry for entry in self.annotators["person"] if entry.provides == "pose"), None)


def in_order(annotators: Iterable[Annotator]) -> tuple[Annotator, ...]:
    """Each after those whose conditions it needs.

    Raises:
        InputError: two provide the same condition, one needs what nobody provides, or they need each other.
    """
    waiting: dict[str, Annotator] = {}
    for entry in annotators:
        condition(entry.provides)
        if entry.provides in waiting:
            raise InputError(
                f"{waiting[entry.provides].name} and {entry.name} both provide {entry.provides}",
                mend="choose one of them",
            )
        waiting[entry.provides] = entry
    ordered: list[Annotator] = []
    have = {CATEGORY}
    for entry in waiting.values():
        if absent := [need for need in entry.needs if need not in waiting and need not in have]:
            raise InputError(
                f"{entry.name} needs {', '.join(absent)}, which no chosen annotator provides",
                mend=f"add one for {absent[0]}, or leave {entry.name} out",
            )
    while waiting:
        ready = [entry for entry in waiting.values() if set(entry.needs) <= have]
        if not ready:
            raise InputError(f"annotators need each other: {', '.join(waiting)}", mend="leave one of them out")
        for entry in ready:
            ordered.append(entry)
            have.add(entry.provides)
            del waiting[entry.provides]
    return tuple(ordered)


def load_plan(plan: Plan) -> Loaded:
    """Load the annotators of a plan.

    Raises:
        InputError, MissingError: see :func:`.registry.load_annotator` and :func:`in_order`.
    """
    return _loaded(plan, [step.load(plan.device) for step in plan.steps])


def _loaded(plan: Plan, annotators: Iterable[Annotator]) -> Loaded:
    ordered = in_order(annotators)
    by_role: dict[Role, tuple[Annotator, ...]] = {
        role: tuple(entry for entry in ordered if CONDITIONS[entry.provides].role == role)
        for role in ("person", "garment")
    }
    settings = {entry.name: sha256_json([entry.name, dict(entry.settings())]) for entry in ordered}
    return Loaded(plan, by_role, settings)


@lru_cache(maxsize=2)
def _cached(text: str) -> Loaded:
    import json

    # one thread: sums in another order could change last bits with the machine's cores; several workers are faster anyway
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    return load_plan(Plan.from_json(json.loads(text)))


def loaded(plan_text: str) -> Loaded:
    """The loaded plan of this process (workers load once and do many shards)."""
    return _cached(plan_text)


def choose(candidates: Iterable[Step], device: str = "cpu") -> tuple[Step | None, list[FittingroomError]]:
    """The first step whose annotator can be loaded here, and why those before it cannot.

    Raises:
        InputError: one of ours cannot be loaded for another reason than that something is missing.
    """
    problems: list[FittingroomError] = []
    for step in candidates:
        problem = problem_of(step, device)
        if problem is None:
            return step, problems
        if is_own(step.name) and not isinstance(problem, MissingError):
            raise problem
        problems.append(problem)
    return None, problems


def problem_of(step: Step, device: str = "cpu") -> FittingroomError | None:
    """Why an annotator cannot be loaded here, as one line with the mend; None where it can."""
    try:
        step.load(device)
    except FittingroomError as error:
        return error
    except Exception as error:  # a third party's code may raise anything
        return InputError(
            f"annotator {step.name!r} cannot be loaded ({type(error).__name__}: {error})",
            mend="update or remove the package that offers it",
        )
    return None


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

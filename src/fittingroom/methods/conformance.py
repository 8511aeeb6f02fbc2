"""The tests that every method passes, ours and those of other packages: ``fittingroom methods --check NAME``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..core.errors import FittingroomError, InputError
from ..data.dataset import Dataset
from ..data.sample import CATEGORIES, Photo, Sample
from .base import Method
from .registry import load_method, method_class

_LANGUAGES = ("en", "ru")


@dataclass(frozen=True)
class CheckResult:
    """One test.

    Args:
        name: what was tested.
        passed: whether it holds.
        detail: what was found instead.
    """

    name: str
    passed: bool
    detail: str = ""


class _Failed(Exception):
    """A test does not hold."""


def _demand(condition: bool, detail: str) -> None:
    if not condition:
        raise _Failed(detail)


def _samples(method: type[Method]) -> list[Sample]:
    """A sample of each category that the method can put on, from the embedded dataset."""
    dataset = Dataset.open("drawn-mini")
    found: dict[str, Sample] = {}
    for sample in dataset.samples("unpaired"):
        if sample.category in method.card.categories:
            found.setdefault(sample.category, sample)
    return list(found.values())


def _card(method: type[Method]) -> None:
    card = method.card
    for field in ("name", "title", "family", "code_licence", "weights_licence"):
        _demand(bool(getattr(card, field)), f"the card's {field} is empty")
    for field in ("summary", "data", "limits"):
        for language in _LANGUAGES:
            _demand(bool(getattr(card, field).get(language)), f"the card's {field} has no {language} text")
    _demand(bool(card.categories) and set(card.categories) <= set(CATEGORIES), f"categories {card.categories}")
    for need in (*card.needs, *card.uses):
        who, dot, condition = need.partition(".")
        _demand(
            bool(dot and condition) and who in ("person", "garment", "worn", "wearer"),
            f"need {need!r} is not WHO.CONDITION",
        )
    _demand("person.image" in card.needs, "every method needs person.image")


def _losses(method: type[Method]) -> None:
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for loss in method.card.losses:
        for language in _LANGUAGES:
            _demand(
                bool(loss.text.get(language) and loss.where.get(language)), f"loss {loss.name} has no {language} text"
            )
        texts = [loss.symbol, loss.formula, *(part for text in loss.where.values() for part in text.split("$")[1::2])]
        for latex in texts:
            try:
                parser.parse(f"${latex}$")
            except ValueError:
                raise _Failed(f"loss {loss.name}: {latex!r} cannot be typeset by mathtext") from None


def _settings(method: Method) -> None:
    try:
        json.dumps(dict(method.settings()))
    except TypeError as error:
        raise _Failed(f"settings are not JSON values: {error}") from error


def _unknown_setting(method: Method) -> None:
    try:
        type(method).load(None, device="cpu", no_such_setting=1)
    except FittingroomError as error:
        _demand("\n" not in str(error), "the refusal has more than one line")
        return
    except TypeError as error:
        raise _Failed(f"an unknown setting gives a TypeError instead of an InputError: {error}") from error
    raise _Failed("an unknown setting is taken")


def _output(method: Method, samples: list[Sample]) -> None:
    for sample in samples:
        image = method.run(sample, seed=1)
        person = sample.person.image()
        _demand(
            image.dtype == np.uint8 and image.shape == person.shape,
            f"{sample.id}: {image.dtype} {image.shape} for a photo of {person.shape}",
        )
        _demand(bool((image != person).any()), f"{sample.id}: the photo came back unchanged")


def _deterministic(method: Method, samples: list[Sample]) -> None:
    first = [method.run(sample, seed=7) for sample in samples]
    torch.manual_seed(12345)
    np.random.default_rng(5)
    again = [
        method.run(replace(sample, person=sample.person.fresh(), garment=sample.garment.fresh()), seed=7)
        for sample in reversed(samples)
    ][::-1]
    for sample, a, b in zip(samples, first, again, strict=True):
        _demand(bool((a == b).all()), f"{sample.id}: the same seed gives another picture")


def _batches(method: Method, samples: list[Sample]) -> None:
    alone = [method.run(sample, seed=index) for index, sample in enumerate(samples)]
    together = method.generate([method.conditions(sample) for sample in samples], list(range(len(samples))))
    _demand(len(together) == len(samples), f"{len(together)} pictures for {len(samples)} samples")
    for sample, a, b in zip(samples, alone, together, strict=True):
        worst = int(np.abs(a.astype(int) - b.astype(int)).max())
        _demand(worst <= 1, f"{sample.id}: differs by {worst} grey levels when made in a batch")


def _missing(method: Method, samples: list[Sample]) -> None:
    for need in method.card.needs:
        who, condition = need.split(".", 1)
        sample = samples[0]
        photo: Photo | None = sample.person if who == "person" else sample.garment
        if who == "wearer" and not sample.garment.worn:
            photo = sample.wearer
        if who == "worn" or photo is None or not photo.has(condition):
            continue
        poorer = replace(
            photo.fresh(), files={name: path for name, path in photo.files.items() if name != condition}, given={}
        )
        role = "person" if photo is sample.person else "wearer" if photo is sample.wearer else "garment"
        changed = replace(sample, **{role: poorer})  # type: ignore[arg-type]
        try:
            method.run(changed)
        except FittingroomError as error:
            _demand("\n" not in str(error), f"without {need} the error has more than one line")
            continue
        except Exception as error:
            raise _Failed(f"without {need}: {type(error).__name__} instead of one clear line") from error
        raise _Failed(f"without {need} it runs although the card says it is needed")


def _saved(method: Method, samples: list[Sample]) -> None:
    if not method.card.trained:
        try:
            with tempfile.TemporaryDirectory() as folder:
                method.save(Path(folder))
        except InputError:
            return
        raise _Failed("a method without weights saved some")
    with tempfile.TemporaryDirectory() as folder:
        method.save(Path(folder))
        again = type(method).load(folder)
        _demand(
            bool((again.run(samples[0], seed=3) == method.run(samples[0], seed=3)).all()),
            "a saved and loaded method gives another picture",
        )


def _run(checks: list[tuple[str, Callable[[], None]]]) -> Iterator[CheckResult]:
    for name, check in checks:
        try:
            check()
        except _Failed as failure:
            yield CheckResult(name, False, str(failure))
        except Exception as error:  # whatever a method raises, the other checks still run
            yield CheckResult(name, False, " ".join(f"{type(error).__name__}: {error}".split()))
        else:
            yield CheckResult(name, True)


def check_method(name: str, weights: str | Path | None = None) -> list[CheckResult]:
    """Run all conformance tests on a method, on the embedded dataset.

    Args:
        name: of the method.
        weights: see :meth:`Method.load`; None for the embedded ones.

    Raises:
        InputError: no such method.
        MissingError: it has no embedded weights and none are given.
    """
    kind = method_class(name)
    results = list(
        _run(
            [
                ("the card is complete, in both languages", lambda: _card(kind)),
                ("every formula can be typeset", lambda: _losses(kind)),
            ]
        )
    )
    samples = _samples(kind)
    method = load_method(name, weights)
    checks: list[tuple[str, Callable[[], None]]] = [
        ("settings are JSON values", lambda: _settings(method)),
        ("unknown settings are refused in one line", lambda: _unknown_setting(method)),
        ("pictures have the size of the person's photo", lambda: _output(method, samples)),
        ("the same seed gives the same picture, in any order", lambda: _deterministic(method, samples)),
        ("a picture does not depend on its batch", lambda: _batches(method, samples)),
        ("a missing condition is one clear line", lambda: _missing(method, samples)),
        ("saving and loading restores the method", lambda: _saved(method, samples)),
    ]
    return [*results, *_run(checks)]

"""Methods by name: our own, and those that other packages offer through the entry point ``fittingroom.methods``."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.plugins import load_target
from .base import Method, MethodCard

ENTRY_POINT = "fittingroom.methods"
#: our own: name -> "module:class", imported only when asked for
OWN = {
    "baseline": "fittingroom.methods.baseline.method:Baseline",
    "pasta-gan++": "fittingroom.methods.pasta_gan_pp.method:PastaGan",
    "ladi-vton": "fittingroom.methods.ladi_vton.method:LadiVton",
    "promptdresser": "fittingroom.methods.promptdresser.method:PromptDresser",
}


def _targets() -> dict[str, str]:
    targets = {point.name: point.value for point in entry_points(group=ENTRY_POINT)}
    return {**targets, **OWN}


def method_names() -> list[str]:
    """Names of all methods, our own first."""
    return [*OWN, *sorted(set(_targets()) - set(OWN))]


def method_class(name: str) -> type[Method]:
    """The class of the method called ``name``.

    Raises:
        InputError: no such method, or a third party's that cannot be imported.
    """
    targets = _targets()
    found = load_target("method", name, targets, method_names())
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise InputError(
            f"method {name!r} is not a fittingroom Method",
            mend="its entry point must name a subclass of fittingroom.methods.base.Method",
        )
    return found


def card(name: str) -> MethodCard:
    """The card of a method, without loading it."""
    return method_class(name).card


def load_method(name: str, weights: str | Path | None = None, *, device: str = "cpu", **settings: Any) -> Method:
    """Load a method by name, see :meth:`Method.load`."""
    return method_class(name).load(weights, device=device, **settings)

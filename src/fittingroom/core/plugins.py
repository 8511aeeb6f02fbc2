"""Finding what is named ``module:class``: our own things and those that other packages offer through entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from .errors import InputError


def load_target(kind: str, name: str, targets: Mapping[str, str], known: Iterable[str]) -> Any:
    """What ``targets`` names.

    Args:
        kind: what it is, for messages: ``method``, ``annotator``.
        name: whose.
        targets: name -> ``module:attribute``.
        known: names to offer where there is no such one.

    Raises:
        InputError: no such name, or a third party's that cannot be imported.
    """
    if name not in targets:
        raise InputError(f"no {kind} named {name!r}", mend=f"there are: {', '.join(known)}")
    module, _, attribute = targets[name].partition(":")
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # a third party's code may raise anything on import
        raise InputError(
            f"{kind} {name!r} cannot be imported ({type(error).__name__}: {error})",
            mend="update or remove the package that offers it",
        ) from error

"""The libraries of the extra ``diffusion``, imported only when a network is wanted."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..core.errors import MissingError


def need(module: str) -> Any:
    """Import ``diffusers`` or ``transformers``.

    Raises:
        MissingError: not installed; the mend is the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingError(
            f"diffusion methods need {module} ({error})", mend="pip install 'fittingroom[diffusion]'"
        ) from error

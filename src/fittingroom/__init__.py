"""fittingroom: a workbench for image-based virtual try-on.

>>> import fittingroom as fr
>>> run = fr.compare("drawn-mini", ["baseline"], out="runs/first")  # doctest: +SKIP
>>> print(run.table())  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Dataset, Run, Trained, compare, evaluate, load_method, train

__version__ = "0.1.0"
__all__ = ["Dataset", "Run", "Trained", "__version__", "compare", "evaluate", "load_method", "train"]


def __getattr__(name: str) -> Any:
    # imported on first use: `import fittingroom` and `fittingroom --help` stay quick without torch
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

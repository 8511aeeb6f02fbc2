"""The one training loop: any method's task, on a processor or on many GPUs, resumable to the bit.

This package shares its name with the function ``fittingroom.train``; as with ``fittingroom.compare``, the module itself is
callable.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function of the Python interface, see :func:`fittingroom.api.train`."""
        return import_module("fittingroom.api").train(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage

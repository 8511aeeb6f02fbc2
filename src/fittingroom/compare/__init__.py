"""The main job: methods x pairs x metrics -> a run.

This package shares its name with the function ``fittingroom.compare``. Importing a package sets its name in the one above
it, so the module itself is callable: ``fr.compare(...)`` works whatever was imported before.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function of the Python interface, see :func:`fittingroom.api.compare`."""
        return import_module("fittingroom.api").compare(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage

"""The region to be painted anew, and the photo without it, as all methods and metrics here agree upon it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..core.images import UInt8
from ..data.regions import edit_region
from ..data.single import as_category
from .base import Annotation, NothingFoundError

_GREY = 128


class CanonicalMask:
    """:func:`~..data.regions.edit_region` of one category.

    Args:
        category: ``upper``, ``lower`` or ``dress``.
    """

    name: ClassVar[str] = "agnostic-mask/canonical"
    provides: ClassVar[str] = "agnostic-mask"
    needs: ClassVar[tuple[str, ...]] = ("pose", "parse")
    licence: ClassVar[str] = "Apache-2.0 (no weights)"

    def __init__(self, category: str = "upper") -> None:
        self._category = as_category(category)

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"category": self._category, "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`."""
        mask = edit_region(given["parse"], given["pose"], self._category)
        if not mask.any():
            raise NothingFoundError(
                f"nothing to be painted anew for category {self._category}", mend="correct the parse by hand"
            )
        covered = float(mask.mean())
        odd = covered < 0.02 or covered > 0.75
        return Annotation(mask, 0.3 if odd else 1.0, (f"covers {covered:.0%} of the photo",) if odd else ())


class GreyPicture:
    """The photo with the region of ``agnostic-mask`` grey."""

    name: ClassVar[str] = "agnostic/grey"
    provides: ClassVar[str] = "agnostic"
    needs: ClassVar[tuple[str, ...]] = ("agnostic-mask",)
    licence: ClassVar[str] = "Apache-2.0 (no weights)"

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"grey": _GREY, "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`."""
        return Annotation(np.where(given["agnostic-mask"][..., None], np.uint8(_GREY), photo).astype(np.uint8), 1.0)

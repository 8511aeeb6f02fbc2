"""Conditions that only a person makes: they wait in the review's queue, and what depends on them follows once they are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..core.images import UInt8
from .base import Annotation, ToBeMadeByHandError

_LICENCE = "that of whoever draws it"


class _Hand:
    """Makes nothing."""

    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = _LICENCE

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`.

        Raises:
            ToBeMadeByHandError: always.
        """
        raise ToBeMadeByHandError("to be made by hand", mend="draw it in the review")


class HandPose(_Hand):
    """Joints drawn by hand."""

    name: ClassVar[str] = "pose/hand"
    provides: ClassVar[str] = "pose"


class HandParse(_Hand):
    """A parse painted by hand."""

    name: ClassVar[str] = "parse/hand"
    provides: ClassVar[str] = "parse"


class HandGarmentMask(_Hand):
    """A garment's mask painted by hand."""

    name: ClassVar[str] = "garment-mask/hand"
    provides: ClassVar[str] = "garment-mask"

"""The person's mask by the parser's network: all that it does not take for background, bags included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...core.images import UInt8
from ..base import Annotation, NothingFoundError
from .annotator import EmbeddedParse, eyes, without_bystanders


class EmbeddedMask:
    """Where the parser sees a person; the parse of the same photo then costs no second look.

    Args:
        weights_file: see :class:`.annotator.EmbeddedParse`.
        device: torch device.

    Raises:
        MissingError: the package comes without these weights and none are named.
        InputError: they cannot be read.
    """

    name: ClassVar[str] = "person-mask/embedded"
    provides: ClassVar[str] = "person-mask"
    needs: ClassVar[tuple[str, ...]] = ("pose",)
    licence: ClassVar[str] = EmbeddedParse.licence

    def __init__(self, weights_file: Path | None = None, device: str = "cpu") -> None:
        self._hash, self._eyes = eyes(self.name, weights_file, device)

    def settings(self) -> Mapping[str, Any]:
        """See :class:`..base.Annotator`."""
        return {"version": 3, "weights": self._hash}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`..base.Annotator`.

        Raises:
            NothingFoundError: background only.
        """
        background = self._eyes.look(photo, given["pose"], None)[0]
        person = without_bystanders((background < 0.5).astype(np.uint8), given["pose"]) > 0
        if not person.any():
            raise NothingFoundError(
                "no person to be seen by the parser", mend="leave the photo out, or name another mask's annotator"
            )
        sure = float((1 - background)[person].mean())
        return Annotation(person, min(max(sure, 0.0), 1.0))

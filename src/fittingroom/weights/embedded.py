"""Weights that come with the package: small models of our own, in ``weights/embedded/<method>``."""

from __future__ import annotations

import logging
from pathlib import Path

from ..core.errors import MissingError

LOG = logging.getLogger("fittingroom")
ROOT = Path(__file__).parent / "embedded"
#: what is said of a method's embedded weights, written when they are made
CARD = "MODEL_CARD.md"


def embedded_folder(method: str, root: Path | None = None) -> Path | None:
    """The folder of a method's embedded weights; None where there are none.

    Args:
        method: its name.
        root: of all embedded weights; the package's own if not given.
    """
    folder = (root or ROOT) / method
    return folder if (folder / CARD).is_file() else None


def require_embedded(method: str, others: str) -> Path:
    """The folder of a method's embedded weights, with a word of warning: they are small.

    Args:
        method: its name.
        others: which other weights there are, for messages.

    Raises:
        MissingError: the package has none for this method.
    """
    folder = embedded_folder(method)
    if folder is None:
        raise MissingError(f"{method} comes without weights", mend=f"name some: {others}")
    LOG.warning(
        "%s: the embedded mini weights are small and know few people and garments; better ones: %s", method, others
    )
    return folder


def own_weights(annotator: str, name: str, given: Path | None) -> Path:
    """The folder of an annotator's weights: the one that was given (or that of a file in it), else the package's.

    Raises:
        MissingError: none were given, and the package has none.
    """
    if given is not None:
        return given.parent if given.is_file() else given
    folder = embedded_folder(name)
    if folder is None:
        raise MissingError(
            f"{annotator} comes without weights",
            mend=f"train some (docs/annotate.md) and name them: --weights-file {annotator}=FOLDER",
        )
    return folder

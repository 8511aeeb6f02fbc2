"""Annotators by name: our own, and those that other packages offer through the entry point ``fittingroom.annotators``."""

from __future__ import annotations

import inspect
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.plugins import load_target
from .base import Annotator

ENTRY_POINT = "fittingroom.annotators"
#: name -> "module:class", imported only when asked for
_OWN: dict[str, str] = {
    "pose/mediapipe": "fittingroom.annotate.pose_mediapipe:MediaPipePose",
    "pose/openpose": "fittingroom.annotate.pose.openpose:OpenPose",
    "pose/rtmpose": "fittingroom.annotate.pose.rtmpose:RtmPose",
    "pose/vitpose": "fittingroom.annotate.pose.vitpose:VitPose",
    "pose/embedded": "fittingroom.annotate.pose.embedded:EmbeddedPose",
    "person-mask/mediapipe": "fittingroom.annotate.pose_mediapipe:MediaPipeMask",
    "person-mask/embedded": "fittingroom.annotate.parser.mask:EmbeddedMask",
    "person-mask/grabcut": "fittingroom.annotate.person_mask:GrabCutPerson",
    "parse/embedded": "fittingroom.annotate.parser.annotator:EmbeddedParse",
    "parse/segformer": "fittingroom.annotate.parse_segformer:SegformerParse",
    "parse/schp": "fittingroom.annotate.parse_onnx:SchpParse",
    "pose/hand": "fittingroom.annotate.hand:HandPose",
    "parse/hand": "fittingroom.annotate.hand:HandParse",
    "garment-mask/hand": "fittingroom.annotate.hand:HandGarmentMask",
    "densepose/file": "fittingroom.annotate.densepose_file:FileDensePose",
    "agnostic-mask/canonical": "fittingroom.annotate.agnostic:CanonicalMask",
    "agnostic/grey": "fittingroom.annotate.agnostic:GreyPicture",
    "garment-mask/colour": "fittingroom.annotate.garment_mask:ColourMask",
    "garment-mask/rembg": "fittingroom.annotate.garment_mask:RembgMask",
}


def _targets() -> dict[str, str]:
    return {**{point.name: point.value for point in entry_points(group=ENTRY_POINT)}, **_OWN}


def annotator_names(provides: str = "") -> list[str]:
    """Names of all annotators, our own first; only those whose name begins with ``provides/`` where that is given."""
    names = [*_OWN, *sorted(set(_targets()) - set(_OWN))]
    return [name for name in names if not provides or name.startswith(f"{provides}/")]


def is_own(name: str) -> bool:
    """Whether an annotator is one of ours; others may raise anything, and are passed over where nobody named them."""
    return name in _OWN


def full_name(kind: str, name: str) -> str:
    """``pose``, ``mediapipe`` -> ``pose/mediapipe``; a full name stays."""
    return name if "/" in name else f"{kind}/{name}"


def annotator_class(name: str, target: str = "") -> type[Any]:
    """The class of the annotator called ``name``, not yet loaded.

    Args:
        name: of a registered one, or any together with ``target``.
        target: ``module:class``; floors above this one offer their annotators so.

    Raises:
        InputError: no such annotator, or a third party's that cannot be imported.
    """
    targets = {name: target} if target else _targets()
    found = load_target("annotator", name, targets, annotator_names())
    missing = [
        key for key in ("name", "provides", "needs", "licence", "settings", "annotate") if not hasattr(found, key)
    ]
    if missing or not isinstance(found, type):
        raise InputError(
            f"annotator {name!r} is not a fittingroom Annotator (no {', '.join(missing) or 'class'})",
            mend="see fittingroom.annotate.base.Annotator",
        )
    return found


def load_annotator(
    name: str, weights_file: Path | None = None, device: str = "cpu", *, target: str = "", **options: Any
) -> Annotator:
    """Load an annotator.

    Args:
        target: see :func:`annotator_class`.
        name: see :func:`annotator_names`.
        weights_file: a file or folder of weights to be used instead of the manifest's.
        device: torch device.
        options: the annotator's own.

    Raises:
        InputError: no such annotator, weights that cannot be read, or an option that it does not have.
        MissingError: weights or a library are not here; the mend says how to get them.
    """
    kind = annotator_class(name, target)
    known = inspect.signature(kind).parameters
    given = {"weights_file": weights_file, "device": device, **options}
    for key, value in given.items():
        if key not in known and key != "device" and value is not None:
            raise InputError(f"annotator {name!r} has no option {key!r}", mend=f"it has: {', '.join(known) or 'none'}")
    loaded = kind(**{key: value for key, value in given.items() if key in known})
    if not isinstance(loaded, Annotator):
        raise InputError(f"annotator {name!r} is not a fittingroom Annotator", mend="see fittingroom.annotate.base")
    return loaded

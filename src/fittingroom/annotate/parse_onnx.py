"""Human parsing by SCHP-style networks in ONNX files: LIP-20, ATR-18 or CIHP-20.

Li et al., Self-Correction for Human Parsing, TPAMI 2020. Such networks take a square picture in BGR, the photo in its
middle on black, normalised by ImageNet's statistics in that order of channels; their last output of as many channels as
there are labels is the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from ..core.errors import InputError, MissingError
from ..core.images import UInt8
from ..core.labels import LABEL_SETS
from .base import Annotation
from .onnx_model import Network
from .parse_common import finish, softmax

_MEAN = np.array((0.406, 0.456, 0.485), np.float32)
_STD = np.array((0.225, 0.224, 0.229), np.float32)
#: side of the square for networks that do not say it
_SIDES = {"lip20": 473, "atr18": 512, "cihp20": 512}


class SchpParse:
    """A parser of one of the three label sets, told apart by its number of channels.

    Args:
        weights_file: ``.onnx`` (or TorchScript) file.
        labels: ``lip20``, ``atr18`` or ``cihp20``; needed where 20 channels may be either of two.
        device: torch device.

    Raises:
        MissingError: no file, or no onnxruntime.
        InputError: unknown labels, or a broken file.
    """

    name: ClassVar[str] = "parse/schp"
    provides: ClassVar[str] = "parse"
    needs: ClassVar[tuple[str, ...]] = ("pose",)
    licence: ClassVar[str] = "MIT (published code); weights: trained on LIP, ATR or CIHP, for research"

    def __init__(self, weights_file: Path | None = None, labels: str = "", device: str = "cpu") -> None:
        if weights_file is None:
            raise MissingError(
                "parse/schp needs a network in a file (parsing_lip.onnx or parsing_atr.onnx, 267 MB, from the demos of "
                "IDM-VTON or OOTDiffusion on huggingface.co)",
                mend="--weights-file parse/schp=PATH",
            )
        path = Path(weights_file)
        guessed = next((name for name in _SIDES if name.rstrip("0123456789") in path.stem.lower()), "")
        chosen = labels or guessed or "lip20"
        if chosen not in _SIDES:
            raise InputError(f"no label set named {labels!r} here", mend=f"choose from {', '.join(_SIDES)}")
        self._labels = LABEL_SETS[chosen]
        self._network = Network(path, device)
        side = _SIDES[self._labels.name]
        self._size = self._network.input_size or (side, side)

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"weights": self._network.sha256, "labels": self._labels.name, "size": list(self._size), "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`."""
        height, width = photo.shape[:2]
        scale = min(self._size[0] / height, self._size[1] / width)
        shift = [(self._size[1] - scale * width) / 2, (self._size[0] - scale * height) / 2]
        there = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)
        boxed = cv2.warpAffine(photo[..., ::-1], there, (self._size[1], self._size[0]), flags=cv2.INTER_LINEAR)
        planes = ((boxed.astype(np.float32) / 255 - _MEAN) / _STD).transpose(2, 0, 1)[None]
        outputs = self._network(np.ascontiguousarray(planes))
        fitting = [value for value in outputs if value.ndim == 4 and value.shape[1] == len(self._labels)]
        if not fitting:
            shapes = ", ".join(str(value.shape) for value in outputs)
            raise InputError(
                f"the network's outputs ({shapes}) are not of the {len(self._labels)} labels of {self._labels.name}",
                mend="name the right labels",
            )
        logits = fitting[-1][0]
        # from the network's grid straight to the photo's: one interpolation
        grid = (self._size[1] / logits.shape[2], self._size[0] / logits.shape[1])
        back = np.array(
            [
                [scale / grid[0], 0, (shift[0] + 0.5) / grid[0] - 0.5],
                [0, scale / grid[1], (shift[1] + 0.5) / grid[1] - 0.5],
            ]
        )
        whole = np.stack(
            [
                cv2.warpAffine(
                    plane,
                    back,
                    (width, height),
                    flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                    borderMode=cv2.BORDER_REPLICATE,
                )
                for plane in logits
            ]
        )
        return finish(softmax(whole.astype(np.float32)), self._labels, given.get("pose"))

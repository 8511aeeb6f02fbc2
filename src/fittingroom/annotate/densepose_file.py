"""A DensePose-like map by a network that the user has as an ONNX or TorchScript file.

Accepted are networks that take a photo ``(1, 3, H, W)`` in RGB, [0, 1], and give part probabilities ``(1, 25, h, w)``
(background and DensePose's 24 parts, Guler et al., CVPR 2018), optionally followed by U and V of as many channels.
The picture that is written has one colour for each part, shaded by U and V where there are any.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from ..core.errors import InputError, MissingError
from ..core.images import UInt8, fit_size, resize_image
from .base import Annotation, NothingFoundError
from .onnx_model import Network
from .parse_common import enlarge, softmax

PARTS = 25
_WORKING = 512
_COLOURS = np.array(
    [(0, 0, 0)] + [colorsys.hsv_to_rgb((part * 7 % 24) / 24, 0.75, 1.0) for part in range(1, PARTS)], np.float32
)


class FileDensePose:
    """See the module.

    Args:
        weights_file: the network.
        device: torch device.

    Raises:
        MissingError: no file.
    """

    name: ClassVar[str] = "densepose/file"
    provides: ClassVar[str] = "densepose"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = "that of the network you bring (the published DensePose weights are CC-BY-NC)"

    def __init__(self, weights_file: Path | None = None, device: str = "cpu") -> None:
        if weights_file is None:
            raise MissingError(
                "densepose/file needs a network in a file (export one from detectron2's DensePose as TorchScript or ONNX)",
                mend="--weights-file densepose/file=PATH, or leave DensePose out: no method here needs it",
            )
        self._network = Network(Path(weights_file), device)

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"weights": self._network.sha256, "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`."""
        own = (photo.shape[0], photo.shape[1])
        size = self._network.input_size or fit_size(own, (_WORKING, _WORKING))
        planes = resize_image(photo, size, "bilinear").astype(np.float32).transpose(2, 0, 1)[None] / 255
        outputs = [
            value
            for value in self._network(np.ascontiguousarray(planes))
            if value.ndim == 4 and value.shape[1] == PARTS
        ]
        if not outputs:
            raise InputError(
                f"the network gives no map of {PARTS} parts", mend="export part probabilities as the first output"
            )
        likely = softmax(enlarge(outputs[0][0], own))
        parts = likely.argmax(axis=0)
        if not parts.any():
            raise NothingFoundError("no body to be seen by the DensePose network", mend="leave the photo out")
        shade = np.ones(own, np.float32)
        if len(outputs) >= 3:
            chosen = torch.from_numpy(parts)[None]
            u, v = (
                torch.from_numpy(enlarge(value[0], own)).gather(0, chosen)[0].clamp(0, 1).numpy()
                for value in outputs[1:3]
            )
            shade = (0.4 + 0.3 * u + 0.3 * v).astype(np.float32)
        picture = np.rint(255 * _COLOURS[parts] * shade[..., None]).astype(np.uint8)
        return Annotation(picture, float(likely.max(axis=0)[parts > 0].mean().clip(0, 1)))

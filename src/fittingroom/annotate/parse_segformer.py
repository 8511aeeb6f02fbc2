"""Human parsing by a SegFormer in a folder, as ``transformers`` writes it; labels are read from its configuration.

Xie et al., SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers, NeurIPS 2021. The image
processor of the library is not used (some need torchvision): what it does is a resize and a normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from ..core.errors import InputError, MissingError
from ..core.files import read_json, sha256_file, sha256_json
from ..core.images import UInt8, resize_image
from ..core.labels import LabelSet
from ..weights.fetch import require
from .base import Annotation
from .parse_common import enlarge, finish, parts_of, softmax

#: entry of the manifest
WEIGHTS = "segformer-clothes"
_MEAN, _STD, _SIDE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 512


def _published() -> Path:
    try:
        return require(WEIGHTS).parent
    except MissingError as error:
        mend = f"fittingroom weights fetch {WEIGHTS}, or --weights-file parse/segformer=FOLDER"
        raise MissingError(error.problem, mend=mend) from error


class SegformerParse:
    """ATR-18 labels of the published clothes model, or those of any SegFormer whose class names are known parts.

    Args:
        weights_file: its folder, or the ``model.safetensors`` in it; None for the manifest's.
        device: torch device.

    Raises:
        MissingError: no weights here, or ``transformers`` is not installed.
        InputError: it cannot be loaded, or its classes are not parts of people.
    """

    name: ClassVar[str] = "parse/segformer"
    provides: ClassVar[str] = "parse"
    needs: ClassVar[tuple[str, ...]] = ("pose",)
    licence: ClassVar[str] = (
        "Apache-2.0 (transformers); weights: MIT, trained from NVIDIA's SegFormer (research licence)"
    )

    def __init__(self, weights_file: Path | None = None, device: str = "cpu") -> None:
        folder = Path(weights_file) if weights_file is not None else _published()
        folder = folder.parent if folder.is_file() else folder
        weights = folder / "model.safetensors"
        if not (folder / "config.json").is_file() or not weights.is_file():
            raise MissingError(
                "no SegFormer here (config.json and model.safetensors)", mend="name its folder", path=folder
            )
        try:  # takes seconds: only where there are weights
            from transformers import SegformerForSemanticSegmentation
        except ImportError as error:
            raise MissingError(
                "parse/segformer needs transformers", mend="pip install 'fittingroom[diffusion]'"
            ) from error
        config = read_json(folder / "config.json")
        names = {int(key): str(name) for key, name in dict(config.get("id2label") or {}).items()}
        if sorted(names) != list(range(len(names))) or not names:
            raise InputError(
                "its configuration names no classes (id2label)", mend="get the whole folder again", path=folder
            )
        parts, unknown = parts_of([names[index] for index in range(len(names))])
        if unknown:
            raise InputError(
                f"classes that are no parts of people: {', '.join(unknown[:4])}",
                mend="use a clothes model",
                path=folder,
            )
        try:
            kind: Any = SegformerForSemanticSegmentation
            model: Any = kind.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
        except Exception as error:  # the library raises OSError, ValueError, KeyError ... on what it cannot load
            raise InputError(
                f"not a SegFormer that can be loaded ({type(error).__name__}: {str(error).splitlines()[0][:120]})",
                mend="get the whole folder again",
                path=folder,
            ) from error
        self._labels = LabelSet("segformer", tuple(parts), "the model's configuration")
        self._model = model.to(device).eval()
        self._device = device
        self._hash = sha256_json([sha256_file(weights), config])
        given = folder / "preprocessor_config.json"
        options = read_json(given) if given.is_file() else {}
        size = options.get("size", _SIDE)
        size = size if isinstance(size, dict) else {"height": size, "width": size}
        self._size = (int(size.get("height", _SIDE)), int(size.get("width", _SIDE)))
        self._mean = np.array(options.get("image_mean", _MEAN), np.float32)
        self._std = np.array(options.get("image_std", _STD), np.float32)

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"weights": self._hash, "size": list(self._size), "mean": self._mean.tolist(), "version": 1}

    @torch.inference_mode()
    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`."""
        small = resize_image(photo, self._size, "bilinear").astype(np.float32) / 255
        planes = torch.from_numpy(((small - self._mean) / self._std).transpose(2, 0, 1)[None].copy())
        logits = self._model(pixel_values=planes.to(self._device)).logits[0].float().cpu().numpy()
        size = (photo.shape[0], photo.shape[1])
        return finish(softmax(enlarge(logits, size)), self._labels, given.get("pose"))

"""ViTPose through transformers: a vision transformer that places the joints within a person's box.

Xu et al., ViTPose: Simple Vision Transformer Baselines for Human Pose Estimation, NeurIPS 2022; ViTPose++, TPAMI 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from ...core.errors import InputError, MissingError
from ...core.files import sha256_file
from ...core.images import UInt8
from ...core.pose import Pose
from ..base import Annotation
from .choose import annotation, prominence, published
from .rtmpose import scored_pose

_BODY = 17


def _folder(path: Path) -> Path:
    """The folder of a model, given it or the file of weights in it."""
    folder = path.parent if path.is_file() else path
    if not (folder / "config.json").is_file():
        raise InputError("no config.json there", mend="give a folder as transformers saves it", path=folder)
    return folder


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".json"))
    return " ".join(f"{path.name}:{sha256_file(path)[:16]}" for path in files)


def _load(kind: Any, folder: Path, **options: Any) -> Any:
    from transformers import utils

    logging: Any = utils.logging
    bars = logging.is_progress_bar_enabled()  # a file of this machine loads at once: no bar
    logging.disable_progress_bar()
    try:
        return kind.from_pretrained(str(folder), local_files_only=True, **options)
    except Exception as error:  # transformers raises nearly anything on a folder that is not the model's
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"not a {kind.__name__} ({reason})", mend="check which model that is", path=folder) from error
    finally:
        if bars:
            logging.enable_progress_bar()


class VitPose:
    """Joints by ViTPose or ViTPose++.

    The person's box is that of the mask ``person-mask`` where one is given, else the detector's, else the whole photo.

    Args:
        weights_file: folder (or the file of weights in it) of a ``VitPoseForPoseEstimation``; the manifest's by default.
        device: torch device.
        detector: folder of a model for object detection with a class ``person`` (RT-DETR, D-FINE ...).
        threshold: of a joint's confidence.
        sure: of a detected person.
        dataset: which expert of a ViTPose++ is asked: 0 = COCO.

    Raises:
        InputError: a folder that is not such a model.
        MissingError: transformers or the weights are not here.
    """

    name: ClassVar[str] = "pose/vitpose"
    provides: ClassVar[str] = "pose"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = "code Apache-2.0 (transformers); weights of ViTPose Apache-2.0"

    def __init__(
        self,
        weights_file: Path | None = None,
        device: str = "cpu",
        detector: Path | None = None,
        threshold: float = 0.3,
        sure: float = 0.5,
        dataset: int = 0,
    ) -> None:
        try:
            import transformers
        except ImportError as error:
            raise MissingError("pose/vitpose needs transformers", mend="pip install fittingroom[diffusion]") from error
        folder = _folder(Path(weights_file) if weights_file is not None else published(self.name, "vitpose-base"))
        self._device, self._threshold, self._sure, self._dataset = device, threshold, sure, dataset
        self._version = transformers.__version__
        # safetensors only: a pickle in the folder is not read
        self._model = _load(transformers.VitPoseForPoseEstimation, folder, use_safetensors=True).to(device).eval()
        self._processor = _load(transformers.AutoImageProcessor, folder)
        self._experts = int(self._model.config.backbone_config.num_experts)
        self._digest, self._detector_digest = _digest(folder), "none"
        self._detector: Any = None
        if detector is not None:
            place = _folder(Path(detector))
            self._detector = (
                _load(transformers.AutoModelForObjectDetection, place, use_safetensors=True).to(device).eval()
            )
            self._detector_processor = _load(transformers.AutoImageProcessor, place)
            names = {str(name).lower(): int(index) for index, name in self._detector.config.id2label.items()}
            if "person" not in names:
                raise InputError("a detector without a class 'person'", mend="use one trained on COCO", path=place)
            self._person = names["person"]
            self._detector_digest = _digest(place)

    def settings(self) -> Mapping[str, Any]:
        """Versions, options and hashes of the folders' files."""
        return {
            "version": 1,
            "transformers": self._version,
            "threshold": self._threshold,
            "sure": self._sure,
            "dataset": self._dataset,
            "weights": self._digest,
            "detector": self._detector_digest,
        }

    def boxes(self, photo: UInt8, mask: np.ndarray | None = None) -> list[list[float]]:
        """Left, top, width, height of every person.

        Args:
            photo: ``(H, W, 3)`` uint8 RGB.
            mask: ``(H, W)`` bool of the one person wanted.
        """
        height, width = photo.shape[:2]
        if mask is not None:
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            if not len(rows):
                return []
            top, left = int(rows[0]), int(columns[0])
            return [[float(left), float(top), float(columns[-1] + 1 - left), float(rows[-1] + 1 - top)]]
        if self._detector is None:
            return [[0.0, 0.0, float(width), float(height)]]
        inputs = self._detector_processor(images=photo, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            outputs = self._detector(**inputs)
        found = self._detector_processor.post_process_object_detection(
            outputs, threshold=self._sure, target_sizes=[(height, width)]
        )[0]
        boxes = found["boxes"][found["labels"] == self._person].cpu().numpy()
        return [
            [float(left), float(top), float(right - left), float(bottom - top)] for left, top, right, bottom in boxes
        ]

    def people(self, photo: UInt8, mask: np.ndarray | None = None) -> list[tuple[Pose, float]]:
        """(pose, mean confidence) of everybody with a joint above the threshold, the largest and most central first."""
        boxes = self.boxes(photo, mask)
        if not boxes:
            return []
        inputs = self._processor(images=photo, boxes=[boxes], return_tensors="pt").to(self._device)
        if self._experts > 1:
            inputs["dataset_index"] = torch.full((len(boxes),), self._dataset, device=self._device)
        with torch.inference_mode():
            outputs = self._model(**inputs)
        results = self._processor.post_process_pose_estimation(outputs, boxes=[boxes])[0]
        size = (photo.shape[0], photo.shape[1])
        found = []
        for result in results:
            if len(result["keypoints"]) < _BODY:
                raise InputError(
                    f"a network of {len(result['keypoints'])} joints", mend="use one that begins with COCO's 17 joints"
                )
            joints = torch.cat([result["keypoints"], result["scores"][:, None]], dim=1).cpu().numpy()[:_BODY]
            pose, score = scored_pose(joints, self._threshold)
            if score > 0:
                found.append((pose, score))
        return sorted(found, key=lambda entry: -prominence(entry[0].joints, size))

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """The pose of the largest and most central person; see :class:`..base.Annotator`."""
        mask = given.get("person-mask")
        if mask is not None and np.shape(mask) != photo.shape[:2]:
            raise InputError(
                f"a mask of {np.shape(mask)} for a photo of {photo.shape[:2]}", mend="annotate the mask again"
            )
        return annotation(self.people(photo, mask), (photo.shape[0], photo.shape[1]))

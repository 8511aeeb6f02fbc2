"""RTMPose and DWPose through the library rtmlib, with ONNX files that are on this machine; nothing is fetched by the library.

Jiang et al., RTMPose: Real-Time Multi-Person Pose Estimation based on MMPose, 2023; Yang et al., Effective Whole-body Pose
Estimation with Two-stages Distillation, ICCVW 2023.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...core.errors import InputError, MissingError
from ...core.files import sha256_file
from ...core.images import UInt8
from ...core.pose import Float32, Pose, from_coco17
from ...weights.fetch import find
from ..base import Annotation
from .choose import annotation, prominence, published

_BODY = 17


def scored_pose(joints: Float32, threshold: float) -> tuple[Pose, float]:
    """Pose of ``(17, 3)`` COCO joints without those below ``threshold``, and the mean confidence of those kept."""
    joints = np.asarray(joints, dtype=np.float32).copy()
    joints[:, 2] = np.clip(joints[:, 2], 0, 1)
    joints[~(joints[:, 2] >= threshold)] = 0
    pose = from_coco17(joints)
    return pose, float(pose.joints[pose.found, 2].mean()) if pose.found.any() else 0.0


class RtmPose:
    """Joints by RTMPose, RTMW or DWPose: a detector finds the people, a network the joints of each.

    Args:
        weights_file: ONNX of a pose network with SimCC outputs and COCO's 17 joints first; DWPose of the manifest by default.
        device: ``cpu`` or ``cuda``.
        detector: ONNX of a YOLOX; that of the manifest if it is here, else the whole photo is taken as one person's box.
        threshold: of a joint's confidence.
        backend: ``onnxruntime``, ``opencv`` or ``openvino``.

    Raises:
        InputError: a file that is no such network, or a number of joints other than COCO's.
        MissingError: rtmlib, its backend or the weights are not here.
    """

    name: ClassVar[str] = "pose/rtmpose"
    provides: ClassVar[str] = "pose"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = "code Apache-2.0 (rtmlib); weights of RTMPose, DWPose and YOLOX Apache-2.0"

    def __init__(
        self,
        weights_file: Path | None = None,
        device: str = "cpu",
        detector: Path | None = None,
        threshold: float = 0.3,
        backend: str = "onnxruntime",
    ) -> None:
        try:
            import rtmlib
        except ImportError as error:
            raise MissingError(
                "pose/rtmpose needs the library rtmlib",
                mend="pip install --no-deps rtmlib && pip install onnxruntime (its own pins would replace OpenCV)",
            ) from error
        pose_path = Path(weights_file) if weights_file is not None else published(self.name, "dwpose")
        detector_path = Path(detector) if detector is not None else find("yolox-l")
        self._threshold, self._backend = threshold, backend
        self._pose = self._load(rtmlib.RTMPose, pose_path, (192, 256), device)
        height, width = self._input_size(self._pose, pose_path, (256, 192))
        self._pose.model_input_size = (width, height)
        self._detector = None
        if detector_path is not None:
            self._detector = self._load(rtmlib.YOLOX, detector_path, (640, 640), device)
            self._detector.model_input_size = self._input_size(self._detector, detector_path, (640, 640))
        self._hashes = {
            "weights": sha256_file(pose_path),
            "detector": sha256_file(detector_path) if detector_path is not None else "none: the whole photo",
        }

    def _load(self, kind: Any, path: Path, size: tuple[int, int], device: str) -> Any:
        if not path.is_file():  # rtmlib would take it for an address and fetch it
            raise InputError("no such weights file", path=path)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return kind(str(path), model_input_size=size, backend=self._backend, device=device)
        except ImportError as error:
            raise MissingError(
                f"pose/rtmpose needs {self._backend}", mend=f"pip install {self._backend}, or choose another backend"
            ) from error
        except Exception as error:  # onnxruntime and OpenCV have errors of their own
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise InputError(
                f"not a network that {self._backend} can run ({reason})", mend="give an ONNX file", path=path
            ) from error

    def _input_size(self, tool: Any, path: Path, usual: tuple[int, int]) -> tuple[int, int]:
        """(height, width) that the graph asks for; sides that it leaves open are the usual ones."""
        if self._backend != "onnxruntime":
            return usual
        shape = tool.session.get_inputs()[0].shape
        if len(shape) != 4:
            raise InputError(f"its input has {len(shape)} sides instead of 4", mend="give an ONNX file", path=path)
        sides = [
            side if isinstance(side, int) and side > 0 else other for side, other in zip(shape[2:], usual, strict=True)
        ]
        return sides[0], sides[1]

    def settings(self) -> Mapping[str, Any]:
        """Versions, options and the files' SHA-256."""
        from importlib.metadata import version

        return {
            "version": 1,
            "rtmlib": version("rtmlib"),
            "backend": self._backend,
            "threshold": self._threshold,
            "inputs": list(self._pose.model_input_size),
            **self._hashes,
        }

    def boxes(self, bgr: UInt8) -> list[list[float]]:
        """Left, top, right, bottom of every person; the whole photo where there is no detector."""
        if self._detector is None:
            return [[0.0, 0.0, float(bgr.shape[1]), float(bgr.shape[0])]]
        padded, ratio = self._detector.preprocess(bgr)
        output = self._detector.inference(padded)[0]
        # a graph that ends before suppression knows 80 classes, of which the first is a person
        if output.shape[-1] > 5:
            self._detector.det_mode = "multiclass"
            boxes, kinds = self._detector.postprocess(output, ratio)
            boxes = [box for box, kind in zip(boxes, kinds, strict=True) if kind == 0]
        else:
            boxes = self._detector.postprocess(output, ratio)
        return [[float(value) for value in box] for box in boxes]

    def people(self, photo: UInt8) -> list[tuple[Pose, float]]:
        """(pose, mean confidence) of everybody with a joint above the threshold, the largest and most central first."""
        bgr = np.ascontiguousarray(photo[:, :, ::-1])
        boxes = self.boxes(bgr)
        if not boxes:
            return []
        places, scores = self._pose(bgr, bboxes=boxes)
        if places.shape[1] < _BODY:
            raise InputError(f"a network of {places.shape[1]} joints", mend="use one that begins with COCO's 17 joints")
        joints = np.concatenate([places, scores[..., None]], axis=-1)[:, :_BODY]
        size = (photo.shape[0], photo.shape[1])
        found = [(pose, score) for pose, score in (scored_pose(one, self._threshold) for one in joints) if score > 0]
        return sorted(found, key=lambda entry: -prominence(entry[0].joints, size))

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """The pose of the largest and most central person; see :class:`..base.Annotator`."""
        return annotation(self.people(photo), (photo.shape[0], photo.shape[1]))

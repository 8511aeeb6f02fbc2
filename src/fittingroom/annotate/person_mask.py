"""The person's mask without a network: GrabCut that is seeded by the pose. For pose annotators that bring no mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np

from ..core.errors import InputError
from ..core.images import UInt8, fit_size, resize_image
from ..core.pose import LIMBS, Pose
from .base import Annotation

_WORKING = 384
#: half widths of the sure and of the possible person around bones, in trunk lengths
_SURE, _POSSIBLE = 0.07, 0.45


class GrabCutPerson:
    """Colours along the bones against colours far from them."""

    name: ClassVar[str] = "person-mask/grabcut"
    provides: ClassVar[str] = "person-mask"
    needs: ClassVar[tuple[str, ...]] = ("pose",)
    licence: ClassVar[str] = "Apache-2.0 (no weights)"

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"version": 1, "opencv": cv2.__version__}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`.

        Raises:
            InputError: a pose without a trunk.
        """
        own = (photo.shape[0], photo.shape[1])
        size = fit_size(own, (_WORKING, _WORKING))
        pose: Pose = given["pose"].scaled(own, size)
        trunk = pose.torso_length
        if trunk <= 0:
            raise InputError("no trunk in the pose", mend="draw shoulders and hips by hand")
        small = resize_image(photo, size, "bilinear")
        trimap = np.full(size, cv2.GC_BGD, np.uint8)
        for reach, label in ((_POSSIBLE, cv2.GC_PR_BGD), (0.5 * _POSSIBLE, cv2.GC_PR_FGD), (_SURE, cv2.GC_FGD)):
            self._bones(trimap, pose, reach * trunk, label)
        cv2.setRNGSeed(0)  # GrabCut's clustering draws random numbers
        near, far = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), trimap, (0, 0, 0, 0), near, far, 4, cv2.GC_INIT_WITH_MASK)
        mask = np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD))
        count, blobs, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        if count > 2:
            mask = blobs == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
        whole = cv2.resize(soft, (own[1], own[0]), interpolation=cv2.INTER_LINEAR) > 0.5
        return Annotation(np.asarray(whole), 0.5, ("cut out by colours around the pose",))

    @staticmethod
    def _bones(trimap: UInt8, pose: Pose, reach: float, label: int) -> None:
        thick = max(1, round(2 * reach))
        for start, end in LIMBS:
            if pose.found[start] and pose.found[end]:
                a, b = (tuple(round(float(value)) for value in pose.joints[index, :2]) for index in (start, end))
                cv2.line(trimap, a, b, label, thick)
        trunk = [
            pose.point(name) for name in ("right-shoulder", "left-shoulder", "left-hip", "right-hip") if pose.has(name)
        ]
        if len(trunk) == 4:
            polygon = np.round(np.array(trunk)).astype(np.int32)
            cv2.fillPoly(trimap, [polygon], label)
            cv2.polylines(trimap, [polygon], True, label, thick)

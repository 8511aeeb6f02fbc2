"""A photo of any shape in the frame that the networks work at, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ...core.images import Size, UInt8, fit_size, resize_image, resize_labels
from ...core.pose import Pose

Kind = TypeVar("Kind", bound=np.generic)

#: relative differences of aspect up to this are stretched away, as the published code does with its photos of 3 to 4
_SAME_SHAPE = 0.01


def resized(photo: UInt8, size: Size) -> UInt8:
    """``(H, W, 3)`` -> ``(*size, 3)`` as Pillow does it in 8 bits.

    It cuts overshoot off between its two passes, which is seen where a garment meets pure white; the published weights were
    learned with that.
    """
    if photo.shape[:2] == tuple(size):
        return photo
    return np.asarray(Image.fromarray(photo).resize((size[1], size[0]), Image.Resampling.BICUBIC)).copy()


@dataclass(frozen=True)
class Frame:
    """Where a photo lies within the frame.

    Args:
        photo: (height, width) of the photo.
        frame: (height, width) of the frame.
        inner: (height, width) of the photo within the frame.
        corner: (row, column) of its upper left corner.
    """

    photo: Size
    frame: Size
    inner: Size
    corner: tuple[int, int]

    @classmethod
    def of(cls, photo: Size, frame: Size) -> Frame:
        """The whole photo in the middle of the frame; the frame's own shape fills it."""
        ratio = (photo[0] / photo[1]) / (frame[0] / frame[1])
        inner = frame if abs(ratio - 1) <= _SAME_SHAPE else fit_size(photo, frame)
        return cls(photo, frame, inner, ((frame[0] - inner[0]) // 2, (frame[1] - inner[1]) // 2))

    @property
    def _margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        (row, column), (height, width) = self.corner, self.inner
        return (row, self.frame[0] - height - row), (column, self.frame[1] - width - column)

    def picture(self, image: UInt8) -> UInt8:
        """``(H, W, 3)`` of the photo -> of the frame; its border goes on outside."""
        return np.pad(resized(image, self.inner), (*self._margins, (0, 0)), mode="edge")

    def labels(self, ids: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """``(H, W)`` labels or mask of the photo -> of the frame; outside is 0."""
        return np.pad(resize_labels(ids, self.inner), self._margins)

    def pose(self, pose: Pose) -> Pose:
        """The joints in pixels of the frame; absent ones stay at 0, 0, 0."""
        moved = pose.scaled(self.photo, self.inner).joints.copy()
        moved[pose.found, :2] += np.array([self.corner[1], self.corner[0]], dtype=np.float32)
        return Pose(moved)

    def _cut(self, image: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
        (row, column), (height, width) = self.corner, self.inner
        return image[row : row + height, column : column + width]

    def back(self, image: UInt8) -> UInt8:
        """``(H, W, 3)`` of the frame -> of the photo."""
        return resize_image(np.ascontiguousarray(self._cut(image)), self.photo, "lanczos")

    def plane_back(self, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(H, W, C)`` float32 of the frame, slowly changing -> of the photo; values stay as they are."""
        cut = np.ascontiguousarray(self._cut(plane))
        return np.asarray(cv2.resize(cut, (self.photo[1], self.photo[0]), interpolation=cv2.INTER_LINEAR), np.float32)

    def mask_back(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """``(H, W)`` bool of the frame -> of the photo."""
        return np.asarray(resize_labels(self._cut(mask.astype(np.uint8)), self.photo), dtype=bool)

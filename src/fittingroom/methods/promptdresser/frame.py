"""From the photo's size to the network's and back, exactly: scaled to fit, padded around, and cropped again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...core.images import Size, UInt8, fit_size, resize_image, resize_labels


@dataclass(frozen=True)
class Frame:
    """Where a photo lies in the picture that the network sees.

    Args:
        photo: (height, width) of the photo.
        size: (height, width) of the picture.
    """

    photo: Size
    size: Size

    @property
    def inner(self) -> Size:
        """(height, width) of the photo inside the picture."""
        return fit_size(self.photo, self.size)

    @property
    def corner(self) -> tuple[int, int]:
        """(row, column) of its top left corner."""
        inner = self.inner
        return (self.size[0] - inner[0]) // 2, (self.size[1] - inner[1]) // 2

    def _padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        (top, left), inner = self.corner, self.inner
        return (top, self.size[0] - inner[0] - top), (left, self.size[1] - inner[1] - left)

    def image(self, photo: UInt8, *, white: bool = False) -> UInt8:
        """The photo inside the picture; around it its own border goes on, or white: ``(H, W, 3)`` uint8."""
        scaled = resize_image(photo, self.inner, "lanczos")
        padding = (*self._padding(), (0, 0))
        if white:
            return np.pad(scaled, padding, constant_values=255)
        return np.pad(scaled, padding, mode="edge")

    def labels(self, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A label map inside the picture, 0 around it: ``(H, W)`` uint8."""
        return np.pad(resize_labels(labels, self.inner).astype(np.uint8), self._padding())

    def points(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """``(N, 2)`` x, y of the photo in pixels of the picture."""
        scale = np.array([self.inner[1] / self.photo[1], self.inner[0] / self.photo[0]])
        return np.asarray(points * scale + [self.corner[1], self.corner[0]], np.float64)

    def back(self, picture: UInt8) -> UInt8:
        """The photo's part of a picture, at the photo's size: ``(h, w, 3)`` uint8."""
        (top, left), inner = self.corner, self.inner
        return resize_image(picture[top : top + inner[0], left : left + inner[1]], self.photo, "lanczos")

    def mask_back(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """The photo's part of a mask, at the photo's size: ``(h, w)`` bool."""
        (top, left), inner = self.corner, self.inner
        return resize_labels(mask[top : top + inner[0], left : left + inner[1]], self.photo).astype(bool)

"""Pictures for the report: small enough to be put into one file, made only once each."""

from __future__ import annotations

import base64
from pathlib import Path

from ..core.errors import FittingroomError
from ..core.images import encode_jpeg, fit_size, read_image, resize_image


class Pictures:
    """Data addresses of pictures; the same file at the same size is encoded once.

    Args:
        height: greatest height in pixels.
        quality: of the JPEG.
    """

    def __init__(self, height: int = 448, quality: int = 86) -> None:
        self.height, self.quality = height, quality
        self._made: dict[tuple[Path, int], str] = {}

    def address(self, path: Path, height: int | None = None) -> str:
        """``data:`` address of a picture, or an empty text where it cannot be read."""
        limit = height or self.height
        if (path, limit) not in self._made:
            self._made[path, limit] = self._encode(path, limit)
        return self._made[path, limit]

    def _encode(self, path: Path, limit: int) -> str:
        try:
            image = read_image(path)
        except FittingroomError:
            return ""
        size = (image.shape[0], image.shape[1])
        if size[0] > limit:
            image = resize_image(image, fit_size(size, (limit, 10 * limit)), "lanczos")
        return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(image, self.quality)).decode("ascii")

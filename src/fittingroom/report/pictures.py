"""Pictures inside the page: each embedded once at reading size, a small copy wherever it is shown again."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..core.errors import FittingroomError
from ..core.images import UInt8, read_image

_LARGE, _LARGE_QUALITY = 512, 88
_SMALL, _SMALL_QUALITY = 256, 80
#: grey values from here on count as white around a garment; the margin that is left, as a share
_WHITE, _AROUND = 250, 0.06


@dataclass(frozen=True)
class Picture:
    """One ``<img>``.

    Args:
        src: data URI; empty where the file cannot be read.
        width: in pixels.
        height: in pixels.
        id: name of the element where it holds the large copy; empty for a small copy.
        full: id of the element that holds the large copy.
    """

    src: str
    width: int = 3
    height: int = 4
    id: str = ""
    full: str = ""


def _encoded(image: Image.Image, height: int, quality: int) -> tuple[str, int, int]:
    if image.height > height:
        width = max(1, round(image.width * height / image.height))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}", image.width, image.height


def _trim(image: UInt8) -> UInt8:
    """The smallest window of the picture's own proportions around everything that is not white, with a margin."""
    height, width = image.shape[:2]
    seen = np.any(image < _WHITE, axis=2)
    if not seen.any():
        return image
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    share = max((rows[-1] + 1 - rows[0]) / height, (columns[-1] + 1 - columns[0]) / width) * (1 + 2 * _AROUND)
    if share >= 1:
        return image
    tall, wide = max(1, round(height * share)), max(1, round(width * share))
    top = min(max(0, int(rows[0] + rows[-1] + 1 - tall) // 2), height - tall)
    left = min(max(0, int(columns[0] + columns[-1] + 1 - wide) // 2), width - wide)
    return image[top : top + tall, left : left + wide]


def _opened(path: Path, trimmed: bool) -> Image.Image:
    image = read_image(path)
    return Image.fromarray(np.ascontiguousarray(_trim(image)) if trimmed else image)


class Pictures:
    """The pictures of one page."""

    def __init__(self) -> None:
        self._large: dict[Path, Picture] = {}
        self._small: dict[Path, Picture] = {}

    def show(self, path: Path, *, trimmed: bool = False) -> Picture:
        """The picture for one more place: the large copy the first time, a small one that leads to it afterwards.

        A file that cannot be read gives a picture without ``src``: one bad file spoils no report.

        Args:
            path: the file; the same one is always shown trimmed or never.
            trimmed: without the white around what it shows, its proportions kept.
        """
        known = self._large.get(path)
        if known is not None:
            if known.src and path not in self._small:
                src, width, height = _encoded(_opened(path, trimmed), _SMALL, _SMALL_QUALITY)
                self._small[path] = Picture(src, width, height, full=known.id)
            return self._small.get(path, known)
        try:
            image = _opened(path, trimmed)
        except FittingroomError:
            made = Picture("")
        else:
            name = f"picture-{len(self._large) + 1}"
            made = Picture(*_encoded(image, _LARGE, _LARGE_QUALITY), id=name, full=name)
        self._large[path] = made
        return made

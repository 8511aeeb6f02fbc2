"""Label maps and masks as they are corrected: exact values, in the file's own format."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...core.errors import InputError
from ...core.images import Size, UInt8, encode_png
from ...core.labels import LabelSet
from .documents import value_bytes


def _opened(data: bytes, path: Path | None) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Exception as error:  # Pillow raises many kinds on broken files
        raise InputError(
            "not a readable image (truncated, corrupt or of an unknown format)",
            mend="restore an earlier version",
            path=path,
        ) from error
    return image


def decode_labels(data: bytes, path: Path | None = None) -> UInt8:
    """``(H, W)`` uint8 ids of a palette or grey PNG; colour files only when their channels agree.

    Raises:
        InputError: unreadable, or a colour picture.
    """
    image = _opened(data, path)
    if image.mode in {"P", "L"}:
        return np.array(image, dtype=np.uint8)
    values = np.array(image.convert("RGB"))
    if image.mode in {"RGB", "RGBA"} and (values == values[..., :1]).all():
        return np.ascontiguousarray(values[..., 0])
    raise InputError("a colour picture where a label map is expected", mend="annotate the photo again", path=path)


def encode_labels(labels: UInt8, labels_in: LabelSet, previous: bytes | None) -> bytes:
    """Bytes of a label map: a grey file stays grey, a palette keeps its colours; an equal map gives the previous bytes.

    Raises:
        InputError: ids that the label set does not have.
    """
    if unknown := labels_in.unknown_ids(labels):
        raise InputError(f"label ids outside {labels_in.name}: {', '.join(map(str, unknown[:5]))}")
    palette: UInt8 | None = labels_in.palette
    if previous is not None:
        try:
            if np.array_equal(decode_labels(previous), labels):
                return previous
            before = _opened(previous, None)
            colours = before.getpalette() if before.mode == "P" else None
            palette = None
            if colours:
                palette = np.zeros((256, 3), np.uint8)
                palette.reshape(-1)[: len(colours)] = colours
        except InputError:
            palette = labels_in.palette  # a broken file is what is being mended
    return encode_png(labels, palette)


def decode_mask(data: bytes, path: Path | None = None) -> npt.NDArray[np.bool_]:
    """``(H, W)`` bool, true where the picture is brighter than half."""
    image = _opened(data, path)
    return np.asarray(image.convert("RGB").convert("L") if image.mode in {"RGBA", "LA"} else image.convert("L")) > 127


def encode_mask(mask: npt.NDArray[np.bool_], previous: bytes | None, path: Path) -> bytes:
    """Bytes of a mask: PNG of 0 and 255, or JPEG where the file is one; an equal mask gives the previous bytes.

    Raises:
        InputError: a JPEG that would not hold the mask exactly.
    """
    if previous is not None:
        try:
            if np.array_equal(decode_mask(previous), mask):
                return previous
        except InputError:
            pass  # a broken file is what is being mended
    grey = mask.astype(np.uint8) * np.uint8(255)
    if path.suffix.lower() not in {".jpg", ".jpeg"}:
        return encode_png(grey)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, format="JPEG", quality=100)
    if not np.array_equal(decode_mask(buffer.getvalue()), mask):
        raise InputError("JPEG cannot hold this mask exactly", mend="convert the masks to PNG first", path=path)
    return buffer.getvalue()


def pack(values: UInt8) -> str:
    """Bytes of an array for the browser: zlib, then base64."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 6)).decode()


def unpack(text: str, size: Size) -> UInt8:
    """An ``(H, W)`` uint8 array from the browser.

    Raises:
        InputError: broken, or of another size.
    """
    wanted = size[0] * size[1]
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), wanted + 1)
    except (ValueError, zlib.error) as error:
        raise InputError("the painted map did not arrive whole", mend="save again") from error
    if len(data) != wanted:
        raise InputError(f"the painted map is not {size[1]}x{size[0]}", mend="load it again")
    return np.frombuffer(data, np.uint8).reshape(size).copy()


def encode_value(value: Any, previous: bytes | None) -> bytes:
    """Bytes of a value inside a JSON file; an equal one gives the previous bytes."""
    if previous is not None and json.loads(previous) == value:
        return previous
    return value_bytes(value)

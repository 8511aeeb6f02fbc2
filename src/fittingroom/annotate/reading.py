"""Reading photos as they come from cameras and shops, and keeping them without what they tell of their owner.

What is kept is upright, in sRGB, no longer than asked for, and has no metadata (place, camera, time, thumbnails). A JPEG
that needs no change keeps its pixels bit by bit: its metadata segments are cut out of the file.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from ..core.errors import FittingroomError, InputError, MissingError
from ..core.files import sha256_bytes
from ..core.images import MAX_PIXELS, UInt8, encode_png, fit_size, image_array, resize_image

#: formats whose pixels were never lossy
_LOSSLESS = frozenset({"PNG", "TIFF", "BMP", "GIF"})
_HEIF = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"heif")
_QUALITY = 95
SMALLEST = 64


@dataclass(frozen=True)
class Reading:
    """How photos are read.

    Args:
        longest: longer side in pixels that photos are scaled down to; 0 keeps their size.
        max_pixels: photos of more pixels are refused (a JPEG that can be decoded smaller is not).
    """

    longest: int = 1024
    max_pixels: int = MAX_PIXELS

    def settings(self) -> Mapping[str, Any]:
        """What the kept bytes depend on besides the file."""
        return {**asdict(self), "quality": _QUALITY, "version": 1}


def _is_heif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF


def _opened(data: bytes, path: Path) -> Image.Image:
    if not data:
        raise InputError("empty file", mend="replace or remove it", path=path)
    if _is_heif(data[:12]):
        try:
            from pillow_heif import register_heif_opener
        except ImportError as error:
            raise MissingError(
                "a HEIC photo needs pillow-heif", mend="pip install pillow-heif, or export it as JPEG", path=path
            ) from error
        register_heif_opener()
    try:
        return Image.open(io.BytesIO(data))
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error ... on broken files
        raise InputError(
            "not a readable image (corrupt or of an unknown format)", mend="replace or remove it", path=path
        ) from error


def _in_srgb(image: Image.Image) -> Image.Image:
    """Colours brought from the photo's own profile to sRGB; a profile that cannot be used is passed over."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "L", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return image if converted is None else converted


def without_metadata(data: bytes) -> bytes | None:
    """A baseline or progressive JPEG without its APP1-APP13, APP15 and comment segments; None where it is not one.

    APP0 (JFIF) and APP14 (Adobe: how colours are stored) are needed to decode it. Bytes after the end of the picture
    (embedded previews, depth, films) go too.
    """
    if data[:2] != b"\xff\xd8":
        return None
    out, place = bytearray(b"\xff\xd8"), 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            return None
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0xDA:  # the picture's data follows, with more tables and scans between
            end = data.find(b"\xff\xd9", place)
            # an end mark inside a segment between scans would cut the picture: the decoded pixels are compared by the caller
            return bytes(out + data[place : end + 2]) if end > 0 else None
        if not (marker in range(0xE1, 0xF0) and marker != 0xEE) and marker != 0xFE:
            out += data[place : place + 2 + length]
        place += 2 + length
    return None


@dataclass(frozen=True)
class Kept:
    """A photo as it is kept.

    Args:
        data: bytes of the file.
        suffix: of its name.
        notes: what was done to it.
    """

    data: bytes
    suffix: str
    notes: tuple[str, ...] = ()


def keep(data: bytes, path: Path, reading: Reading) -> Kept:
    """Read a photo and make the bytes that the dataset keeps; the same file always gives the same bytes.

    Args:
        data: content of the file.
        path: named in errors.
        reading: options.

    Raises:
        InputError: truncated, corrupt, empty, too large or too small; one line.
        MissingError: HEIC without pillow-heif.
    """
    image = _opened(data, path)
    width, height = image.size
    notes = []
    if reading.longest and image.format == "JPEG" and max(width, height) >= 4 * reading.longest:
        # the decoder itself halves sizes, so that a huge photo never is in memory as a whole
        share = 2 * reading.longest / max(width, height)
        image.draft(image.mode, (max(1, int(width * share)), max(1, int(height * share))))
    if image.size[0] * image.size[1] > reading.max_pixels:
        raise InputError(
            f"{width}x{height} pixels is more than the {reading.max_pixels / 1e6:.4g} million allowed",
            mend="scale it down, or raise --max-pixels",
            path=path,
        )
    try:
        image.load()
        turned = image.getexif().get(0x0112, 1) not in (None, 0, 1)
        upright = ImageOps.exif_transpose(image)
        pixels = image_array(_in_srgb(upright))
    except FittingroomError:
        raise
    except MemoryError as error:
        raise InputError(f"{width}x{height} pixels do not fit into memory", mend="scale it down", path=path) from error
    except Exception as error:  # as above
        raise InputError("truncated or corrupt", mend="replace or remove it", path=path) from error
    if min(pixels.shape[:2]) < SMALLEST:
        raise InputError(
            f"only {pixels.shape[1]}x{pixels.shape[0]} pixels", mend=f"use photos of {SMALLEST} and more", path=path
        )
    if turned:
        notes.append("turned upright")
    if image.mode != "RGB":
        notes.append(f"was {image.mode}")
    same = (height, width) == pixels.shape[:2] and not turned and image.mode in ("RGB", "L")
    if reading.longest and max(pixels.shape[:2]) > reading.longest:
        size = fit_size((pixels.shape[0], pixels.shape[1]), (reading.longest, reading.longest))
        pixels, same = resize_image(pixels, size), False
        notes.append(f"scaled down from {width}x{height}")
    if image.format in _LOSSLESS:
        return Kept(encode_png(pixels), ".png", tuple(notes))
    if same and image.format == "JPEG" and (bare := without_metadata(data)) is not None and _same_pixels(bare, pixels):
        return Kept(bare, ".jpg", tuple(notes))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    return Kept(buffer.getvalue(), ".jpg", tuple(notes))


def read_photo(path: Path, reading: Reading) -> UInt8:
    """A photo of any kind, ``(H, W, 3)`` uint8, as :func:`keep` would keep it.

    Raises:
        InputError, MissingError: see :func:`keep`.
    """
    kept = keep(content_of(path)[0], path, reading)
    return image_array(Image.open(io.BytesIO(kept.data)))


def _same_pixels(data: bytes, pixels: UInt8) -> bool:
    try:
        return np.array_equal(image_array(Image.open(io.BytesIO(data))), pixels)
    except Exception:  # cutting went wrong: the photo is encoded anew
        return False


def content_of(path: Path) -> tuple[bytes, str]:
    """Bytes of a file and their SHA-256.

    Raises:
        InputError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})", mend="check the file and its rights", path=path
        ) from error
    return data, sha256_bytes(data)

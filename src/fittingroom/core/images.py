"""Images: decoding with clear errors, deterministic PNG, and Pillow's resize as exact matrices.

Conventions used in the whole project: a photo is ``(H, W, 3)`` uint8 RGB; a label map is ``(H, W)`` uint8;
a size is ``(height, width)`` in pixels; a tensor photo is ``(B, 3, H, W)`` float32 in [-1, 1] unless said otherwise.
"""

from __future__ import annotations

import functools
import io
import math
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFile, ImageOps

from .errors import InputError
from .files import write_bytes

UInt8: TypeAlias = npt.NDArray[np.uint8]
Float: TypeAlias = npt.NDArray[np.floating]
Size: TypeAlias = tuple[int, int]
Kernel: TypeAlias = Literal["bilinear", "bicubic", "lanczos"]

#: photos larger than this are refused before they are decoded (a decompression bomb, or a mistake)
MAX_PIXELS = 200_000_000
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})

ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = None  # checked here, with a message of our own


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise InputError(
                f"{width}x{height} pixels is more than the {MAX_PIXELS // 10**6} million allowed",
                mend="scale it down",
                path=path,
            )
        image.load()
    except FileNotFoundError as error:
        raise InputError("no such file", path=path) from error
    except IsADirectoryError as error:
        raise InputError("a folder, not an image", path=path) from error
    except InputError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error ... on broken files
        empty = path.is_file() and path.stat().st_size == 0
        reason = "empty file" if empty else "not a readable image (truncated, corrupt or of an unknown format)"
        raise InputError(reason, mend="replace or remove it", path=path) from error
    return image


def image_size(path: Path | str) -> Size:
    """Size (height, width) of an image file as it will be decoded (EXIF rotation applied), from its header only."""
    path = Path(path)
    try:
        with Image.open(path) as image:
            width, height = image.size
            if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
                width, height = height, width
    except FileNotFoundError as error:
        raise InputError("no such file", path=path) from error
    except Exception as error:
        raise InputError(
            "not a readable image (truncated, corrupt or of an unknown format)", mend="replace or remove it", path=path
        ) from error
    return height, width


def read_image(path: Path | str) -> UInt8:
    """Decode a photo of any common mode to RGB.

    EXIF rotation is applied; transparency is laid on white; 16-bit and float greys are scaled to 8 bits; CMYK is
    converted.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        InputError: missing, truncated, corrupt, empty or too large.
    """
    return image_array(ImageOps.exif_transpose(_open(Path(path))))


def image_array(image: Image.Image) -> UInt8:
    """A decoded picture of any mode as ``(H, W, 3)`` uint8 RGB, see :func:`read_image`; its rotation is not looked at."""
    if image.mode in {"I;16", "I;16B", "I;16L", "I;16N", "I"}:
        values = np.asarray(image).astype(np.float64)
        grey = np.clip(np.rint(values * (255.0 / 65535.0)), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        top = 1.0 if values.max(initial=0.0) <= 1.0 else 255.0
        return np.repeat(np.clip(np.rint(values * (255.0 / top)), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image)
    return np.asarray(image.convert("RGB")).copy()


def read_labels(path: Path | str) -> UInt8:
    """Decode a label map: one id per pixel.

    Palette and 8-bit grey files give their stored values; RGB files are accepted only when their three channels agree.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        InputError: unreadable, or a colour picture instead of a label map.
    """
    path = Path(path)
    image = _open(path)
    if image.mode in {"P", "L", "1"}:
        return np.asarray(image if image.mode != "1" else image.convert("L")).astype(np.uint8)
    if image.mode in {"RGB", "RGBA"}:
        values = np.asarray(image)[..., :3]
        if np.array_equal(values[..., 0], values[..., 1]) and np.array_equal(values[..., 1], values[..., 2]):
            return values[..., 0].copy()
        raise InputError(
            "a colour picture where a label map is expected",
            mend="save it with one id per pixel (8-bit grey or palette)",
            path=path,
        )
    if image.mode.startswith("I"):
        ids = np.asarray(image)
        if ids.size and (ids.min() < 0 or ids.max() > 255):
            raise InputError("label ids above 255", mend="save it with one byte per pixel", path=path)
        return ids.astype(np.uint8)
    raise InputError(
        f"image mode {image.mode} cannot hold label ids", mend="save it as 8-bit grey or palette", path=path
    )


def read_mask(path: Path | str) -> npt.NDArray[np.bool_]:
    """Decode a mask: ``(H, W)`` bool, true where the picture is brighter than half."""
    image = _open(Path(path))
    if image.mode in {"RGBA", "LA"}:
        image = image.convert("RGBA").convert("RGB")
    return np.asarray(image.convert("L")) > 127


def encode_png(image: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8] | None = None) -> bytes:
    """Encode ``(H, W)`` or ``(H, W, 3)`` uint8 as PNG; the same pixels always give the same bytes.

    Args:
        image: the pixels.
        palette: ``(256, 3)`` uint8 colours, to store an ``(H, W)`` label map as a palette PNG.
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    if palette is not None:
        picture.putpalette(np.ascontiguousarray(palette, dtype=np.uint8).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def write_png(path: Path | str, image: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8] | None = None) -> None:
    """Write :func:`encode_png` of ``image`` to ``path`` atomically."""
    write_bytes(path, encode_png(image, palette))


def encode_jpeg(image: UInt8, quality: int = 88) -> bytes:
    """Encode ``(H, W, 3)`` uint8 as JPEG without chroma subsampling. For views only: results are kept as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(
        buffer, format="JPEG", quality=quality, subsampling=0, optimize=True
    )
    return buffer.getvalue()


# --- exact resize -----------------------------------------------------------------------------------------------
def _bilinear(x: Float) -> Float:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _bicubic(x: Float) -> Float:
    a, x = -0.5, np.abs(x)
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(x: Float) -> Float:
    return np.where(np.abs(x) < 3.0, np.sinc(x) * np.sinc(x / 3.0), 0.0)


_KERNELS = {"bilinear": (_bilinear, 1.0), "bicubic": (_bicubic, 2.0), "lanczos": (_lanczos, 3.0)}


@functools.lru_cache(maxsize=64)
def resize_matrix(source: int, target: int, kernel: Kernel = "bicubic") -> npt.NDArray[np.float64]:
    """Pillow's one-dimensional resampling as a dense matrix.

    Pillow resizes separably: each output sample is a weighted mean of input samples under a kernel that is widened by
    the scale when shrinking (that is its anti-aliasing). ``R_h @ image @ R_w.T`` with these matrices equals
    ``Image.resize`` in float mode ("F") up to rounding in float32.

    Args:
        source: number of input samples.
        target: number of output samples.
        kernel: ``bilinear``, ``bicubic`` (a = -0.5) or ``lanczos`` (3 lobes).

    Returns:
        ``(target, source)`` float64, every row sums to 1. Read only (cached).
    """
    function, reach = _KERNELS[kernel]
    scale = source / target
    width = max(scale, 1.0)
    support = reach * width
    matrix = np.zeros((target, source))
    for row in range(target):
        centre = (row + 0.5) * scale
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), source)
        weights = function((np.arange(first, last) - centre + 0.5) / width)
        matrix[row, first:last] = weights / weights.sum()
    matrix.setflags(write=False)
    return matrix


@functools.lru_cache(maxsize=64)
def _torch_matrix(source: int, target: int, kernel: Kernel, dtype: torch.dtype, device: str) -> torch.Tensor:
    return torch.tensor(resize_matrix(source, target, kernel), dtype=dtype, device=device)


def resize_exact(images: torch.Tensor, size: Size, kernel: Kernel = "bicubic") -> torch.Tensor:
    """Resize like Pillow does in float mode, with two matrix products, on any device.

    Args:
        images: ``(..., H, W)`` floating point, any value range.
        size: target (height, width).
        kernel: see :func:`resize_matrix`.

    Returns:
        ``(..., height, width)`` of the same dtype. Bicubic and lanczos can overshoot the input's range: clamp it.
    """
    height, width = images.shape[-2:]
    device = str(images.device)
    if width != size[1]:
        images = images @ _torch_matrix(width, size[1], kernel, images.dtype, device).T
    if height != size[0]:
        images = _torch_matrix(height, size[0], kernel, images.dtype, device) @ images
    return images


def resize_image(image: UInt8, size: Size, kernel: Kernel = "bicubic") -> UInt8:
    """Resize a photo ``(H, W, C)`` uint8 in float precision and round once to uint8."""
    if image.shape[:2] == tuple(size):
        return image
    planes = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()
    resized = resize_exact(planes, size, kernel).clamp_(0, 255).round_()
    return resized.permute(1, 2, 0).to(torch.uint8).numpy()


def resize_labels(labels: npt.NDArray[np.generic], size: Size) -> npt.NDArray[np.generic]:
    """Nearest-neighbour resize of a label map or mask ``(H, W)``, sampled at pixel centres; ids never blend."""
    height, width = labels.shape[:2]
    rows = np.minimum(((np.arange(size[0]) + 0.5) * height / size[0]).astype(int), height - 1)
    columns = np.minimum(((np.arange(size[1]) + 0.5) * width / size[1]).astype(int), width - 1)
    return labels[rows[:, None], columns[None, :]]


def fit_size(size: Size, box: Size) -> Size:
    """Largest (height, width) with the aspect of ``size`` that fits into ``box``, at least one pixel each way."""
    scale = min(box[0] / size[0], box[1] / size[1])
    return max(1, math.floor(size[0] * scale + 0.5)), max(1, math.floor(size[1] * scale + 0.5))


def to_tensor(image: UInt8) -> torch.Tensor:
    """``(H, W, 3)`` uint8 -> ``(3, H, W)`` float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 127.5 - 1.0


def to_image(tensor: torch.Tensor) -> UInt8:
    """``(3, H, W)`` in [-1, 1] -> ``(H, W, 3)`` uint8, clamped and rounded."""
    pixels = ((tensor.detach().float().cpu() + 1.0) * 127.5).clamp_(0, 255).round_()
    return pixels.permute(1, 2, 0).to(torch.uint8).contiguous().numpy()

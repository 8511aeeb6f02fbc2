"""Caffe's files of weights, read as arrays: the wire format of protocol buffers, and of it only what holds numbers.

A file is one message ``NetParameter``: its layers (field 100, or 2 in files of the first version) have a name and blobs, a blob has
a shape and numbers. Field numbers are those of ``caffe.proto``; encoding: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError

#: field of a layer in NetParameter -> (name, blobs) within the layer
_LAYERS = {100: (1, 7), 2: (4, 6)}
_NAMES = ("weight", "bias")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number is cut off")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value): a number for varints, bytes for everything else."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind, number = key & 7, key >> 3
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"an unknown kind of field ({kind})")
        if at + length > len(data):
            raise ValueError("a field is longer than the file")
        yield number, data[at : at + length]
        at += length


def _blob(data: memoryview) -> npt.NDArray[np.float32]:
    old = {1: 0, 2: 0, 3: 0, 4: 0}
    shape: list[int] | None = None
    pieces: list[npt.NDArray[np.floating]] = []
    for number, value in _fields(data):
        if number in old and isinstance(value, int):
            old[number] = value
        elif number in (5, 8) and not isinstance(value, int):
            pieces.append(np.frombuffer(value, dtype="<f4" if number == 5 else "<f8"))
        elif number == 7 and not isinstance(value, int):
            shape = []
            for inner, side in _fields(value):
                if inner == 1 and isinstance(side, int):
                    shape.append(side)
                elif inner == 1 and not isinstance(side, int):
                    at = 0
                    while at < len(side):
                        one, at = _varint(side, at)
                        shape.append(one)
    numbers = np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)
    if shape is None:
        shape = [side or 1 for side in old.values()] if any(old.values()) else [numbers.size]
    return numbers.reshape(shape)


def read_caffemodel(path: Path | str) -> dict[str, npt.NDArray[np.float32]]:
    """The numbers of every layer that has some.

    Args:
        path: a ``.caffemodel``.

    Returns:
        ``<layer>.weight`` and ``<layer>.bias`` (first and second blob), in the shapes of the file; nothing is executed.

    Raises:
        InputError: missing, broken, without weights, or with a layer of more than two blobs.
    """
    path = Path(path)
    out: dict[str, npt.NDArray[np.float32]] = {}
    try:
        for name, blobs in _layers(memoryview(path.read_bytes())):
            if len(blobs) > len(_NAMES):
                raise ValueError(f"layer {name} has {len(blobs)} blobs")
            for kind, blob in zip(_NAMES, blobs, strict=False):
                if f"{name}.{kind}" in out:
                    raise ValueError(f"layer {name} comes twice")
                out[f"{name}.{kind}"] = blob
    except FileNotFoundError as error:
        raise InputError("no such weights file", path=path) from error
    except (OSError, ValueError) as error:
        raise InputError(f"not a readable Caffe file ({error})", mend="get it again", path=path) from error
    if not out:
        raise InputError("no layers with weights in it", mend="check that it is the right file", path=path)
    return out


def _layers(data: memoryview) -> Iterator[tuple[str, list[npt.NDArray[np.float32]]]]:
    for number, value in _fields(data):
        if number not in _LAYERS or isinstance(value, int):
            continue
        name, blobs = "", []
        name_field, blob_field = _LAYERS[number]
        for inner, part in _fields(value):
            if inner == name_field and not isinstance(part, int):
                name = bytes(part).decode("utf-8", errors="replace")
            elif inner == blob_field and not isinstance(part, int):
                blobs.append(_blob(part))
        if blobs:
            yield name, blobs

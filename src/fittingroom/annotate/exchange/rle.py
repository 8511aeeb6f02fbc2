"""Run-length codes of masks: COCO's, column by column, and Label Studio's bit stream."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...core.errors import InputError
from ...core.images import Size

Mask = npt.NDArray[np.bool_]
_BROKEN = "a run-length code that is broken"


# --- COCO: lengths of runs of 0 and 1 in turn, down the columns ----------------------------------------------------
def coco_counts(mask: Mask) -> list[int]:
    """Lengths of the runs, beginning with one of zeros (that may be empty)."""
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    bounds = np.concatenate(([0], edges, [flat.size]))
    counts = np.diff(bounds).tolist()
    return [0, *counts] if flat.size and flat[0] else counts


def coco_mask(counts: list[int], size: Size) -> Mask:
    """The mask of :func:`coco_counts`.

    Raises:
        InputError: the runs do not fill the picture.
    """
    lengths = np.asarray(counts, dtype=np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != size[0] * size[1]:
        raise InputError(_BROKEN, mend="its runs must add up to height times width")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(size, order="F")


def coco_string(counts: list[int]) -> str:
    """COCO's text of the lengths: from the fourth on, differences to the length before the last; six bits a letter."""
    letters = []
    for index, count in enumerate(counts):
        value = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            letter = value & 0x1F
            value >>= 5
            more = value != (-1 if letter & 0x10 else 0)
            letters.append(chr((letter | 0x20 if more else letter) + 48))
    return "".join(letters)


def coco_lengths(text: str) -> list[int]:
    """The lengths of :func:`coco_string`.

    Raises:
        InputError: not such a text.
    """
    counts: list[int] = []
    at = 0
    while at < len(text):
        value, shift, more = 0, 0, True
        while more:
            if at >= len(text) or not 0 <= (letter := ord(text[at]) - 48) < 64 or shift > 60:
                raise InputError(_BROKEN, mend="export it again")
            value |= (letter & 0x1F) << shift
            more = bool(letter & 0x20)
            at += 1
            shift += 5
            if not more and letter & 0x10:
                value |= -1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
    return counts


# --- Label Studio: bytes of an RGBA picture as a stream of bits ------------------------------------------------------
#: bits of a run's length, each announced by two bits
_SIZES = (3, 4, 8, 16)
_WORD = 8


def brush_encode(mask: Mask) -> list[int]:
    """Label Studio's ``rle`` of a brush region: the mask as 0 and 255 in all four channels.

    The stream: 32 bits number of values, 5 bits word size - 1, four times 4 bits size - 1, then blocks. A block is one
    bit (1: a run, 0: literal values), two bits (which size), the length - 1 in that many bits, and one value or all of
    them. Literal blocks are read but not written: a mask has none worth it.
    """
    flat = np.repeat(mask.ravel(), 4)
    bounds = np.concatenate(([0], np.flatnonzero(np.diff(flat.astype(np.int8))) + 1, [flat.size]))
    bits = [f"{flat.size:032b}", f"{_WORD - 1:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        value, left = "11111111" if flat[start] else "00000000", end - start
        while left:
            run = min(left, 1 << _SIZES[-1])
            index = next(at for at, size in enumerate(_SIZES) if run <= 1 << size)
            bits.append(f"1{index:02b}{run - 1:0{_SIZES[index]}b}{value}")
            left -= run
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0")).tolist()


class _Bits:
    """Reads a stream of bits."""

    def __init__(self, data: list[int]) -> None:
        try:
            values = np.asarray(data, dtype=np.int64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(_BROKEN, mend="export it again") from error
        if values.ndim != 1 or (values.size and (values.min() < 0 or values.max() > 255)):
            raise InputError(_BROKEN, mend="export it again")
        self.text = "".join(map(str, np.unpackbits(values.astype(np.uint8)).tolist()))
        self.at = 0

    def read(self, count: int) -> int:
        """The next bits as a number."""
        part = self.text[self.at : self.at + count]
        if len(part) < count:
            raise InputError(_BROKEN, mend="export it again")
        self.at += count
        return int(part, 2)


def brush_decode(data: list[int], size: Size) -> Mask:
    """The mask of a brush region: true where the alpha channel is brighter than half.

    Raises:
        InputError: not such a stream, or one of another size.
    """
    bits = _Bits(data)
    total, word = bits.read(32), bits.read(5) + 1
    sizes = [bits.read(4) + 1 for _ in range(4)]
    if total != size[0] * size[1] * 4 or word != _WORD:
        raise InputError("a brush region of another size than its photo", mend="export it again")
    out = np.empty(total, np.uint8)
    at = 0
    while at < total:
        run = bits.read(1)
        end = at + 1 + bits.read(sizes[bits.read(2)])
        if end > total:
            raise InputError(_BROKEN, mend="export it again")
        if run:
            out[at:end] = bits.read(word)
        else:
            out[at:end] = [bits.read(word) for _ in range(end - at)]
        at = end
    return out.reshape(*size, 4)[..., 3] > 127

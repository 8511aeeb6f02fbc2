"""Near-duplicates and leaks between splits, by perceptual hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import FittingroomError
from ..core.images import UInt8, read_image
from .dataset import Issue

_SIDE, _KEPT = 32, 16
#: bits of 256 in which near-duplicates may differ. On 900 street photos the six known near-duplicate pairs differ in 12 to 46
#: bits and no other pair in fewer than 76 (tests/data/test_duplicates.py)
THRESHOLD = 60


def perceptual_hash(image: UInt8) -> npt.NDArray[np.uint8]:
    """Signs of the low frequencies of a photo: alike for copies that were resized, recompressed or slightly cropped.

    The photo's luminance is shrunk to 32x32 and transformed (DCT); each of the 16x16 lowest frequencies gives one bit:
    above or below their median.

    Args:
        image: ``(H, W, 3)`` uint8.

    Returns:
        ``(32,)`` uint8, 256 bits.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_KEPT, :_KEPT].copy()
    low[0, 0] = 0.0  # the mean brightness says nothing
    return np.packbits((low > np.median(low)).reshape(-1))


def close_pairs(
    hashes: npt.NDArray[np.uint8], threshold: int = THRESHOLD, block: int = 512
) -> list[tuple[int, int, int]]:
    """Pairs of hashes that differ in at most ``threshold`` bits.

    Args:
        hashes: ``(N, 32)`` uint8.
        threshold: in bits.
        block: rows compared at a time; bounds the memory (10,000 photos take some 160 MB and a few seconds).

    Returns:
        (first index, second index, differing bits), first < second, ascending.
    """
    found: list[tuple[int, int, int]] = []
    words = np.ascontiguousarray(hashes).view(np.uint64)
    for start in range(0, len(words), block):
        part = words[start : start + block]
        bits = np.bitwise_count(part[:, None, :] ^ words[None, :, :]).sum(axis=2, dtype=np.int16)
        rows, columns = np.nonzero(bits <= threshold)
        found += [
            (int(row + start), int(column), int(bits[row, column]))
            for row, column in zip(rows, columns, strict=True)
            if row + start < column
        ]
    return found


def find_duplicates(
    photos: Mapping[str, Path], splits: Mapping[str, str] | None = None, threshold: int = THRESHOLD
) -> list[Issue]:
    """Near-duplicates among photos; between two splits they are leaks.

    Args:
        photos: id -> file; one that cannot be read is passed over.
        splits: id -> split; found from folders named train, val or test in the path where not given.
        threshold: in bits of 256.

    Returns:
        One issue for each pair.
    """
    names: list[str] = []
    hashes: list[npt.NDArray[np.uint8]] = []
    for name, path in photos.items():
        try:
            hashes.append(perceptual_hash(read_image(path)))
        except FittingroomError:
            continue
        names.append(name)
    if len(names) < 2:
        return []
    homes = splits or {name: _split_of(photos[name]) for name in names}
    issues = []
    for first, second, bits in close_pairs(np.stack(hashes), threshold):
        a, b = names[first], names[second]
        here, there = homes.get(a, ""), homes.get(b, "")
        if here != there:
            issues.append(
                Issue(
                    f"leak: {b} ({there or 'no split'}) is almost the same photo as {a} ({here or 'no split'})",
                    "keep it in one split",
                    photos[b],
                    "leak",
                )
            )
        else:
            issues.append(
                Issue(
                    f"almost the same photo as {a} ({bits} of 256 bits differ)",
                    "keep one of them",
                    photos[b],
                    "near-duplicate",
                )
            )
    return issues


def _split_of(path: Path) -> str:
    parts: Sequence[str] = path.parts
    return next((part for part in reversed(parts) if part in ("train", "val", "test")), "")

"""Near-duplicates and leaks."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fittingroom.core.images import read_image, write_png
from fittingroom.data.dataset import Dataset
from fittingroom.data.duplicates import THRESHOLD, close_pairs, find_duplicates, perceptual_hash


def people() -> list[Path]:
    return [person.files["image"] for person in Dataset.open("drawn-mini").people.values()]


def test_resized_recompressed_and_brightened_copies_are_close() -> None:
    image = read_image(people()[0])
    smaller = cv2.resize(image, (230, 300), interpolation=cv2.INTER_AREA)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    brighter = np.clip(image.astype(float) * 1.1 + 8, 0, 255).astype(np.uint8)
    cropped = image[6:, 4:]
    hashes = np.stack([perceptual_hash(entry) for entry in (image, jpeg, brighter, cropped)])
    assert {(a, b) for a, b, _ in close_pairs(hashes)} >= {(0, 1), (0, 2), (0, 3)}


def test_blocks_change_nothing_and_bits_are_counted() -> None:
    hashes = np.random.default_rng(0).integers(0, 256, (50, 32)).astype(np.uint8)
    hashes[30] = hashes[3]
    hashes[30, 0] ^= 0b101
    found = close_pairs(hashes, threshold=110, block=7)
    assert found == close_pairs(hashes, threshold=110)
    expected = [
        (a, b, int(np.unpackbits(hashes[a] ^ hashes[b]).sum()))
        for a, b in itertools.combinations(range(50), 2)
        if np.unpackbits(hashes[a] ^ hashes[b]).sum() <= 110
    ]
    assert sorted(found) == expected
    assert (3, 30, 2) in found


def test_a_photo_in_two_splits_is_a_leak(tmp_path: Path) -> None:
    first, second = (read_image(path) for path in people()[:2])
    write_png(tmp_path / "train" / "a.png", first)
    write_png(tmp_path / "test" / "b.png", first)
    write_png(tmp_path / "test" / "c.png", second)
    photos = {"a": tmp_path / "train/a.png", "b": tmp_path / "test/b.png", "c": tmp_path / "test/c.png"}
    issues = find_duplicates(photos)
    assert [issue.kind for issue in issues] == ["leak"]
    assert "b (test) is almost the same photo as a (train)" in str(issues[0])
    assert find_duplicates(photos, {"a": "x", "b": "x", "c": "x"})[0].kind == "near-duplicate"


@pytest.mark.photos
def test_the_known_near_duplicates_of_900_street_photos(photos: Path) -> None:
    files = {path.stem: path for path in sorted((photos / "ccp" / "image").glob("*.jpg"))}
    known = {
        tuple(sorted(pair))
        for pair in json.loads((photos / "ccp" / "splits.json").read_text(encoding="utf-8"))["near_duplicates"]
    }
    names = list(files)
    hashes = np.stack([perceptual_hash(read_image(files[name])) for name in names])
    found = {tuple(sorted((names[a], names[b]))) for a, b, _ in close_pairs(hashes)}
    assert found == known, "all six, and nothing else"
    assert (
        min(bits for a, b, bits in close_pairs(hashes, 90) if tuple(sorted((names[a], names[b]))) not in known)
        > THRESHOLD + 10
    )

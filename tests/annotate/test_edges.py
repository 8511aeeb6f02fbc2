"""The guided filter: what it keeps, and that labels come to the photo's edges."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fittingroom.annotate.parser.edges import guided


def soft(column: float, size: int = 60) -> np.ndarray:
    """A border at a column, blurred over a dozen pixels."""
    line = 1 / (1 + np.exp(-(np.arange(size) - column) / 3))
    return np.repeat(line[None], size, axis=0).astype(np.float32)


@pytest.mark.parametrize(
    "colours", [((200, 30, 30), (30, 30, 200)), ((90, 90, 90), (160, 160, 160)), ((255, 255, 255), (0, 0, 0))]
)
def test_a_border_moves_to_the_photos_edge(colours) -> None:
    photo = np.zeros((60, 60, 3), np.uint8)
    photo[:, :33], photo[:, 33:] = colours
    plane = soft(30)  # three pixels off
    found = guided(photo, np.stack([plane, 1 - plane]), 5)
    assert (plane[0] > 0.5).argmax() == 31
    assert ((found[0] > 0.5).argmax(axis=1) == 33).all()
    assert np.allclose(found.sum(axis=0), 1, atol=1e-4)


def test_without_edges_it_is_a_blur_and_a_constant_stays() -> None:
    photo = np.full((60, 60, 3), 128, np.uint8)
    plane = soft(30)
    found = guided(photo, plane[None], 4)[0]
    assert np.abs(found - plane).max() < 0.15
    assert (np.diff(found[30, 15:45]) > 0).all()
    assert np.allclose(guided(photo, np.full((1, 60, 60), 0.3, np.float32), 4), 0.3, atol=1e-5)


def test_it_equals_the_definition() -> None:
    """Against a plain solution of equation 19 in one window after the other."""
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (14, 12, 3), dtype=np.uint8)
    plane = random.random((14, 12)).astype(np.float32)
    radius, smooth = 2, 1e-2
    guide = np.pad(photo / 255.0, ((radius, radius), (radius, radius), (0, 0)), mode="symmetric")
    padded = np.pad(plane.astype(float), radius, mode="symmetric")
    slopes, offsets = np.zeros((14, 12, 3)), np.zeros((14, 12))
    for y in range(14):
        for x in range(12):
            pixels = guide[y : y + 5, x : x + 5].reshape(-1, 3)
            values = padded[y : y + 5, x : x + 5].ravel()
            matrix = np.cov(pixels.T, bias=True) + smooth * np.eye(3)
            slopes[y, x] = np.linalg.solve(
                matrix, ((pixels - pixels.mean(0)) * (values - values.mean())[:, None]).mean(0)
            )
            offsets[y, x] = values.mean() - slopes[y, x] @ pixels.mean(0)
    wide = np.pad(slopes, ((radius, radius), (radius, radius), (0, 0)), mode="symmetric")
    other = np.pad(offsets, radius, mode="symmetric")
    expected = np.zeros((14, 12))
    for y in range(14):
        for x in range(12):
            slope = wide[y : y + 5, x : x + 5].reshape(-1, 3).mean(0)
            expected[y, x] = slope @ (photo[y, x] / 255.0) + other[y : y + 5, x : x + 5].mean()
    assert np.abs(guided(photo, plane[None], radius, smooth)[0] - expected).max() < 2e-3


def test_a_photo_is_filtered_in_a_moment() -> None:
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (640, 480, 3), dtype=np.uint8)
    planes = random.random((14, 640, 480)).astype(np.float32)
    begin = time.process_time()
    guided(photo, planes, 6)
    assert time.process_time() - begin < 5

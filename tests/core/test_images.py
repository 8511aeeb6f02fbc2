"""Decoding, exact resize, deterministic PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fittingroom.core import images
from fittingroom.core.errors import InputError

GRADIENT = np.add.outer(np.arange(40), np.arange(30)).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(["bilinear", "bicubic", "lanczos"]),
    st.integers(0, 2**31),
)
def test_resize_equals_pillow(height: int, width: int, new_height: int, new_width: int, kernel: str, seed: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 255, (height, width)).astype(np.float32)
    pillow = np.asarray(
        Image.fromarray(image).resize((new_width, new_height), getattr(Image.Resampling, kernel.upper()))
    )
    ours = images.resize_exact(torch.from_numpy(image).double(), (new_height, new_width), kernel).numpy()  # type: ignore[arg-type]
    assert np.abs(ours - pillow).max() < 2e-3


def test_resize_matrix_rows_sum_to_one_and_cannot_be_changed() -> None:
    matrix = images.resize_matrix(17, 5)
    assert matrix.sum(axis=1) == pytest.approx(1)
    with pytest.raises(ValueError):
        matrix[0, 0] = 2


def test_labels_are_resized_without_new_ids() -> None:
    labels = np.array([[0, 7], [13, 19]], np.uint8)
    big = images.resize_labels(labels, (9, 7))
    assert set(np.unique(big)) == {0, 7, 13, 19}
    assert (images.resize_labels(big, (2, 2)) == labels).all()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("L", (100, 100, 100)),
        ("RGB", (10, 200, 30)),
        ("RGBA", (132, 227, 142)),
        ("CMYK", None),
        ("I;16", (128, 128, 128)),
        ("P", (10, 200, 30)),
        ("1", (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, expected: tuple[int, ...] | None, tmp_path: Path) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((8, 6), 32896, np.uint16))
    elif mode == "RGBA":
        image = Image.new("RGBA", (6, 8), (10, 200, 30, 128))
    elif mode == "L":
        image = Image.new("L", (6, 8), 100)
    elif mode == "1":
        image = Image.new("1", (6, 8), 1)
    else:
        colour = Image.new("RGB", (6, 8), (10, 200, 30))
        image = colour.quantize(4) if mode == "P" else colour.convert(mode)
    path = tmp_path / ("x.tif" if mode in ("CMYK", "I;16") else "x.png")
    image.save(path)
    pixels = images.read_image(path)
    assert pixels.shape == (8, 6, 3)
    assert pixels.dtype == np.uint8
    if expected:
        assert np.abs(pixels[0, 0].astype(int) - expected).max() <= 1


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.fromarray(GRADIENT)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "x.jpg", exif=exif, quality=100)
    assert images.read_image(tmp_path / "x.jpg").shape == (30, 40, 3)
    assert images.image_size(tmp_path / "x.jpg") == (30, 40)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken", b"\xff\xd8\xff\xe0 broken"])
def test_broken_files_are_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        images.read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_and_missing_and_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "x.jpg").read_bytes()[:900])
    with pytest.raises(InputError, match="not a readable image"):
        images.read_image(tmp_path / "cut.jpg")
    with pytest.raises(InputError, match="no such file"):
        images.read_image(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="a folder, not an image"):
        images.read_image(tmp_path)
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="64x64 pixels is more than"):
        images.read_image(tmp_path / "x.jpg")


def test_label_maps(tmp_path: Path) -> None:
    labels = np.array([[0, 5], [9, 19]], np.uint8)
    palette = np.random.default_rng(0).integers(0, 255, (256, 3)).astype(np.uint8)
    images.write_png(tmp_path / "p.png", labels, palette)
    images.write_png(tmp_path / "l.png", labels)
    images.write_png(tmp_path / "rgb.png", np.repeat(labels[..., None], 3, axis=2))
    for name in ("p", "l", "rgb"):
        assert (images.read_labels(tmp_path / f"{name}.png") == labels).all()
    colours = np.zeros((2, 2, 3), np.uint8)
    colours[0, 0] = 1, 2, 3
    images.write_png(tmp_path / "c.png", colours)
    with pytest.raises(InputError, match="a colour picture where a label map is expected"):
        images.read_labels(tmp_path / "c.png")


def test_equal_pixels_give_equal_png_bytes_and_come_back() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 10, 3), dtype=np.uint8)
    assert images.encode_png(noise) == images.encode_png(noise.copy())


def test_tensors_and_back() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (20, 10, 3), dtype=np.uint8)
    tensor = images.to_tensor(noise)
    assert tensor.shape == (3, 20, 10)
    assert -1 <= tensor.min() < tensor.max() <= 1
    assert (images.to_image(tensor) == noise).all()


def test_fit_size_keeps_the_aspect_and_fits() -> None:
    assert images.fit_size((512, 320), (256, 256)) == (256, 160)
    assert images.fit_size((10, 1000), (50, 50)) == (1, 50)

"""Photos as they come: every kind is read or refused in one line, and what is kept says nothing of its owner."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from fittingroom.annotate.photos import list_photos, photo_id
from fittingroom.annotate.reading import Reading, keep, without_metadata
from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import read_image


def photo(size=(90, 120)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.stack([rows * 2 % 256, columns * 2 % 256, (rows + columns) % 256], axis=2).astype(np.uint8)


def encoded(image: Image.Image, form: str = "JPEG", **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **more)
    return buffer.getvalue()


def told(**tags) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "at home, Anytown"
    exif[0x0112] = tags.get("turn", 1)
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def pixels(kept) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(kept.data)))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_keeps_its_pixels_and_loses_its_metadata(tmp_path, progressive):
    data = encoded(Image.fromarray(photo()), quality=80, exif=told(), comment=b"secret", progressive=progressive)
    assert b"Anytown" in data
    assert b"secret" in data
    kept = keep(data + b"trailing preview", tmp_path / "a.jpg", Reading())
    assert np.array_equal(pixels(kept), np.asarray(Image.open(io.BytesIO(data))))
    assert kept.suffix == ".jpg"
    assert b"Anytown" not in kept.data
    assert b"secret" not in kept.data
    assert b"preview" not in kept.data
    assert not Image.open(io.BytesIO(kept.data)).getexif()
    assert len(kept.data) < len(data)


@pytest.mark.parametrize("turn", range(1, 9))
def test_photos_are_turned_upright(tmp_path, turn):
    undo = {
        2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270",
    }  # fmt: skip
    upright = Image.fromarray(photo())
    stored = upright.transpose(getattr(Image.Transpose, undo[turn])) if turn > 1 else upright
    kept = keep(encoded(stored, "PNG", exif=told(turn=turn)), tmp_path / "a.png", Reading())
    assert np.array_equal(pixels(kept), photo())
    assert not Image.open(io.BytesIO(kept.data)).getexif()
    assert ("turned upright" in kept.notes) == (turn > 1)


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "RGBA", "LA", "1", "I;16", "F", "YCbCr"])
def test_every_mode_is_read(tmp_path, mode):
    grey = photo()[..., 0]
    if mode == "I;16":
        image, form = Image.fromarray(grey.astype(np.uint16) * 257), "PNG"
    elif mode == "F":
        image, form = Image.fromarray(grey.astype(np.float32)), "TIFF"
    else:
        image = Image.fromarray(photo()).convert(mode)
        form = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    kept = keep(encoded(image, form), tmp_path / "a", Reading())
    assert (pixels(kept).shape == (90, 120, 3) and Image.open(io.BytesIO(kept.data)).mode == "RGB") or mode == "L"
    if mode in ("I;16", "F"):
        assert np.abs(pixels(kept)[..., 0].astype(int) - grey).max() <= 1


def test_colours_come_in_srgb(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = keep(encoded(Image.fromarray(photo()), "PNG", icc_profile=srgb), tmp_path / "a.png", Reading())
    assert np.array_equal(pixels(same), photo())
    assert "icc_profile" not in Image.open(io.BytesIO(same.data)).info
    # a profile that does not fit the pixels, and one that is no profile, change nothing
    for broken in (profile.tobytes(), b"nonsense"):
        kept = keep(encoded(Image.fromarray(photo()), "PNG", icc_profile=broken), tmp_path / "a.png", Reading())
        assert np.array_equal(pixels(kept), photo())


def test_large_photos_are_scaled_down_and_huge_ones_refused(tmp_path):
    big = Image.fromarray(np.tile(photo(), (10, 10, 1)))
    kept = keep(encoded(big, "PNG"), tmp_path / "a.png", Reading(longest=240))
    assert pixels(kept).shape == (180, 240, 3)
    assert any("1200x900" in note for note in kept.notes)
    assert pixels(keep(encoded(big), tmp_path / "a.jpg", Reading(longest=0))).shape == (900, 1200, 3)
    with pytest.raises(InputError, match="1200x900 pixels is more than the 0.5 million"):
        keep(encoded(big, "PNG"), tmp_path / "a.png", Reading(max_pixels=500_000))
    # a JPEG can be decoded small: it needs no memory for all of its pixels
    assert pixels(keep(encoded(big), tmp_path / "a.jpg", Reading(longest=240, max_pixels=500_000))).shape == (
        180,
        240,
        3,
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"no picture", "not a readable image"),
        (encoded(Image.fromarray(photo()))[:900], "truncated"),
        (encoded(Image.fromarray(photo()), "PNG")[:200], "truncated|not a readable"),
        (encoded(Image.fromarray(photo((20, 20)))), "only 20x20"),
    ],
)
def test_broken_photos_are_one_line(tmp_path, data, says):
    with pytest.raises(InputError, match=says) as caught:
        keep(data, tmp_path / "a.jpg", Reading())
    assert "\n" not in str(caught.value)
    assert caught.value.mend


def test_heic_says_what_it_needs(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingError, match="pip install pillow-heif"):
        keep(b"\0\0\0\x18ftypheic" + b"\0" * 50, tmp_path / "a.heic", Reading())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_cutting_metadata_never_fails(data):
    without_metadata(b"\xff\xd8" + data)


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
def test_ids_fit_pairs_files_and_file_systems(name):
    key = photo_id(name)
    assert key
    assert not set(key) & set(' \t\n/\\:*?"<>|')
    assert "__" not in key
    assert not key.startswith(".")
    assert photo_id(name) == key
    assert len(key.encode()) <= 4 * 130


def test_what_a_folder_says(tmp_path):
    from fittingroom.core.images import write_png

    for name in (
        "people/a.png",
        "people/b c/a.png",
        "garments/dresses/a.png",
        "x/y.png",
        ".hidden/z.png",
        "people/raw.DNG",
        "notes.txt",
        "people/a.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            write_png(path, photo())
        else:
            path.write_bytes(b"x")
    (tmp_path / "photos.csv").write_text("file,role,category,consent\nx/y.png,garment,lower,signed\nnot-there.png,,,\n")
    listed, left_out = list_photos(tmp_path)
    found = {entry.name: (entry.id, entry.role, entry.category) for entry in listed}
    assert found["garments/dresses/a.png"] == ("a", "garment", "dress")
    assert found["people/b c/a.png"] == ("b-c-a", "person", "upper")
    assert found["x/y.png"] == ("x-y", "garment", "lower")
    assert next(entry for entry in listed if entry.name == "x/y.png").about == {"consent": "signed"}
    # two files that would have one id both get longer ones
    ids = {found["people/a.png"][0], found["people/a.jpg"][0]}
    assert len(ids) == 2
    assert all(key.startswith("a-") for key in ids)
    assert [name for name, _ in left_out] == ["people/raw.DNG", "not-there.png"]
    assert {entry.role for entry in list_photos(tmp_path, role="person")[0] if entry.name != "x/y.png"} == {"person"}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("a,b\n1,2\n", "names no file"),
        ("file,role\na.png,dog\n", "role 'dog'"),
        ("file,category\na.png,hat\n", "category 'hat'"),
    ],
)
def test_a_broken_table_is_one_line(tmp_path, table, says):
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "photos.csv").write_text(table)
    with pytest.raises(InputError, match=says):
        list_photos(tmp_path)


def test_no_photos(tmp_path):
    with pytest.raises(InputError, match="no photos"):
        list_photos(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        list_photos(tmp_path / "nowhere")


def test_what_is_kept_is_what_the_dataset_reads(tmp_path):
    kept = keep(encoded(Image.fromarray(photo()).convert("CMYK")), tmp_path / "a.jpg", Reading())
    (tmp_path / "kept.jpg").write_bytes(kept.data)
    assert np.array_equal(read_image(tmp_path / "kept.jpg"), pixels(kept))

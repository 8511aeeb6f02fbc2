"""The engine: every value right, every picture once, one bad picture never fatal."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from fittingroom.core.errors import InputError
from fittingroom.core.images import encode_jpeg, read_image, write_png
from fittingroom.data.dataset import Dataset
from fittingroom.metrics import engine
from fittingroom.metrics.backbones import extractor
from fittingroom.metrics.cache import EmbeddingCache
from fittingroom.metrics.colour import garment_colour_difference, mean_delta_e
from fittingroom.metrics.engine import Context, Picture, evaluate_pictures
from fittingroom.metrics.evaluate import evaluate
from fittingroom.metrics.frechet import frechet_distance
from fittingroom.metrics.kid import kid
from fittingroom.metrics.psnr import psnr

ALL = (
    "fd-random",
    "kd-random",
    "fd-inf-random",
    "lpips-random",
    "lpips-random-region",
    "ssim",
    "ms-ssim",
    "psnr",
    "psnr-outside",
    "de2000-outside",
    "garment-de2000",
    "garment-de2000-truth",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated pictures (disturbed people) and the people."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for name, person in Dataset.open("drawn-mini").people.items():
        image = person.fresh().image()
        write_png(root / "truth" / f"{name}.png", image)
        disturbed = image.copy()
        disturbed[150:300] = np.clip(disturbed[150:300] + random.normal(0, 30, (150, 384, 3)), 0, 255).astype(np.uint8)
        write_png(root / "generated" / f"{name}.png", disturbed)
    return root


def context(path: Path) -> Context:
    person = read_image(path)
    outside = np.ones(person.shape[:2], bool)
    outside[150:300] = False
    return Context(person, outside, ~outside, person, ~outside)


def pictures(folder: Path) -> list[Picture]:
    paths = sorted((folder / "generated").iterdir())
    return [
        Picture(path.stem, path, folder / "truth" / path.name, lambda path=path: context(folder / "truth" / path.name))
        for path in paths
    ]  # type: ignore[misc]


def reference(folder: Path) -> list[Path]:
    return sorted((folder / "truth").iterdir())


def test_values_are_those_of_the_pure_functions(folder: Path) -> None:
    found = evaluate_pictures(pictures(folder), reference(folder), ALL)
    assert found.failures == []
    assert [value.metric for value in found.values if not value.item] == list(ALL)
    embed = extractor("random", {}, "cpu")
    made = np.stack([embed.embed(read_image(picture.generated)) for picture in pictures(folder)])
    real = np.stack([embed.embed(read_image(path)) for path in reference(folder)])
    whole = {value.metric: value for value in found.values if not value.item}
    assert whole["fd-random"].value == pytest.approx(frechet_distance(made, real), rel=1e-6)
    assert whole["kd-random"].value == pytest.approx(kid(made, real).value, rel=1e-6)
    assert math.isnan(whole["fd-inf-random"].value)
    assert whole["fd-inf-random"].note
    picture = pictures(folder)[2]
    image, place = read_image(picture.generated), context(folder / "truth" / picture.generated.name)
    single = {value.metric: value.value for value in found.values if value.item == picture.id}
    assert single["psnr"] == pytest.approx(psnr(image, place.person))
    assert single["psnr-outside"] == 100.0, "untouched pixels count as 100 dB"
    assert single["de2000-outside"] == 0.0
    assert single["garment-de2000"] == pytest.approx(
        garment_colour_difference(image, place.region, place.garment, place.garment_mask)
    )
    truth = read_image(folder / "truth" / picture.generated.name)
    assert single["garment-de2000-truth"] == pytest.approx(mean_delta_e(image, truth, place.region)) != 0
    assert single["lpips-random-region"] > single["lpips-random"] > 0
    for value in whole.values():
        assert value.n == 10
        assert value.protocol in found.protocols
        if np.isfinite(value.low):
            assert value.low <= value.value <= value.high
    assert "bias" in whole["fd-random"].note
    assert 0 < found.seconds["backbones"] < found.seconds["total"]
    assert "fd-random" in found.table()


def test_order_company_and_cache_change_no_bit(folder: Path, tmp_path: Path) -> None:
    plain = evaluate_pictures(pictures(folder), reference(folder), ALL).values
    cache = EmbeddingCache(tmp_path)
    evaluate_pictures(pictures(folder)[3:5], reference(folder)[:4], ALL, cache=cache)
    cached = evaluate_pictures(pictures(folder), reference(folder), ALL, cache=cache).values
    assert repr(plain) == repr(cached)
    backwards = evaluate_pictures(pictures(folder)[::-1], reference(folder), ("ssim", "lpips-random")).values
    straight = {(value.metric, value.item): value.value for value in plain if value.item}
    assert all(straight[value.metric, value.item] == value.value for value in backwards if value.item)


def test_every_picture_is_decoded_and_embedded_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    original = engine._decode

    def counting(path: Path) -> tuple[np.ndarray, str]:
        decoded.append(str(path))
        return original(path)

    monkeypatch.setattr(engine, "_decode", counting)
    cache = EmbeddingCache(tmp_path)
    evaluate_pictures(pictures(folder), reference(folder), ALL, cache=cache)
    assert len(decoded) == len(set(decoded)) == 20
    assert len(list(tmp_path.rglob("*.npy"))) == 20


def test_bad_pictures_are_failures_of_their_own(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "x")
    (tmp_path / "x/generated/ada.png").write_bytes(b"broken")
    (tmp_path / "x/truth/ben.png").write_bytes(b"broken")
    found = evaluate_pictures(pictures(tmp_path / "x"), reference(tmp_path / "x"), ("fd-random", "ssim"))
    assert {name for name, _ in found.failures} == {"ada", "ben"}
    whole = {value.metric: value for value in found.values if not value.item}
    assert whole["ssim"].n == 8
    assert whole["fd-random"].n == 9
    assert all("\n" not in line for _, line in found.failures)


def test_small_pictures_have_no_ms_ssim_and_the_rest(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (100, 80, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", image)
    found = evaluate_pictures([Picture("a", tmp_path / "a.png", tmp_path / "a.png")], [], ("ssim", "ms-ssim"))
    assert {value.metric for value in found.values} == {"ssim"}
    assert found.failures[0][1].startswith("ms-ssim: ")


def test_protocols_tell_what_differs(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "jpeg").mkdir()
    for path in (folder / "generated").iterdir():
        (tmp_path / "jpeg" / f"{path.stem}.jpg").write_bytes(encode_jpeg(read_image(path), 75))
    png = evaluate(folder / "generated", folder / "truth", ["fd-random", "ssim"])
    jpeg = evaluate(tmp_path / "jpeg", folder / "truth", ["fd-random", "ssim"])
    assert not set(png.protocols) & set(jpeg.protocols)
    assert any("codecs differ: jpeg against png" in value.note for value in jpeg.values)
    assert set(png.protocols) == set(evaluate(folder / "generated", folder / "truth", ["fd-random", "ssim"]).protocols)
    smaller = tmp_path / "fewer"
    smaller.mkdir()
    for path in reference(folder)[:5]:
        shutil.copy(path, smaller)
    fewer = evaluate(folder / "generated", smaller, ["fd-random"])
    assert not set(fewer.protocols) & set(png.protocols), "another reference set is another protocol"


def test_folders_that_do_not_match(folder: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "a" / "alone.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="ssim needs a partner for every picture, and 'alone' has none"):
        evaluate(tmp_path / "a", folder / "truth", ["ssim"])
    with pytest.raises(InputError, match="psnr-outside needs a dataset's annotations"):
        evaluate(folder / "generated", folder / "truth", ["psnr-outside"])
    with pytest.raises(InputError, match="no such folder"):
        evaluate(tmp_path / "none", folder / "truth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures in it"):
        evaluate(tmp_path / "empty", folder / "truth")
    write_png(tmp_path / "a" / "alone.bmp.png", np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "a" / "alone.jpg").write_bytes(encode_jpeg(np.zeros((64, 64, 3), np.uint8)))
    with pytest.raises(InputError, match="two pictures with the name 'alone'"):
        evaluate(tmp_path / "a", folder / "truth")

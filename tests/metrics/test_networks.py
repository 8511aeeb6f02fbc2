"""Backbones: shapes, resizes, independence from company, and what the embedded network can tell apart."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import UInt8
from fittingroom.data.dataset import Dataset
from fittingroom.metrics.backbones import extractor, lpips_backbone, resize_clean, resize_tf1
from fittingroom.metrics.cache import EmbeddingCache
from fittingroom.metrics.catalogue import ALIASES, catalogue, metric_info, resolve_metrics
from fittingroom.metrics.inception import Inception, load_inception
from fittingroom.metrics.lpips import lpips_from_taps
from fittingroom.metrics.trunks import TRUNKS, load_trunk
from fittingroom.nn.small_network import DIMENSIONS, random_network, weights_hash


def people() -> list[UInt8]:
    return [person.fresh().image() for person in Dataset.open("drawn-mini").people.values()]


def save(network: torch.nn.Module, path: Path) -> Path:
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save(Inception(), tmp_path_factory.mktemp("weights") / "inception.pth")


def test_inception_has_the_published_tensors() -> None:
    state = Inception().state_dict()
    assert (
        sum(value.numel() for key, value in state.items() if "running" not in key and "batches" not in key)
        == 21_785_568
    )
    for key, shape in {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_6b.branch7x7dbl_2.conv.weight": (128, 128, 7, 1),
        "Mixed_7c.branch3x3_2a.bn.running_var": (384,),
    }.items():
        assert tuple(state[key].shape) == shape


def test_other_tensors_are_no_inception() -> None:
    with pytest.raises(InputError, match="not the weights of FID's Inception — fittingroom weights fetch inception"):
        load_inception({"a": torch.zeros(1)})
    with pytest.raises(InputError, match="not the weights of alexnet"):
        load_trunk("alex", {"features.0.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("alex", (31, 15, 7, 7, 7)), ("vgg", (128, 64, 32, 16, 8)), ("squeeze", (63, 31, 15, 7, 7, 7, 7))],
)
def test_trunks_hand_out_their_taps(name: str, sizes: tuple[int, ...]) -> None:
    trunk = TRUNKS[name][0]().eval()
    with torch.inference_mode():
        taps = trunk(torch.zeros(1, 3, 128, 128))
    assert tuple(tap.shape[1] for tap in taps) == trunk.channels
    assert all(abs(tap.shape[2] - size) <= 1 for tap, size in zip(taps, sizes, strict=True))
    assert all(key.startswith("features.") for key in trunk.state_dict())


def test_the_two_resizes_are_what_they_say() -> None:
    noise = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (1, 3, 64, 48)).astype(np.float32))
    clean, legacy = resize_clean(noise, 16), resize_tf1(noise, 16)
    assert clean.shape == legacy.shape == (1, 3, 16, 16)
    # without anti-aliasing every fourth (third) pixel is picked as it is
    assert torch.allclose(legacy[0, 0, :, 0], noise[0, 0, ::4, 0], atol=1e-4)
    assert clean.std() < 0.5 * legacy.std()
    flat = torch.full((1, 3, 40, 30), 77.0)
    assert torch.allclose(resize_clean(flat), torch.tensor(77.0), atol=1e-3)
    assert torch.allclose(resize_tf1(flat), torch.tensor(77.0), atol=1e-3)


@pytest.mark.parametrize("preset", ["clean", "tf1", "random"])
def test_an_embedding_depends_on_its_picture_only(preset: str, inception_file: Path) -> None:
    embed = extractor(preset, {"inception": inception_file}, "cpu")
    images = people()[:3]
    first = [embed.embed(image) for image in images]
    again = [embed.embed(image) for image in reversed(images)][::-1]
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert first[0].shape == ((DIMENSIONS,) if preset == "random" else (2048,))
    assert not (first[0] == first[1]).all()
    assert embed.settings["weights_sha256"]


def test_the_random_network_is_the_same_everywhere() -> None:
    # the hash of the weights is part of every protocol; a change here changes the meaning of published runs
    assert weights_hash(random_network()) == weights_hash(random_network())
    assert weights_hash(random_network(1)) != weights_hash(random_network(2))
    assert weights_hash(random_network()).startswith("b618e2f821791c11")


def degraded(image: UInt8, kind: str, amount: int) -> UInt8:
    if kind == "blur":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.8 * amount))
    if kind == "noise":
        noise = np.random.default_rng(0).normal(0, 8 * amount, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)
    if kind == "shift":
        return np.roll(image, 3 * amount, axis=1)
    out = image.copy()
    out[200 : 200 + 40 * amount, 100 : 100 + 40 * amount] = 0
    return out


@pytest.mark.parametrize("kind", ["blur", "noise", "shift", "hole"])
def test_the_random_network_orders_disturbances(kind: str) -> None:
    lpips, embed = lpips_backbone("random", {}, "cpu"), extractor("random", {}, "cpu")
    for image in people()[:3]:
        with torch.inference_mode():
            truth = lpips.taps(image)
            perceptual = [
                float(lpips_from_taps(lpips.taps(degraded(image, kind, amount)), truth, lpips.lpips.heads)[0])
                for amount in (1, 2, 4)
            ]
        assert 0 < perceptual[0] < perceptual[1] < perceptual[2]
        if kind != "shift":
            vectors = [
                np.linalg.norm(embed.embed(degraded(image, kind, amount)) - embed.embed(image)) for amount in (1, 2, 4)
            ]
            assert 0 < vectors[0] < vectors[1] < vectors[2]


def test_published_lpips_loads_from_local_files(tmp_path: Path) -> None:
    torch.manual_seed(1)
    trunk = TRUNKS["alex"][0]()
    heads = {f"lin{index}.model.1.weight": torch.rand(1, width, 1, 1) for index, width in enumerate(trunk.channels)}
    torch.save(heads, tmp_path / "heads.pth")
    files = {"alexnet": save(trunk, tmp_path / "alexnet.pth"), "lpips-alex": tmp_path / "heads.pth"}
    backbone = lpips_backbone("alex", files, "cpu")
    image = people()[0]
    taps = backbone.taps(image)
    assert float(lpips_from_taps(taps, taps, backbone.lpips.heads)[0]) == 0
    assert "LPIPS 0.1" in backbone.settings["heads"]
    with pytest.raises(MissingError, match="weights 'vgg16'"):
        lpips_backbone("vgg", files, "cpu")


def test_the_cache_keeps_and_survives_harm(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "embeddings")
    value = np.random.default_rng(0).normal(size=7).astype(np.float32)
    assert cache.get("ab12", {"net": 1}) is None
    cache.put("ab12", {"net": 1}, value)
    assert (cache.get("ab12", {"net": 1}) == value).all()  # type: ignore[union-attr]
    assert cache.get("ab12", {"net": 2}) is None
    file = next((tmp_path / "embeddings").rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:-3])
    assert cache.get("ab12", {"net": 1}) is None


def test_every_metric_is_described_in_both_languages() -> None:
    for name, info in catalogue().items():
        assert info.name == name
        assert info.better in ("lower", "higher")
        assert info.kind in ("image", "set")
        assert set(info.needs) <= {"truth", "reference", "context"}
        assert info.text["en"]
        assert info.text["ru"]
        assert not (name.startswith("fid") and "random" in name), "FID is said only of Inception's"
    assert all(target in catalogue() for alias, target in ALIASES.items() if alias != "psnr-preserved")
    assert metric_info("lpips").name == "lpips-alex"
    with pytest.raises(InputError, match="no metric named 'fidd' — there are: fid-clean"):
        metric_info("fidd")


def test_default_takes_what_is_here_and_names_it(inception_file: Path) -> None:
    plain = resolve_metrics(["default"])
    assert {"fd-mini", "kd-mini", "lpips-mini", "ssim"} <= set(plain)
    assert not any(name.startswith("fid") for name in plain)
    richer = resolve_metrics(["default"], overrides={"inception": inception_file})
    assert {"fid-clean", "kid-clean", "fid-inf-clean", "lpips-mini"} <= set(richer)
    assert "fd-mini" not in richer
    with pytest.raises(MissingError, match="weights 'inception'"):
        resolve_metrics(["fid"])
    with pytest.raises(InputError, match="no metric asked for"):
        resolve_metrics([])

"""How much memory is needed: the estimate against counted tensors, at full size and at small size."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fittingroom.core.errors import InputError

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

from torch._subclasses.fake_tensor import FakeTensorMode

from fittingroom.methods.promptdresser import memory, tiny
from fittingroom.methods.promptdresser.attention import GarmentFeatures, join, project
from fittingroom.methods.promptdresser.memory import GIB, HOST, OVERHEAD, PLANS, Parts, Plan, Shape, choose, needs
from fittingroom.methods.promptdresser.network import (
    SDXL,
    garment_features,
    garment_network,
    main_network,
    predict_noise,
)
from fittingroom.methods.promptdresser.peak import PeakTensors
from fittingroom.methods.promptdresser.weights import NETWORKS

#: the published autoencoder, where it matters here
VAE = {**tiny.VAE, "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "norm_num_groups": 32}
WEIGHTS = {
    "unet": 2_567_478_084,
    "garment_unet": 2_542_178_560,
    "vae": 83_653_863,
    "text_encoder": 123_060_480,
    "text_encoder_2": 694_659_840,
}
FULL = Shape(WEIGHTS, SDXL, VAE, (1024, 768))


def work(plan: Plan, shape: Shape) -> dict[str, int]:
    """What a plan's estimate says of each stage beyond weights."""
    nothing = Shape(dict.fromkeys(NETWORKS, 0), shape.main, shape.vae, shape.size, shape.bytes_each)
    return needs(plan, nothing)


def inputs(rows: int, size: tuple[int, int], config: Any, kind: torch.dtype) -> dict[str, torch.Tensor]:
    height, width = size[0] // 8, size[1] // 8
    pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
    return {
        "latents": torch.zeros(rows, 4, height, width, dtype=kind),
        "mask": torch.zeros(rows, 1, height, width, dtype=kind),
        "masked": torch.zeros(rows, 4, height, width, dtype=kind),
        "text": torch.zeros(rows, 77, config["cross_attention_dim"], dtype=kind),
        "pooled": torch.zeros(rows, pooled, dtype=kind),
        "ids": torch.zeros(rows, 6, dtype=kind),
    }


@contextlib.contextmanager
def precision(kind: torch.dtype) -> Iterator[None]:
    """Networks built inside have this precision; fake ones cannot be converted afterwards."""
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def counted(config: Any, size: tuple[int, int], kind: torch.dtype) -> dict[str, int]:
    """Peaks of both networks, counted."""
    with precision(kind):
        main, garment = main_network(config), garment_network(config)
    one, three = inputs(1, size, config, kind), inputs(3, size, config, kind)
    with torch.inference_mode():
        with PeakTensors() as seen:
            first = garment_features(garment, one["latents"], one["text"], one["pooled"], one["ids"])
        features = join([first, first]).for_rows((0, 1, 1))
        with PeakTensors() as raw:
            predict_noise(main, **three, time=500, garment=features)
        with PeakTensors() as ready:
            predict_noise(main, **three, time=500, garment=project(main, features))
    # the second row's features are there beside the first's while it is made
    return {
        "garment": seen.peak + first.nbytes,
        "paint": raw.peak + features.nbytes,
        "projected": ready.peak + features.nbytes,
        "features": first.nbytes,
    }


def test_the_estimate_holds_at_full_size() -> None:
    """Counted with fake tensors: nothing is computed, but every operation's memory is known."""
    with FakeTensorMode():
        found = counted(SDXL, FULL.size, torch.float16)
    raw, ready = work(Plan("raw"), FULL), work(Plan("ready", projected=True), FULL)
    assert found["features"] == 2 * memory.feature_values(SDXL, FULL.size) == 150 * 2**20
    assert raw["garment"] == pytest.approx(found["garment"], rel=0.05)
    assert raw["paint"] == pytest.approx(found["paint"], rel=0.05)
    assert ready["paint"] == pytest.approx(found["projected"], rel=0.05)


@pytest.mark.parametrize("tiled", [False, True])
def test_the_estimate_of_the_autoencoder_holds_at_full_size(tiled: bool) -> None:
    import diffusers

    with FakeTensorMode(), torch.inference_mode():
        with precision(torch.float16):
            vae = diffusers.AutoencoderKL.from_config(VAE)
        if tiled:
            vae.tile_sample_min_size, vae.tile_latent_min_size = memory.TILE, memory.TILE // 8
            vae.enable_tiling()
        with PeakTensors() as decoding:
            vae.decode(torch.zeros(1, 4, 128, 96, dtype=torch.float16))
        with PeakTensors() as encoding:
            vae.encode(torch.zeros(1, 3, 1024, 768, dtype=torch.float16))
    said = work(Plan("x", tiled=tiled), FULL)
    assert said["decode"] == pytest.approx(decoding.peak, rel=0.05)
    assert said["encode"] == pytest.approx(encoding.peak, rel=0.05)


def test_the_estimate_is_near_what_a_small_network_really_takes() -> None:
    config = {**tiny.UNET, "block_out_channels": [32, 64, 128], "attention_head_dim": [2, 4, 8]}
    size = (256, 192)
    found = counted(config, size, torch.float32)
    said = work(Plan("x", projected=True), Shape(dict.fromkeys(NETWORKS, 0), config, tiny.VAE, size, 4))
    assert said["paint"] == pytest.approx(found["projected"], rel=0.3)
    assert said["garment"] == pytest.approx(found["garment"], rel=0.3)


def test_counting_knows_what_is_freed() -> None:
    with PeakTensors() as seen:
        first = torch.zeros(1000)
        del first
        second = torch.zeros(1500)
        view = second[3:]
        third = torch.zeros(10)
    assert seen.peak == 4 * 1510
    assert seen.now == 4 * 1510
    del second, third
    assert view.sum() == 0


def test_the_published_size_fits_eight_gigabytes_with_margin() -> None:
    plan = choose(8 * GIB, FULL)
    assert max(needs(plan, FULL).values()) + OVERHEAD < 7 * GIB
    assert not plan.fp8, "8 GB need no 8-bit weights"
    assert choose(4 * GIB, FULL).fp8
    assert not choose(24 * GIB, FULL).staged
    with pytest.raises(InputError, match=r"768x1024 needs 2\.\d GB of graphics memory, there are 1\.0"):
        choose(GIB, FULL)


def test_plans_need_less_and_less() -> None:
    peaks = [max(needs(plan, FULL).values()) for plan in PLANS]
    assert peaks == sorted(peaks, reverse=True)
    line = memory.estimate_line(PLANS[1], FULL)
    assert "staged" in line
    assert "paint" in line


def test_only_the_networks_at_work_are_on_the_device(tiny_folder: Path) -> None:
    """With the meta device as the card: what is moved there loses its values, so only moves are looked at."""
    parts = Parts(tiny_folder, torch.float32, "cpu", HOST)
    moves: list[tuple[str, str]] = []

    class Watched(Parts):
        def _load(self, part: str) -> Any:
            network = super()._load(part)
            real = network.to

            def to(device: Any) -> Any:
                moves.append((part, str(device)))
                return real("cpu")

            network.to = to
            return network

    staged = Watched(tiny_folder, torch.float32, "cuda:0", Plan("staged"))
    staged.device = "cuda:0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "empty_cache", lambda: None)
        with staged.use("vae"):
            assert moves == [("vae", "cuda:0")]
        with staged.use("unet"):
            pass
    assert moves == [("vae", "cuda:0"), ("vae", "cpu"), ("unet", "cuda:0"), ("unet", "cpu")]
    with parts.use("vae", "unet") as (vae, unet):
        assert type(vae).__name__ == "AutoencoderKL"
        assert unet.config.in_channels == 9


def test_networks_are_let_go_where_memory_is_short(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(tiny_folder, torch.float32, "cpu", HOST)
    with parts.use("vae"):
        pass
    assert "vae" in parts._loaded
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 0})())
    with parts.use("vae", "text_encoder"):
        pass
    assert not parts._loaded


@pytest.mark.parametrize("fp8", [False, True])
def test_spared_memory_changes_pictures_little(tiny_folder: Path, fp8: bool) -> None:
    """Eight-bit weights against full ones, on the same inputs: near, and not equal."""
    plain, spared = (
        Parts(tiny_folder, torch.float32, "cpu", Plan("x", staged=False, fp8=value, tiled=True))
        for value in (False, fp8)
    )
    given = inputs(1, (128, 96), tiny.UNET, torch.float32)
    generator = torch.Generator().manual_seed(0)
    given = {name: torch.randn(value.shape, generator=generator) for name, value in given.items()}
    outputs = []
    for parts in (plain, spared):
        with parts.use("unet") as (network,), torch.inference_mode():
            outputs.append(predict_noise(network, **given, time=500, garment=None))
    difference = float((outputs[0] - outputs[1]).abs().max() / outputs[0].abs().max())
    assert (0 < difference < 0.3) if fp8 else difference == 0


def test_calls_do_not_disturb_each_other(tiny_folder: Path) -> None:
    """One network, two garments, two threads: features belong to the call."""
    parts = Parts(tiny_folder, torch.float32, "cpu", HOST)
    generator = torch.Generator().manual_seed(0)
    given = {
        name: torch.randn(value.shape, generator=generator)
        for name, value in inputs(1, (128, 96), tiny.UNET, torch.float32).items()
    }
    with parts.use("unet", "garment_unet") as (main, garment), torch.inference_mode():
        banks = [
            garment_features(garment, shift + given["latents"], given["text"], given["pooled"], given["ids"])
            for shift in (0, 1)
        ]
        alone = [predict_noise(main, **given, time=9, garment=bank) for bank in banks]
        assert not torch.allclose(alone[0], alone[1])
    together: dict[int, list[torch.Tensor]] = {0: [], 1: []}

    def run(index: int) -> None:
        with torch.inference_mode():
            for _ in range(5):
                together[index].append(predict_noise(main, **given, time=9, garment=banks[index]))

    threads = [threading.Thread(target=run, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in (0, 1):
        assert len(together[index]) == 5
        assert all(torch.allclose(found, alone[index], atol=1e-6) for found in together[index])


def test_features_are_joined_only_where_they_fit() -> None:
    one, two = GarmentFeatures({"a": torch.zeros(1, 2, 3)}), GarmentFeatures({"b": torch.zeros(1, 2, 3)})
    with pytest.raises(ValueError, match="same blocks"):
        join([one, two])
    assert join([one, one]).banks["a"].shape == (2, 2, 3)

"""The small network: what it learns from is in order, it learns, it is found, and nothing of it is called FID."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fittingroom.core.errors import InputError, MissingError
from fittingroom.data.dataset import Dataset
from fittingroom.metrics import backbones, catalogue
from fittingroom.metrics.distortions import DISTORTIONS, two_strengths
from fittingroom.metrics.small_training import FILE, SmallTask, garment_first, order_loss
from fittingroom.nn import small_network
from fittingroom.train.loop import fit
from fittingroom.train.settings import TrainSettings


def _picture(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, 9, 9), generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic").clamp(-1, 1)[0]


@pytest.mark.parametrize("kind", range(len(DISTORTIONS)))
def test_the_stronger_distortion_is_further_away(kind: int) -> None:
    further = []
    for seed in range(30):
        picture = _picture(seed)
        weak, strong = two_strengths(picture, _picture(seed + 100), kind, seed)
        assert weak.shape == strong.shape == picture.shape
        assert strong.abs().max() <= 1
        further.append(float((strong - picture).abs().mean()) >= float((weak - picture).abs().mean()))
    # a bend of a smooth picture may lead back to a like colour; everything else is in order almost always
    assert np.mean(further) > 0.9


def test_the_order_is_learned_from_its_loss() -> None:
    taps = [torch.rand(2, width, 4, 4) for width in small_network.WIDTHS]
    near, far = [tap + 0.01 for tap in taps], [tap + torch.rand_like(tap) for tap in taps]
    assert float(order_loss([taps, near, far])) < 0.01
    assert float(order_loss([taps, far, near])) > 2


def test_training_makes_the_order_better_and_goes_on_bit_by_bit(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    data = Dataset.open("drawn-mini")
    torch.set_num_threads(1)

    def run(folder: Path, stops: tuple[int, ...]) -> Path:
        for steps in stops:
            task = SmallTask(data, steps=24)
            settings = TrainSettings(steps=steps, batch=4, precision="fp32", log_every=4, save_every=12, sheet_every=0)
            done = fit(task, settings, folder)
        return done.weights / FILE

    whole, parts = run(tmp_path / "whole", (24,)), run(tmp_path / "parts", (12, 24))
    assert whole.read_bytes() == parts.read_bytes()
    lines = (tmp_path / "whole" / "log.jsonl").read_text().splitlines()
    parts_loss = [json.loads(line)["parts"] for line in lines]
    assert parts_loss[-1] < parts_loss[0]
    shares = garment_first(small_network.load_network(whole), Dataset.open("studio-mini"), (64, 48))
    assert all(0 <= share <= 1 for share in shares.values())
    # another garment is more than the least of the disturbances, for whatever network
    assert shares["bent@0.1"] > 0.8
    with pytest.raises(InputError, match="no true pictures"):
        garment_first(small_network.random_network(), data.only(limit=0))


def test_metrics_through_the_trained_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small_network.safetensors"
    for module in (small_network, backbones):
        monkeypatch.setattr(module, "EMBEDDED", path)
    backbones._small.cache_clear()
    assert "lpips-random" in catalogue.resolve_metrics(["default"])
    assert "lpips-mini" not in catalogue.resolve_metrics(["all"])
    with pytest.raises(MissingError, match="no trained small network"):
        backbones.extractor("mini", {}, "cpu")
    network = small_network.random_network(5)
    save_file({name: tensor.half() for name, tensor in network.state_dict().items()}, path)
    names = catalogue.resolve_metrics(["default"])
    assert {"fd-mini", "kd-mini", "lpips-mini"} <= set(names)
    assert not [name for name in names if name.startswith("fid")]
    mini, plain = backbones.extractor("mini", {}, "cpu"), backbones.extractor("random", {}, "cpu")
    assert mini.settings["weights_sha256"] != plain.settings["weights_sha256"]
    assert "trained on" in mini.settings["backbone"]
    image = np.full((96, 72, 3), 128, np.uint8)
    assert not np.allclose(mini.embed(image), plain.embed(image))
    backbones._small.cache_clear()


def test_another_network_s_file_is_refused(tmp_path: Path) -> None:
    save_file({"layers.0.weight": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="not the weights of the small network"):
        small_network.load_network(tmp_path / "x.safetensors")

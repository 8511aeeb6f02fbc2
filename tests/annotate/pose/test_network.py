"""The two networks of OpenPose: their published sizes, and weights in every published naming."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fittingroom.annotate.pose.network import NETWORKS, Body25Network, Coco18Network, load_network
from fittingroom.core.errors import InputError
from fittingroom.weights import convert
from fittingroom.weights.caffemodel import read_caffemodel
from fittingroom.weights.manifest import entry

BODIES = pytest.mark.parametrize("body", ["coco-18", "body-25"])
SMALL = 16


def small(body: str, seed: int = 0) -> Coco18Network | Body25Network:
    torch.manual_seed(seed)
    network = NETWORKS[body](SMALL).eval()
    for value in network.parameters():
        nn.init.normal_(value, std=0.1)
    return network


# --- a writer of Caffe's files, from caffe.proto ----------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes | int) -> bytes:
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def blob(values: np.ndarray, old: bool) -> bytes:
    numbers = field(5, values.astype("<f4").tobytes())
    if old:  # num, channels, height, width; a bias is (1, 1, 1, C)
        shape = [1] * (4 - values.ndim) + list(values.shape)
        return b"".join(field(index, side) for index, side in enumerate(shape, 1)) + numbers
    return field(7, field(1, b"".join(varint(side) for side in values.shape))) + numbers


def caffemodel(tensors: Mapping[str, torch.Tensor], old: bool = False) -> bytes:
    layers: dict[str, list[torch.Tensor]] = {}
    for name in sorted(tensors, key=lambda one: one.endswith("bias")):
        layers.setdefault(name.rsplit(".", 1)[0], []).append(tensors[name])
    out = [field(1, b"a network")]
    for name, values in layers.items():
        blobs = [blob(value.numpy(), old) for value in values]
        if old:
            out.append(field(2, field(4, name.encode()) + field(5, 4) + b"".join(field(6, one) for one in blobs)))
        else:
            head = field(1, name.encode()) + field(2, b"Convolution") + field(3, b"below")
            out.append(field(100, head + b"".join(field(7, one) for one in blobs) + field(106, field(1, 3))))
    return b"".join([*out, field(100, field(1, b"relu1_1") + field(2, b"ReLU"))])


# --- sizes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "parameters", "heat", "fields", "files"),
    [
        ("coco-18", 52_311_446, 19, 38, ("openpose-coco-18", "openpose-coco-18-caffe")),
        ("body-25", 26_166_084, 26, 52, ("openpose-body-25",)),
    ],
)
def test_sizes_are_those_of_the_published_files(
    body: str, parameters: int, heat: int, fields: int, files: tuple[str, ...]
) -> None:
    with torch.device("meta"):
        network = NETWORKS[body]()
        maps = network(torch.zeros(2, 3, 368, 656))
    assert sum(value.numel() for value in network.state_dict().values()) == parameters
    assert [tuple(one.shape) for one in maps] == [(2, heat, 46, 82), (2, fields, 46, 82)]
    for file in files:
        assert entry(file).parameters == parameters
        names = entry(file).size - 4 * parameters  # what is not numbers: names and shapes
        assert 0 < names < 200 * len(network.state_dict())


def test_operations_are_those_that_the_literature_gives() -> None:
    """136 GFLOP (multiply-adds) at 368x368 for the network of six stages (Osokin, Lightweight OpenPose, 2018)."""
    with torch.device("meta"):
        network = Coco18Network()
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, 368, 368))
    assert counter.get_total_flops() / 2e9 == pytest.approx(136, abs=0.5)


# --- the order of layers, written once more without modules ----------------------------------------------------------


def again(weights: Mapping[str, torch.Tensor], body: str, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    def conv(name: str, y: torch.Tensor) -> torch.Tensor:
        kernel = weights[f"{name}.weight"]
        return F.conv2d(y, kernel, weights[f"{name}.bias"], padding=kernel.shape[-1] // 2)

    def prelu(name: str, y: torch.Tensor) -> torch.Tensor:
        return torch.where(y >= 0, y, y * weights[f"{name}.weight"][:, None, None])

    for name in ["1_1", "1_2", "p", "2_1", "2_2", "p", "3_1", "3_2", "3_3", "3_4", "p", "4_1"]:
        x = F.max_pool2d(x, 2) if name == "p" else conv(f"conv{name}", x).relu()
    if body == "coco-18":
        for name in ("4_2", "4_3_CPM", "4_4_CPM"):
            x = conv(f"conv{name}", x).relu()
        results = []
        for branch in ("L1", "L2"):
            y = x
            for index in range(1, 6):
                y = conv(f"conv5_{index}_CPM_{branch}", y if index == 1 else y.relu())
            results.append(y)
        for stage in range(2, 7):
            joined = torch.cat([results[0], results[1], x], 1)
            results = []
            for branch in ("L1", "L2"):
                y = joined
                for index in range(1, 8):
                    y = conv(f"Mconv{index}_stage{stage}_{branch}", y if index == 1 else y.relu())
                results.append(y)
        return results[1], results[0]
    for name in ("4_2", "4_3_CPM", "4_4_CPM"):
        x = prelu(f"prelu{name}", conv(f"conv{name}", x))

    def stage_of(name: str, y: torch.Tensor) -> torch.Tensor:
        for block in "12345":
            a = prelu(f"Mprelu{block}_{name}_0", conv(f"Mconv{block}_{name}_0", y))
            b = prelu(f"Mprelu{block}_{name}_1", conv(f"Mconv{block}_{name}_1", a))
            c = prelu(f"Mprelu{block}_{name}_2", conv(f"Mconv{block}_{name}_2", b))
            y = torch.cat([a, b, c], 1)
        return conv(f"Mconv7_{name}", prelu(f"Mprelu6_{name}", conv(f"Mconv6_{name}", y)))

    fields = stage_of("stage0_L2", x)
    for stage in "123":
        fields = stage_of(f"stage{stage}_L2", torch.cat([x, fields], 1))
    heat = stage_of("stage0_L1", torch.cat([x, fields], 1))
    return stage_of("stage1_L1", torch.cat([x, heat, fields], 1)), fields


@BODIES
def test_layers_come_in_the_published_order(body: str) -> None:
    network = small(body)
    x = torch.rand(1, 3, 32, 48) - 0.5
    with torch.inference_mode():
        for one, other in zip(network(x), again(network.state_dict(), body, x), strict=True):
            assert one.abs().max() > 1e-4
            torch.testing.assert_close(one, other)


# --- weights ------------------------------------------------------------------------------------------------------------


def write(folder: Path, naming: str, tensors: dict[str, torch.Tensor]) -> Path:
    path = folder / (
        "weights" + {"caffe": ".caffemodel", "old caffe": ".caffemodel", "safe": ".safetensors"}.get(naming, ".pth")
    )
    if naming.endswith("caffe"):
        path.write_bytes(caffemodel(tensors, old=naming.startswith("old")))
    elif naming == "safe":
        safetensors.torch.save_file(tensors, path)
    elif naming == "modules":
        torch.save({f"module.model1_0.{name}": value for name, value in tensors.items()}, path)
    elif naming == "nested":
        torch.save({"state_dict": tensors}, path)
    elif naming == "old bias":
        torch.save(
            {name: value.reshape(1, 1, 1, -1) if value.ndim == 1 else value for name, value in tensors.items()}, path
        )
    else:
        torch.save(tensors, path)
    return path


@BODIES
@pytest.mark.parametrize("naming", ["plain", "modules", "nested", "old bias", "safe", "caffe", "old caffe"])
def test_weights_load_in_every_published_naming(body: str, naming: str, tmp_path: Path) -> None:
    network = small(body, seed=3)
    loaded = load_network(write(tmp_path, naming, dict(network.state_dict())))
    assert loaded.skeleton.name == body
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)
    assert not loaded.training
    assert not any(value.requires_grad for value in loaded.parameters())


def test_a_file_of_full_size_loads(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in Body25Network().state_dict().items()}
    tensors = {name: torch.full(shape, 0.01) for name, shape in shapes.items()}
    path = write(tmp_path, "caffe", tensors)
    assert path.stat().st_size == pytest.approx(entry("openpose-body-25").size, rel=1e-3)
    network = load_network(path)
    with torch.inference_mode():
        heat, fields = network(torch.zeros(1, 3, 16, 16))
    assert (heat.shape, fields.shape) == ((1, 26, 2, 2), (1, 52, 2, 2))


@BODIES
def test_another_networks_weights_are_refused(body: str, tmp_path: Path) -> None:
    tensors = dict(small(body).state_dict())
    name = next(iter(tensors))
    for change in (
        {key: value for key, value in tensors.items() if key != name},
        {**tensors, "conv9_9.weight": torch.zeros(1)},
        {**tensors, name: torch.zeros(4, 3, 5, 5)},
    ):
        with pytest.raises(InputError, match=r"not the weights of OpenPose .*README names"):
            load_network(write(tmp_path, "plain", change))
    with pytest.raises(InputError, match="two tensors for layer"):
        load_network(write(tmp_path, "plain", {**tensors, f"twice.{name}": tensors[name]}))
    other = "body-25" if body == "coco-18" else "coco-18"
    with pytest.raises(InputError, match=f"not the weights of OpenPose {other}"):
        load_network(write(tmp_path, "plain", tensors), other)
    with pytest.raises(InputError, match="no body 'face'"):
        load_network(tmp_path / "weights.pth", "face")


def test_broken_caffe_files_are_one_line(tmp_path: Path) -> None:
    good = caffemodel(dict(small("body-25").state_dict()))
    path = tmp_path / "w.caffemodel"
    cases: dict[str, bytes] = {
        "cut": good[: len(good) // 2],
        "text": b"layer { name: 'conv1_1' }" * 10,
        "empty": b"",
        "nothing in it": field(1, b"a network"),
        "a group": good + bytes([3]),
        "endless number": b"\xff" * 20,
        "shape of more numbers": field(
            100, field(1, b"a") + field(7, field(7, field(1, varint(9))) + field(5, b"\0" * 4))
        ),
        "half a number": field(100, field(1, b"a") + field(7, field(5, b"\0" * 3))),
        "three blobs": field(100, field(1, b"a") + 3 * field(7, field(5, b"\0" * 4))),
        "twice": 2 * field(100, field(1, b"a") + field(7, field(5, b"\0" * 4))),
    }
    for what, data in cases.items():
        path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            read_caffemodel(path)
        assert "\n" not in str(caught.value), what
        assert str(path) in str(caught.value), what
    with pytest.raises(InputError, match="no such weights file"):
        read_caffemodel(tmp_path / "none.caffemodel")


def test_a_caffe_file_is_imported_as_safetensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from fittingroom.core.files import sha256_file

    tensors = dict(small("body-25").state_dict())
    path = write(tmp_path, "caffe", tensors)
    numbers = sum(value.numel() for value in tensors.values())
    known = replace(entry("openpose-body-25"), sha256=sha256_file(path), parameters=numbers)
    monkeypatch.setattr(convert, "entry", lambda name: known)
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    kept = convert.import_file("openpose-body-25", path)
    assert kept.suffix == ".safetensors"
    assert load_network(kept).skeleton.name == "body-25"
    monkeypatch.setattr(convert, "entry", lambda name: replace(known, sha256="0" * 64))
    with pytest.raises(InputError, match="not the published pose_iter_584000.caffemodel"):
        convert.import_file("openpose-body-25", path)

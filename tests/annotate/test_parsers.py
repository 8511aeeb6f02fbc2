"""Human parsers and DensePose-like networks from files: real small networks, whose labels are known by colour."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import torch

from fittingroom.annotate.base import NothingFoundError
from fittingroom.annotate.densepose_file import FileDensePose
from fittingroom.annotate.parse_common import fill_from_around, finish, parts_of
from fittingroom.annotate.parse_onnx import SchpParse
from fittingroom.annotate.parse_segformer import SegformerParse
from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.labels import ATR18, CIHP20, LIP20

IDS = CIHP20.ids


def standing():
    import fake_annotators

    return fake_annotators.standing()


def coloured(size=(96, 60)) -> tuple[np.ndarray, dict[str, tuple[slice, slice]]]:
    """A red, a green and a blue band on black."""
    photo = np.zeros((*size, 3), np.uint8)
    where = {"red": np.s_[10:34, 15:45], "green": np.s_[38:62, 15:45], "blue": np.s_[66:90, 15:45]}
    for index, place in enumerate(where.values()):
        photo[(*place, index)] = 255
    return photo, where


def by_colour(labels: int, red: int, green: int, blue: int, *, bgr: bool) -> tuple[np.ndarray, np.ndarray]:
    """Weights ``(labels, 3, 1, 1)`` and biases of a network that names colours; black is label 0."""
    weights, bias = np.zeros((labels, 3, 1, 1), np.float32), np.full(labels, -20, np.float32)
    bias[0] = 0.5
    for label, channel in ((red, 0), (green, 1), (blue, 2)):
        weights[label, 2 - channel if bgr else channel] = 1
        bias[label] = 0
    return weights, bias


# --- a tiny writer of ONNX files: protocol buffers by hand ---------------------------------------------------------
def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_field(1, int(size)) for size in array.shape)
    return dims + _field(2, 1) + _field(8, name) + _field(9, array.astype("<f4").tobytes())


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def onnx_file(path, side: int, convolutions: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """One 1x1 convolution for each output."""
    graph = _field(2, "g") + _field(11, _value("input.1", (1, 3, side, side)))
    for index, (weights, bias) in enumerate(convolutions):
        names = [f"w{index}", f"b{index}"]
        node = b"".join(_field(1, name) for name in ("input.1", *names)) + _field(2, f"o{index}") + _field(4, "Conv")
        graph += _field(1, node) + _field(5, _tensor(names[0], weights)) + _field(5, _tensor(names[1], bias))
        graph += _field(12, _value(f"o{index}", (1, len(bias), side, side)))
    path.write_bytes(_field(1, 8) + _field(8, _field(2, 13)) + _field(7, graph))


def test_schp_networks_are_fed_and_read_as_they_were_trained(tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "parsing_lip.onnx"
    wrong = by_colour(20, 9, 9, 9, bgr=True)
    right = by_colour(20, LIP20.ids["face"], LIP20.ids["jumpsuits"], LIP20.ids["left-leg"], bgr=True)
    onnx_file(path, 64, [wrong, right, by_colour(2, 0, 1, 1, bgr=True)])
    parser = SchpParse(path)
    photo, where = coloured()
    found = parser.annotate(photo, {"pose": standing()})
    labels = found.value.labels
    assert found.value.labels_in.name == "cihp20"
    assert labels.shape == photo.shape[:2]
    assert (labels[where["green"]] == IDS["dress"]).mean() > 0.95  # CIHP has no jumpsuits
    assert (labels[where["blue"]] == IDS["left-leg"]).mean() > 0.95
    assert np.isin(labels[where["red"]], (IDS["face"], IDS["torso-skin"])).mean() > 0.95
    inside = np.zeros(labels.shape, bool)
    for place in where.values():
        inside[place] = True
    assert (labels[~inside] == 0).mean() > 0.95
    assert parser.settings()["labels"] == "lip20"
    assert len(parser.settings()["weights"]) == 64


def test_schp_says_what_is_wrong(tmp_path):
    with pytest.raises(MissingError, match="--weights-file parse/schp=PATH"):
        SchpParse()
    with pytest.raises(InputError, match="choose from lip20, atr18, cihp20"):
        SchpParse(tmp_path / "x.onnx", labels="coco")
    with pytest.raises(MissingError, match="no such weights file"):
        SchpParse(tmp_path / "x.onnx")
    pytest.importorskip("onnxruntime")
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    with pytest.raises(InputError, match="not a readable ONNX network"):
        SchpParse(tmp_path / "bad.onnx")
    onnx_file(tmp_path / "two.onnx", 32, [by_colour(2, 0, 1, 1, bgr=True)])
    with pytest.raises(InputError, match="not of the 18 labels of atr18"):
        SchpParse(tmp_path / "two.onnx", labels="atr18").annotate(coloured()[0], {"pose": None})


class _Colours(torch.nn.Module):
    def __init__(self, weights, bias) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(3, len(bias), 1)
        self.layer.weight.data, self.layer.bias.data = torch.from_numpy(weights), torch.from_numpy(bias)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(x) * 50, x


def test_schp_as_torchscript_gives_the_same(tmp_path):
    weights = by_colour(18, ATR18.ids["upper-clothes"], ATR18.ids["belt"], ATR18.ids["pants"], bgr=True)
    torch.jit.script(_Colours(*weights)).save(str(tmp_path / "atr.pt"))
    photo, where = coloured()
    photo[34:38, 15:45, 1] = photo[62:66, 15:45, 1] = 255  # the belt touches both
    labels = SchpParse(tmp_path / "atr.pt").annotate(photo, {"pose": None}).value.labels
    assert (labels[where["red"]] == IDS["upper-clothes"]).mean() > 0.95
    # a belt lies on clothes: it takes the label of what it lies upon, half of it each
    assert set(np.unique(labels[40:60, 20:40])) == {IDS["upper-clothes"], IDS["pants"]}


def test_densepose_networks(tmp_path):
    torch.jit.script(_Colours(*by_colour(25, 1, 2, 24, bgr=False))).save(str(tmp_path / "d.pt"))
    photo, where = coloured()
    found = FileDensePose(tmp_path / "d.pt").annotate(photo, {})
    picture = found.value
    assert picture.dtype == np.uint8
    assert not picture[:8].any()
    assert picture[where["red"]].any()
    assert len({tuple(picture[20, 30]), tuple(picture[50, 30]), tuple(picture[80, 30])}) == 3
    with pytest.raises(MissingError, match="no method here needs it"):
        FileDensePose()
    with pytest.raises(NothingFoundError):
        FileDensePose(tmp_path / "d.pt").annotate(np.zeros_like(photo), {})


@pytest.fixture(scope="module")
def segformer(tmp_path_factory):
    """A SegFormer of the published class names, small and untrained."""
    transformers = pytest.importorskip("transformers")
    names = ["Background", "Hat", "Hair", "Sunglasses", "Upper-clothes", "Skirt", "Pants", "Dress", "Belt", "Left-shoe", "Right-shoe",
             "Face", "Left-leg", "Right-leg", "Left-arm", "Right-arm", "Bag", "Scarf"]  # fmt: skip
    torch.manual_seed(0)
    config = transformers.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[8, 16], patch_sizes=[7, 3], strides=[4, 2],
        num_attention_heads=[1, 2], mlp_ratios=[1, 1], decoder_hidden_size=16, id2label=dict(enumerate(names)),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("segformer")
    model = transformers.SegformerForSemanticSegmentation(config).eval()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 64, "width": 64}}))
    return folder, model


def test_segformer_reads_its_own_labels(segformer):
    folder, model = segformer
    parser = SegformerParse(folder)
    photo = np.random.default_rng(0).integers(0, 255, (80, 64, 3)).astype(np.uint8)
    found = parser.annotate(photo, {"pose": None})
    # the same by the library itself, at the network's size
    small = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    small = (
        torch.nn.functional.interpolate(small, (64, 64), mode="bilinear", antialias=True, align_corners=False).round()
        / 255
    )
    mean, std = (torch.tensor(v)[None, :, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        logits = model(pixel_values=(small - mean) / std).logits
    whole = torch.nn.functional.interpolate(logits, (80, 64), mode="bilinear", align_corners=False)[0].argmax(0).numpy()
    lying = np.isin(whole, [ATR18.ids["belt"]])
    from fittingroom.core.labels import convert

    same = (found.value.labels == convert(whole.astype(np.uint8), "atr18", "cihp20"))[~lying]
    assert same.mean() > 0.97
    assert SegformerParse(folder / "model.safetensors").settings() == parser.settings()
    assert json.dumps(parser.settings())


def test_segformer_says_what_is_wrong(segformer, tmp_path):
    folder, _ = segformer
    with pytest.raises(MissingError, match="weights fetch segformer-clothes, or --weights-file parse/segformer=FOLDER"):
        SegformerParse()
    with pytest.raises(MissingError, match="no SegFormer here"):
        SegformerParse(tmp_path)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"]["3"] = "traffic light"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="no parts of people: traffic light"):
        SegformerParse(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", 4) + b"junk")
    with pytest.raises(InputError, match="not a SegFormer that can be loaded"):
        SegformerParse(tmp_path)


def test_scores_and_notes():
    sure = np.zeros((18, 40, 30), np.float32)
    sure[0] = 1
    with pytest.raises(NothingFoundError):
        finish(sure, ATR18, None)
    sure[:, 10:30, 10:20], sure[ATR18.ids["pants"], 10:30, 10:20] = 0, 1
    found = finish(sure, ATR18, None)
    assert set(found.notes) == {"no head", "no upper garment"}
    assert found.score < 0.6
    assert any("joints outside" in note for note in finish(sure, ATR18, standing()).notes)


def test_names_of_classes_and_filling():
    assert parts_of(["Upper-clothes", "Left_Shoe", "torso skin", "car"]) == (
        ["upper-clothes", "left-shoe", "torso-skin", "car"],
        ["car"],
    )
    labels = np.array([[1, 0, 0, 2]], np.uint8)
    assert fill_from_around(labels, np.array([[False, True, True, False]])).tolist() == [[1, 1, 2, 2]]

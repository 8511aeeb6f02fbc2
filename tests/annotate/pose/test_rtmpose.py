"""RTMPose through rtmlib, with tiny ONNX files written here; skipped where rtmlib or onnxruntime are not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittingroom.annotate.base import Annotator, NothingFoundError
from fittingroom.annotate.pose.rtmpose import RtmPose, scored_pose
from fittingroom.annotate.registry import load_annotator
from fittingroom.core.errors import InputError, MissingError

# --- a writer of ONNX files, from onnx.proto --------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes | int | str) -> bytes:
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, values: np.ndarray) -> bytes:
    kind = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}[values.dtype]
    return (
        b"".join(field(1, side) for side in values.shape) + field(2, kind) + field(8, name) + field(9, values.tobytes())
    )


def value(name: str, shape: tuple[int, ...]) -> bytes:
    sides = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sides)))


def node(kind: str, inputs: list[str], output: str) -> bytes:
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)


def model(outputs: dict[str, np.ndarray], size: tuple[int, int]) -> bytes:
    """A graph that gives fixed outputs, plus zero times the mean of its input, so that the input is wired through."""
    graph = field(1, node("ReduceMean", ["input"], "mean")) + field(1, node("Mul", ["mean", "zero"], "nothing"))
    graph += field(1, node("Reshape", ["nothing", "flat"], "scalar"))
    for name in outputs:
        graph += field(1, node("Add", [f"{name}_fixed", "scalar"], name))
    graph += field(2, "tiny")
    graph += field(5, tensor("zero", np.zeros(1, np.float32))) + field(5, tensor("flat", np.ones(1, np.int64)))
    for name, values in outputs.items():
        graph += field(5, tensor(f"{name}_fixed", values))
    graph += field(11, value("input", (1, 3, *size)))
    for name, values in outputs.items():
        graph += field(12, value(name, values.shape))
    return field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 13))


#: COCO-17 joints in an input of 64 x 48, x and y
PLACES = np.array(
    [(24, 8), (26, 6), (22, 6), (28, 8), (20, 8), (32, 16), (16, 16), (36, 26), (12, 26), (38, 34), (10, 34), (29, 36),
     (19, 36), (30, 46), (18, 46), (31, 57), (17, 57)]
)  # fmt: skip


def pose_file(folder: Path, joints: int = 17) -> Path:
    """SimCC: a row of twice the width and one of twice the height per joint; the last joint is below the threshold."""
    x, y = np.zeros((1, joints, 96), np.float32), np.zeros((1, joints, 128), np.float32)
    for index in range(joints):
        place = PLACES[index % 17]
        x[0, index, 2 * place[0]] = y[0, index, 2 * place[1]] = 0.1 if index == 16 else 0.9
    path = folder / f"pose{joints}.onnx"
    path.write_bytes(model({"simcc_x": x, "simcc_y": y}, (64, 48)))
    return path


def detector_file(folder: Path, boxes: list[tuple[float, float, float, float, float]], size: int = 64) -> Path:
    path = folder / "detector.onnx"
    found = np.array(boxes, np.float32).reshape(1, -1, 5)
    path.write_bytes(model({"dets": found}, (size, size)))
    return path


def raw_detector_file(folder: Path, size: int = 64) -> Path:
    """Before suppression: 80 classes; cell (2, 3) of the stride 8 holds a person, cell (6, 1) of it a dog."""
    count = sum((size // stride) ** 2 for stride in (8, 16, 32))
    out = np.zeros((1, count, 85), np.float32)
    for row, column, kind in ((2, 3, 0), (6, 1, 16)):
        cell = row * (size // 8) + column
        out[0, cell, 2:4] = np.log((2.0, 3.0))
        out[0, cell, 4] = out[0, cell, 5 + kind] = 0.95
    path = folder / "raw.onnx"
    path.write_bytes(model({"output": out}, (size, size)))
    return path


@pytest.fixture
def libraries() -> None:
    pytest.importorskip("rtmlib")
    pytest.importorskip("onnxruntime")


def test_without_the_library_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(MissingError, match="pip install --no-deps rtmlib"):
        RtmPose(tmp_path / "x.onnx")


@pytest.mark.usefixtures("libraries")
class TestRtmPose:
    def test_joints_come_back_from_the_box(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        loaded = load_annotator("pose/rtmpose", pose_file(tmp_path))
        assert isinstance(loaded, Annotator)
        photo = np.zeros((128, 96, 3), np.uint8)
        result = loaded.annotate(photo, {})
        # the whole photo is the box; rtmlib widens it by a quarter, so 48 columns are 120 pixels from -12 on
        expected = PLACES * 2.5 - np.array([12, 16])
        pose = result.value
        np.testing.assert_allclose(pose.point("nose"), expected[0], atol=1e-3)
        np.testing.assert_allclose(pose.point("left-wrist"), expected[9], atol=1e-3)
        np.testing.assert_allclose(pose.point("neck"), (expected[5] + expected[6]) / 2, atol=1e-3)
        assert not pose.has("right-ankle")
        assert result.notes == ("not found: right-ankle",)
        assert "load" not in capsys.readouterr().out  # the library's own words

    def test_the_library_is_given_blue_first_as_it_expects(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loaded = RtmPose(pose_file(tmp_path))
        seen = []
        run = loaded._pose.preprocess
        monkeypatch.setattr(loaded._pose, "preprocess", lambda image, box: seen.append(image) or run(image, box))
        loaded.people(np.full((64, 48, 3), (10, 20, 30), np.uint8))
        assert seen[0][5, 5].tolist() == [30, 20, 10]

    def test_the_largest_person_of_a_detector_is_taken(self, tmp_path: Path) -> None:
        boxes = [(2, 2, 14, 18, 0.9), (20, 4, 50, 60, 0.9), (0, 0, 60, 60, 0.1)]
        loaded = RtmPose(pose_file(tmp_path), detector=detector_file(tmp_path, boxes))
        photo = np.zeros((128, 128, 3), np.uint8)
        assert [len(box) for box in loaded.boxes(photo)] == [4, 4]
        result = loaded.annotate(photo, {})
        assert result.notes[0] == "two people, the largest and most central is taken"
        assert 40 < result.value.point("nose")[0] < 100

    def test_of_a_detector_of_many_things_people_are_taken(self, tmp_path: Path) -> None:
        loaded = RtmPose(pose_file(tmp_path), detector=raw_detector_file(tmp_path))
        boxes = loaded.boxes(np.zeros((64, 64, 3), np.uint8))
        np.testing.assert_allclose(boxes, [[3 * 8 - 8, 2 * 8 - 12, 3 * 8 + 8, 2 * 8 + 12]], atol=1e-3)

    def test_nobody(self, tmp_path: Path) -> None:
        detector = detector_file(tmp_path, [(0, 0, 9, 9, 0.05)])
        with pytest.raises(NothingFoundError, match="nobody in the photo"):
            RtmPose(pose_file(tmp_path), detector=detector).annotate(np.zeros((64, 64, 3), np.uint8), {})

    def test_whole_body_networks_begin_with_the_same_joints(self, tmp_path: Path) -> None:
        photo = np.zeros((128, 96, 3), np.uint8)
        plain = RtmPose(pose_file(tmp_path)).annotate(photo, {})
        whole = RtmPose(pose_file(tmp_path, 133)).annotate(photo, {})
        np.testing.assert_array_equal(plain.value.joints, whole.value.joints)
        with pytest.raises(InputError, match="a network of 5 joints"):
            RtmPose(pose_file(tmp_path, 5)).annotate(photo, {})

    def test_settings_and_errors(self, tmp_path: Path) -> None:
        path = pose_file(tmp_path)
        first = RtmPose(path).settings()
        assert first["detector"] == "none: the whole photo"
        assert first["inputs"] == [48, 64]
        assert RtmPose(path, threshold=0.2).settings() != first
        assert RtmPose(path, detector=detector_file(tmp_path, [(0, 0, 9, 9, 0.9)])).settings() != first
        with pytest.raises(InputError, match="no such weights file"):
            RtmPose(tmp_path / "none.onnx")
        broken = tmp_path / "broken.onnx"
        broken.write_bytes(b"not a graph")
        with pytest.raises(InputError, match="not a network that onnxruntime can run") as caught:
            RtmPose(broken)
        assert "\n" not in str(caught.value)
        with pytest.raises(
            MissingError,
            match=r"134 MB from huggingface.co, Apache-2.0 — fittingroom weights fetch dwpose, or --weights-file pose/rtmpose",
        ):
            RtmPose()


def test_joints_below_the_threshold_are_not_found() -> None:
    joints = np.full((17, 3), 0.5, np.float32)
    joints[3, 2], joints[5, 2], joints[7, 2] = 0.1, 1.7, np.nan
    pose, score = scored_pose(joints, 0.3)
    assert not pose.has("left-ear")
    assert not pose.has("left-elbow")
    assert pose.joints[5, 2] == 1
    assert 0.5 < score <= 1
    assert scored_pose(joints * 0, 0.3)[1] == 0

"""ViTPose through transformers, with a tiny random model saved here; skipped where transformers is not installed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fittingroom.annotate.base import Annotator, NothingFoundError
from fittingroom.annotate.pose.vitpose import VitPose
from fittingroom.annotate.registry import load_annotator
from fittingroom.core.errors import InputError, MissingError

PHOTO = np.random.default_rng(0).integers(0, 256, (128, 96, 3)).astype(np.uint8)


def make(folder: Path, experts: int = 1, joints: int = 17) -> Path:
    from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation
    from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

    torch.manual_seed(1)
    backbone = VitPoseBackboneConfig(
        image_size=(64, 48), patch_size=(16, 16), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        part_features=4, num_experts=experts, out_indices=[2],
    )  # fmt: skip
    model = VitPoseForPoseEstimation(
        VitPoseConfig(backbone_config=backbone, num_labels=joints, use_simple_decoder=True)
    )
    model.save_pretrained(folder, safe_serialization=True)
    VitPoseImageProcessorPil(size={"height": 64, "width": 48}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    return make(tmp_path_factory.mktemp("vitpose"))


def peaked(monkeypatch: pytest.MonkeyPatch, loaded: VitPose) -> None:
    """The network's maps replaced by clear ones, joint k at cell (k % 12, 15 - k % 16); the network runs nevertheless."""
    run = loaded._model.forward

    def forward(**inputs: torch.Tensor) -> SimpleNamespace:
        real = run(**inputs).heatmaps
        assert real.shape[1:] == (17, 16, 12)
        columns, rows = torch.arange(12)[None, None, :], torch.arange(16)[None, :, None]
        joints = torch.arange(17)[:, None, None]
        away = (columns - joints % 12) ** 2 + (rows - (15 - joints % 16)) ** 2
        return SimpleNamespace(heatmaps=(0.9 * torch.exp(-away / 8)).expand(len(real), -1, -1, -1).clone())

    monkeypatch.setattr(loaded, "_model", forward)


def test_the_whole_path_runs_with_random_weights(folder: Path) -> None:
    loaded = load_annotator("pose/vitpose", folder, threshold=-1.0)
    assert isinstance(loaded, Annotator)
    first, second = (loaded.people(PHOTO) for _ in range(2))  # type: ignore[attr-defined]
    assert [pose.joints.tobytes() for pose, _ in first] == [pose.joints.tobytes() for pose, _ in second]


def test_joints_come_back_from_the_box(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = VitPose(folder)
    peaked(monkeypatch, loaded)
    pose = loaded.annotate(PHOTO, {}).value
    # the box is the photo, a quarter wider and higher: 12 columns are 120 pixels from -12 on
    np.testing.assert_allclose(pose.point("nose"), [0, 127], atol=8)
    assert pose.found.all()
    mask = np.zeros((128, 96), bool)
    mask[20:84, 30:78] = True
    inside = loaded.annotate(PHOTO, {"person-mask": mask}).value
    middle = inside.joints[:, :2].mean(axis=0)
    assert np.abs(middle - [54, 52]).max() < 12
    assert np.ptp(inside.joints[:, 1]) < 0.7 * np.ptp(pose.joints[:, 1])
    with pytest.raises(NothingFoundError, match="nobody"):
        loaded.annotate(PHOTO, {"person-mask": np.zeros((128, 96), bool)})
    with pytest.raises(InputError, match=r"a mask of \(3, 3\) for a photo"):
        loaded.annotate(PHOTO, {"person-mask": np.zeros((3, 3), bool)})


def test_boxes_of_a_detector(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import YolosConfig, YolosForObjectDetection
    from transformers.models.yolos.image_processing_pil_yolos import YolosImageProcessorPil

    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=[64, 64],
        patch_size=16, num_detection_tokens=5, id2label={0: "dog", 1: "person"}, label2id={"dog": 0, "person": 1},
    )  # fmt: skip
    place = tmp_path / "detector"
    YolosForObjectDetection(config).save_pretrained(place)
    YolosImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(place)
    loaded = VitPose(folder, detector=place, sure=0.0)
    assert all(len(box) == 4 for box in loaded.boxes(PHOTO))
    found = {
        "boxes": torch.tensor([[10.0, 20.0, 50.0, 100.0], [0.0, 0.0, 9.0, 9.0]]), "labels": torch.tensor([1, 0]),
        "scores": torch.ones(2),
    }  # fmt: skip
    monkeypatch.setattr(loaded._detector_processor, "post_process_object_detection", lambda *_, **__: [found])
    assert loaded.boxes(PHOTO) == [[10, 20, 40, 80]]
    assert loaded.settings() != VitPose(folder).settings()


def test_the_experts_of_a_vitpose_plus_plus_are_asked(folder: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "plus", experts=3)
    maps = [VitPose(path, threshold=-1.0, dataset=index).people(PHOTO) for index in (0, 1)]
    joints = [people[0][0].joints if people else np.zeros((18, 3)) for people in maps]
    assert not np.array_equal(*joints)


def test_settings_and_errors(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = VitPose(folder).settings()
    assert "model.safetensors:" in settings["weights"]
    assert VitPose(folder / "model.safetensors").settings() == settings
    assert VitPose(folder, threshold=0.1).settings() != settings
    with pytest.raises(InputError, match=r"no config.json there — give a folder"):
        VitPose(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="not a VitPoseForPoseEstimation") as caught:
        VitPose(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(
        MissingError,
        match=r"344 MB from huggingface.co, Apache-2.0 — fittingroom weights fetch vitpose-base, or --weights-file pose/vitpose",
    ):
        VitPose()
    few = VitPose(make(tmp_path / "few", joints=5))
    with pytest.raises(InputError, match="a network of 5 joints"):
        few.annotate(PHOTO, {})
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingError, match="needs transformers — pip install"):
        VitPose(folder)

"""Preprocessing of PASTA-GAN++ against recorded arrays of the published system, on real photos.

Every image, pair, mode and seed comes from the manifests in ``$FITTINGROOM_PARITY/pasta_gan_pp``. With OpenCV 5 all arrays
are equal bit by bit; OpenCV 4 interpolates differently, so there its own recordings are compared.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from fittingroom.core.pose import JOINT
from fittingroom.methods.pasta_gan_pp.body import Body, body_of
from fittingroom.methods.pasta_gan_pp.conditions import (
    Inputs,
    cut_lower,
    prepare,
    prepare_training,
    tensors,
)
from fittingroom.methods.pasta_gan_pp.config import PUBLISHED
from fittingroom.methods.pasta_gan_pp.quads import PARTS, homographies, part_quads

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("FITTINGROOM_PARITY", ROOT.parent / "shared" / "parity")) / "pasta_gan_pp"

if not FOLDER.is_dir():
    if os.environ.get("FITTINGROOM_REQUIRE_DATA") == "1":
        raise FileNotFoundError(f"no recorded outputs in {FOLDER} (set FITTINGROOM_PARITY)")
    pytest.skip(f"no recorded outputs in {FOLDER} (set FITTINGROOM_PARITY)", allow_module_level=True)

RECORDING = "cv5" if int(cv2.__version__.split(".")[0]) >= 5 else "cv4"
SLEEVES = (10, 11)


def _json(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


INDEX = _json("preproc_index.json")
SYNTHETIC = {entry["tag"]: entry for entry in INDEX["synthetic"]}
CASES = [
    (tag, path.stem.removeprefix(f"{tag}_"))
    for tag in INDEX["pairs"]
    for path in sorted((FOLDER / "preproc_cv5").glob(f"{tag}_*.npz"))
]
TRAINING = [(image, seed) for image, seeds in INDEX["train"].items() for seed in seeds]


@pytest.fixture(scope="module")
def stored() -> Iterator[ModuleType]:
    """The fixtures' own reader."""
    for name in ("weights_rule", "fixture_inputs"):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    yield module
    for name in ("weights_rule", "fixture_inputs"):
        sys.modules.pop(name, None)


def _body(stored: ModuleType, image: str, changes: tuple[str, str] | None = None, *, sleeves: bool = True) -> Body:
    raw = stored.source_image(image)
    labels, keypoints = raw["parsing"].copy(), raw["keypoints"].copy()
    if changes is not None and changes[0] in SYNTHETIC:
        entry, role = SYNTHETIC[changes[0]], changes[1]
        for old, new in entry[f"{role}_parsing_relabel"].items():
            labels[raw["parsing"] == int(old)] = new
        for joint, confidence in entry[f"{role}_joint_confidence"].items():
            keypoints[int(joint), 2] = confidence
    marked = np.where(np.isin(raw["garment_parsing"], SLEEVES), np.uint8(255), np.uint8(0))
    return body_of(raw["image"], labels, keypoints, marked if sleeves else None, PUBLISHED)


def _planes(pixels: np.ndarray) -> np.ndarray:
    """``(N, P, P, 4)`` patches -> ``(3 N, P, P)``."""
    return pixels[..., :3].transpose(0, 3, 1, 2).reshape(-1, *pixels.shape[1:3])


def _coverage(pixels: np.ndarray) -> np.ndarray:
    """The patches' masks, three times each."""
    return np.repeat(pixels[..., 3:], 3, axis=-1).transpose(0, 3, 1, 2).reshape(-1, *pixels.shape[1:3])


def _arrays(inputs: Inputs) -> dict[str, np.ndarray]:
    return {
        "norm_img": _planes(inputs.upper_patches),
        "norm_img_lower": _planes(inputs.lower_patches),
        "denorm_upper_img": inputs.upper.image.transpose(2, 0, 1),
        "denorm_lower_img": inputs.lower.image.transpose(2, 0, 1),
        "denorm_upper_mask": (inputs.upper.mask > 0)[None],
        "denorm_lower_mask": (inputs.lower.mask > 0)[None],
        "lower_clothes_upper_bound": inputs.bound[None],
        "lower_label_value": np.array([inputs.lower_value]),
        "pose": inputs.skeleton.transpose(2, 0, 1),
        "retain_mask": inputs.retain[None],
        "skin": inputs.skin,
    }


def _same(made: np.ndarray, expected: np.ndarray, what: str) -> None:
    np.testing.assert_array_equal(np.asarray(made, dtype=np.float64), expected.astype(np.float64), err_msg=what)


@pytest.mark.parametrize(("tag", "mode"), CASES)
def test_try_on_inputs(tag: str, mode: str, stored: ModuleType) -> None:
    kind, _, option = mode.partition("_")
    sleeves = option != "nosleeve"
    pair = INDEX["pairs"][tag]
    person = _body(stored, pair["person"], (tag, "person"), sleeves=sleeves)
    garment = _body(stored, pair["garment"], (tag, "garment"), sleeves=sleeves)
    made = _arrays(prepare(person, garment, kind, PUBLISHED, parity=True))  # type: ignore[arg-type]
    made["clothes_pose"] = garment.skeleton.transpose(2, 0, 1)
    expected = stored.load_preproc(tag, mode, RECORDING)
    for name, value in made.items():
        _same(value, expected[name], name)
    for name in ("palm_mask",):  # hands are part of what is kept
        assert (made["retain_mask"][0][..., None] >= expected[name]).all()


@pytest.mark.parametrize(("image", "seed"), TRAINING)
def test_training_items(image: str, seed: int, stored: ModuleType) -> None:
    body = _body(stored, image)
    erased = cv2.imread(str(FOLDER / "preproc_inputs" / "erase_mask.png"), cv2.IMREAD_GRAYSCALE) > 0
    item = prepare_training(body, PUBLISHED, Random(seed), erased, parity=True)
    made = _arrays(item.inputs)
    expected = stored.load_preproc(f"train_{image}", f"seed{seed}", RECORDING)
    made["norm_img_lower_for_train"] = made.pop("norm_img_lower")
    made["norm_img_lower"] = _planes(cut_lower(body, PUBLISHED.patch))
    made["norm_clothes_masks"] = _coverage(item.inputs.upper_patches)
    made["norm_clothes_masks_lower"] = _coverage(item.inputs.lower_patches)
    for garment in ("upper", "lower"):
        made[f"denorm_{garment}_img_erase"] = made.pop(f"denorm_{garment}_img")
    made["upper_bound_train"] = made.pop("lower_clothes_upper_bound")
    made["gt_parsing"] = item.label[None]
    for name, maps in (("Ms", body.to_patch), ("M_invs", body.to_canvas)):
        made[name] = np.stack([np.zeros((3, 3)) if each is None else each for each in maps])
    for name, value in made.items():
        _same(value, expected[name], name)


def test_the_tensors_are_those_that_the_generator_was_recorded_with(stored: ModuleType) -> None:
    tag, kind = next((tag, mode) for tag, mode in CASES if "_" not in mode)
    pair = INDEX["pairs"][tag]
    bodies = [_body(stored, pair[role], (tag, role)) for role in ("person", "garment")]
    made = tensors(prepare(bodies[0], bodies[1], kind, PUBLISHED, parity=True))  # type: ignore[arg-type]
    expected = stored.generator_from_preproc(tag, kind, RECORDING)
    names = {"denorm_upper": "upper", "denorm_lower": "lower"}
    names |= {f"{name}_mask": f"{short}_mask" for name, short in names.items()}
    for name, value in expected.items():
        assert torch.equal(made[names.get(name, name)], torch.from_numpy(value[0])), name


def _check_parts(keypoints: np.ndarray, parts: list[dict[str, Any]]) -> int:
    canvas = (PUBLISHED.height, PUBLISHED.width)
    quads, valid = part_quads(keypoints, canvas), 0
    sides = {"l": "left-", "r": "right-", "c": ""}
    for entry, part, quad in zip(parts, PARTS, quads, strict=True):
        assert part.joints == tuple(JOINT[sides[name[0]] + name[1:]] for name in entry["joints"])
        assert (quad is not None) == entry["valid"], part.name
        if quad is None:
            continue
        valid += 1
        np.testing.assert_allclose(quad, np.array(entry["quad"]), rtol=0, atol=1e-3)
        expected = np.array(entry["M"])
        if np.linalg.cond(expected) > 1e8:  # the corners lie (nearly) on a line
            continue
        there, back = homographies(quad, PUBLISHED.patch)
        for made, recorded in ((there, expected), (back, np.array(entry["M_inv"]))):
            np.testing.assert_allclose(made, recorded, rtol=1e-6, atol=1e-6 * np.abs(recorded).max())
    return valid


def test_quadrilaterals_of_jittered_joints() -> None:
    sets = _json("preproc_inputs/geometry_synthetic.json")
    valid = sum(_check_parts(np.array(entry["keypoints"]), entry["parts"]) for entry in sets)
    assert valid == sum(part["valid"] for entry in sets for part in entry["parts"]) > 0


@pytest.mark.parametrize("tag", INDEX["pairs"])
def test_quadrilaterals_of_real_people(tag: str, stored: ModuleType) -> None:
    recorded = _json(f"preproc_inputs/{tag}_geometry.json")
    for role, entry in recorded.items():
        body = _body(stored, INDEX["pairs"][tag][role], (tag, role))
        expected = np.array(entry["keypoints_padded_after_drawing"])
        seen = expected[:, 2] > 0
        np.testing.assert_allclose(body.keypoints[seen], expected[seen], atol=1e-9)
        assert _check_parts(expected, entry["parts"]) > 0

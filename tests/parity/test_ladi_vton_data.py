"""LaDI-VTON's conditions against recorded items of the published datasets' code, on real photos and parses.

Two optional items that no network takes (``shape``, a blurred silhouette, and ``im_pose``, a picture of the joints) are not
made here, so they are not compared.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fittingroom.core.files import read_json
from fittingroom.core.images import read_image, read_labels, read_mask, resize_labels, to_tensor
from fittingroom.core.labels import ATR18, CIHP20
from fittingroom.core.pose import Pose, pose_from_dress_code, pose_from_openpose
from fittingroom.data.dataset import Dataset
from fittingroom.data.layouts.dress_code import FOLDERS
from fittingroom.data.sample import Parse
from fittingroom.methods.ladi_vton.conditions import on_white, pose_map, worn_garment
from fittingroom.methods.ladi_vton.frame import resized
from fittingroom.methods.ladi_vton.region import head, inpaint_mask, rules_for, translate

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("FITTINGROOM_PARITY", ROOT.parent / "shared" / "parity")) / "ladi_vton" / "data"

if not FOLDER.is_dir():
    if os.environ.get("FITTINGROOM_REQUIRE_DATA") == "1":
        raise FileNotFoundError(f"no recorded items in {FOLDER} (set FITTINGROOM_PARITY)")
    pytest.skip(f"no recorded items in {FOLDER} (set FITTINGROOM_PARITY)", allow_module_level=True)

EXPECTED = json.loads((FOLDER / "expected.json").read_text())
SAMPLES = EXPECTED["samples"]
SIZE, SMALL = (512, 384), (256, 192)
#: size of the photos that VITON-HD's joints are given for, whatever the files' own
FRAME = (1024, 768)
#: places of our 18 joints among the 25 of the files
SHARED_JOINTS = (*range(8), *range(9, 19))


class Item:
    """One recorded sample and what we make of its files, at one size."""

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        self.entry, self.size = SAMPLES[name], size
        dataset, _, rest = name.partition("/")
        category = FOLDERS.get(self.entry["category"], "upper")
        self.rules = rules_for("viton-hd" if dataset == "vitonhd" else "dress-code", category)
        if dataset == "vitonhd":
            root = FOLDER / "vitonhd" / "test"
            self.photo = read_image(root / "image" / f"{rest}.jpg")
            self.garment = read_image(root / "cloth" / self.entry["c_name"])
            labels = read_labels(root / "image-parse-v3" / f"{rest}.png")
            document = read_json(root / "openpose_json" / f"{rest}_keypoints.json")
            self.pose = pose_from_openpose(document).scaled(FRAME, size)
            numbers = np.reshape(document["people"][0]["pose_keypoints_2d"], (-1, 3))[list(SHARED_JOINTS), :2]
            self.exact = numbers * (size[1] / FRAME[1], size[0] / FRAME[0])
        else:
            folder, number = rest.split("/")
            root = FOLDER / "dresscode" / folder
            self.photo = read_image(root / "images" / f"{number}_0.jpg")
            garment = read_image(root / "images" / self.entry["c_name"])
            mask = read_mask(root / "masks" / self.entry["c_name"].replace(".jpg", ".png"))
            self.garment = on_white(garment, mask)
            labels = read_labels(root / "label_maps" / f"{number}_4.png")
            document = read_json(root / "keypoints" / f"{number}_2.json")
            self.pose = pose_from_dress_code(document, size)
            self.exact = np.array(document["keypoints"])[:, :2] * (size[1] / 384, size[0] / 512)
        self.labels = np.asarray(resize_labels(labels, size), dtype=np.uint8)
        self.mask = inpaint_mask(self.labels, self.pose, self.rules)
        self.picture = to_tensor(resized(self.photo, size))
        self.cloth = to_tensor(resized(self.garment, size))

    @property
    def spots(self) -> torch.Tensor:
        """The pose map from joints in double precision, as they were recorded; ours are kept in single."""
        joints = np.concatenate([self.exact, np.ones((18, 1))], axis=1)
        made = pose_map(Pose(joints), self.size)  # type: ignore[arg-type]
        torch.testing.assert_close(pose_map(self.pose, self.size), made, rtol=0, atol=1e-5)
        return made

    @property
    def masked(self) -> torch.Tensor:
        return self.picture * ~torch.from_numpy(self.mask)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "expected.npz") as file:
        return {key: file[key] for key in file.files}


def _bits(packed: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.unpackbits(packed)[: size[0] * size[1]].reshape(size).astype(bool)


def _sha(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype=np.uint8).tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("name", SAMPLES)
def test_masks_are_equal_pixel_by_pixel(name: str, arrays: dict[str, np.ndarray]) -> None:
    for size, key in ((SIZE, ""), (SMALL, "_256")):
        item = Item(name, size)
        want = _bits(arrays[f"{name}/inpaint_mask{key}"], size)
        assert int((item.mask != want).sum()) == 0
        assert int(item.mask.sum()) == item.entry[f"inpaint_ones{key}"]
    item = Item(name, SIZE)
    assert _sha(item.labels) == item.entry["parse_array_sha"]
    kept = np.where(item.mask, 0, item.labels)
    assert _sha(kept) == item.entry["parse_mask_total_sha"]
    if item.entry.get("full"):
        assert np.array_equal(item.labels, arrays[f"{name}/parse_array"])
        assert np.array_equal(kept, arrays[f"{name}/parse_mask_total"])


def _near(value: torch.Tensor, want: np.ndarray, step: int, tolerance: float) -> None:
    taken = value.numpy()[..., ::step, ::step]
    assert taken.shape == want.shape
    assert float(np.abs(taken - want).max()) <= tolerance


@pytest.mark.parametrize("name", SAMPLES)
def test_pictures_and_pose_maps(name: str, arrays: dict[str, np.ndarray]) -> None:
    for size, key in ((SIZE, "stats"), (SMALL, "stats_256")):
        item = Item(name, size)
        made = {
            "image": item.picture,
            "cloth": item.cloth,
            "im_mask": item.masked,
            "im_cloth": worn_garment(item.picture, item.labels, item.rules),
            "pose_map": item.spots,
        }
        if key == "stats":
            kept, neck = head(item.labels, item.pose, item.rules)
            made["im_head"] = torch.where(torch.from_numpy(kept | neck), item.picture, -torch.ones(()))
        for what, value in made.items():
            mean, std = item.entry[key][what]
            assert abs(float(value.mean()) - mean) < 1e-3, what
            assert abs(float(value.double().std(correction=0)) - std) < 2e-3, what
        if key == "stats_256":
            continue
        levels = 2 / 255
        for what, step in (("image", 4), ("cloth", 4), ("im_mask", 8), ("im_cloth", 8), ("im_head", 16)):
            if f"{name}/{what}" in arrays:  # edited samples have only what the edit changes
                want = arrays[f"{name}/{what}"]
                want = want / 127.5 - 1 if want.dtype == np.uint8 else want
                _near(made[what], want, step, 2 * levels + 1e-6)
        if f"{name}/pose_map" in arrays:
            _near(made["pose_map"], arrays[f"{name}/pose_map"], 16, 1e-6)
        sums = made["pose_map"].double().sum(dim=(1, 2)).numpy()
        np.testing.assert_allclose(sums, item.entry["pose_map_channel_sum"], rtol=1e-4, atol=1e-4)


def test_the_datasets_are_read_in_place() -> None:
    order = EXPECTED["dataset_order"]
    for setting in ("paired", "unpaired"):
        dataset = Dataset.open(FOLDER / "vitonhd")
        found = {(pair.person, pair.garment) for pair in dataset.pairs[setting]}
        assert found == {(Path(a).stem, Path(b).stem) for a, b in order[f"vitonhd_{setting}"]}
        dataset = Dataset.open(FOLDER / "dresscode", split="test")
        found = {(pair.person, pair.garment) for pair in dataset.pairs[setting]}
        assert found == {
            (f"{folder}/{a.rsplit('_', 1)[0]}", f"{folder}/{b.rsplit('_', 1)[0]}")
            for folder, a, b in order[f"dresscode_{setting}"]
        }


def test_label_conventions() -> None:
    ids = np.arange(20, dtype=np.uint8)[None]
    table: dict[str, Any] = EXPECTED["cihp_to_atr"]
    assert translate(Parse(ids, CIHP20), ATR18)[0].tolist() == [table[str(index)] for index in range(20)]
    assert np.array_equal(translate(Parse(ids, CIHP20), CIHP20), ids)


def test_arm_lines_differ_only_where_joints_are_absent() -> None:
    for name in SAMPLES:
        item = Item(name, SIZE)
        ours = inpaint_mask(item.labels, item.pose, item.rules, published=False)
        arms = item.pose.joints[[2, 3, 4, 5, 6, 7], :2]
        if item.rules.arms and isinstance(item.pose, Pose) and (arms.max(axis=1) > 1).all():
            assert np.array_equal(ours, item.mask)

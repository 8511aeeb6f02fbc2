"""What comes after the networks: the garment's own pattern, and the photo's own wall and skin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Sample

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

from fittingroom.methods.promptdresser.method import PromptDresser

#: few steps: what is tested does not depend on their number
QUICK: dict[str, Any] = {"steps": 3, "mask_steps": 4}


@pytest.fixture(scope="module")
def sample(drawn: Dataset) -> Sample:
    return next(drawn.samples("unpaired"))


def test_wall_and_skin_that_came_out_the_same_are_the_photos(tiny_folder: Path, sample: Sample) -> None:
    keeping = PromptDresser.load(tiny_folder, **QUICK, keep_same=True)
    entry = keeping.conditions(sample)
    result = keeping.pipeline.run(entry["inputs"], 1)
    # as if the network had painted the same, only softer, and a green garment
    mask, soft = result.mask, cv2.GaussianBlur(entry["inputs"].person, (0, 0), 1.5)
    garment = (
        entry["frame"].image(np.where(entry["same"][..., None], np.uint8(0), np.uint8(255)).repeat(3, axis=2)) > 127
    )
    made = np.where(garment & mask[..., None], np.array([40, 200, 60], np.uint8), soft).astype(np.uint8)
    plain = PromptDresser.load(tiny_folder, **QUICK).finish({**entry, "same": None}, replace(result, picture=made))
    kept = keeping.finish(entry, replace(result, picture=made))
    same = entry["same"] & entry["frame"].mask_back(mask)
    photo = entry["photo"].astype(int)
    assert np.abs(kept[same] - photo[same]).mean() < 0.7 * np.abs(plain[same] - photo[same]).mean()
    assert np.array_equal(kept[~same], plain[~same])


def test_the_garment_is_laid_where_its_colour_was_painted(tiny_folder: Path, drawn: Dataset) -> None:
    upper = [each for each in drawn.samples("unpaired") if each.category == "upper" and not each.garment.worn]
    sample = max(upper, key=lambda each: float(each.garment.image()[each.garment.mask()].std(axis=0).mean()))
    telling = PromptDresser.load(tiny_folder, **QUICK, match="layers")
    assert telling.settings()["match"] == "layers"
    entry = telling.conditions(sample)
    assert entry["geometry"] is not None
    frame, photo = entry["frame"], entry["photo"]
    result = telling.pipeline.run(entry["inputs"], 1)
    # as if the network had painted the garment's mean colour where the old garment was
    old = sample.person.parse().mask("upper-clothes", "coat") & frame.mask_back(result.mask)
    colour = sample.garment.image()[sample.garment.mask()].mean(axis=0)
    painted = frame.image(np.where(old[..., None], colour, photo).astype(np.uint8))
    plain = PromptDresser.load(tiny_folder, **QUICK).finish(
        {**entry, "geometry": None}, replace(result, picture=painted)
    )
    out = telling.finish(entry, replace(result, picture=painted))
    inside = cv2.erode(old.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert out[inside].std(axis=0).mean() > 2 * plain[inside].std(axis=0).mean()
    assert np.abs(out[inside].mean(axis=0) - colour).max() < 25
    arms = sample.person.parse().mask("left-arm", "right-arm")  # which the sleeves may cover, whatever the mask says
    far = cv2.dilate((old | arms).astype(np.uint8), np.ones((61, 61), np.uint8)) == 0
    far &= ~frame.mask_back(result.mask)
    assert far.sum() > 0.3 * far.size
    assert np.array_equal(out[far], photo[far])

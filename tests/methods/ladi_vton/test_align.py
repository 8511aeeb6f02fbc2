"""Warped garments brought into line with the photo: patterns come to lie where the photo has them, and nothing else changes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch

from fittingroom.core.errors import InputError
from fittingroom.core.images import UInt8, to_image, to_tensor
from fittingroom.methods.ladi_vton import steps
from fittingroom.methods.ladi_vton.align import aligned
from fittingroom.methods.ladi_vton.recipe import TrainOptions


def garment(shift: tuple[float, float], light: float = 1.0, period: float = 14.0) -> UInt8:
    """A striped ellipse on white, moved; with a fold of shade across it where it is worn in some light."""
    rows, columns = np.mgrid[:256, :192].astype(np.float32)
    rows, columns = rows - shift[0], columns - shift[1]
    inside = ((rows - 120) / 80) ** 2 + ((columns - 96) / 55) ** 2 < 1
    stripe = np.sin(2 * np.pi * (rows + 0.1 * columns) / period) > 0
    colour = np.where(stripe[..., None], [200.0, 60, 60], [235, 230, 220])
    shade = light * (1 + 0.1 * np.sin(columns / 15))[..., None] if light != 1 else 1.0
    return np.where(inside[..., None], np.clip(colour * shade, 0, 240), 255).astype(np.uint8)


def likeness(one: UInt8, two: UInt8) -> float:
    both = (one.min(axis=2) < 245) & (two.min(axis=2) < 245)
    light = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY)[both].astype(float) for each in (one, two)]
    return float(np.corrcoef(*light)[0, 1])


@pytest.mark.parametrize("shift", [(4, -3), (-5, 2), (3, 6)])
def test_stripes_come_to_lie_where_the_photo_has_them(shift: tuple[int, int]) -> None:
    worn, warped = garment((0, 0), light=0.8), garment(shift)
    moved = aligned(warped, worn)
    assert likeness(warped, worn) < 0.5
    assert likeness(moved, worn) > 0.85
    outline = [each.min(axis=2) < 245 for each in (moved, worn)]
    assert (outline[0] == outline[1]).mean() > 0.97
    # its own light stays: it is a garment of the shop, moved
    inside = outline[0] & outline[1]
    assert abs(float(moved[inside].mean()) - float(warped[warped.min(axis=2) < 245].mean())) < 6


def test_detail_is_the_photo_s_and_light_the_garment_s() -> None:
    """A plain garment has the photo's stripes then, and still its own colour."""
    worn, outline = garment((0, 0)), garment((0, 0)).min(axis=2) < 245
    plain = np.where(outline[..., None], [90, 110, 160], 255).astype(np.uint8)
    made = aligned(plain, worn)
    assert likeness(made, worn) > 0.9
    assert np.abs(made[outline].mean(axis=0) - [90, 110, 160]).max() < 8


def test_what_lies_right_stays() -> None:
    worn = garment((0, 0))
    moved = aligned(worn, worn)
    assert float(np.abs(moved.astype(int) - worn).mean()) < 1.0


@pytest.mark.parametrize("empty", ["warped", "worn"])
def test_nothing_is_moved_where_one_of_them_is_empty(empty: str) -> None:
    given = {"warped": garment((4, 0)), "worn": garment((0, 0))}
    given[empty] = np.full((256, 192, 3), 255, np.uint8)
    assert np.array_equal(aligned(given["warped"], given["worn"]), given["warped"])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_samples_is_brought_into_line(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    worn, warped = garment((0, 0), light=0.8), garment((4, -3))
    monkeypatch.setattr(steps, "warped_by", lambda matcher, batch: to_tensor(warped)[None])
    options = TrainOptions(start="random", adapter_steps=0, align=share)
    moved = []
    for index in range(40):
        one: dict[str, Any] = {
            "person": torch.zeros(1, 3, 256, 192),
            "mask": torch.ones(1, 1, 256, 192),
            "worn": to_tensor(worn)[None],
            "index": torch.tensor([index]),
        }
        again = [steps.resting_pictures(one, object(), lambda given: given, options) for _ in range(2)]
        assert torch.equal(again[0]["warped"], again[1]["warped"])
        moved.append(not np.array_equal(to_image(again[0]["warped"]), warped))
        assert likeness(to_image(again[0]["warped"]), worn) > 0.85 or not moved[-1]
    assert abs(np.mean(moved) - share) <= 0.25 * min(share, 1 - share) * 2
    assert set(steps.resting_pictures(one, None, None, options)) == {"person", "masked"}


@pytest.mark.parametrize("more", [{"align": 1.5}, {"align": 1.0, "published": True}])
def test_shares_that_make_no_sense(more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"ladi-vton\.align is"):
        TrainOptions(**more)

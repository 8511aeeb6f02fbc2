"""The warped garment's own pattern in the painted picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fittingroom.core.errors import InputError
from fittingroom.core.images import to_tensor
from fittingroom.data.sample import Sample
from fittingroom.methods.ladi_vton.details import garment_outline, laid, match_details
from fittingroom.methods.ladi_vton.method import LadiVton
from fittingroom.methods.ladi_vton.warping import Matcher, WarpingConfig, bending, sample

HEIGHT, WIDTH = 128, 96


def striped(colour: tuple[int, int, int]) -> np.ndarray:
    """Stripes of a colour and a lighter one."""
    light = [min(255, each + 90) for each in colour]
    rows = (np.arange(HEIGHT) // 4 % 2)[:, None, None]
    return np.broadcast_to(np.where(rows, light, colour), (HEIGHT, WIDTH, 3)).astype(np.uint8)


def test_the_outline_is_what_the_white_ground_leaves() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    picture[20:100, 20:80] = 60, 90, 140
    picture[50:60, 40:50] = 255  # a white print is no ground
    found = garment_outline(to_tensor(picture))
    want = np.zeros((HEIGHT, WIDTH), bool)
    want[20:100, 20:80] = True
    assert np.array_equal(found, want)
    assert garment_outline(to_tensor(np.zeros((HEIGHT, WIDTH, 3), np.uint8))).all()
    assert not garment_outline(to_tensor(np.full((HEIGHT, WIDTH, 3), 255, np.uint8))).any()


def test_painted_smears_get_their_stripes_back_and_arms_do_not() -> None:
    given = striped((120, 30, 40))
    made = cv2.GaussianBlur(given, (0, 0), 6)
    made[40:60] = 205, 160, 130  # an arm before the garment
    made[:, 80:] = 128
    where = np.zeros((HEIGHT, WIDTH), bool)
    where[8:120, 8:80] = True
    out = match_details(made, given, where)
    assert np.array_equal(out[~where], made[~where])
    cloth = np.s_[75:110, 16:70]
    assert (
        np.abs(out[cloth].astype(int) - given[cloth]).mean()
        < 0.4 * np.abs(made[cloth].astype(int) - given[cloth]).mean()
    )
    arm = np.s_[46:54, 16:70]
    assert np.abs(out[arm].astype(int) - made[arm]).mean() < 6
    assert match_details(made, given, np.zeros_like(where)) is made


def test_most_of_another_light_is_kept() -> None:
    given = striped((120, 30, 40))
    dark = (cv2.GaussianBlur(given, (0, 0), 6) * 0.7).astype(np.uint8)
    out = match_details(dark, given, np.ones((HEIGHT, WIDTH), bool))
    middle = np.s_[20:108, 16:80]
    apart = given[middle].mean() - dark[middle].mean()
    assert 0 < out[middle].mean() - dark[middle].mean() < 0.4 * apart
    assert out[middle].std(axis=0).mean() > 2 * dark[middle].std(axis=0).mean()


def test_the_garment_lies_where_the_warp_lays_it() -> None:
    torch.manual_seed(0)
    matcher = Matcher(WarpingConfig(size=(64, 64), width=8, pose=18, refine=8, regress=32)).eval()
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    picture[30:100, 24:72] = 60, 90, 140
    garment = to_tensor(picture)[None]
    person, pose = torch.zeros(1, 3, HEIGHT, WIDTH), torch.zeros(1, 18, HEIGHT, WIDTH)
    with torch.inference_mode():
        warped, where = laid(matcher, garment, person, pose)
        grid = bending(matcher, garment, person, pose)
        raw = sample(garment, grid)[0]
    assert warped.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(to_tensor(warped).numpy() - raw.numpy()).max() < 0.01
    assert (warped[where].max(axis=-1) < 200).all()


def test_the_method_does_it_when_told_so(tiny: Path, samples: Mapping[str, Sample]) -> None:
    sample_ = samples["upper"]
    quick = {"steps": 2, "guidance": 1.0}
    plain = LadiVton.load(tiny, **quick)
    entry = plain.conditions(sample_)
    mask = entry["frame"].mask_back(entry["mask"][0].numpy() > 0)
    before = plain.run(sample_, seed=1)
    for change in ({"match": "details"}, {"keep_same": True}, {"match": "details", "keep_same": True, "paste": True}):
        method = LadiVton.load(tiny, **quick, **change)
        assert {name: method.settings()[name] for name in change} == change
        out = method.run(sample_, seed=1)
        assert out.shape == before.shape
        if change == {"keep_same": True}:
            assert np.array_equal(out[~mask], before[~mask])
    with pytest.raises(InputError, match="choose from off, details"):
        LadiVton.load(tiny, match="colours")

"""The warped garment at the photos' own sizes, and what is laid of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from fittingroom.core.errors import InputError
from fittingroom.core.images import to_tensor
from fittingroom.data.sample import Sample
from fittingroom.methods.ladi_vton.details import garment_outline, laid
from fittingroom.methods.ladi_vton.frame import Frame
from fittingroom.methods.ladi_vton.method import LadiVton
from fittingroom.methods.ladi_vton.warping import Matcher, WarpingConfig, bending, sample

HEIGHT, WIDTH = 128, 96


def test_the_outline_is_what_the_white_ground_leaves() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    picture[20:100, 20:80] = 60, 90, 140
    picture[50:60, 40:50] = 255  # a white print is no ground
    found = garment_outline(picture)
    want = np.zeros((HEIGHT, WIDTH), bool)
    want[20:100, 20:80] = True
    assert np.array_equal(found, want)
    assert garment_outline(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).all()
    assert not garment_outline(np.full((HEIGHT, WIDTH, 3), 255, np.uint8)).any()


def test_the_garment_lies_where_the_warp_lays_it() -> None:
    torch.manual_seed(0)
    matcher = Matcher(WarpingConfig(size=(64, 64), width=8, pose=18, refine=8, regress=32)).eval()
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    picture[30:100, 24:72] = 60, 90, 140
    garment = to_tensor(picture)[None]
    person, pose = torch.zeros(1, 3, HEIGHT, WIDTH), torch.zeros(1, 18, HEIGHT, WIDTH)
    with torch.inference_mode():
        grid = bending(matcher, garment, person, pose)
        raw = sample(garment, grid)[0]
    warped, where = laid(grid, picture, Frame.of((HEIGHT, WIDTH), (HEIGHT, WIDTH)))
    assert warped.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(to_tensor(warped).numpy() - raw.numpy()).max() < 0.02
    assert where.any()
    assert (warped[where].max(axis=-1) < 200).all()


@pytest.mark.parametrize("photo", [(4 * HEIGHT, 4 * WIDTH), (3 * HEIGHT, WIDTH), (2 * HEIGHT, 4 * WIDTH)])
def test_it_lies_there_as_sharp_as_both_photos_are(photo: tuple[int, int]) -> None:
    """A grid that changes nothing: what the frame shows of the garment, each pixel at its place, in photos of other shapes."""
    ys, xs = ((2 * torch.arange(count) + 1) / count - 1 for count in (HEIGHT, WIDTH))
    grid = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=-1)[None]
    assert grid.shape == (1, HEIGHT, WIDTH, 2)
    frame = Frame.of(photo, (HEIGHT, WIDTH))
    large = np.full((4 * HEIGHT, 4 * WIDTH, 3), 255, np.uint8)
    large[80:430, 80:300] = np.where(np.arange(350) // 3 % 2, 40, 180)[
        :, None, None
    ]  # stripes that the frame cannot show
    warped, where = laid(grid, large, frame)
    assert warped.shape == (*photo, 3)
    # where the same would be in the frame, were it of the garment's size
    y, x = (np.arange(photo[axis]) + 0.5 for axis in (0, 1))
    y = 4 * (y * frame.inner[0] / photo[0] + frame.corner[0]) - 0.5
    x = 4 * (x * frame.inner[1] / photo[1] + frame.corner[1]) - 0.5
    inside = (y > 84)[:, None] & (y < 425)[:, None] & (x > 84)[None] & (x < 295)[None]
    assert where[inside].all()
    assert not where[((y < 70) | (y > 440))[:, None] | ((x < 70) | (x > 310))[None]].any()
    want = large[np.clip(np.rint(y), 0, 511).astype(int)][:, np.clip(np.rint(x), 0, 383).astype(int)]
    if photo == large.shape[:2]:  # nothing is enlarged or shrunk
        assert np.abs(warped[inside].astype(int) - want[inside]).max() <= 2
    assert warped[inside].std() > 40


def test_the_method_does_it_when_told_so(tiny: Path, samples: Mapping[str, Sample]) -> None:
    sample_ = samples["upper"]
    quick = {"steps": 2, "guidance": 1.0}
    plain = LadiVton.load(tiny, **quick)
    entry = plain.conditions(sample_)
    mask = entry["frame"].mask_back(entry["mask"][0].numpy() > 0)
    before = plain.run(sample_, seed=1)
    for change in ({"match": "layers"}, {"keep_same": True}, {"match": "layers", "keep_same": True, "paste": True}):
        method = LadiVton.load(tiny, **quick, **change)
        assert {name: method.settings()[name] for name in change} == change
        out = method.run(sample_, seed=1)
        assert out.shape == before.shape
        if change == {"keep_same": True}:
            assert np.array_equal(out[~mask], before[~mask])
    with pytest.raises(InputError, match="choose from off, layers"):
        LadiVton.load(tiny, match="colours")

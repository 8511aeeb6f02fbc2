"""A painted garment in clear layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fittingroom.core.images import UInt8
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Sample
from fittingroom.methods.baseline.target import Target, old_garment
from fittingroom.methods.baseline.warp import Layer
from fittingroom.methods.layering import Geometry, Mask, _closed, geometry, in_painted_light, layered

HEIGHT, WIDTH = 128, 96


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    return Dataset.open("drawn-mini")


def pairs(data: Dataset, category: str) -> Iterator[tuple[Sample, Geometry]]:
    for sample in data.samples("unpaired"):
        if sample.category == category and not sample.garment.worn and (found := geometry(sample)) is not None:
            yield sample, found


def grown(mask: Mask, pixels: int) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)) > 0


def fog(sample: Sample, target: Target, old: Mask) -> UInt8:
    """As a small network paints: the garment's mean colour in place of the old garment, and all of it soft."""
    colour = sample.garment.image()[sample.garment.mask()].mean(axis=0)
    painted = np.where(old[..., None], colour, target.image).astype(np.uint8)
    soft = cv2.GaussianBlur(painted, (0, 0), 0.02 * old.shape[0])
    return np.where(grown(old, round(0.05 * old.shape[0]))[..., None], soft, painted)


def test_fog_becomes_the_garments_pattern_and_the_photos_wall(drawn: Dataset) -> None:
    seen = 0
    for sample, found in list(pairs(drawn, "upper"))[:4]:
        target = found.target
        old = old_garment(target, "upper")
        mask = grown(old, round(0.05 * old.shape[0]))
        painted = fog(sample, target, old)
        out, may_differ = layered(painted, found, mask, old)
        photo, garment = sample.person.image(), sample.garment.image()[sample.garment.mask()]
        assert out.shape == photo.shape
        assert (may_differ | ~mask).all()
        assert may_differ.sum() < 1.3 * mask.sum()  # sleeves may reach further than was painted
        assert np.array_equal(out[~may_differ], photo[~may_differ])
        # the wall beside the garment is the photo's, where the painted one was a haze
        wall = mask & ~grown(old, 3) & target.parse.mask("background")
        kept, hazy = ((each[wall] == photo[wall]).all(axis=1).mean() for each in (out, painted))
        assert kept > max(0.6, 3 * hazy)
        inside = ~grown(~(old & ~target.parse.mask("left-arm", "right-arm")), 3)
        assert np.abs(np.median(out[inside], axis=0) - np.median(garment, axis=0)).max() < 40
        if garment.std(axis=0).mean() > 25:  # patterned
            assert out[inside].std(axis=0).mean() > 2 * painted[inside].std(axis=0).mean()
            seen += 1
    assert seen


def test_a_methods_own_warp_is_what_is_laid(drawn: Dataset) -> None:
    sample, found = next(pairs(drawn, "upper"))
    old = old_garment(found.target, "upper")
    mask, painted = grown(old, 8), fog(sample, found.target, old)
    warped = np.empty_like(painted)
    warped[:] = np.where((np.arange(old.shape[0]) // 4 % 2)[:, None, None], 200, 90)
    out, _ = layered(painted, found, mask, old, (warped, old))
    plain, _ = layered(painted, found, mask, old)
    arms = grown(found.target.parse.mask("left-arm", "right-arm"), 3)
    rows = np.flatnonzero(old.any(axis=1))
    middle = np.zeros_like(old)
    middle[rows[0] + len(rows) // 3 : rows[0] + 2 * len(rows) // 3] = True
    trunk = ~grown(~old, 12) & middle & ~arms
    assert trunk.sum() > 100

    def stripes(picture: UInt8) -> float:
        return float(np.corrcoef(picture[trunk].mean(axis=1), warped[trunk].mean(axis=1))[0, 1])

    assert stripes(out) > 0.8 > stripes(plain)
    # of a warp that covers next to nothing, the splines take the place
    slip = old & (np.arange(old.shape[1]) < np.flatnonzero(old.any(axis=0))[0] + 3)[None]
    assert np.abs(layered(painted, found, mask, old, (warped, slip))[0][trunk].astype(int) - plain[trunk]).mean() < 12


def test_a_skirt_may_lie_between_trousers(drawn: Dataset) -> None:
    tried = 0
    for sample, found in pairs(drawn, "lower"):
        old = old_garment(found.target, "lower")
        out, may_differ = layered(fog(sample, found.target, old), found, old, old)
        assert (may_differ | ~old).all()
        assert np.array_equal(out[~grown(may_differ, 3)], sample.person.image()[~grown(may_differ, 3)])
        if found.cut.legs:
            assert np.array_equal(may_differ, old)
        else:
            tried += 1
    assert tried


def test_a_piece_comes_in_the_painted_light_with_its_contrast() -> None:
    rows = (np.arange(HEIGHT) // 4 % 2)[:, None, None]
    colour = np.broadcast_to(np.where(rows, (210, 120, 130), (120, 30, 40)), (HEIGHT, WIDTH, 3)).astype(np.float32)
    layer = Layer(colour, np.ones((HEIGHT, WIDTH), np.float32))
    dark = (cv2.GaussianBlur(colour, (0, 0), 6) * 0.7).astype(np.uint8)
    dark[40:60] = 40, 190, 60  # something else before it
    whole = np.ones((HEIGHT, WIDTH), bool)
    (out,) = in_painted_light([layer], dark, whole)
    for place in (np.s_[75:120, 16:80], np.s_[46:54, 16:80]):
        ratio = out.colour[place].mean(axis=(0, 1)) / layer.colour[place].mean(axis=(0, 1))
        assert np.all((ratio > 0.55) & (ratio < 0.85))
        assert out.colour[place].std(axis=(0, 1)).mean() > 0.5 * layer.colour[place].std(axis=(0, 1)).mean()
    assert np.array_equal(out.alpha, layer.alpha)
    assert in_painted_light([layer], dark, ~whole) == [layer]


def test_gaps_are_closed_up_to_their_width() -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:100, 10:30] = mask[20:100, 40:60] = mask[20:100, 85:95] = True
    closed = _closed(mask, 6)
    assert closed[30:90, 10:60].all()
    assert not closed[:, 66:80].any()
    assert not closed[:18].any()
    assert (closed | ~mask).all()


def test_nothing_painted_and_nobody_there(drawn: Dataset) -> None:
    sample, found = next(pairs(drawn, "upper"))
    old = old_garment(found.target, "upper")
    nowhere = np.zeros_like(old)
    out, _ = layered(sample.person.image(), found, old, nowhere)
    assert out.shape == sample.person.image().shape
    nobody = replace(sample.person.pose(), joints=np.zeros((18, 3), np.float32))
    person = replace(sample.person, given={**sample.person.given, "pose": nobody}, _cache={})
    assert geometry(replace(sample, person=person)) is None

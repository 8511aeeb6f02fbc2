"""CIELAB and CIEDE2000 against published values and scikit-image; the garment's colour against what it must do."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import scipy.stats
import skimage.color
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.core.errors import InputError
from fittingroom.metrics.colour import (
    delta_e_2000,
    garment_colour_difference,
    mean_delta_e,
    srgb_to_lab,
    transport_cost,
)

#: Sharma, Wu and Dalal 2005, table 1: L1 a1 b1 L2 a2 b2 and the difference
PUBLISHED = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


@pytest.mark.parametrize("row", range(len(PUBLISHED)))
def test_published_pairs(row: int) -> None:
    first, second, expected = PUBLISHED[row, :3], PUBLISHED[row, 3:6], PUBLISHED[row, 6]
    assert float(delta_e_2000(first, second)) == pytest.approx(expected, abs=5.1e-5)
    assert float(delta_e_2000(second, first)) == pytest.approx(expected, abs=5.1e-5)


def test_equals_scikit_image_everywhere() -> None:
    generator = np.random.default_rng(0)
    low, high = [0, -110, -110], [100, 110, 110]
    first, second = generator.uniform(low, high, (20000, 3)), generator.uniform(low, high, (20000, 3))
    first[:50, 1:] = 0  # greys
    second[25:75, 1:] = 0
    np.testing.assert_allclose(
        delta_e_2000(first, second), skimage.color.deltaE_ciede2000(first, second), rtol=1e-7, atol=1e-7
    )
    near = first + generator.normal(0, 0.01, first.shape)
    np.testing.assert_allclose(delta_e_2000(first, near), skimage.color.deltaE_ciede2000(first, near), atol=1e-7)


def test_lab_equals_scikit_image_and_greys_are_neutral() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_allclose(srgb_to_lab(pixels), skimage.color.rgb2lab(pixels), atol=0.01)
    greys = srgb_to_lab(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1))
    np.testing.assert_allclose(greys[:, 1:], 0, atol=1e-10)
    np.testing.assert_allclose(greys[[0, 255], 0], [0, 100], atol=1e-10)


def test_mean_inside_a_mask() -> None:
    generator = np.random.default_rng(1)
    a, b = (generator.integers(0, 256, (300, 200, 3), dtype=np.uint8) for _ in range(2))
    mask = generator.random((300, 200)) < 0.3
    each = skimage.color.deltaE_ciede2000(srgb_to_lab(a), srgb_to_lab(b))
    assert mean_delta_e(a, b) == pytest.approx(each.mean(), abs=1e-4)
    assert mean_delta_e(a, b, mask) == pytest.approx(each[mask].mean(), abs=1e-4)
    assert mean_delta_e(a, a) == 0.0
    assert math.isnan(mean_delta_e(a, b, np.zeros_like(mask)))
    half = np.where(np.arange(300)[:, None, None] < 150, a, b)
    assert mean_delta_e(a, half) == pytest.approx(each[150:].mean() / 2, abs=1e-4)


def texture(seed: int, shape: tuple[int, int] = (200, 120), colours: int = 6) -> np.ndarray:
    generator = np.random.default_rng(seed)
    palette = np.random.default_rng(3).integers(30, 226, (colours, 3))
    picked = palette[generator.integers(0, colours, shape)]
    return np.clip(picked + generator.normal(0, 6, (*shape, 3)), 0, 255).astype(np.uint8)


ALL = np.ones((200, 120), dtype=bool)


def test_place_size_and_background_do_not_matter() -> None:
    a = texture(1)
    assert garment_colour_difference(a, ALL, a[::-1, ::-1], ALL) == pytest.approx(0, abs=1e-9)
    doubled = np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)
    assert garment_colour_difference(a, ALL, doubled, np.ones(doubled.shape[:2], bool)) == pytest.approx(0, abs=1e-9)
    mask = np.zeros_like(ALL)
    mask[50:150, 20:100] = True
    other = np.where(mask[..., None], a, np.uint8(7))
    assert garment_colour_difference(other, mask, a, mask) == pytest.approx(0, abs=1e-9)


def test_another_sample_of_the_same_cloth_is_nearly_the_same() -> None:
    assert garment_colour_difference(texture(1), ALL, texture(2), ALL) < 0.5


def test_flat_colours_give_their_own_difference() -> None:
    red, blue = (np.full((200, 120, 3), colour, np.uint8) for colour in ((200, 30, 40), (30, 60, 190)))
    expected = float(delta_e_2000(srgb_to_lab(red[0, 0]), srgb_to_lab(blue[0, 0])))
    assert garment_colour_difference(red, ALL, blue, ALL) == pytest.approx(expected, rel=1e-9)
    stripes = np.where(np.arange(120)[None, :, None] % 4 == 0, red, blue)
    assert garment_colour_difference(stripes, ALL, blue, ALL) == pytest.approx(expected / 4, rel=1e-6)


def test_stripes_are_not_their_mean() -> None:
    stripes = np.where(np.arange(120)[None, :, None] % 2 == 0, np.uint8(0), np.uint8(255)) * np.ones(
        (200, 1, 3), np.uint8
    )
    grey = np.full((200, 120, 3), 119, np.uint8)
    assert garment_colour_difference(stripes, ALL, grey, ALL) > 25


def test_a_growing_shift_grows_the_value_like_the_shift_itself() -> None:
    a = texture(1)
    found = []
    for shift in (2, 6, 14, 30):
        b = np.clip(np.add(a, [shift, 0, -shift // 2], dtype=int), 0, 255).astype(np.uint8)
        value, per_pixel = garment_colour_difference(a, ALL, b, ALL), mean_delta_e(a, b)
        assert value == pytest.approx(per_pixel, rel=0.35)
        assert garment_colour_difference(b, ALL, a, ALL) == pytest.approx(value, rel=1e-6)
        found.append(value)
    assert found == sorted(found)


def test_empty_sets_have_no_value_and_wrong_shapes_are_refused() -> None:
    a = texture(1)
    assert math.isnan(garment_colour_difference(a, ~ALL, a, ALL))
    assert math.isnan(garment_colour_difference(a, ALL, a, ~ALL))
    with pytest.raises(InputError, match="region"):
        garment_colour_difference(a, ALL[:-1], a, ALL)
    with pytest.raises(InputError, match="expected uint8"):
        garment_colour_difference(a.astype(float), ALL, a, ALL)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="shapes"):
        mean_delta_e(a, a[:-1])


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000))
def test_transport_on_a_line_equals_scipy(n: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=n), generator.normal(size=n + 1)
    p, q = generator.random(n), generator.random(n + 1)
    p, q = p / p.sum(), q / q.sum()
    expected = scipy.stats.wasserstein_distance(x, y, p, q)
    assert transport_cost(p, q, np.abs(x[:, None] - y)) == pytest.approx(expected, abs=1e-7)


def test_fast_enough_for_every_picture() -> None:
    a, b = texture(1, (512, 320)), texture(2, (512, 320))
    region = np.zeros((512, 320), bool)
    region[100:400, 60:260] = True
    for task in (lambda: garment_colour_difference(a, region, b, region), lambda: mean_delta_e(a, b, ~region)):
        task()
        best = math.inf
        for _ in range(5):
            start = time.perf_counter()
            task()
            best = min(best, time.perf_counter() - start)
        assert best < 0.1, "ten times the budget: something is wrong, however busy the machine"

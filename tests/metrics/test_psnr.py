"""PSNR against scikit-image and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from fittingroom.core.errors import InputError
from fittingroom.metrics.psnr import capped, mean_psnr, psnr


def pair(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (31, 22, 3), dtype=np.uint8), generator.integers(
        0, 256, (31, 22, 3), dtype=np.uint8
    )


def test_equals_scikit_image() -> None:
    a, b = pair()
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), rel=1e-12)


def test_by_hand() -> None:
    a = np.full((10, 10, 3), 100, np.uint8)
    assert psnr(a, a + np.uint8(5)) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)) == pytest.approx(0.0)


def test_a_region_counts_alone() -> None:
    a, b = pair()
    mask = np.zeros((31, 22), bool)
    mask[4:20, 3:11] = True
    expected = peak_signal_noise_ratio(a[4:20, 3:11], b[4:20, 3:11], data_range=255)
    assert psnr(a, b, mask) == pytest.approx(expected, rel=1e-12)
    changed = np.where(mask[..., None], a, b)
    assert math.isinf(psnr(changed, a, mask))
    assert math.isfinite(psnr(changed, a, ~mask))
    assert math.isnan(psnr(a, b, np.zeros_like(mask)))


def test_identical_pictures_count_as_the_cap_in_means() -> None:
    a, _ = pair()
    assert psnr(a, a) == math.inf
    assert mean_psnr([math.inf, 30.0, math.nan]) == pytest.approx(65.0)
    assert math.isnan(mean_psnr([math.nan]))
    np.testing.assert_array_equal(capped([120.0, 20.0, math.inf]), [100.0, 20.0, 100.0])


def test_three_grey_levels_in_a_photo_stay_below_the_cap_no_more() -> None:
    """What the cap's comment says."""
    a = np.zeros((512, 320, 3), np.uint8)
    b = a.copy()
    b[0, 0] = 1
    assert psnr(a, b) == pytest.approx(100.3, abs=0.05)


def test_what_cannot_be_compared_is_refused() -> None:
    a, b = pair()
    with pytest.raises(InputError, match="shapes"):
        psnr(a, b[:-1])
    with pytest.raises(InputError, match="uint8"):
        psnr(a.astype(float), b.astype(float))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="mask"):
        psnr(a, b, np.ones((3, 3), bool))

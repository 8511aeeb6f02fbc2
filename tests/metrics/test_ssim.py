"""SSIM and MS-SSIM against the formula evaluated pixel by pixel in numpy, and against scikit-image."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from fittingroom.core.errors import InputError
from fittingroom.metrics.ssim import ms_ssim, ssim, ssim_map

#: Wang et al. 2003, section 3.2
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def pictures(
    height: int, width: int, seed: int = 0, noise: float = 0.1, batch: int = 2
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    smooth = torch.rand((batch, 3, height // 8 + 1, width // 8 + 1), generator=generator)
    truth = torch.nn.functional.interpolate(smooth, size=(height, width), mode="bilinear")
    return (truth + noise * torch.randn(truth.shape, generator=generator)).clamp(0, 1), truth


def terms(a: np.ndarray, b: np.ndarray, row: int, column: int) -> tuple[float, float]:
    """Luminance and contrast-structure term of one channel at one pixel, straight from the definition."""
    offsets = np.arange(-5, 6)
    gauss = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(gauss, gauss) / gauss.sum() ** 2
    padded_a, padded_b = np.pad(a, 5, mode="reflect"), np.pad(b, 5, mode="reflect")
    x, y = (p[row : row + 11, column : column + 11].astype(np.float64) for p in (padded_a, padded_b))
    mean_x, mean_y = (window * x).sum(), (window * y).sum()
    var_x, var_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
    covariance = (window * (x - mean_x) * (y - mean_y)).sum()
    luminance = (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
    return float(luminance), float((2 * covariance + 9e-4) / (var_x + var_y + 9e-4))


def test_the_map_is_the_formula() -> None:
    image, truth = pictures(24, 17)
    found = ssim_map(image, truth)
    assert found.shape == (2, 24, 17)
    for row, column in ((0, 0), (12, 8), (23, 16), (3, 15)):
        values = [math.prod(terms(image[1, c].numpy(), truth[1, c].numpy(), row, column)) for c in range(3)]
        assert float(found[1, row, column]) == pytest.approx(np.mean(values), abs=2e-5)
    torch.testing.assert_close(ssim(image, truth), found.mean(dim=(1, 2)))


def test_equals_scikit_image_away_from_the_edges() -> None:
    image, truth = pictures(60, 50, batch=1)
    _, reference = structural_similarity(
        image[0].permute(1, 2, 0).double().numpy(),
        truth[0].permute(1, 2, 0).double().numpy(),
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, channel_axis=2, full=True,
    )  # fmt: skip
    inner = np.s_[5:-5, 5:-5]
    found = ssim_map(image.double(), truth.double())[0].numpy()
    np.testing.assert_allclose(found[inner], reference.mean(axis=2)[inner], atol=1e-9)
    np.testing.assert_allclose(ssim_map(image, truth)[0].numpy(), found, atol=1e-4)


def test_five_scales_are_the_formula() -> None:
    image, truth = pictures(180, 176, batch=1)
    expected = 1.0
    a, b = image[0].double().numpy(), truth[0].double().numpy()
    for scale, beta in enumerate(EXPONENTS):
        height, width = a.shape[1:]
        rows, columns = (
            (range(height), range(width)) if scale == 4 else (range(5, height - 5, 3), range(5, width - 5, 3))
        )
        found = [terms(a[c], b[c], y, x) for c in range(3) for y in rows for x in columns]
        values = [luminance * contrast if scale == 4 else contrast for luminance, contrast in found]
        expected *= max(np.mean(values), 0) ** beta
        cut = np.s_[:, : height // 2 * 2, : width // 2 * 2]
        a, b = (x[cut].reshape(3, height // 2, 2, width // 2, 2).mean(axis=(2, 4)) for x in (a, b))
    # the finer scales are sampled on every third pixel, hence the tolerance
    assert float(ms_ssim(image, truth)) == pytest.approx(expected, abs=3e-4)


def test_equal_pictures_have_one_and_noise_lowers_it() -> None:
    _, truth = pictures(200, 180)
    torch.testing.assert_close(ssim(truth, truth), torch.ones(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(ms_ssim(truth, truth), torch.ones(2), atol=1e-5, rtol=0)
    for metric in (ssim, ms_ssim):
        found = [float(metric(*pictures(200, 180, noise=noise)).mean()) for noise in (0.02, 0.1, 0.4)]
        assert found[0] > found[1] > found[2] > 0


def test_pictures_do_not_influence_each_other() -> None:
    image, truth = pictures(190, 177)
    for metric in (ssim, ms_ssim):
        alone = torch.cat([metric(image[i : i + 1], truth[i : i + 1]) for i in range(2)])
        torch.testing.assert_close(metric(image, truth), alone, atol=1e-6, rtol=0)


def test_inverted_pictures_do_not_give_nan() -> None:
    _, truth = pictures(190, 177)
    assert torch.isfinite(ms_ssim(1 - truth, truth)).all()


def test_a_region_is_the_mean_of_the_map_inside() -> None:
    image, truth = pictures(40, 30)
    mask = torch.zeros(2, 40, 30, dtype=torch.bool)
    mask[0, 10:20, 5:25] = True
    found = ssim(image, truth, mask)
    assert float(found[0]) == pytest.approx(float(ssim_map(image, truth)[0, 10:20, 5:25].mean()), rel=1e-5)
    assert math.isnan(float(found[1]))


@pytest.mark.parametrize(
    ("metric", "size", "message"), [(ssim, (10, 30), "too small"), (ms_ssim, (175, 300), "both sides need 176")]
)
def test_small_pictures_are_refused(metric: object, size: tuple[int, int], message: str) -> None:
    image = torch.rand(1, 3, *size)
    with pytest.raises(InputError, match=message):
        metric(image, image)  # type: ignore[operator]


def test_wrong_ranges_and_shapes_are_refused() -> None:
    image = torch.rand(1, 3, 20, 20)
    with pytest.raises(InputError, match="scale them to"):
        ssim(image * 255, image * 255)
    with pytest.raises(InputError, match="scale them to"):
        ssim(image, image * float("nan"))
    with pytest.raises(InputError, match="shapes"):
        ssim(image, image[..., :19])
    with pytest.raises(InputError, match="mask"):
        ssim(image, image, torch.ones(1, 20, 19, dtype=torch.bool))
    with pytest.raises(InputError, match="uint8"):
        ssim((image * 255).byte(), (image * 255).byte())


def test_a_picture_takes_a_fraction_of_a_second() -> None:
    image, truth = pictures(512, 320, batch=1)
    ssim(image, truth)
    start = time.perf_counter()
    for _ in range(3):
        ssim(image, truth)
    assert (time.perf_counter() - start) / 3 < 0.3

"""LPIPS over the taps of a small trunk, against the formula evaluated place by place."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fittingroom.core.errors import InputError
from fittingroom.metrics.lpips import (
    Lpips,
    heads_from_tensors,
    lpips_from_taps,
    lpips_map_from_taps,
    masked_mean,
    scaled_input,
    tap_maps,
    uniform_heads,
)

CHANNELS = (6, 9, 4)


def trunk(images: torch.Tensor) -> list[torch.Tensor]:
    """Three strided convolutions with fixed weights and ReLU."""
    generator = torch.Generator().manual_seed(4)
    taps, channels = [], 3
    for count in CHANNELS:
        weight = torch.randn((count, channels, 3, 3), generator=generator) / math.sqrt(9 * channels)
        images = F.relu(F.conv2d(images, weight, padding=1, stride=2))
        taps.append(images)
        channels = count
    return taps


def heads(seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(count, generator=generator) for count in CHANNELS)


def pictures(seed: int, batch: int = 2, size: tuple[int, int] = (40, 28)) -> torch.Tensor:
    return torch.rand((batch, 3, *size), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_hand(taps_a: list[torch.Tensor], taps_b: list[torch.Tensor], weights: tuple[torch.Tensor, ...]) -> np.ndarray:
    """Equation 1 of the paper with loops over taps and places, in float64."""
    result = np.zeros(taps_a[0].shape[0])
    for a, b, w in zip(taps_a, taps_b, weights, strict=True):
        a64, b64, w64 = a.double().numpy(), b.double().numpy(), w.double().numpy()
        for picture in range(len(result)):
            places = []
            for y in range(a.shape[2]):
                for x in range(a.shape[3]):
                    f, g = a64[picture, :, y, x], b64[picture, :, y, x]
                    f, g = f / (np.sqrt((f**2).sum()) + 1e-10), g / (np.sqrt((g**2).sum()) + 1e-10)
                    places.append((w64 * (f - g) ** 2).sum())
            result[picture] += np.mean(places)
    return result


def test_the_distance_is_the_formula() -> None:
    a, b = trunk(pictures(1)), trunk(pictures(2))
    found = lpips_from_taps(a, b, heads())
    assert found.shape == (2,)
    np.testing.assert_allclose(found.numpy(), by_hand(a, b, heads()), rtol=2e-5)


def test_pictures_are_scaled_before_the_trunk() -> None:
    grey = torch.zeros(1, 3, 2, 2)
    expected = [0.030 / 0.458, 0.088 / 0.448, 0.188 / 0.450]
    np.testing.assert_allclose(scaled_input(grey)[0, :, 0, 0].numpy(), expected, rtol=1e-5)
    a, b = pictures(1), pictures(2)
    found = Lpips(trunk, heads()).distance(a, b)
    np.testing.assert_allclose(
        found.numpy(), by_hand(trunk(scaled_input(a)), trunk(scaled_input(b)), heads()), rtol=2e-5
    )


def test_epsilon_is_added_to_the_norm() -> None:
    """With 1e-8 under the root instead (as in another library) a faint place would count far less."""
    faint, none = torch.full((1, 4, 1, 1), 1e-6), torch.zeros(1, 4, 1, 1)
    weight = (torch.ones(4),)
    assert float(lpips_from_taps([faint], [none], weight)) == pytest.approx((2e-6 / (2e-6 + 1e-10)) ** 2, rel=1e-5)
    assert float(lpips_from_taps([none], [none], weight)) == 0.0


def test_equal_pictures_have_zero_and_taps_can_be_shared() -> None:
    metric, a = Lpips(trunk, heads()), pictures(1)
    assert torch.equal(metric.distance(a, a), torch.zeros(2))
    shared = metric.taps(a)
    torch.testing.assert_close(
        lpips_from_taps(shared, metric.taps(pictures(2)), heads()), metric.distance(a, pictures(2))
    )
    one = [tap[:1] for tap in shared]
    torch.testing.assert_close(lpips_from_taps(shared, one, heads())[1], metric.distance(a[1:], a[:1])[0])


def test_stronger_noise_is_further_away() -> None:
    base, noise = pictures(1, size=(64, 48)), pictures(2, size=(64, 48))
    metric = Lpips(trunk, uniform_heads(CHANNELS))
    found = [float(metric.distance((base * (1 - s) + noise * s), base).mean()) for s in (0.05, 0.2, 0.6)]
    assert 0 < found[0] < found[1] < found[2]


def test_the_map_is_enlarged_bilinearly_between_pixel_centres() -> None:
    a, b = pictures(1), pictures(2)
    metric = Lpips(trunk, heads())
    found = metric.map(a, b)
    assert found.shape == (2, 40, 28)
    expected = np.zeros((40, 28))
    for values in tap_maps(metric.taps(a), metric.taps(b), heads()):
        small = values[1, 0].double().numpy()
        height, width = small.shape
        for y in range(40):
            for x in range(28):
                v = min(max((y + 0.5) * height / 40 - 0.5, 0), height - 1)
                u = min(max((x + 0.5) * width / 28 - 0.5, 0), width - 1)
                top, left = int(v), int(u)
                bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
                upper = small[top, left] * (1 - u + left) + small[top, right] * (u - left)
                lower = small[bottom, left] * (1 - u + left) + small[bottom, right] * (u - left)
                expected[y, x] += upper * (1 - v + top) + lower * (v - top)
    np.testing.assert_allclose(found[1].numpy(), expected, rtol=1e-4, atol=1e-6)


def test_a_region_sees_only_what_is_near_it() -> None:
    a = pictures(1, batch=1, size=(96, 96))
    b = a.clone()
    b[:, :, :24, :24] = 0.0
    values = Lpips(trunk, heads()).map(a, b)
    near, away = torch.zeros(1, 96, 96, dtype=torch.bool), torch.zeros(1, 96, 96, dtype=torch.bool)
    near[:, :24, :24] = True
    away[:, 60:, 60:] = True
    assert float(masked_mean(values, near)) > 0.05
    assert float(masked_mean(values, away)) == 0.0
    assert float(masked_mean(values, near | True)) == pytest.approx(float(values.mean()), rel=1e-5)
    assert math.isnan(float(masked_mean(values, near & away)))


def test_published_heads_are_read_by_their_keys() -> None:
    tensors = {f"lin{i}.model.1.weight": w.view(1, -1, 1, 1) for i, w in enumerate(heads())}
    for found, expected in zip(heads_from_tensors(tensors), heads(), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "empty"),
        ({"lin1.model.1.weight": torch.ones(1, 3, 1, 1)}, "no lin0"),
        ({"features.0.weight": torch.ones(1, 3, 1, 1)}, "no lin0"),
        ({"lin0.model.1.weight": torch.ones(3)}, "expected \\(1, C, 1, 1\\)"),
        ({"lin0.model.1.weight": -torch.ones(1, 3, 1, 1)}, "below zero"),
    ],
)
def test_other_files_are_refused(tensors: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        heads_from_tensors(tensors)


def test_wrong_ranges_and_shapes_are_refused() -> None:
    metric, a = Lpips(trunk, heads()), pictures(1)
    with pytest.raises(InputError, match="scale them to"):
        metric.distance(a * 2, a)
    with pytest.raises(InputError, match="shapes"):
        metric.distance(a, a[:, :, :-1])
    with pytest.raises(InputError, match="expected floating point"):
        metric.distance(a[:, :1], a[:, :1])
    with pytest.raises(InputError, match="heads"):
        lpips_from_taps(trunk(a), trunk(a), heads()[:2])
    with pytest.raises(InputError, match="head of 9 channels"):
        lpips_from_taps(trunk(a), trunk(a), (heads()[1], *heads()[1:]))
    with pytest.raises(InputError, match="mask"):
        masked_mean(torch.ones(1, 4, 4), torch.ones(1, 4, 4))


def test_the_map_of_whole_sized_taps_has_the_distance_as_its_mean() -> None:
    taps = [torch.rand(1, 5, 8, 8)], [torch.rand(1, 5, 8, 8)]
    weight = uniform_heads([5])
    assert float(lpips_map_from_taps(*taps, weight, (8, 8)).mean()) == pytest.approx(
        float(lpips_from_taps(*taps, weight)), rel=1e-5
    )

"""SSIM, MS-SSIM and PSNR against torchmetrics; LPIPS against its published implementation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from random_weights import random_weights

from fittingroom.metrics.lpips import Lpips, heads_from_tensors, lpips_from_taps, lpips_map_from_taps, masked_mean
from fittingroom.metrics.psnr import psnr
from fittingroom.metrics.ssim import ms_ssim, ssim, ssim_map
from fittingroom.metrics.trunks import TRUNKS, load_trunk

pytestmark = pytest.mark.oracle
Ask = Callable[..., dict[str, np.ndarray]]


def pictures(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth picture with edges and a noisy copy, ``(2, H, W, 3)`` uint8 each."""
    generator = np.random.default_rng(seed)
    small = torch.from_numpy(generator.uniform(-40, 290, (2, 3, height // 16 + 1, width // 16 + 1)))
    truth = torch.nn.functional.interpolate(small, size=(height, width), mode="bilinear").permute(0, 2, 3, 1).numpy()
    noisy = truth + generator.normal(0, [[[[12.0]]], [[[40.0]]]], truth.shape)
    return tuple(np.clip(np.rint(x), 0, 255).astype(np.uint8) for x in (noisy, truth))  # type: ignore[return-value]


def test_torchmetrics(ask: Ask) -> None:
    image, truth = pictures(200, 183)
    planes = [torch.from_numpy(x).permute(0, 3, 1, 2).float().div(255).contiguous() for x in (image, truth)]
    # asked in float64: in float32 its map is off by 2e-4 where a picture is nearly flat and bright
    answer = ask("torchmetrics", image=planes[0].double().numpy(), truth=planes[1].double().numpy())
    np.testing.assert_allclose(ssim(*planes).numpy(), answer["ssim"], rtol=1e-4)
    np.testing.assert_allclose(ssim_map(*planes).numpy(), answer["map"].mean(axis=1), atol=1e-4)
    np.testing.assert_allclose(ms_ssim(*planes).numpy(), answer["ms_ssim"], rtol=1e-4)
    exact = [x.double() for x in planes]
    np.testing.assert_allclose(ssim_map(*exact).numpy(), answer["map"].mean(axis=1), atol=1e-9)
    np.testing.assert_allclose(ms_ssim(*exact).numpy(), answer["ms_ssim"], rtol=1e-9)
    found = [psnr(a, b) for a, b in zip(image, truth, strict=True)]
    np.testing.assert_allclose(found, answer["psnr"], rtol=1e-4)
    assert answer["ssim"].max() < 0.95


@pytest.mark.parametrize(("net", "taps"), [("alex", 5), ("vgg", 5), ("squeeze", 7)])
def test_lpips(ask: Ask, net: str, taps: int) -> None:
    image, truth = (torch.from_numpy(x).permute(0, 3, 1, 2).float() / 127.5 - 1 for x in pictures(80, 67))
    answer = ask("lpips", net=np.array(net), image=image.contiguous().numpy(), truth=truth.contiguous().numpy())
    taps_a, taps_b = ([torch.from_numpy(answer[f"{key}_tap{i}"]) for i in range(taps)] for key in ("image", "truth"))
    tensors = {
        f"lin{key[3:]}": torch.from_numpy(value) for key, value in answer.items() if key.endswith("model.1.weight")
    }
    heads = heads_from_tensors(tensors)
    assert len(heads) == taps
    np.testing.assert_allclose(
        lpips_from_taps(taps_a, taps_b, heads).numpy(), answer["distance"].reshape(-1), rtol=1e-4
    )
    found = lpips_map_from_taps(taps_a, taps_b, heads, (80, 67))
    np.testing.assert_allclose(found.numpy(), answer["map"][:, 0], rtol=1e-4, atol=1e-6)
    mask = torch.zeros(2, 80, 67, dtype=torch.bool)
    mask[:, 30:70, 20:50] = True
    expected = answer["map"][:, 0, 30:70, 20:50].mean(axis=(1, 2))
    np.testing.assert_allclose(masked_mean(found, mask).numpy(), expected, rtol=1e-4)

    # our own trunk, given the same weights by the same names
    trunk = load_trunk(net, random_weights(TRUNKS[net][0]().state_dict()))
    metric = Lpips(trunk, heads)
    with torch.inference_mode():
        own = metric.taps(image)
        assert [tap.shape for tap in own] == [tap.shape for tap in taps_a]
        for found, expected in zip(own, taps_a, strict=True):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-4 * float(expected.max()))
        distance, values = metric.distance(image, truth), metric.map(image, truth)
    np.testing.assert_allclose(distance.numpy(), answer["distance"].reshape(-1), rtol=1e-4)
    np.testing.assert_allclose(values.numpy(), answer["map"][:, 0], rtol=1e-3, atol=1e-5)

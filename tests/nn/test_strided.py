"""Strided convolutions of 16-bit numbers: every pixel is written."""

import pytest
import torch

from fittingroom.nn.strided import StridedConv2d


@pytest.mark.parametrize("size", [(4, 3), (4, 2), (8, 6), (3, 4)])
@pytest.mark.parametrize("autocast", [True, False])
def test_results_of_one_pixel_are_written(size: tuple[int, int], autocast: bool) -> None:
    torch.manual_seed(0)
    layer = StridedConv2d(256, 128, 4, stride=2, padding=1)
    x = torch.randn(8, 256, *size)
    exact = layer(x)
    torch.testing.assert_close(exact, torch.nn.functional.conv2d(x, layer.weight, layer.bias, 2, 1))
    if not autocast:
        layer, x = layer.to(torch.bfloat16), x.to(torch.bfloat16)
    for _ in range(5):
        rubbish = [torch.full((8, 128, 3, 3), float("nan"), dtype=torch.bfloat16) for _ in range(8)]
        del rubbish  # the next tensors are likely to lie there
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            made = layer(x)
        assert made.dtype == torch.bfloat16
        assert float((made.float() - exact).abs().max()) < 0.1

"""Depth-wise convolutions against the library's own, and their gradients in bf16."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fittingroom.nn.depthwise import depthwise


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (5, 1, 2), (3, 2, 0), (5, 2, 0)])
def test_gradients_in_bf16_are_those_of_fp32_up_to_rounding(kernel: int, stride: int, padding: int) -> None:
    torch.manual_seed(kernel + stride)
    x = torch.randn(2, 6, 13, 11, requires_grad=True)
    weight = torch.randn(6, 1, kernel, kernel, requires_grad=True)
    exact = F.conv2d(x, weight, None, stride, padding, 1, 6)
    seed = torch.randn_like(exact)
    wanted = torch.autograd.grad(exact, (x, weight), seed)
    with torch.autocast("cpu", torch.bfloat16):
        found = depthwise(x, weight, stride, padding)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=0.02, atol=0.05)
    for a, b in zip(torch.autograd.grad(found, (x, weight), seed.bfloat16()), wanted, strict=True):
        assert a.dtype == torch.float32
        assert float((a - b).norm() / b.norm()) < 0.02


def test_without_mixed_precision_it_is_the_library_s() -> None:
    x, weight = torch.randn(1, 3, 8, 8), torch.randn(3, 1, 5, 5)
    assert torch.equal(depthwise(x, weight, 1, 2), F.conv2d(x, weight, None, 1, 2, 1, 3))


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    x, weight = torch.randn(1, 3, 8, 8), torch.randn(3, 1, 5, 5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        depthwise(x, weight, 1, 2).sum().backward()
    assert weight.grad is not None
    assert x.grad is None

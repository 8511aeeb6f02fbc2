"""Attention that is written out gives what the joined one gives, and the same gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from fittingroom.nn.attention import attend


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_written_out_it_is_the_same(kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, 3, tokens, 8, generator=generator) for tokens in (5, 7, 7)]
    found = []
    for function, precision in ((attend, kind), (F.scaled_dot_product_attention, torch.float64)):
        given = [each.clone().to(precision).requires_grad_() for each in inputs]
        out = function(*given)
        out.square().sum().backward()
        assert out.dtype == precision
        found.append([out.detach(), *(each.grad for each in given)])
    tolerance = 1e-5 if kind == torch.float32 else 4e-2
    for mine, exact in zip(*found, strict=True):
        assert mine is not None
        assert float((mine.double() - exact).norm() / exact.norm()) < tolerance

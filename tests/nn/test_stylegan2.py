"""The layer that lets a discriminator see lack of variety."""

from __future__ import annotations

import pytest
import torch

from fittingroom.nn.stylegan2 import EqualConv2d, MinibatchStd


@pytest.mark.parametrize(("batch", "group"), [(1, 1), (3, 3), (4, 4), (6, 3), (7, 1), (8, 4), (10, 2)])
def test_every_batch_has_groups(batch: int, group: int) -> None:
    x = torch.randn(batch, 3, 2, 5, generator=torch.Generator().manual_seed(batch))
    out = MinibatchStd(4)(x)
    assert torch.equal(out[:, :3], x)
    for item in range(batch):
        # items of a group lie batch // group apart, as in the published layer
        members = x[item % (batch // group) :: batch // group]
        assert len(members) == group
        expected = (members.var(dim=0, correction=0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(out[item, 3], expected.expand(2, 5))


@pytest.mark.parametrize("size", [(5, 3), (5, 2), (8, 6)])
def test_halving_in_sixteen_bits_writes_every_pixel(size: tuple[int, int]) -> None:
    """Results that are one pixel wide were left unwritten in part by some processors."""
    torch.manual_seed(0)
    layer = EqualConv2d(256, 256, 3, down=2)
    x = torch.randn(4, 256, *size)
    exact = layer(x)
    for _ in range(5):
        rubbish = [torch.full((4, 256, 3, 3), float("nan"), dtype=torch.bfloat16) for _ in range(8)]
        del rubbish  # the next tensors are likely to lie there
        with torch.autocast("cpu", torch.bfloat16):
            made = layer(x)
        assert made.shape == exact.shape
        assert float((made.float() - exact).abs().max()) < 0.1

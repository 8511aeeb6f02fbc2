"""Convolutions that leave out rows and columns, right on every processor."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def strided_conv2d(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, stride: int = 2, padding: int = 0
) -> torch.Tensor:
    """``F.conv2d``, which with AMX leaves parts of strided results of bfloat16 unwritten that are one pixel wide (PyTorch 2.13).

    Args:
        x: ``(B, I, H, W)``.
        weight: ``(O, I, k, k)``.
        bias: ``(O,)``.
        stride: of rows and columns.
        padding: zeros on each side.
    """
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    if (
        x.device.type == "cpu"
        and kind == torch.bfloat16
        and (x.shape[-1] + 2 * padding - weight.shape[-1]) // stride == 0
    ):
        with torch.autocast("cpu", enabled=False):
            made = F.conv2d(x.float(), weight.float(), None if bias is None else bias.float(), stride, padding)
            return made.to(kind)
    return F.conv2d(x, weight, bias, stride, padding)


class StridedConv2d(nn.Conv2d):
    """``nn.Conv2d`` by way of :func:`strided_conv2d`; square, with the same stride and padding both ways."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - as in the class above
        """``(B, I, H, W)`` -> ``(B, O, h, w)``."""
        return strided_conv2d(input, self.weight, self.bias, int(self.stride[0]), int(self.padding[0]))

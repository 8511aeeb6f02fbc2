"""Depth-wise convolutions whose gradients are quick on processors in bf16 too.

The library (PyTorch 2.13) has no quick bf16 kernel for some ways back: the gradient of 5 x 5 filters, and that of the input where the
stride is 2, take several times as long as in fp32. These two are computed in fp32, which is no less exact; see docs/benchmarks.md.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.shape = stride, padding
        return F.conv2d(x, weight, None, stride, padding, 1, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        stride, padding = ctx.shape

        def gradient(index: int, slow: bool) -> torch.Tensor | None:
            if not ctx.needs_input_grad[index]:
                return None
            dtype = torch.float32 if slow else x.dtype
            found = torch.ops.aten.convolution_backward(
                gradients[0].to(dtype), x.to(dtype), weight.to(dtype), None, [stride] * 2, [padding] * 2, [1, 1],
                False, [0, 0], weight.shape[0], [index == 0, index == 1, False],
            )  # fmt: skip
            return cast(torch.Tensor, found[index]).to(x.dtype)

        return gradient(0, stride > 1), gradient(1, weight.shape[-1] > 3), None, None


def depthwise(x: torch.Tensor, weight: torch.Tensor, stride: int = 1, padding: int = 0) -> torch.Tensor:
    """Every channel's convolution with its own filter.

    Args:
        x: ``(B, C, H, W)``.
        weight: ``(C, 1, K, K)``.
        stride: of both axes.
        padding: zeros at each side.
    """
    mixed = x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if mixed else x.dtype
    if mixed and dtype == torch.bfloat16 and torch.is_grad_enabled():
        made: torch.Tensor = _Depthwise.apply(x.to(dtype), weight.to(dtype), stride, padding)  # type: ignore[no-untyped-call]
        return made
    return F.conv2d(x, weight, None, stride, padding, 1, weight.shape[0])

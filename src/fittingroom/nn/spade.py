"""Spatially adaptive normalisation and the residual block made of it.

Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019, section 3 and figure 4; here with
equalised convolutions and without biases, as PASTA-GAN++ uses it.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from .stylegan2 import SQRT2, binomial_filter


class PreActConv2d(nn.Module):
    """Equalised convolution without bias, optionally after a ReLU.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel: side of the kernel.
        gain: None for no activation; else ``relu(x) * sqrt(2) * gain`` is convolved.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float | None = None) -> None:
        super().__init__()
        self.gain = gain
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.register_buffer("resample_filter", binomial_filter())
        self.weight_gain = 1 / math.sqrt(inputs * kernel * kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H, W)``."""
        scale = self.weight_gain
        if self.gain is not None:
            x = F.relu(x)
            scale *= SQRT2 * self.gain  # a factor on the input is one on the weight
        return F.conv2d(x, (self.weight * scale).to(x.dtype), padding=self.weight.shape[-1] // 2)


class Spade(nn.Module):
    """Instance norm whose scale and shift at each pixel are computed from a condition.

    Args:
        channels: of what is normalised.
        condition: channels of the condition.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.conv_mlp = PreActConv2d(condition, channels, 3)
        self.conv_gamma = PreActConv2d(channels, channels, 3)
        self.conv_beta = PreActConv2d(channels, channels, 3)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """``(B, channels, H, W)`` and ``(B, condition, H, W)`` of the same size -> ``(B, channels, H, W)``."""
        hidden = F.relu(self.conv_mlp(condition))
        return F.instance_norm(x, eps=1e-5) * (1 + self.conv_gamma(hidden)) + self.conv_beta(hidden)


class SpadeBlock(nn.Module):
    """Residual block with three SPADE norms, the skip's included.

    Args:
        channels: in and out.
        condition: channels of the condition.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.register_buffer("resample_filter", binomial_filter())
        self.conv = PreActConv2d(channels, channels, 3)
        self.conv0 = PreActConv2d(channels, channels, 3, gain=1.0)
        self.conv1 = PreActConv2d(channels, channels, 3, gain=math.sqrt(0.5))
        self.skip = PreActConv2d(channels, channels, 1, gain=math.sqrt(0.5))
        self.spade_skip = Spade(channels, condition)
        self.spade0 = Spade(channels, condition)
        self.spade1 = Spade(channels, condition)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """``(B, channels, H, W)`` and ``(B, condition, H, W)`` -> ``(B, channels, H, W)``."""
        x = self.conv(x)
        skip = self.skip(self.spade_skip(x, condition))
        hidden = self.conv0(self.spade0(x, condition))
        return skip + self.conv1(self.spade1(hidden, condition))

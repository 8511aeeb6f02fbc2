"""The four encoders of PASTA-GAN++: pose, garment patches, kept parts of the person, warped garments.

arXiv 2207.13475, sections 3.2 and 3.3. Pose and kept parts are encoded linearly; the only non-linearities of the patch
encoder are inside :class:`Dense`.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from ...nn.stylegan2 import EqualConv2d, EqualLinear, binomial_filter
from .config import GeneratorConfig


class PoseEncoder(nn.Module):
    """Skeleton picture and the two maps about the lower garment -> feature of the lowest resolution; linear.

    Args:
        config: sizes.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        first = config.channels(config.height)
        widths = [first * factor for factor in (1, 2, 4, 4, 4, *[8] * config.halvings)][: config.halvings + 1]
        widths[-1] = config.channels(config.heights[0])
        layers = [EqualConv2d(5, first, 1)]
        layers += [EqualConv2d(a, b, 3, down=2) for a, b in pairwise(widths)]
        self.model = nn.Sequential(*layers)

    def forward(self, pose: torch.Tensor) -> torch.Tensor:
        """``(B, 5, H, W)`` -> ``(B, C, H >> n, W >> n)``."""
        return self.model(pose)


class Dense(nn.Module):
    """Linear map over channels, instance norm, leaky ReLU: the only non-linearity of the patch encoder.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` -> the same shape."""
        weight, bias = self.linear.weight.to(x.dtype), self.linear.bias.to(x.dtype)
        y = F.conv2d(x, weight[:, :, None, None], bias)
        return F.leaky_relu(F.instance_norm(y, eps=1e-5), 0.01)


class StyleEncoder(nn.Module):
    """Patches -> style code; the kept parts of the person -> identity maps.

    Args:
        config: sizes.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        c = config.style_base
        layers: list[nn.Module] = [EqualConv2d(45, c, 1)]
        for index in range(3):
            layers += [Dense(c << index), EqualConv2d(c << index, c << (index + 1), 3, down=2)]
        for _ in range(3):
            layers += [Dense(8 * c), EqualConv2d(8 * c, 8 * c, 3)]
        self.model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.fc = EqualLinear(8 * c, config.style)
        i = config.identity
        self.feat_enc = nn.Sequential(EqualConv2d(6, i, 3), *(EqualConv2d(i, i, 3, down=2) for _ in range(3)))

    def code(self, parts: torch.Tensor) -> torch.Tensor:
        """``(B, 45, P, P)`` patches, values -1 to 1 -> ``(B, style)``; depends on the garments only."""
        return self.fc(self.model(parts).flatten(1))

    def identity(self, retain: torch.Tensor) -> dict[int, torch.Tensor]:
        """``(B, 6, H, W)`` kept pixels and skin colour -> maps ``(B, identity, h, w)`` by height; depends on the person only."""
        maps = {}
        x = retain
        for layer in self.feat_enc:
            x = layer(x)
            maps[x.shape[2]] = x
        return maps


class GarmentResBlock(nn.Module):
    """Residual block of the garment encoder.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        down: 1 or 2.
    """

    def __init__(self, inputs: int, outputs: int, down: int = 1) -> None:
        super().__init__()
        self.register_buffer("resample_filter", binomial_filter())
        self.conv0 = EqualConv2d(inputs, outputs, 3, activation="relu", down=down)
        self.conv1 = EqualConv2d(outputs, outputs, 3, activation="relu", gain=0.5**0.5)
        self.skip = EqualConv2d(inputs, outputs, 1, bias=False, down=down, gain=0.5**0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H // down, W // down)``."""
        return self.skip(x) + self.conv1(self.conv0(x))

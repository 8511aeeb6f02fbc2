"""The two discriminators: StyleGAN2's residual one, conditioned on the style code by projection.

One judges photo and skeleton (6 channels), the other parsing and skeleton (10 channels); arXiv 2207.13475, section 3.5.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from ...nn.stylegan2 import EqualConv2d, EqualLinear, Mapping, MinibatchStd
from .config import PUBLISHED, GeneratorConfig

_LOWEST = 4


class DiscriminatorBlock(nn.Module):
    """Residual block that halves the resolution.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        image: channels of the picture, for the first block; 0 elsewhere.
        clamp: limit of the activations.
    """

    def __init__(self, inputs: int, outputs: int, image: int, clamp: float) -> None:
        super().__init__()
        self.register_buffer("resample_filter", EqualConv2d(1, 1, 1).resample_filter)
        gain = math.sqrt(0.5)
        if image:
            self.fromrgb = EqualConv2d(image, inputs, 1, activation="lrelu", clamp=clamp)
        self.is_first = bool(image)
        self.conv0 = EqualConv2d(inputs, inputs, 3, activation="lrelu", clamp=clamp)
        self.conv1 = EqualConv2d(inputs, outputs, 3, activation="lrelu", down=2, gain=gain, clamp=clamp)
        self.skip = EqualConv2d(inputs, outputs, 1, bias=False, down=2, gain=gain)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H // 2, W // 2)``."""
        if self.is_first:
            x = self.fromrgb(x)
        return self.skip(x) + self.conv1(self.conv0(x))


class Epilogue(nn.Module):
    """Lowest resolution -> one logit.

    Args:
        channels: of the feature.
        area: pixels of the feature.
        condition: width of the mapped condition.
        group: items of which one minibatch deviation is taken.
        clamp: limit of the activations.
    """

    def __init__(self, channels: int, area: int, condition: int, group: int, clamp: float) -> None:
        super().__init__()
        self.mbstd = MinibatchStd(group)
        self.conv = EqualConv2d(channels + 1, channels, 3, activation="lrelu", clamp=clamp)
        self.fc = EqualLinear(channels * area, channels, "lrelu")
        self.out = EqualLinear(channels, condition)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """``(B, C, h, w)``, ``(B, condition)`` -> ``(B, 1)`` logits."""
        x = self.out(self.fc(self.conv(self.mbstd(x)).flatten(1)))
        return (x * condition).sum(dim=1, keepdim=True) / math.sqrt(condition.shape[1])


class Discriminator(nn.Module):
    """Logit of "real" for a picture (or a parsing) with its skeleton, given the style code of the garments.

    Args:
        image: channels of the input, 3 + 3 or 7 + 3.
        config: sizes of the generator it judges.
        group: see :class:`Epilogue`.
        reduced: how many of the highest resolutions run in :attr:`half_type` (the published training: 3, in float16).
    """

    #: type of the highest resolutions; None for the input's own
    half_type: torch.dtype | None = None

    def __init__(self, image: int, config: GeneratorConfig = PUBLISHED, group: int = 4, reduced: int = 3) -> None:
        super().__init__()
        height, width = config.height, config.width
        self.reduced = reduced
        self.names: list[str] = []
        while height > _LOWEST and width > 1:
            inputs, outputs = config.channels(height), config.channels(height // 2)
            block = DiscriminatorBlock(inputs, outputs, 0 if self.names else image, config.clamp)
            self.names.append(f"b{height}")
            setattr(self, self.names[-1], block)
            height, width = height // 2, width // 2
        channels = config.channels(height)
        self.mapping = Mapping(config.style, config.channel_max, 8)
        self.b4 = Epilogue(channels, height * width, config.channel_max, group, config.clamp)

    def forward(self, picture: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """``(B, image, H, W)``, ``(B, style)`` -> ``(B, 1)``."""
        x = picture
        for index, name in enumerate(self.names):
            low = index < self.reduced and self.half_type is not None
            x = getattr(self, name)(x.to(self.half_type) if low else x.float())
        return self.b4(x.float(), self.mapping(style))

"""EfficientNet-Lite: small encoders whose ImageNet weights are free, as pure torch.

Tan and Le, EfficientNet, ICML 2019, table 1, in the "Lite" variant of its authors (no squeeze-and-excitation, ReLU6; stem, first
and last stage keep their depth). Weights of the common PyTorch port load by name; of Lite0's 4.65 million this encoder has 2.96: the
widest layer, before the classifier, and the classifier are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from ..core.errors import InputError
from ..weights.convert import read_tensors
from .depthwise import depthwise

#: repeats, kernel, stride, expansion, channels of each stage
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
#: channels of the first convolution
STEM = 32
_EPSILON = 1e-3
#: stages whose results are the last ones of 1/2, 1/4, 1/8, 1/16 and 1/32 of the size
_LEVELS = (0, 1, 2, 4, 6)
#: layers of the published file that this encoder has not
_CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")


def _padded(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """Zeros around, one more at the end than at the begin where they cannot be shared out: the weights were learned so."""
    pads = []
    for length in (x.shape[-1], x.shape[-2]):
        missing = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        pads += [missing // 2, missing - missing // 2]
    return F.pad(x, pads) if any(pads) else x


class _Convolution(nn.Conv2d):
    """Without bias, padded so that the size is divided by the stride, rounded up."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inside, outside, kernel, stride, groups=groups, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        whole = stride == 1 or kernel == 1
        x, padding = (x, kernel // 2) if whole else (_padded(x, kernel, stride), 0)
        if self.groups > 1:
            return depthwise(x, self.weight, stride, padding)
        return F.conv2d(x, self.weight, None, stride, padding)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, _EPSILON)


class _Block(nn.Module):
    """Inverted residual (Sandler et al., MobileNetV2, CVPR 2018): widen, look around in every channel by itself, narrow."""

    #: how often a picture passes by in training; of blocks that it can pass by
    dropped = 0.0

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = _Convolution(inside, wide, 1)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _Convolution(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = _Convolution(wide, outside, 1)
        self._bn2 = _norm(outside)
        self.residual = stride == 1 and inside == outside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        if not self.residual:
            return y
        if self.training and self.dropped > 0:
            stays = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.dropped
            y = y * (stays / (1 - self.dropped)).to(y.dtype)
        return x + y


class EfficientNetLite(nn.Module):
    """Feature maps at five sizes.

    Args:
        width: factor of all channels but the stem's.
        depth: factor of the blocks of all stages but the first and the last, rounded up. Published weights exist for width and
            depth of 1, 1 (Lite0), 1, 1.1 (Lite1) and 1.1, 1.2 (Lite2).
    """

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        self._conv_stem = _Convolution(3, STEM, 3, 2)
        self._bn0 = _norm(STEM)
        self._blocks = nn.ModuleList()
        self.ends: list[int] = []
        widths, inside = [], STEM
        for index, (repeats, kernel, stride, expansion, outside) in enumerate(_STAGES):
            outside = max(8, round(outside * width / 8) * 8)
            if 0 < index < len(_STAGES) - 1:
                repeats = math.ceil(round(repeats * depth, 6))  # 3 * 1.1 is a little more in binary
            for repeat in range(repeats):
                self._blocks.append(_Block(inside, outside, kernel, stride if repeat == 0 else 1, expansion))
                inside = outside
            if index in _LEVELS:
                self.ends.append(len(self._blocks) - 1)
                widths.append(outside)
        #: channels of the five results
        self.widths = tuple(widths)

    def pass_by(self, share: float) -> None:
        """Stochastic depth in training (Huang et al., ECCV 2016): pictures pass by blocks whose input and output have one shape.

        Args:
            share: of the pictures, at the last block; less before, none at the first.
        """
        for index, block in enumerate(self._blocks):
            cast(_Block, block).dropped = share * index / max(len(self._blocks) - 1, 1)

    def forward(
        self, photo: torch.Tensor, more: torch.Tensor | None = None, quarter: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Results at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size (rounded up), finest first.

        Args:
            photo: ``(B, 3, H, W)``, -1 to 1.
            more: ``(B, 32, H / 2, W / 2)`` that is added to what the first convolution gives.
            quarter: of the second result's shape, added to it before the network goes on.
        """
        x = self._conv_stem(photo)
        x = F.relu6(self._bn0(x if more is None else x + more))
        found: list[torch.Tensor] = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self.ends:
                if len(found) == 1 and quarter is not None:
                    x = x + quarter
                found.append(x)
        return found

    def read(self, path: Path) -> None:
        """Take published weights.

        Raises:
            InputError: other weights, or another width or depth.
        """
        tensors = {name: value for name, value in read_tensors(path).items() if not name.startswith(_CLASSIFIER)}
        take(self, tensors, path)


def take(network: nn.Module, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Load tensors by name, all of them or none.

    Raises:
        InputError: names or shapes differ.
    """
    wanted = network.state_dict()
    if {name: value.shape for name, value in tensors.items()} != {name: value.shape for name, value in wanted.items()}:
        raise InputError(
            "weights of another network",
            mend="name a file of the EfficientNet-Lite of this width and depth, e.g. Lite0 for 1 and 1",
            path=path,
        )
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})

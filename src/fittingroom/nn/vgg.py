"""VGG-19 features for perceptual losses, with the tensor names of torchvision's file; no torchvision needed.

Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, configuration E;
as a loss: Johnson et al., Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ..core.errors import InputError, MissingError
from ..weights.convert import read_tensors
from ..weights.fetch import find

#: (index in torchvision's sequence, input channels, output channels); "pool" halves the resolution
_PLAN: tuple[tuple[int, int, int] | str, ...] = (
    (0, 3, 64),
    (2, 64, 64),
    "pool",
    (5, 64, 128),
    (7, 128, 128),
    "pool",
    (10, 128, 256),
    (12, 256, 256),
    (14, 256, 256),
    (16, 256, 256),
    "pool",
    (19, 256, 512),
    (21, 512, 512),
    (23, 512, 512),
    (25, 512, 512),
    "pool",
    (28, 512, 512),
)
#: convolutions whose activations are handed out: relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
_TAPS = (0, 5, 10, 19, 28)


class Vgg19Features(nn.Module):
    """The trunk of VGG-19 up to relu5_1; its weights are never trained here.

    Args:
        divisor: divides the number of channels, for a small network with random weights.
    """

    def __init__(self, divisor: int = 1) -> None:
        super().__init__()
        self.features = nn.ModuleDict()
        for step in _PLAN:
            if not isinstance(step, str):
                index, inputs, outputs = step
                first = inputs if inputs == 3 else inputs // divisor
                self.features[str(index)] = nn.Conv2d(first, outputs // divisor, 3, padding=1)
        self.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """``(B, 3, H, W)`` -> five taps ``(B, C_l, H_l, W_l)``, after ReLU."""
        taps = []
        for step in _PLAN:
            if isinstance(step, str):
                x = F.max_pool2d(x, 2)
            else:
                x = F.relu(self.features[str(step[0])](x))
                if step[0] in _TAPS:
                    taps.append(x)
        return taps


def random_features(seed: int = 19, divisor: int = 4) -> Vgg19Features:
    """The trunk with random weights (He initialisation, zero-mean filters): no substitute, but it needs no download.

    Random convolutional features still compare structure at several scales instead of single pixels.

    Args:
        seed: of the weights.
        divisor: see :class:`Vgg19Features`.
    """
    network = Vgg19Features(divisor)
    generator = torch.Generator().manual_seed(seed)
    for layer in network.features.values():
        assert isinstance(layer, nn.Conv2d)
        fan_in = layer.weight[0].numel()
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * (2 / fan_in) ** 0.5)
        assert layer.bias is not None
        layer.bias.zero_()
    return network.eval()


def published_features(file: Path | None = None) -> Vgg19Features:
    """The trunk with torchvision's ImageNet weights.

    Args:
        file: a local file; None for the one in the cache.

    Raises:
        MissingError: there is none.
        InputError: the file is another network's.
    """
    path = file or find("vgg19")
    if path is None:
        raise MissingError(
            "VGG-19's weights are not here (574 MB, BSD-3-Clause)",
            mend="run `fittingroom weights fetch vgg19`, give a file, or choose perceptual = 'random'",
        )
    network = Vgg19Features()
    load_features(network, read_tensors(path), path)
    return network.eval()


def load_features(network: Vgg19Features, tensors: Mapping[str, torch.Tensor], path: Path | None = None) -> None:
    """Fill the trunk from torchvision's names; layers behind relu5_1 are left out.

    Raises:
        InputError: a tensor is missing or of another shape.
    """
    state = {}
    for key, value in network.state_dict().items():
        if key not in tensors or tensors[key].shape != value.shape:
            raise InputError(f"not the weights of VGG-19: {key} is missing or of another shape", path=path)
        state[key] = tensors[key]
    network.load_state_dict(state)

"""The convolutional trunks that LPIPS looks through, with the tensor names of torchvision's files.

AlexNet (Krizhevsky, One weird trick, 2014), VGG-16 (Simonyan and Zisserman, ICLR 2015) and SqueezeNet 1.1 (Iandola et al.,
2016), each cut off where LPIPS 0.1 takes its last features.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ..core.errors import InputError


class Fire(nn.Module):
    """SqueezeNet's block: squeeze by 1x1, expand by 1x1 and 3x3."""

    def __init__(self, cin: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(cin, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, cin, H, W)`` -> ``(B, 2 expand, H, W)``."""
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


class Trunk(nn.Module):
    """A sequence of layers that hands out its features at several places.

    Args:
        layers: in order.
        taps: indices of the layers whose output is a tap, ascending.
        channels: of each tap.
    """

    def __init__(self, layers: list[nn.Module], taps: tuple[int, ...], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers[: taps[-1] + 1])
        self.taps, self.channels = taps, channels

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Taps of ``(B, 3, H, W)``, already shifted and scaled: a list of ``(B, C_l, H_l, W_l)``."""
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                found.append(x)
        return found


def _relu() -> nn.ReLU:
    return nn.ReLU(inplace=False)  # a tap must not be overwritten by the layer behind it


def alexnet() -> Trunk:
    """AlexNet; taps after each of the five ReLUs."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2), _relu(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), _relu(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), _relu(),
        nn.Conv2d(384, 256, 3, padding=1), _relu(),
        nn.Conv2d(256, 256, 3, padding=1), _relu(),
    ]  # fmt: skip
    return Trunk(layers, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256))


def vgg16() -> Trunk:
    """VGG-16; taps after the last ReLU of each of the five stages."""
    layers: list[nn.Module] = []
    taps, cin = [], 3
    for stage, (width, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        if stage:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(count):
            layers += [nn.Conv2d(cin, width, 3, padding=1), _relu()]
            cin = width
        taps.append(len(layers) - 1)
    return Trunk(layers, tuple(taps), (64, 128, 256, 512, 512))


def squeezenet1_1() -> Trunk:
    """SqueezeNet 1.1; taps after the first ReLU, before each further pooling, and after each of the last four blocks."""
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 3, stride=2), _relu(), pool, Fire(64, 16, 64), Fire(128, 16, 64), pool, Fire(128, 32, 128),
        Fire(256, 32, 128), pool, Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
    ]  # fmt: skip
    return Trunk(layers, (1, 4, 7, 9, 10, 11, 12), (64, 128, 256, 384, 384, 512, 512))


TRUNKS = {"alex": (alexnet, "alexnet"), "vgg": (vgg16, "vgg16"), "squeeze": (squeezenet1_1, "squeezenet1_1")}


def load_trunk(name: str, tensors: Mapping[str, torch.Tensor]) -> Trunk:
    """The trunk ``alex``, ``vgg`` or ``squeeze`` with weights in torchvision's names (classifiers are left out).

    Raises:
        InputError: tensors missing or of another shape.
    """
    build, weights = TRUNKS[name]
    trunk = build()
    own = trunk.state_dict()
    try:
        trunk.load_state_dict({key: value for key, value in tensors.items() if key in own})
    except RuntimeError as error:
        raise InputError(f"not the weights of {weights}", mend=f"fittingroom weights fetch {weights}") from error
    return trunk.eval()

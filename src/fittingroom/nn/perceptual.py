"""Trunks of perceptual losses by name; each gives five taps of a picture."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from ..core.errors import MissingError
from .small_network import EMBEDDED, SmallNetwork, load_network, trained
from .vgg import published_features, random_features

Perceptual = Literal["vgg19", "small", "random", "none"]


class SmallFeatures(nn.Module):
    """The taps of the small embedded network, which costs a sixtieth of VGG-19.

    Args:
        network: the small one.
    """

    def __init__(self, network: SmallNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Five taps of ``(B, 3, H, W)``, as VGG-19 is given them by the loss: -1 to 1 or shifted and scaled."""
        taps: list[torch.Tensor] = self.network(x)
        return taps


def features(name: str) -> nn.Module | None:
    """The trunk of a perceptual loss, at rest.

    Args:
        name: ``vgg19`` (ImageNet weights, fetched), ``small`` (the embedded one), ``random`` (VGG-19 with a quarter of the channels
            and random weights), or ``none``.

    Raises:
        MissingError: its weights are not here.
    """
    if name == "none":
        return None
    if name == "small":
        if not trained():
            raise MissingError(
                "this installation has no trained small network", mend="choose perceptual = 'vgg19' or 'random'"
            )
        return SmallFeatures(load_network(EMBEDDED)).requires_grad_(False)
    trunk = published_features() if name == "vgg19" else random_features()
    return trunk.requires_grad_(False)

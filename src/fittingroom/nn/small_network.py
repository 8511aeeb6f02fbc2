"""The small embedded network: what metrics look through where no published weights are on the machine.

It was trained on rendered people and street photos (``small_training.py``); metrics through it are called ``-mini``. The same
network with random weights from a fixed seed is behind metrics called ``-random``. Values of neither mean anything beside
published ones.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..core.errors import InputError
from ..core.files import sha256_bytes
from ..weights.convert import read_tensors
from ..weights.embedded import ROOT

WIDTHS = (32, 64, 96, 128, 192)
#: pooled taps put together
DIMENSIONS = sum(WIDTHS)
SEED = 20260101
#: the trained weights
EMBEDDED = ROOT / "small-network" / "small_network.safetensors"


class SmallNetwork(nn.Module):
    """Five convolutions that halve the size, ReLU after each; 0.41 million weights (0.8 MB in half precision)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [3, *WIDTHS]
        self.layers = nn.ModuleList(
            nn.Conv2d(cin, cout, 5 if index == 0 else 3, stride=2, padding=2 if index == 0 else 1)
            for index, (cin, cout) in enumerate(pairwise(sizes))
        )

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each tap."""
        return WIDTHS

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Taps of ``(B, 3, H, W)``: a list of ``(B, C_l, H_l, W_l)``; the input is shifted and scaled as LPIPS does."""
        taps = []
        for layer in self.layers:
            x = layer(x).relu()
            taps.append(x)
        return taps

    def describe(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, 512)``: the spatial means of all taps, each tap scaled to a comparable size."""
        taps = self(x)
        return torch.cat([tap.mean(dim=(2, 3)) for tap in taps], dim=1)


def random_network(seed: int = SEED) -> SmallNetwork:
    """The network with random weights, equal bit for bit on every platform (Philox counter, no linear algebra)."""
    network = SmallNetwork()
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    with torch.no_grad():
        for layer in network.layers:
            weight: torch.Tensor = layer.weight  # type: ignore[assignment]
            fan_in = weight[0].numel()
            values = generator.standard_normal(tuple(weight.shape)) * math.sqrt(2.0 / fan_in)
            # without its mean a filter answers to structure instead of to brightness; colour still passes through the rest
            values -= 0.7 * values.mean(axis=(2, 3), keepdims=True)
            weight.copy_(torch.from_numpy(values.astype(np.float32)))
            layer.bias.copy_(torch.from_numpy(generator.uniform(-0.05, 0.15, weight.shape[0]).astype(np.float32)))  # type: ignore[operator]
    return network.eval()


def weights_hash(network: nn.Module) -> str:
    """SHA-256 over all tensors of a network in the order of their names."""
    parts = [
        name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes()
        for name, tensor in sorted(network.state_dict().items())
    ]
    return sha256_bytes(b"".join(parts))


def load_network(path: Path) -> SmallNetwork:
    """The network with the weights of a file.

    Raises:
        InputError: another network's.
    """
    network = SmallNetwork()
    tensors = {name: tensor.float() for name, tensor in read_tensors(path).items()}
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: tensor.shape for name, tensor in tensors.items()} != wanted:
        raise InputError("not the weights of the small network", mend="train it again", path=path)
    network.load_state_dict(tensors)
    return network.eval()


def trained() -> bool:
    """Whether the package has trained weights of the network."""
    return EMBEDDED.is_file()

"""Low-rank updates of a UNet's attention, for people with one small graphics card.

Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022: instead of a matrix W of d x k numbers, only B (d x r)
and A (r x k) are learned, and W + B A is used; B begins at zero, so nothing changes at first.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

#: layers that are updated: queries, keys, values and outputs of every attention
_ENDS = ("to_q", "to_k", "to_v", "to_out.0")


class LowRank(nn.Module):
    """A resting linear layer and its update.

    Args:
        layer: the layer.
        rank: of the update.
    """

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.Parameter(torch.empty(rank, layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the layer, with its update."""
        out: torch.Tensor = self.layer(x)
        return out + F.linear(F.linear(x.to(self.down.dtype), self.down), self.up).to(out.dtype)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The layer with the update in its weights."""
        update = self.up @ self.down
        self.layer.weight += update.to(self.layer.weight)
        return self.layer


def inject(unet: Any, rank: int) -> nn.ModuleDict:
    """Give every attention layer of a UNet an update, and let the first convolution learn as well.

    Args:
        unet: diffusers' ``UNet2DConditionModel``; changed in place, everything else rests.
        rank: of the updates.

    Returns:
        What learns, by name.
    """
    unet.requires_grad_(False)
    learning: dict[str, nn.Module] = {}
    for name, layer in list(unet.named_modules()):
        if isinstance(layer, nn.Linear) and name.endswith(_ENDS):
            parent, _, last = name.rpartition(".")
            update = LowRank(layer, rank)
            setattr(unet.get_submodule(parent), last, update)
            learning[name.replace(".", "-")] = _Updates(update)
    unet.conv_in.requires_grad_(True)  # the new channels begin at zero, and low rank cannot mend that
    learning["conv_in"] = unet.conv_in
    return nn.ModuleDict(learning)


class _Updates(nn.Module):
    """The update alone, so that a checkpoint does not hold the resting layer."""

    def __init__(self, update: LowRank) -> None:
        super().__init__()
        self.down, self.up = update.down, update.up


def merge(unet: Any) -> Any:
    """Put every update into its layer; the UNet then has its published tensors again."""
    for name, layer in list(unet.named_modules()):
        if isinstance(layer, LowRank):
            parent, _, last = name.rpartition(".")
            setattr(unet.get_submodule(parent), last, layer.merged())
    return unet

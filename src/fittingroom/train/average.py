"""Exponential running means of weights, which make better pictures than the weights themselves."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn


class Averages:
    """Running means of some of a task's networks.

    Args:
        modules: networks by name.
        half_lives: name -> half-life in training pictures (Karras et al., Progressive Growing of GANs, section A.1).
    """

    def __init__(self, modules: Mapping[str, nn.Module], half_lives: Mapping[str, float]) -> None:
        self.half_lives = dict(half_lives)
        self.modules = {name: copy.deepcopy(modules[name]).eval().requires_grad_(False) for name in half_lives}

    @torch.no_grad()
    def update(self, modules: Mapping[str, nn.Module], pictures: int) -> None:
        """Take a step towards the present weights; buffers are copied.

        Args:
            modules: the networks in training.
            pictures: how many were shown since the last update, in all processes.
        """
        for name, mean in self.modules.items():
            decay = 0.5 ** (pictures / self.half_lives[name])
            means = [parameter.data for parameter in mean.parameters()]
            now = [parameter.detach() for parameter in modules[name].parameters()]
            torch._foreach_lerp_(means, now, 1 - decay)  # one call instead of hundreds
            for kept, buffer in zip(mean.buffers(), modules[name].buffers(), strict=True):
                kept.copy_(buffer)

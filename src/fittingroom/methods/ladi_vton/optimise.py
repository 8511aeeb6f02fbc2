"""Which networks a stage of the training teaches, and with which optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from .recipe import TrainOptions

#: UNet with low-rank updates: the name of what learns
UPDATES = "unet-lora"
#: what learns after each step of the stage ``finish``
CRITIC = "critic"


def trained_parts(stage: str, options: TrainOptions) -> tuple[str, ...]:
    """Networks that learn in a stage."""
    words = ("adapter", "vision", "text") if options.encoders else ("adapter",)
    last = (UPDATES if options.lora else "unet", *words)
    return {
        "autoencoder": ("vae",),
        "warp": ("matcher",),
        "refine": ("refinement",),
        "emasc": ("emasc",),
        "adapter": words,
        "tryon": last,
        "finish": last,
    }[stage]


def _clip(parameters: list[nn.Parameter], limit: float, *_: Any) -> None:
    nn.utils.clip_grad_norm_(parameters, limit)


def optimizer_of(stage: str, networks: Sequence[nn.Module], options: TrainOptions) -> torch.optim.Optimizer:
    """The optimiser of a stage, or of :data:`CRITIC`, for the networks that learn."""
    parameters = [each for network in networks for each in network.parameters()]
    if stage == CRITIC:
        return torch.optim.Adam(parameters, lr=options.lr_critic, betas=(0.0, 0.99), fused=True)
    if stage in ("warp", "refine"):
        return torch.optim.Adam(parameters, lr=options.rate(stage, 0), betas=(options.beta, 0.99), fused=True)
    made = torch.optim.AdamW(parameters, lr=options.rate(stage, 0), weight_decay=1e-2, fused=True)
    made.register_step_pre_hook(partial(_clip, parameters, options.clip))
    return made

"""A tiny model with random weights: no use for pictures, but every line of the method runs with it in seconds."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from .adapter import AdapterConfig
from .config import PUBLISHED, ModelConfig
from .network import Networks, build_all
from .prompts import USED, WORDS
from .warping import WarpingConfig


def tiny_config() -> ModelConfig:
    """Sizes of the tiny model: pictures of 128x128, about a million weights."""
    text = {**PUBLISHED.text, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    vision = {**PUBLISHED.vision, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    return ModelConfig(
        size=(128, 128),
        unet={
            **PUBLISHED.unet,
            "block_out_channels": [32, 32, 32, 32],
            "attention_head_dim": [2, 2, 2, 2],
            "cross_attention_dim": 32,
            "layers_per_block": 1,
        },
        vae={**PUBLISHED.vae, "block_out_channels": [16, 16, 32, 32], "layers_per_block": 1, "norm_num_groups": 8},
        text={**text, "num_attention_heads": 2, "vocab_size": len(USED), "projection_dim": 32},
        vision={**vision, "num_attention_heads": 2, "image_size": 64, "patch_size": 16, "projection_dim": 32},
        adapter=AdapterConfig(width=32, inner=64, heads=2, hidden=64, words=WORDS, word=32),
        warping=WarpingConfig(size=(64, 64), width=8, refine=8, regress=32),
    )


def fill(network: nn.Module, seed: int) -> None:
    """Weights from a seed that keep the scale of what passes through; buffers stay as they are."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in sorted(network.named_parameters()):
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() > 1:
                value.copy_(noise / math.sqrt(math.prod(value.shape[1:])))
            else:
                value.copy_((1.0 if name.endswith("weight") else 0.0) + 0.1 * noise)


def tiny_networks(seed: int = 0) -> Networks:
    """The tiny model in eval mode, its weights made from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = build_all(tiny_config())
    for index, (name, network) in enumerate(networks.named().items()):
        if name != "matcher":  # it begins with the garment unwarped
            fill(network, 100 * seed + index)
        network.eval().requires_grad_(False)
    return networks


def write(folder: Path, seed: int = 0) -> Path:
    """Write a tiny model as a folder that the method's ``load`` takes; returns the folder."""
    from .weights import save_all

    save_all(tiny_networks(seed), folder, note=f"tiny random weights, seed {seed}")
    return folder

"""A tiny configuration with seeded random weights: the whole way in seconds, for tests and for trying things out.

Its pictures are noise. It shows that everything fits together, not that anything was learned.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from ...core.files import write_json
from ...core.images import Size
from ..requirement import need
from .network import garment_network, main_network
from .published import PADDING
from .weights import FORMAT, INDEX, save_network
from .words import vocabulary, write_tokenizer

#: both UNets, apart from their input channels; as SDXL's with few channels
UNET: dict[str, Any] = {
    "act_fn": "silu",
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "attention_head_dim": [1, 2, 4],
    "block_out_channels": [8, 16, 32],
    "cross_attention_dim": 32,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "layers_per_block": 1,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "norm_num_groups": 4,
    "out_channels": 4,
    "projection_class_embeddings_input_dim": 6 * 8 + 16,
    "sample_size": 16,
    "transformer_layers_per_block": [1, 1, 2],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
#: tokens of a prompt; more than CLIP's 77, since each letter is one
ROOM = 256
VAE: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8, 8, 16, 16],
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "sample_size": 64,
    "scaling_factor": 0.13025,
    "force_upcast": False,
}


def _text_config(vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 16,
        "intermediate_size": 32,
        "projection_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": ROOM,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }


@torch.no_grad()
def _fill(network: Any, seed: int) -> None:
    """Seeded weights that keep the scale of what passes through: normal over the root of the fan-in; norms near 1."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in sorted(network.state_dict().items()):
        noise = torch.randn(value.shape, generator=generator)
        if value.dim() > 1:
            value.copy_(noise / math.sqrt(math.prod(value.shape[1:])))
        else:
            value.copy_((1.0 if name.endswith("weight") else 0.0) + 0.1 * noise)


def write(folder: Path, *, seed: int = 0, size: Size = (128, 96)) -> Path:
    """Write all parts of a tiny model.

    Args:
        folder: new or empty.
        seed: of the weights.
        size: (height, width) of its pictures in pixels, multiples of 32.

    Returns:
        The folder.

    Raises:
        MissingError: the libraries of the extra ``diffusion`` are not installed.
    """
    diffusers, transformers = need("diffusers"), need("transformers")
    words = vocabulary()
    for part, padding in PADDING.items():
        write_tokenizer(folder / part, words, (), padding, ROOM)
    text = _text_config(len(words))
    networks = {
        "unet": main_network(UNET),
        "garment_unet": garment_network(UNET),
        "vae": diffusers.AutoencoderKL.from_config(VAE),
        "text_encoder": transformers.CLIPTextModel(transformers.CLIPTextConfig(**text)),
        "text_encoder_2": transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**text)),
    }
    hashes = {}
    for index, (part, network) in enumerate(networks.items()):
        _fill(network, seed * len(networks) + index)
        hashes[part] = save_network(network, folder / part)
    write_json(
        folder / INDEX,
        {
            "format": FORMAT,
            "name": f"tiny random weights, seed {seed}",
            "trained": False,
            "size": list(size),
            "scheduler": {},
            "sha256": hashes,
        },
    )
    return folder

"""The published model: which files it consists of, and the configurations that belong to files which come without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...weights.fetch import find
from ...weights.manifest import Entry, entry
from .network import SDXL

#: part of the model -> name in the project's manifest (``fittingroom weights list``)
FILES: Mapping[str, str] = {
    "unet": "promptdresser-unet",
    "garment_unet": "sdxl-base-unet",
    "vae": "sdxl-vae-fp16-fix",
    "text_encoder": "sdxl-text-encoder",
    "text_encoder_2": "sdxl-text-encoder-2",
    "vocabulary": "clip-vocabulary",
    "merges": "clip-merges",
}
VAE: Mapping[str, Any] = {
    "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "force_upcast": False,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 512,
    "scaling_factor": 0.13025,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
#: the end token's id stays at an old default, with which the summary is taken at the largest id, as when SDXL was trained
_TEXT: Mapping[str, Any] = {
    "bos_token_id": 0,
    "eos_token_id": 2,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 77,
    "pad_token_id": 1,
    "vocab_size": 49408,
}
TEXT: Mapping[str, Any] = {
    **_TEXT,
    "hidden_act": "quick_gelu",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "projection_dim": 768,
}
TEXT_2: Mapping[str, Any] = {
    **_TEXT,
    "hidden_act": "gelu",
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_attention_heads": 20,
    "num_hidden_layers": 32,
    "projection_dim": 1280,
}
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "unet": SDXL,
    "garment_unet": SDXL,
    "vae": VAE,
    "text_encoder": TEXT,
    "text_encoder_2": TEXT_2,
}
#: what fills a prompt up to its length, which differs between the two tokenizers
PADDING: Mapping[str, str] = {"tokenizer": "<|endoftext|>", "tokenizer_2": "!"}


def here() -> dict[str, Path]:
    """Part -> file, of those on this machine."""
    return {part: path for part, name in FILES.items() if (path := find(name)) is not None}


def lacking() -> list[Entry]:
    """What the manifest says of those that are not."""
    found = here()
    return [entry(name) for part, name in FILES.items() if part not in found]

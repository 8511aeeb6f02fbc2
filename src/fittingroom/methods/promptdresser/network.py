"""The two SDXL UNets: which they are, how they are called, and the garment network without its dead tail.

Both are stock ``diffusers`` classes built from a configuration; nothing is downloaded. Names of their tensors are those
of the published files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..requirement import need
from .attention import ARGUMENT, GarmentFeatures, LastBlockReached, make_reader, make_writer, self_attention_blocks

#: the published configuration of both networks, apart from ``in_channels``
SDXL: Mapping[str, Any] = {
    "act_fn": "silu",
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "attention_head_dim": [5, 10, 20],
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "layers_per_block": 2,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "norm_num_groups": 32,
    "out_channels": 4,
    "projection_class_embeddings_input_dim": 2816,
    "sample_size": 128,
    "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}


def _unet(config: Mapping[str, Any], channels: int) -> Any:
    kind = need("diffusers").UNet2DConditionModel
    plain = {key: value for key, value in config.items() if not key.startswith("_")}
    return kind.from_config({**plain, "in_channels": channels}).eval()


def _latent(config: Mapping[str, Any]) -> int:
    """Channels of the latents: what the main network gives."""
    return int(config["out_channels"])


def main_network(config: Mapping[str, Any] = SDXL) -> Any:
    """The main network, which takes noisy latents, the mask and the masked person's latents and reads the garment's features. Untrained.

    Raises:
        MissingError: ``diffusers`` is not installed.
    """
    network = _unet(config, 2 * _latent(config) + 1)
    make_reader(network)
    return network


def garment_network(config: Mapping[str, Any] = SDXL) -> Any:
    """The garment network, which takes the garment's latents and writes features, without the tail that nobody reads. Untrained.

    Raises:
        MissingError: ``diffusers`` is not installed.
    """
    network = _unet(config, _latent(config))
    make_writer(network)
    _cut_tail(network)
    return network


def _cut_tail(network: Any) -> None:
    """Take away everything that runs after the last self-attention's input is known."""
    last = self_attention_blocks(network)[-1]
    level, attention, index = (int(part) for part in last.split(".") if part.isdigit())
    up = network.up_blocks[level]
    transformer = up.attentions[attention]
    block = transformer.transformer_blocks[index]
    for name in ("to_q", "to_k", "to_v", "to_out"):
        delattr(block.attn1, name)
    for name in ("norm2", "attn2", "norm3", "ff"):
        delattr(block, name)
    delattr(transformer, "proj_out")
    del up.resnets[attention + 1 :], up.attentions[attention + 1 :]
    up.upsamplers = None
    del network.up_blocks[level + 1 :]
    for name in ("conv_norm_out", "conv_out"):
        delattr(network, name)


def surplus(names: set[str], network: Any) -> set[str]:
    """Of the tensors of a whole UNet's file, those of the tail that the garment network does without.

    Args:
        names: in the file.
        network: from :func:`garment_network`.

    Returns:
        Only names that a whole UNet of this configuration really has beyond the pruned one; others remain an error.
    """
    with torch.device("meta"):
        whole = _unet(network.config, _latent(network.config))
    return names & (set(whole.state_dict()) - set(network.state_dict()))


def time_ids(size: tuple[int, int], rows: int) -> torch.Tensor:
    """SDXL's conditioning on sizes: original size, crop corner, wanted size, each (height, width).

    Args:
        size: (height, width) of the photo in pixels.
        rows: of the batch.

    Returns:
        ``(rows, 6)`` float32.
    """
    return torch.tensor([[*size, 0, 0, *size]], dtype=torch.float32).repeat(rows, 1)


def _added(pooled: torch.Tensor, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"text_embeds": pooled, "time_ids": ids.to(pooled.device)}


def garment_features(
    network: Any, latents: torch.Tensor, text: torch.Tensor, pooled: torch.Tensor, ids: torch.Tensor
) -> GarmentFeatures:
    """One pass of the garment network, at time 0 and without noise.

    Args:
        network: from :func:`garment_network`.
        latents: ``(R, 4, h, w)`` encoded garments; mid-grey encoded stands for no garment.
        text: ``(R, T, D)`` clothing prompts; zeros where there is no garment.
        pooled: ``(R, P)``.
        ids: ``(R, 6)`` see :func:`time_ids`.

    Returns:
        Features of R rows.
    """
    found = GarmentFeatures()
    try:
        network(
            latents,
            torch.zeros((), dtype=torch.long, device=latents.device),
            encoder_hidden_states=text,
            added_cond_kwargs=_added(pooled, ids),
            cross_attention_kwargs={ARGUMENT: found},
            return_dict=False,
        )
    except LastBlockReached:
        return found
    raise RuntimeError("the garment network ran past its last block")  # cannot be: its tail is cut off


def predict_noise(
    network: Any,
    latents: torch.Tensor,
    mask: torch.Tensor,
    masked: torch.Tensor,
    time: int | torch.Tensor,
    text: torch.Tensor,
    pooled: torch.Tensor,
    ids: torch.Tensor,
    garment: GarmentFeatures | None,
) -> torch.Tensor:
    """The noise that the main network sees in the latents.

    Args:
        network: from :func:`main_network`.
        latents: ``(B, 4, h, w)`` noisy.
        mask: ``(B, 1, h, w)`` 1 = paint anew.
        masked: ``(B, 4, h, w)`` encoded person with the mask's inside grey.
        time: 0 to 999, one for all or ``(B,)``.
        text: ``(B, T, D)``.
        pooled: ``(B, P)``.
        ids: ``(B, 6)``.
        garment: features for B rows, or None for none.

    Returns:
        ``(B, 4, h, w)``.
    """
    value: torch.Tensor = network(
        torch.cat([latents, mask, masked], dim=1),
        time,
        encoder_hidden_states=text,
        added_cond_kwargs=_added(pooled, ids),
        cross_attention_kwargs={ARGUMENT: garment},
        return_dict=False,
    )[0]
    return value

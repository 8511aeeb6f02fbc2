"""Which hardware multiplies numbers of 16 bits faster than those of 32."""

from __future__ import annotations

import torch


def fast_bfloat16(device: torch.device | str) -> bool:
    """Whether products of bfloat16 are faster than those of float32 there: processors with AMX, graphics cards since Ampere."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return tiles is not None and bool(tiles())

"""Attention of numbers of 16 bits that learns on a processor."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Scaled dot-product attention.

    Written out where bfloat16 learns on a processor: the way back of PyTorch's joined one takes half of a network's time there.

    Args:
        query: ``(..., Q, C)``.
        key: ``(..., K, C)``.
        value: ``(..., K, D)``.

    Returns:
        ``(..., Q, D)``.
    """
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and torch.is_grad_enabled():
        scores = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
        return scores.softmax(dim=-1).to(value.dtype) @ value
    return F.scaled_dot_product_attention(query, key, value)

"""Both halves of CLIP: what the vision tower is shown, and how pseudo-words enter the text encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional as F

from .prompts import USED, WORD, compact

#: side of the pictures that the vision tower was trained on
SIDE = 224
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


def clip_levels(garment: torch.Tensor, side: int = SIDE) -> torch.Tensor:
    """Garments as the vision tower's 8-bit picture, not yet normalised.

    The whole photo is squeezed into a square, so its aspect is lost: the weights were learned with that.

    Args:
        garment: ``(B, 3, H, W)``, -1 to 1.
        side: of the square.

    Returns:
        ``(B, 3, side, side)`` float32, 0 to 1, not yet cut to 8 bits.
    """
    unit = (garment.float() + 1) / 2
    return F.interpolate(unit, (side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


def clip_pixels(garment: torch.Tensor, side: int = SIDE) -> torch.Tensor:
    """What the vision tower takes: ``(B, 3, side, side)`` float32, about -1.8 to 2.2.

    Done by hand. The library's own processor divides by 255 again when it is handed values from 0 to 1, silently: every
    garment turns black, and the pseudo-words say nothing about it.
    """
    levels = torch.floor(clip_levels(garment, side) * 255) / 255
    mean, std = (levels.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return (levels - mean) / std


def look(vision: Any, garment: torch.Tensor) -> torch.Tensor:
    """Tokens of a garment, before the vision tower's last layer norm.

    Args:
        vision: transformers' ``CLIPVisionModel``.
        garment: ``(B, 3, H, W)``, -1 to 1.

    Returns:
        ``(B, 1 + (side/patch)^2, width)``, of the network's precision.
    """
    pixels = clip_pixels(garment, int(vision.config.image_size))
    tokens: torch.Tensor = vision(pixel_values=pixels.to(next(vision.parameters()).dtype)).last_hidden_state
    return tokens


@contextmanager
def _spoken(embedding: torch.nn.Module, placeholder: torch.Tensor, words: torch.Tensor) -> Iterator[None]:
    """Within it, embeddings looked up for placeholders are replaced; by a hook, since the class's inputs keep changing."""
    count = words.shape[1]
    if not bool(((placeholder.sum(dim=1) == count) | ~placeholder.any(dim=1)).all()):
        raise ValueError(f"a prompt does not have {count} placeholders")
    # the n-th placeholder of a row takes the row's n-th word
    order = (placeholder.cumsum(dim=1) - 1).clamp(0, count - 1)

    def put(_module: torch.nn.Module, _inputs: Any, found: torch.Tensor) -> torch.Tensor:
        chosen = words.to(found.dtype).gather(1, order[..., None].expand(-1, -1, words.shape[-1]))
        return torch.where(placeholder[..., None], chosen, found)

    handle = embedding.register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()


def speak(text: Any, ids: torch.Tensor, words: torch.Tensor | None = None) -> torch.Tensor:
    """Prompts -> what the UNet attends to.

    Args:
        text: transformers' ``CLIPTextModel``.
        ids: ``(B, 77)`` token ids of :mod:`.prompts`.
        words: ``(B, 16, width)`` pseudo-words for the rows that have placeholders; None leaves those in.

    Returns:
        ``(B, 77, width)``: last hidden state after the last layer norm, padding included.
    """
    rows = compact(ids) if int(text.config.vocab_size) == len(USED) else ids
    if words is None:
        hidden: torch.Tensor = text(input_ids=rows).last_hidden_state
        return hidden
    with _spoken(text.get_input_embeddings(), ids == WORD, words):
        spoken: torch.Tensor = text(input_ids=rows).last_hidden_state
    return spoken

"""Prompts -> what the networks read: SDXL's two text encoders, and a word where a prompt is too long for them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import torch

LOG = logging.getLogger("fittingroom")


@dataclass(frozen=True)
class Text:
    """An encoded prompt.

    Args:
        tokens: ``(1, T, D)``, both encoders side by side.
        pooled: ``(1, P)``, of the second encoder.
    """

    tokens: torch.Tensor
    pooled: torch.Tensor

    def to(self, device: str, kind: torch.dtype) -> Text:
        """The same on a device, in a precision."""
        return Text(self.tokens.to(device, kind), self.pooled.to(device, kind))


def cut_off(tokenizer: Any, prompt: str, room: int) -> str:
    """The end of a prompt that does not fit into ``room`` tokens; empty where all of it does."""
    ids = tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
    return "" if len(ids) <= room - 2 else str(tokenizer.decode(ids[room - 2 :])).strip()


def token_ids(tokenizer: Any, prompt: str, room: int) -> torch.Tensor:
    """``(1, room)`` long: start, words, end, padding; what is too long is cut off."""
    ids = tokenizer(prompt, padding="max_length", max_length=room, truncation=True)["input_ids"]
    return torch.tensor([ids], dtype=torch.long)


@torch.inference_mode()
def encode(tokenizers: tuple[Any, Any], encoders: tuple[Any, Any], prompt: str, device: str) -> Text:
    """Encode one prompt as SDXL does: the last hidden states but one of both encoders, pooled text of the second.

    Args:
        tokenizers: of the two encoders; they pad differently and cannot be shared.
        encoders: on ``device``.
        prompt: may be empty.
        device: torch device.

    A prompt that is too long is a warning, which says what was cut off.
    """
    room = encoders[0].config.max_position_embeddings
    if lost := cut_off(tokenizers[0], prompt, room):
        LOG.warning("prompt is too long for %d tokens, cut off: %r", room, lost)
    hidden, pooled = [], torch.empty(0)
    for tokenizer, encoder in zip(tokenizers, encoders, strict=True):
        ids = token_ids(tokenizer, prompt, encoder.config.max_position_embeddings)
        found = encoder(ids.to(device), output_hidden_states=True)
        hidden.append(found.hidden_states[-2])
        if getattr(found, "text_embeds", None) is not None:
            pooled = found.text_embeds
    return Text(torch.cat(hidden, dim=-1), pooled)

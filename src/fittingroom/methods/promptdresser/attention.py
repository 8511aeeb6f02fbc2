"""Reference attention: every self-attention of the main network also looks at the garment's features.

A garment network (the writer) leaves the normalised input of each of its self-attentions in a :class:`GarmentFeatures`;
the main network (the reader) takes keys and values from its own tokens followed by those of the same-named block::

    x = LayerNorm(h)      Q = Wq x      K = Wk [x ; g]      V = Wv [x ; g]

There are no new parameters. The features are an argument of each call, never a property of a network, so the networks
may be shared by threads and calls. Processors hold nothing but the name of their block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ...nn.attention import attend

#: where the features are handed to the processors, in ``cross_attention_kwargs``
ARGUMENT = "garment"
_ATTENTION = ".attn1.processor"


class LastBlockReached(Exception):
    """The writer has everything: what follows in the garment network is never used."""


@dataclass
class GarmentFeatures:
    """What the garment network saw, by block.

    Args:
        banks: block name -> ``(R, tokens, channels)``; R rows, commonly without garment, then with it.
        rows: for each row of the main network's batch, the row of the banks that it reads; empty = row by row.
        projected: block name -> keys and values ``(R, tokens, channels)`` already made of the banks, see :func:`project`.
    """

    banks: dict[str, torch.Tensor] = field(default_factory=dict)
    rows: tuple[int, ...] = ()
    projected: dict[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def read(self, values: torch.Tensor) -> torch.Tensor:
        """Rows of a bank in the order of the main network's batch: ``(B, tokens, channels)``."""
        if not self.rows or self.rows == tuple(range(len(values))):
            return values
        return values[torch.tensor(self.rows, device=values.device)]

    def has(self, block: str) -> bool:
        """Whether a block has features here; a block without attends to its own tokens only."""
        return block in self.projected or block in self.banks

    def for_rows(self, rows: Iterable[int]) -> GarmentFeatures:
        """The same features for another batch; nothing is copied."""
        return replace(self, rows=tuple(rows))

    def only(self, *parts: str) -> GarmentFeatures:
        """The features of blocks whose names begin with one of ``parts``, e.g. ``mid_block``."""
        return replace(
            self,
            banks={name: bank for name, bank in self.banks.items() if name.startswith(parts)},
            projected={name: pair for name, pair in self.projected.items() if name.startswith(parts)},
        )

    def to(self, target: torch.dtype | torch.device | str) -> GarmentFeatures:
        """The same features in another precision or on another device."""
        return replace(
            self,
            banks={name: bank.to(target) for name, bank in self.banks.items()},
            projected={name: (k.to(target), v.to(target)) for name, (k, v) in self.projected.items()},
        )

    @property
    def nbytes(self) -> int:
        """Memory that the features take, in bytes."""
        tensors = [*self.banks.values(), *(value for pair in self.projected.values() for value in pair)]
        return sum(tensor.nbytes for tensor in tensors)


def join(parts: Sequence[GarmentFeatures]) -> GarmentFeatures:
    """Features of several calls, one below the other; all must have the same blocks.

    Raises:
        ValueError: different blocks, or projected features.
    """
    if any(part.projected or part.banks.keys() != parts[0].banks.keys() for part in parts):
        raise ValueError("only unprojected features of the same blocks can be joined")
    return GarmentFeatures({name: torch.cat([part.banks[name] for part in parts]) for name in parts[0].banks})


def _split(values: torch.Tensor, heads: int) -> torch.Tensor:
    rows, tokens, channels = values.shape
    return values.view(rows, tokens, heads, channels // heads).transpose(1, 2)


def _attend(attn: Any, hidden: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Scaled dot-product attention of ``hidden`` over the given keys and values, with the output projection."""
    heads = attn.heads
    query = _split(attn.to_q(hidden), heads)
    mixed = attend(query, _split(key, heads), _split(value, heads))
    out: torch.Tensor = attn.to_out[0](mixed.transpose(1, 2).flatten(2))
    return out


class CrossAttention:
    """Ordinary attention over the text; takes the garment's features as an argument only to leave them alone."""

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        garment: GarmentFeatures | None = None,
    ) -> torch.Tensor:
        """See diffusers' attention processors; ``hidden_states`` is ``(B, tokens, channels)``."""
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        return _attend(attn, hidden_states, attn.to_k(source), attn.to_v(source))


class Writer:
    """Self-attention of the garment network: notes its input, then goes on as usual.

    Args:
        block: name of the transformer block.
        last: whether nothing after this block is needed.
    """

    def __init__(self, block: str, last: bool = False) -> None:
        self.block, self.last = block, last

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        garment: GarmentFeatures | None = None,
    ) -> torch.Tensor:
        """Note ``hidden_states`` ``(B, tokens, channels)`` in ``garment``.

        Raises:
            LastBlockReached: always, in the last block.
        """
        if garment is not None:
            garment.banks[self.block] = hidden_states
        if self.last:
            raise LastBlockReached
        return _attend(attn, hidden_states, attn.to_k(hidden_states), attn.to_v(hidden_states))


class Reader:
    """Self-attention of the main network over its own tokens followed by the garment's.

    Args:
        block: name of the transformer block.
    """

    def __init__(self, block: str) -> None:
        self.block = block

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        garment: GarmentFeatures | None = None,
    ) -> torch.Tensor:
        """Attend; ``hidden_states`` is ``(B, tokens, channels)``. Without features this is ordinary self-attention."""
        if garment is None or not garment.has(self.block):
            return _attend(attn, hidden_states, attn.to_k(hidden_states), attn.to_v(hidden_states))
        if self.block in garment.projected:
            key, value = (garment.read(values) for values in garment.projected[self.block])
            key = torch.cat([attn.to_k(hidden_states), key], dim=1)
            value = torch.cat([attn.to_v(hidden_states), value], dim=1)
            return _attend(attn, hidden_states, key, value)
        tokens = torch.cat([hidden_states, garment.read(garment.banks[self.block]).to(hidden_states.dtype)], dim=1)
        return _attend(attn, hidden_states, attn.to_k(tokens), attn.to_v(tokens))


def self_attention_blocks(network: Any) -> list[str]:
    """Names of the transformer blocks with a self-attention, in the order in which they run."""
    names = [name.removesuffix(_ATTENTION) for name in network.attn_processors if name.endswith(_ATTENTION)]
    order = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}
    return sorted(
        names,
        key=lambda name: (order[name.split(".")[0]], [int(part) for part in name.split(".") if part.isdigit()]),
    )


def make_writer(network: Any) -> None:
    """Let a network leave the inputs of its self-attentions in the features that it is called with."""
    blocks = self_attention_blocks(network)
    _install(network, {block: Writer(block, last=block == blocks[-1]) for block in blocks})


def make_reader(network: Any) -> None:
    """Let a network's self-attentions look at the features that it is called with."""
    _install(network, {block: Reader(block) for block in self_attention_blocks(network)})


def _install(network: Any, by_block: dict[str, Any]) -> None:
    processors = {
        name: by_block[name.removesuffix(_ATTENTION)] if name.endswith(_ATTENTION) else CrossAttention()
        for name in network.attn_processors
    }
    network.set_attn_processor(processors)


def project(network: Any, features: GarmentFeatures) -> GarmentFeatures:
    """Make keys and values of the features once, with the main network's weights, instead of in every step.

    Mathematically the same; takes twice the memory of the banks, which are let go.

    Args:
        network: the main network.
        features: the garment's, in the precision that the network computes in.
    """
    pairs = {}
    for block, bank in features.banks.items():
        attn = network.get_submodule(f"{block}.attn1")
        pairs[block] = (attn.to_k(bank), attn.to_v(bank))
    return replace(features, banks={}, projected=pairs)

"""The inversion adapter: what CLIP sees of a garment -> sixteen pseudo-words for the text encoder.

arXiv 2305.13501, section 3.3. One transformer layer of CLIP's vision tower, written out here because its class in
transformers changes between versions; tensor names are the published ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class AdapterConfig:
    """Sizes.

    Args:
        width: of CLIP's tokens.
        inner: of the layer's feed-forward part.
        heads: of its attention.
        hidden: of the perceptron behind it.
        words: how many pseudo-words.
        word: width of a word embedding.
        epsilon: of the layer norms.
    """

    width: int = 1280
    inner: int = 5120
    heads: int = 16
    hidden: int = 5120
    words: int = 16
    word: int = 1024
    epsilon: float = 1e-5


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(1, 2)

    def forward(self, query: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        found = F.scaled_dot_product_attention(
            self._split(self.q_proj(query)), self._split(self.k_proj(tokens)), self._split(self.v_proj(tokens))
        )
        out: torch.Tensor = self.out_proj(found.transpose(1, 2).flatten(2))
        return out


class _Perceptron(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Layer(nn.Module):
    """A pre-norm transformer layer.

    Args:
        config: sizes.
    """

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        self.self_attn = _Attention(config.width, config.heads)
        self.layer_norm1 = nn.LayerNorm(config.width, eps=config.epsilon)
        self.mlp = _Perceptron(config.width, config.inner)
        self.layer_norm2 = nn.LayerNorm(config.width, eps=config.epsilon)

    def forward(self, tokens: torch.Tensor, first: int | None = None) -> torch.Tensor:
        """``(B, T, width)`` -> the same, or only its first tokens, which are exact without the others' work.

        Args:
            tokens: of CLIP.
            first: how many tokens are wanted; None = all.
        """
        normed = self.layer_norm1(tokens)
        x = tokens[:, :first] + self.self_attn(normed[:, :first], normed)
        out: torch.Tensor = x + self.mlp(self.layer_norm2(x))
        return out


class InversionAdapter(nn.Module):
    """CLIP's last hidden state -> pseudo-words; the published one has 136,360,704 weights.

    Args:
        config: sizes.
        dropout: within the perceptron, in training.
    """

    def __init__(self, config: AdapterConfig | None = None, dropout: float = 0.5) -> None:
        super().__init__()
        self.config = config = config or AdapterConfig()
        self.encoder_layers = nn.ModuleList([Layer(config)])
        self.post_layernorm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.layers = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(config.hidden, config.hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(config.hidden, config.words * config.word),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """``(B, T, width)``, the hidden state before CLIP's last layer norm -> ``(B, words, word)``."""
        kind = self.post_layernorm.weight.dtype
        first = self.encoder_layers[0](tokens.to(kind), 1)[:, 0]
        words: torch.Tensor = self.layers(self.post_layernorm(first))
        return words.reshape(-1, self.config.words, self.config.word)

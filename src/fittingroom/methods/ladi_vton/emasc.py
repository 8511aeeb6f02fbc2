"""EMASC: skip connections from the autoencoder's encoder to its decoder, so that faces and hands keep their detail.

arXiv 2305.13501, section 3.4. The autoencoder itself is the unmodified one of diffusers: two small functions walk its
public parts, so no class is copied and nothing is patched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

#: the autoencoder's logarithm of the variance is kept in this range
_LOG_VARIANCE = (-30.0, 20.0)


class Emasc(nn.Module):
    """One small network for each of five levels; the published one has 7,965,696 weights.

    Args:
        inputs: channels of the encoder's features, finest first.
        outputs: channels of the decoder's features that they are added to, finest first.
        linear: one convolution that begins at zero instead of two with SiLU between them.
    """

    def __init__(
        self,
        inputs: Sequence[int] = (128, 128, 128, 256, 512),
        outputs: Sequence[int] = (128, 256, 512, 512, 512),
        linear: bool = False,
    ) -> None:
        super().__init__()
        levels: list[nn.Module] = []
        for i, o in zip(inputs, outputs, strict=True):
            if linear:
                level = nn.Conv2d(i, o, 3, padding=1)
                nn.init.zeros_(level.weight)
                nn.init.zeros_(level.bias)  # type: ignore[arg-type]
                levels.append(level)
            else:
                levels.append(nn.Sequential(nn.Conv2d(i, i, 3, padding=1), nn.SiLU(), nn.Conv2d(i, o, 3, padding=1)))
        self.conv = nn.ModuleList(levels)

    def forward(self, features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Five ``(B, C, H, W)``, finest first -> five of the same sizes with the decoder's channels."""
        return [level(feature) for level, feature in zip(self.conv, features, strict=True)]


def keep_outside(features: Sequence[torch.Tensor], mask: torch.Tensor) -> list[torch.Tensor]:
    """Multiply features by 1 - mask, the mask resized to each by nearest neighbour.

    Args:
        features: ``(B, C, H, W)`` each.
        mask: ``(B, 1, H, W)``, 1 = will be repainted.
    """
    return [each * (1 - F.interpolate(mask.to(each.dtype), each.shape[-2:])) for each in features]


class FusedEmasc(nn.Module):
    """The same as :class:`Emasc`, quicker: its first two levels read the same tensor, so their first convolutions are one.

    Args:
        source: nonlinear.
    """

    def __init__(self, source: Emasc) -> None:
        super().__init__()
        first, second = (source.conv[level][0] for level in (0, 1))  # type: ignore[index]
        self.split = [first.out_channels, second.out_channels]
        both = nn.Conv2d(first.in_channels, sum(self.split), 3, padding=1).to(first.weight)
        with torch.no_grad():
            both.weight.copy_(torch.cat([first.weight, second.weight]))
            both.bias.copy_(torch.cat([first.bias, second.bias]))  # type: ignore[union-attr]
        self.both = both
        self.last = nn.ModuleList(source.conv[level][2] for level in (0, 1))  # type: ignore[index]
        self.rest = nn.ModuleList(source.conv[2:])

    def forward(self, features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """See :meth:`Emasc.forward`; the first two features are the same tensor."""
        parts = torch.split(F.silu(self.both(features[0])), self.split, dim=1)
        fine = [last(part) for last, part in zip(self.last, parts, strict=True)]
        return [*fine, *(level(feature) for level, feature in zip(self.rest, features[2:], strict=True))]


@dataclass(frozen=True)
class Encoded:
    """What the encoder gives.

    Args:
        mean: ``(B, 4, H/8, W/8)`` of the latent's distribution.
        std: of the same shape.
        features: ``(B, C, H, W)`` for EMASC: finest twice, then halved three times.
    """

    mean: torch.Tensor
    std: torch.Tensor
    features: list[torch.Tensor]

    def draw(self, noise: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        """Latents from standard normal noise of the mean's shape, times ``scale``."""
        return (self.mean + self.std * noise.to(self.mean)) * scale


def _through(block: Callable[..., Any], x: torch.Tensor, save_memory: bool) -> torch.Tensor:
    out: torch.Tensor = checkpoint(block, x, use_reentrant=False) if save_memory else block(x)
    return out


def encode(vae: Any, picture: torch.Tensor) -> Encoded:
    """Distribution of the latents and EMASC's features, in one pass.

    Args:
        vae: diffusers' ``AutoencoderKL``.
        picture: ``(B, 3, H, W)``, -1 to 1, H and W multiples of 8.
    """
    encoder = vae.encoder
    x = encoder.conv_in(picture)
    features = [x, x]
    for block in encoder.down_blocks:
        x = block(x)
        features.append(x)
    x = encoder.mid_block(x)
    moments = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(x)))
    mean, log_variance = vae.quant_conv(moments).chunk(2, dim=1)
    return Encoded(mean, torch.exp(0.5 * log_variance.clamp(*_LOG_VARIANCE)), features[:5])


def decode(
    vae: Any, latents: torch.Tensor, additions: Sequence[torch.Tensor] | None = None, *, save_memory: bool = False
) -> torch.Tensor:
    """Latents -> picture, with EMASC's features added on the way.

    Args:
        vae: diffusers' ``AutoencoderKL``.
        latents: ``(B, 4, h, w)``, not scaled.
        additions: five ``(B, C, H, W)``, finest first; without them the plain decoder.
        save_memory: compute activations again in the backward pass instead of keeping them.

    Returns:
        ``(B, 3, 8 h, 8 w)``, about -1 to 1, not clamped.
    """
    decoder = vae.decoder
    x = decoder.mid_block(decoder.conv_in(vae.post_quant_conv(latents)))
    coarse_first: list[torch.Tensor | None] = [None] * 5 if additions is None else list(reversed(additions))
    for block, addition in zip(decoder.up_blocks, coarse_first[:4], strict=True):
        x = _through(block, x if addition is None else x + addition, save_memory)
    x = decoder.conv_act(decoder.conv_norm_out(x))
    last = coarse_first[4]
    picture: torch.Tensor = decoder.conv_out(x if last is None else x + last)
    return picture

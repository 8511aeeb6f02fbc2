"""The beginning of a training of the patch encoder: the style code is taught to tell what the patches show.

Not a part of the published training. The instance norms of the patch encoder take away how bright a channel is, and a random
encoder's code tells nothing of a garment's colour: no linear map finds it there. The generator learns to do without such a code
and the encoder, by the generator's gradient alone, to give always the same. So the first pictures teach the encoder alone: from
w, a linear map has to name the mean colour and the area of each patch, and w has to keep the size that the layers behind it are
made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .network import Generator
from .quads import LOWER_PARTS, PARTS

#: patches of upper and lower garment
_GARMENTS = (len(PARTS), len(LOWER_PARTS))
#: a patch darker than this in every channel is empty there
_EMPTY = -0.98
#: the mean colour of a patch with less of its square filled is not asked for
_SMALLEST = 0.02
#: chance that a garment gets another colour
_DYED = 0.7
#: how much more an area counts than a colour
_AREA = 2.0
#: what a patch shows: three channels and an area
_NUMBERS = 4
#: the encoder's layers whose weights are not scaled for equal rates learn at so many times the rate
_DENSE = 0.1


class StyleReading(nn.Module):
    """Patches -> what a linear map reads from w.

    Args:
        generator: whose encoder and mapping these are.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator
        self.head = nn.Linear(generator.config.style, _NUMBERS * sum(_GARMENTS))

    def forward(self, parts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``(B, 45, P, P)``, -1 to 1 -> what is read ``(B, 60)``, see :func:`shown`, and w ``(B, style)``."""
        w = self.generator.mapping(self.generator.style_encoding.code(parts))
        return self.head(w), w

    def adam(self, lr: float) -> torch.optim.Adam:
        """An optimiser of encoder, mapping and what reads from w."""
        encoder = self.generator.style_encoding
        dense = [value for name, value in encoder.model.named_parameters() if ".linear." in name]
        rest = [value for name, value in encoder.model.named_parameters() if ".linear." not in name]
        others = [*encoder.fc.parameters(), *self.generator.mapping.parameters(), *self.head.parameters()]
        groups: list[dict[str, Any]] = [{"params": [*rest, *others]}, {"params": dense, "lr": lr * _DENSE}]
        return torch.optim.Adam(groups, lr=lr, betas=(0.9, 0.99), fused=True)


def dyed(parts: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Patches of garments most of which got another colour.

    Args:
        parts: ``(B, 45, P, P)``, -1 to 1, -1 where empty.
        generator: where randomness comes from.
    """
    patches, filled = _split(parts)
    count = len(parts)
    wanted = torch.rand(count, len(_GARMENTS), 3, 1, 1, generator=generator, device=parts.device) * 2 - 1
    chosen = torch.rand(count, len(_GARMENTS), 1, 1, 1, generator=generator, device=parts.device) < _DYED
    made = []
    begin = 0
    for index, size in enumerate(_GARMENTS):
        patch, where = patches[:, begin : begin + size], filled[:, begin : begin + size]
        mean = (patch * where).sum(dim=(1, 3, 4), keepdim=True) / where.sum(dim=(1, 3, 4), keepdim=True).clamp(min=1)
        shift = (wanted[:, index, None] - mean) * chosen[:, index, None]
        made.append((patch + where * shift).clamp(-1, 1))
        begin += size
    return torch.cat(made, dim=1).flatten(1, 2)


def shown(parts: torch.Tensor) -> torch.Tensor:
    """What patches show: ``(B, 45, P, P)`` -> ``(B, 60)``.

    First the mean colours of the fifteen patches, -1 to 1, 0 for an empty one, then twice the share of its square that each fills.
    """
    patches, filled = _split(parts)
    area = filled.mean(dim=(3, 4))
    colour = (patches * filled).mean(dim=(3, 4)) / area.clamp(min=_SMALLEST) * (area > _SMALLEST)
    return torch.cat([colour.flatten(1), _AREA * area.flatten(1)], dim=1)


def _split(parts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``(B, 45, P, P)`` -> ``(B, 15, 3, P, P)`` and where they are filled ``(B, 15, 1, P, P)``, 0 or 1."""
    patches = parts.reshape(len(parts), sum(_GARMENTS), 3, *parts.shape[2:])
    return patches, (patches.amax(dim=2, keepdim=True) > _EMPTY).to(parts.dtype)


def reading_terms(read: torch.Tensor, w: torch.Tensor, parts: torch.Tensor) -> Mapping[str, torch.Tensor]:
    """Mean squared error of what was read, and how far the mean square of w is from 1, squared; by name.

    A small w reads as well as a large one, but hardly moves the convolutions that it modulates.

    Args:
        read: ``(B, 60)``, with gradients.
        w: ``(B, style)``, with gradients.
        parts: the patches that it was read from.
    """
    size = (w.float().square().mean() - 1).square()
    return {"mse": F.mse_loss(read.float(), shown(parts).float()), "size": size}

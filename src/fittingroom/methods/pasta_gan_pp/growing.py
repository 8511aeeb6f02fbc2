"""The beginning of a training at half the size.

Not a part of the published training. The pose enters this network at its lowest resolution, and it takes tens of thousands of
pictures until silhouettes are learned; nearly all the work of each is done at the highest resolution meanwhile. The picture of the
style branch is a sum of pictures of all resolutions (Karras et al., CVPR 2020, figure 7), so the lower ones can be taught alone,
as in the progressive growing of Karras et al., ICLR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ...nn.stylegan2 import Noise
from .losses import L1, VGG
from .network import Generator
from .phases import Features, Truth


class HalfSize(nn.Module):
    """The style branch of a generator without its highest block.

    Args:
        generator: whose weights these are.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self, parts: torch.Tensor, retain: torch.Tensor, pose: torch.Tensor, noise: Noise = "const"
    ) -> torch.Tensor:
        """``(B, 3, H/2, W/2)`` picture; see :meth:`.network.Generator.forward` for the inputs, all of full size."""
        whole = self.generator
        w = whole.mapping(whole.style_encoding.code(parts))
        identity = whole.style_encoding.identity(retain)
        return whole.synthesis.lower(w, whole.const_encoding(pose), identity, noise)[1]


def half_terms(made: torch.Tensor, truth: Truth, features: Features | None) -> Mapping[str, torch.Tensor]:
    """L1 and perceptual loss against the photo at half its size, unweighted, by name.

    Args:
        made: ``(B, 3, H/2, W/2)``, with gradients.
        truth: of the batch.
        features: of the perceptual loss; None leaves it out.
    """
    made = made.float()
    photo = F.avg_pool2d(truth.photo, 2)
    terms = {L1.name: L1(made, made, photo)}  # there is one picture only
    if features is not None:
        with torch.no_grad():
            target = features(photo)
        seen = features(made)
        terms[VGG.name] = VGG(seen, seen, target)
    return terms

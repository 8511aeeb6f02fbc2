"""The critic of the stage ``finish``: tells what was painted from photos, place by place, by the features of a trained trunk."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from .autoencoder import Terms, Trunk
from .painting import CRITIC, Painted

#: slope of what is negative
_SLOPE = 0.2
#: taps that are looked at, finest first; the coarsest say little of single places
_TAPS = 4


class _Head(nn.Module):
    def __init__(self, inputs: int, shown: int, width: int) -> None:
        super().__init__()
        self.shown = nn.Conv2d(shown, width, 1)
        self.first = nn.Conv2d(inputs + 1 + width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, tap: torch.Tensor, mask: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        size = (tap.shape[-2], tap.shape[-1])
        tap = F.normalize(tap.float(), dim=1) * tap.shape[1] ** 0.5
        beside = F.interpolate(self.shown(shown), size, mode="bilinear", align_corners=False)
        x = F.leaky_relu(self.first(torch.cat([tap, mask, beside], dim=1)), _SLOPE)
        out: torch.Tensor = self.last(F.leaky_relu(self.second(x), _SLOPE))
        return out


class Critic(nn.Module):
    """A small head on each of the finest taps of a resting trunk, which is why it learns within minutes.

    Sauer et al., Projected GANs Converge Faster, NeurIPS 2021, section 3; the heads also see what the painter was shown.

    Args:
        taps: channels of the trunk's taps, finest first.
        shown: channels of the latents that it sees beside them.
        width: of the heads.
    """

    def __init__(self, taps: Sequence[int], shown: int, width: int = 48) -> None:
        super().__init__()
        self.heads = nn.ModuleList(_Head(channels, shown, width) for channels in taps[:_TAPS])

    def forward(self, taps: Sequence[torch.Tensor], mask: torch.Tensor, shown: torch.Tensor) -> list[torch.Tensor]:
        """For each tap ``(N,)`` judgements of the places within the mask, positive for photos.

        Args:
            taps: ``(B, C, h, w)`` each.
            mask: ``(B, 1, H, W)``, 1 = painted; where nothing is, all places are judged.
            shown: ``(B, C, H/8, W/8)`` latents of the masked photo and the warped garment.
        """
        found = []
        for head, tap in zip(self.heads, taps, strict=False):
            small = F.interpolate(mask.float(), (tap.shape[-2], tap.shape[-1]))
            judged, inside = head(tap, small, shown), small >= 0.5
            found.append(judged[inside] if bool(inside.any()) else judged.flatten())
        return found


def new_critic(trunk: Trunk, shown: int) -> Critic:
    """A critic for a trunk and for so many channels of latents beside it."""
    with torch.no_grad():
        channels = [tap.shape[1] for tap in trunk(torch.zeros(1, 3, 64, 64))]
    return Critic(channels, shown)


def critic_terms(critic: Critic, trunk: Trunk, given: Painted) -> Terms:
    """The critic, which learns after each step: photos are photos, paintings are not."""
    judged = []
    for picture in (given.truth, given.made):
        with torch.no_grad():
            taps = trunk(picture)
        judged.append(critic(taps, given.mask, given.shown))
    return {CRITIC.name: (CRITIC.weight, CRITIC(*judged))}

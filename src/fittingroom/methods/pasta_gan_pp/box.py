"""Rectangles of a picture, to compute in them only."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; empty where there is nothing."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """The part of ``(B, C, H, W)`` inside, a view."""
        return x[:, :, self.top : self.bottom, self.left : self.right]

    @property
    def empty(self) -> bool:
        """Whether no pixel is inside."""
        return self.bottom <= self.top or self.right <= self.left


def box_of(mask: torch.Tensor, margin: int, even: bool = False) -> Box:
    """Around all true pixels of ``(B, 1, H, W)``, with a margin, limited to the picture."""
    height, width = mask.shape[2:]
    rows = mask.any(dim=3).any(dim=1).any(dim=0).nonzero()
    columns = mask.any(dim=2).any(dim=1).any(dim=0).nonzero()
    if not len(rows):
        return Box(0, 0, 0, 0)
    top, bottom = int(rows[0]) - margin, int(rows[-1]) + 1 + margin
    left, right = int(columns[0]) - margin, int(columns[-1]) + 1 + margin
    if even:
        top, left, bottom, right = top - top % 2, left - left % 2, bottom + bottom % 2, right + right % 2
    return Box(max(top, 0), min(bottom, height), max(left, 0), min(right, width))


def columns_of(x: torch.Tensor, columns: slice, margin: int) -> torch.Tensor:
    """Some columns of ``(B, C, H, W)`` with a margin, a view."""
    return x[:, :, :, slice(columns.start - margin, columns.stop + margin)]

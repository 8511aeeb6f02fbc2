r"""Guidance with three branches: without anything, with the garment, with garment and text.

.. math:: \hat\epsilon = \epsilon_u + s_g (\epsilon_g - \epsilon_u) + s_t (\epsilon_{gt} - \epsilon_g)

Each branch has features of its own: "no garment" is a mid-grey picture seen by the garment network, not an empty list.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

#: branches in the order of the batch
BRANCHES = 3


@dataclass(frozen=True)
class Guidance:
    """How strongly garment and text are followed.

    Args:
        garment: scale of the step from nothing to the garment.
        text: scale of the step from the garment to garment and text.
        first: share of the steps, from the start, before which there is no guidance.
        last: share of the steps after which there is none; outside, only the branch with garment and text is computed.
    """

    garment: float = 4.5
    text: float = 7.5
    first: float = 0.0
    last: float = 1.0

    def at(self, index: int, steps: int) -> bool:
        """Whether step ``index`` of ``steps`` is guided."""
        return self.first * steps <= index < self.last * steps

    def evaluations(self, steps: int, until: int | None = None) -> int:
        """Branches that the main network computes in the first ``until`` of ``steps`` steps; all of them by default."""
        count = steps if until is None else until
        return sum(BRANCHES if self.at(index, steps) else 1 for index in range(count))


def branch_inputs(
    text: torch.Tensor, pooled: torch.Tensor, ids: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Text of the three branches: nothing, nothing, the prompt.

    Args:
        text: ``(B, T, D)``.
        pooled: ``(B, P)``.
        ids: ``(B, 6)``.

    Returns:
        The three for ``3 B`` rows, all samples of a branch together.
    """
    none, no_summary = torch.zeros_like(text), torch.zeros_like(pooled)
    return (
        torch.cat([none, none, text]),
        torch.cat([no_summary, no_summary, pooled]),
        ids.repeat(BRANCHES, 1),
    )


def combine(branches: torch.Tensor, scales: Guidance) -> torch.Tensor:
    """The guided noise: ``(3 B, C, h, w)`` to ``(B, C, h, w)``."""
    plain, garment, both = branches.chunk(BRANCHES)
    return plain + scales.garment * (garment - plain) + scales.text * (both - garment)

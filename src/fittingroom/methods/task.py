"""What a method plugs into the one training loop: its networks, its items, its step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from ..core.images import UInt8


class Loop(Protocol):
    """What the loop offers to a step; the same on one processor and on many GPUs."""

    @property
    def device(self) -> torch.device:
        """Where tensors belong."""
        ...

    @property
    def world(self) -> int:
        """How many processes train together."""
        ...

    def precision(self) -> AbstractContextManager[None]:
        """Within it, convolutions and products run in the precision that was chosen."""
        ...

    def update(self, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        """Differentiate a scalar, average the gradients over all processes, mend those that are not finite, step."""
        ...

    def average(self, value: torch.Tensor) -> torch.Tensor:
        """Mean of a tensor over all processes."""
        ...


class Task(ABC):
    """Training of one method on one dataset.

    Everything random comes from the seeds that the loop hands in, so that a resumed training gives the same bits.
    """

    #: networks whose weights belong into a checkpoint, by name
    modules: Mapping[str, nn.Module]
    #: optimisers by name
    optimizers: Mapping[str, torch.optim.Optimizer]
    #: networks of which a running mean is kept: name -> half-life in training pictures
    averages: Mapping[str, float]
    #: one line for each sample that cannot be used
    refused: list[str]

    @abstractmethod
    def __len__(self) -> int:
        """How many training items there are."""

    @abstractmethod
    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        """One training item; the same for the same index and seed, in any process."""

    @abstractmethod
    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        """One step of every optimiser that is due.

        Args:
            batch: items stacked along a new first dimension, on the loop's device.
            number: of the step, from 0.
            generator: for everything random.
            loop: see :class:`Loop`.

        Returns:
            What the log shall show, by name.
        """

    @abstractmethod
    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        """A picture ``(H, W, 3)`` of what the networks can do now, always from the same inputs.

        Args:
            averaged: the running means by name.
            device: where they are.
        """

    @abstractmethod
    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        """Write weights and settings that the method's ``load(folder)`` takes."""

    @abstractmethod
    def description(self) -> Mapping[str, Any]:
        """Everything (JSON values) that makes two trainings the same; a checkpoint of another is refused."""

    def compilable(self) -> Sequence[nn.Module]:
        """Networks that gain from being compiled; never those whose gradient is differentiated again."""
        return ()

    def state(self) -> dict[str, float]:
        """Numbers besides weights that the next step depends on."""
        return {}

    def load_state(self, state: Mapping[str, float]) -> None:
        """Take back what :meth:`state` gave."""
        del state

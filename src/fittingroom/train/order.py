"""In which order items come: shuffled anew each epoch, computed from seed and position, so that one can start anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ..methods.task import Task


def derived_seed(*parts: int) -> int:
    """A seed (0 to 2**63 - 1) that depends on every part and on their order."""
    high, low = np.random.SeedSequence(parts).generate_state(2)
    return (int(high) << 31) ^ int(low)


def positions(length: int, start: int, seed: int) -> Iterator[tuple[int, int]]:
    """Endless (index, seed of the item) from the ``start``-th draw on; every index once an epoch."""
    epoch, offset = divmod(start, length)
    while True:
        order = np.random.default_rng(np.random.SeedSequence((seed, epoch))).permutation(length)
        for index in order[offset:]:
            yield int(index), derived_seed(seed, epoch, int(index))
        epoch, offset = epoch + 1, 0


class _Items(Dataset[dict[str, torch.Tensor]]):
    def __init__(self, task: Task) -> None:
        self.task = task

    def __getitem__(self, draw: tuple[int, int]) -> dict[str, torch.Tensor]:
        return self.task.item(*draw)


class _Batches:
    """Draws of each step for one of several processes."""

    def __init__(self, length: int, first_step: int, steps: int, batch: int, seed: int, rank: int, world: int) -> None:
        self.length, self.first_step, self.steps, self.batch = length, first_step, steps, batch
        self.seed, self.rank, self.world = seed, rank, world

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        whole = self.batch * self.world
        draws = positions(self.length, self.first_step * whole, self.seed)
        for _ in range(self.first_step, self.steps):
            portion = [next(draws) for _ in range(whole)]
            yield portion[self.rank * self.batch : (self.rank + 1) * self.batch]

    def __len__(self) -> int:
        return self.steps - self.first_step


def batches(
    task: Task, first_step: int, steps: int, batch: int, seed: int, *, rank: int = 0, world: int = 1, workers: int = 0
) -> DataLoader[dict[str, torch.Tensor]]:
    """Batches of the steps ``first_step`` to ``steps``, the same whatever the number of workers."""
    sampler: Any = _Batches(len(task), first_step, steps, batch, seed, rank, world)
    context = "spawn" if workers else None
    return DataLoader(
        _Items(task),
        batch_sampler=sampler,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=bool(workers),
    )

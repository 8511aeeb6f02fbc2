"""Where the pictures of a run are made: in this process, in several, or on a Ray cluster. The results are the same bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..core.parallel import EXECUTORS, Shard, run_shards
from .generate import make_shard

__all__ = ["EXECUTORS", "execute"]


def _in_worker(folder: str, job: Mapping[str, Any], shard: Shard) -> int:
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // shard[1]))
    return make_shard(Path(folder), job, shard)


def execute(name: str, folder: Path, job: Mapping[str, Any], workers: int, report: Callable[[int, int], None]) -> int:
    """Make the pictures with the executor called ``name``; one local worker is this process.

    Returns:
        How many items could not be made.

    Raises:
        InputError: no such executor, or fewer than one worker.
    """
    if name == "local" and workers == 1:
        return make_shard(folder, job, None, report)
    gpus = 1 if str(job["device"]).startswith("cuda") else 0
    return sum(run_shards(name, partial(_in_worker, str(folder), dict(job)), workers, workers, report, gpus=gpus))

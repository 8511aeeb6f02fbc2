"""Where the pictures of a run are made: in this process, in several, or on a Ray cluster. The results are the same bytes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch

from ..core.errors import InputError, MissingError
from .generate import make_shard

EXECUTORS = ("local", "ray")


def _in_worker(folder: str, job: Mapping[str, Any], shard: tuple[int, int]) -> int:
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // shard[1]))
    return make_shard(Path(folder), job, shard)


def run_local(folder: Path, job: Mapping[str, Any], workers: int, report: Callable[[int, int], None]) -> int:
    """Make all pictures here, in ``workers`` processes (1 = this one).

    Returns:
        How many items could not be made.
    """
    if workers == 1:
        return make_shard(folder, job, None, report)
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = [pool.submit(_in_worker, str(folder), job, (index, workers)) for index in range(workers)]
        failed = 0
        for done, future in enumerate(as_completed(waiting), start=1):
            failed += future.result()
            report(done, workers)
    return failed


def run_ray(folder: Path, job: Mapping[str, Any], workers: int, report: Callable[[int, int], None]) -> int:
    """Make all pictures on the Ray cluster that is reachable, or on one started here; the folder must be shared.

    Raises:
        MissingError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingError("the executor 'ray' needs Ray", mend="pip install 'fittingroom[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(ignore_reinit_error=True, include_dashboard=False, log_to_driver=False)
    gpus = 1 if str(job["device"]).startswith("cuda") else 0
    remote = ray.remote(num_cpus=1, num_gpus=gpus)(_in_worker)
    waiting = [remote.remote(str(folder), dict(job), (index, workers)) for index in range(workers)]
    failed = done = 0
    while waiting:
        ready, waiting = ray.wait(waiting)
        failed += sum(ray.get(ready))
        done += len(ready)
        report(done, workers)
    ray.shutdown()
    return failed


def execute(name: str, folder: Path, job: Mapping[str, Any], workers: int, report: Callable[[int, int], None]) -> int:
    """Make the pictures with the executor called ``name``.

    Raises:
        InputError: no such executor, or fewer than one worker.
    """
    if workers < 1:
        raise InputError(f"{workers} workers", mend="use one or more")
    if name == "local":
        return run_local(folder, job, workers, report)
    if name == "ray":
        return run_ray(folder, job, workers, report)
    raise InputError(f"no executor named {name!r}", mend=f"choose from {', '.join(EXECUTORS)}")

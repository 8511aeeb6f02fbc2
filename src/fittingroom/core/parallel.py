"""Shards of a job in this process, in several, or on a Ray cluster. What a shard does must not depend on where it is done."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeAlias, TypeVar

from .errors import InputError, MissingError

Result = TypeVar("Result")
#: (index, how many)
Shard: TypeAlias = tuple[int, int]
Done: TypeAlias = Callable[[int, int], None]
EXECUTORS = ("local", "ray")


def end_with_parent() -> None:
    """At the start of a worker process: it shall not outlive a job that was killed, waiting for work with its memory full."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_local(work: Callable[[Shard], Result], shards: int, workers: int, done: Done) -> list[Result]:
    """Do all shards in ``workers`` processes of this machine.

    Args:
        work: does one shard; must be picklable.
        shards: how many there are.
        workers: processes; 1 does them here.
        done: called with (shards done, shards in all).

    Raises:
        InputError: a process was killed from outside, e.g. for memory; what was done before is kept.
    """
    results = []
    if workers == 1:
        for index in range(shards):
            results.append(work((index, shards)))
            done(index + 1, shards)
        return results
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(workers, context, end_with_parent) as pool:
        waiting = [pool.submit(work, (index, shards)) for index in range(shards)]
        try:
            for count, future in enumerate(as_completed(waiting), start=1):
                results.append(future.result())
                done(count, shards)
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process was killed (out of memory?)",
                mend="run the same command again to go on, with fewer workers",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def run_ray(work: Callable[[Shard], Result], shards: int, gpus: float, done: Done) -> list[Result]:
    """Do all shards on the Ray cluster that is reachable, or on one started here; folders must be shared.

    Args:
        work: does one shard.
        shards: how many there are.
        gpus: of each shard.
        done: called with (shards done, shards in all).

    Raises:
        MissingError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingError("the executor 'ray' needs Ray", mend="pip install 'fittingroom[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(ignore_reinit_error=True, include_dashboard=False, log_to_driver=False)
    try:
        remote = ray.remote(num_cpus=1, num_gpus=gpus)(work_of)
        waiting = [remote.remote(work, (index, shards)) for index in range(shards)]
        results: list[Result] = []
        while waiting:
            ready, waiting = ray.wait(waiting)
            results += ray.get(ready)
            done(len(results), shards)
        return results
    finally:
        ray.shutdown()


def work_of(work: Callable[[Shard], Result], shard: Shard) -> Result:
    """``work(shard)``: a plain function, as Ray wants one."""
    return work(shard)


def run_shards(
    executor: str, work: Callable[[Shard], Result], shards: int, workers: int, done: Done, *, gpus: float = 0
) -> list[Result]:
    """Do all shards with the executor called ``executor``; the results come in any order.

    Raises:
        InputError: no such executor, or fewer than one worker.
    """
    if workers < 1:
        raise InputError(f"{workers} workers", mend="use one or more")
    if executor == "local":
        return run_local(work, shards, workers, done)
    if executor == "ray":
        return run_ray(work, shards, gpus, done)
    raise InputError(f"no executor named {executor!r}", mend=f"choose from {', '.join(EXECUTORS)}")

"""Shards in one process and on a (made-up) Ray cluster; several processes are tried where annotators run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import types
from functools import partial
from pathlib import Path

import pytest

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.parallel import run_shards


def square(offset: int, shard: tuple[int, int]) -> tuple[int, int]:
    return offset + shard[0] ** 2, os.getpid()


def nothing(done: int, total: int) -> None:
    pass


def test_every_shard_is_done_once_here() -> None:
    seen: list[tuple[int, int]] = []
    results = run_shards("local", partial(square, 10), 4, 1, lambda done, total: seen.append((done, total)))
    assert [value for value, _ in results] == [10, 11, 14, 19]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {process for _, process in results} == {os.getpid()}


def test_wrong_requests_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no executor named 'cloud'"):
        run_shards("cloud", partial(square, 0), 1, 1, nothing)
    with pytest.raises(InputError, match="0 workers"):
        run_shards("local", partial(square, 0), 1, 0, nothing)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingError, match=r"fittingroom\[ray\]"):
        run_shards("ray", partial(square, 0), 1, 1, nothing)


def test_on_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    ray = types.ModuleType("ray")

    def remote(**resources: object):
        asked.update(resources)
        return lambda function: types.SimpleNamespace(remote=lambda *values: (function, values))

    ray.init = lambda **_: asked.update(running=True)  # type: ignore[attr-defined]
    ray.shutdown = lambda: asked.update(running=False)  # type: ignore[attr-defined]
    ray.remote = remote  # type: ignore[attr-defined]
    ray.wait = lambda waiting: (waiting[-1:], waiting[:-1])  # type: ignore[attr-defined]
    ray.get = lambda ready: [function(*values) for function, values in ready]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    results = run_shards("ray", partial(square, 0), 3, 2, nothing, gpus=0.5)
    assert sorted(value for value, _ in results) == [0, 1, 4]
    assert asked == {"num_cpus": 1, "num_gpus": 0.5, "running": False}


def test_a_worker_that_was_killed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    from fittingroom.core import parallel

    class Pool:
        def __init__(self, workers: int, context: object, first: object) -> None:
            assert (workers, first) == (2, parallel.end_with_parent)

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def submit(self, work, shard) -> Future:
            future: Future = Future()
            if shard[0] == 1:
                future.set_exception(BrokenProcessPool("died"))
            else:
                future.set_result(work(shard))
            return future

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", Pool)
    with pytest.raises(InputError, match="a worker process was killed") as caught:
        run_shards("local", partial(square, 0), 2, 2, nothing)
    assert "run the same command again" in str(caught.value)
    assert [value for value, _ in run_shards("local", partial(square, 0), 1, 2, nothing)] == [0]


#: two processes that tell who they are, and then have more to do than anybody waits for
ENDLESS = """
import functools, os, pathlib, sys, time
from fittingroom.core.parallel import run_shards

def work(folder, shard):
    (pathlib.Path(folder) / str(os.getpid())).touch()
    time.sleep(300)

if __name__ == "__main__":
    run_shards("local", functools.partial(work, sys.argv[1]), 4, 2, lambda done, total: None)
"""


def alive(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_a_job_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    script, told = tmp_path / "endless.py", tmp_path / "told"
    script.write_text(ENDLESS)
    told.mkdir()
    job = subprocess.Popen(
        [sys.executable, str(script), str(told)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    until = time.monotonic() + 60
    while len(list(told.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    workers = [int(each.name) for each in told.iterdir()]
    assert len(workers) == 2
    assert all(map(alive, workers))
    job.send_signal(how)
    assert job.wait(30) != 0
    until = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, workers))

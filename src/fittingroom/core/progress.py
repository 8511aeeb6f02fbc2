"""Progress of long jobs: a bar with rate and time left on a terminal, plain lines in a pipe."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

#: called with (done, total) as work proceeds
Report: TypeAlias = Callable[[int, int], None]
_PLAIN_EVERY_S = 10.0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


class _PlainLines:
    """Prints a line every few seconds, and the last one always."""

    def __init__(self, title: str) -> None:
        self.title, self.begin, self.said = title, time.monotonic(), 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self.said < _PLAIN_EVERY_S:
            return
        self.said = now
        spent = max(now - self.begin, 1e-9)
        rate = done / spent
        left = _clock((total - done) / rate) if done else "?"
        sys.stderr.write(f"{self.title}: {done}/{total}, {rate:.2f}/s, {left} left\n")
        sys.stderr.flush()


@contextlib.contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Report]:
    """Show the progress of one job on standard error.

    Args:
        title: what is being done.
        quiet: show nothing.

    Yields:
        A function to be called with (done, total).
    """
    if quiet:
        yield lambda done, total: None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainLines(title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None, rate="")
        begin = time.monotonic()

        def report(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - begin, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.2f}/s")

        yield report

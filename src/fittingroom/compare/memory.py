"""Peak memory of a piece of work: of the GPU where there is one, else of this process."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import psutil
import torch

_EVERY_S = 0.01


class PeakMemory:
    """Context manager that notes the peak while its block runs.

    On the CPU the resident set of the process is sampled every 10 ms (a peak shorter than that can be missed); on CUDA
    the allocator's own peak is read.

    Args:
        device: torch device that the work runs on.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        self._device = device
        self._stop = threading.Event()
        self._peak = 0
        self._thread: threading.Thread | None = None

    def _watch(self) -> None:
        process = psutil.Process()
        while True:
            self._peak = max(self._peak, process.memory_info().rss)
            if self._stop.wait(_EVERY_S):
                return

    def __enter__(self) -> Self:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cuda:
            self._peak = torch.cuda.max_memory_allocated(self._device)
        elif self._thread is not None:
            self._stop.set()
            self._thread.join()

    @property
    def megabytes(self) -> float:
        """The peak in MB (2**20 bytes)."""
        return self._peak / 2**20

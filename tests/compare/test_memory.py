"""Peak memory is really measured."""

from __future__ import annotations

import mmap
import time

import numpy as np

from fittingroom.compare.memory import PeakMemory


def test_a_large_array_is_seen_after_it_is_gone() -> None:
    with PeakMemory("cpu") as idle:
        time.sleep(0.03)
    # fresh pages of the system: in an allocator's freed memory the array would not show
    with PeakMemory("cpu") as busy, mmap.mmap(-1, 64 * 2**20) as pages:
        block = np.frombuffer(pages, dtype=np.uint8)
        block[:] = 1
        time.sleep(0.05)
        del block
    assert 50 < busy.megabytes - idle.megabytes < 200

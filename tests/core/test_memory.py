"""Freed memory stays with the process where the C library can be told so."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from fittingroom.core.memory import reuse_freed_memory
if {on}:
    assert reuse_freed_memory() and reuse_freed_memory()
np.ones(1 << 23).sum()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(1 << 23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_is_not_cleared_again_and_again() -> None:
    faults = {
        on: int(subprocess.run([sys.executable, "-c", PROGRAM.format(on=on)], capture_output=True, check=True).stdout)
        for on in (False, True)
    }
    assert faults[True] < faults[False] / 5

"""How the C library treats memory that was given back."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP = 2**31 - 1
_done = False


def reuse_freed_memory() -> bool:
    """Let freed blocks of any size be used again instead of going back to the system; once for the process.

    By default glibc maps every large block anew, and the system clears each of its pages when it is first touched. A network
    that runs on the processor frees and takes tensors of tens of megabytes hundreds of times: clearing pages then takes longer
    than the arithmetic on them. Peak memory stays nearly the same; what was freed just stays with the process.

    Returns:
        Whether it is in effect; False where the C library is another (macOS, Windows, musl).
    """
    global _done
    if not _done and sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL("libc.so.6").mallopt
        except (OSError, AttributeError):
            return False
        _done = bool(mallopt(_M_MMAP_THRESHOLD, _KEEP)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEEP))
    return _done

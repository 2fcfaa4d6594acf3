"""The C library's memory, kept: pictures of a chunk are freed and asked for again many times a second."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of glibc's mallopt
KEPT = 256 << 20  # bytes that may lie free: several times what a chunk of pocket needs


def keep_freed_memory() -> bool:
    """Has glibc keep what is freed, up to `KEPT`, instead of giving it back to the system: handing out zeroed pages anew took a
    sixth of pocket's time on a CPU. For the whole process; returns whether it could be said (glibc alone).
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(
        [mallopt(MMAP_THRESHOLD, KEPT), mallopt(TRIM_THRESHOLD, 2 * KEPT), mallopt(TOP_PAD, KEPT // 4)]
    )

"""Freed memory stays with the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flowbrush.models.allocator import KEPT

BREAKS = """
import ctypes, sys, torch
from flowbrush.models.allocator import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit(77)
sbrk = ctypes.CDLL(None).sbrk
sbrk.restype, sbrk.argtypes = ctypes.c_void_p, [ctypes.c_long]
for _ in range(3):
    torch.zeros(4, 4, 192, 320)
ends = set()
for _ in range(50):
    pictures = [torch.zeros(4, channels, 192, 320) for channels in (4, 3)]
    ends.add(sbrk(0))
    del pictures
    ends.add(sbrk(0))
print(len(ends))
"""


def ends_of_memory(kind: str) -> int:
    """How many places the end of a process's memory had, while pictures were made and dropped."""
    ran = subprocess.run([sys.executable, "-c", BREAKS, kind], capture_output=True, text=True, check=False)
    if ran.returncode == 77:
        pytest.skip("this C library has no mallopt")
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def test_pictures_are_made_in_memory_that_is_there() -> None:
    chunk = 4 * (4 + 3 + 3) * 192 * 320 * 4  # bytes: things, ground and frames
    assert 4 * chunk < KEPT, "four streams at once fit"
    assert ends_of_memory("kept") == 1
    assert ends_of_memory("given back") > 1, (
        "without being told it goes to and fro, else this test shows nothing"
    )

"""A process that works for another one hears that it is gone, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flowbrush.models.parent import WATCH_S, when_parent_is_gone

ROOT = Path(__file__).resolve().parents[2]
WORKS = f"""
import os, sys, time
from {when_parent_is_gone.__module__} import when_parent_is_gone
when_parent_is_gone(os.getppid(), lambda: (print("gone", flush=True), os._exit(0)))
print("there", flush=True)
time.sleep({3 * WATCH_S})
print("still there", flush=True)
time.sleep(1e6)
"""
STARTS = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_the_end_of_a_parent_that_is_killed_is_heard() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", STARTS, WORKS], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in range(2)] == ["there\n", "still there\n"]
        parent.kill()
        assert parent.stdout.read() == "gone\n", "it has ended: nobody holds the pipe open"

"""Processes of tests that end whatever happens: every wait has an end, and nothing of theirs is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil


def end(process: subprocess.Popen[Any], sig: int = signal.SIGTERM, grace_s: float = 20.0) -> int:
    """Sends `sig` to a process that leads a group of its own and returns its exit code.

    When it has not ended after `grace_s` its whole group is killed.
    """
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            kill_group(process)
    return process.wait(10)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kills a process that leads a group of its own with all its children, also those that outlived it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def command_of(process: psutil.Process) -> str:
    """What a process was started with; nothing of one that has ended meanwhile."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


@contextlib.contextmanager
def deadline(seconds: float, end: Callable[[], None], what: str) -> Iterator[None]:
    """Calls `end` from another thread when what is inside lasts longer, so that what it waits for fails.

    Where it hung is written to stderr before; a TimeoutError says `what` if the inside did not fail by itself.
    """
    late = threading.Event()

    def act() -> None:
        late.set()
        frame = sys._current_frames().get(main)
        lines = [] if frame is None else _stack(frame)
        sys.stderr.write(f"{what} took more than {seconds:g} s, at\n" + "\n".join(lines) + "\n")
        end()

    main = threading.get_ident()
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError(f"{what} took more than {seconds:g} s")


def _stack(frame: Any) -> list[str]:
    tests = str(Path(__file__).parent)
    lines = []
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(tests):
            lines.append(f"  {name}:{frame.f_lineno} in {frame.f_code.co_name}")
        frame = frame.f_back
    return lines

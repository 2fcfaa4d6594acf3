"""Runs pytest so that it ends: `python tools/run_tests.py [arguments of pytest]`.

pytest ends a test that hangs (see pyproject.toml); this ends pytest itself when it does not come to its end, says
where it stood, and leaves none of its processes behind, browsers and servers included.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil

LIMIT_S = 1275.0
DUMP_S, KILL_S = 10.0, 5.0
LOOK_S = 1.0


def main() -> int:
    """pytest's exit code; 1 when it had to be ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # pytest hears Ctrl-C too, and ends in its own way
    # What is compiled once is kept: the servers and workers of the tests, some hundreds, would each compile all sources again.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *sys.argv[1:]], env=environment, preexec_fn=_hear_interrupts
    )
    seen: set[psutil.Process] = set()
    until = time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < until:
        seen |= descendants(process.pid)
        try:
            process.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            continue
    code = process.poll()
    if code is None:
        print(f"\nThe tests did not end within {LIMIT_S} s. Where they stand:", file=sys.stderr, flush=True)
        seen |= descendants(process.pid)
        abort(process)
    kill(seen)
    return 1 if code is None or code < 0 else code


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def descendants(pid: int) -> set[psutil.Process]:
    """All processes below one."""
    try:
        return set(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def abort(process: subprocess.Popen[bytes]) -> None:
    """Ends pytest; on SIGABRT its fault handler writes where each thread is."""
    process.send_signal(signal.SIGABRT)
    try:
        process.wait(DUMP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill(processes: set[psutil.Process]) -> None:
    """Ends what pytest has left, and names it."""
    _, left = psutil.wait_procs(processes, timeout=KILL_S)
    for each in left:
        try:
            print(f"left behind, killed: {' '.join(each.cmdline())[:200]}", file=sys.stderr)
            each.kill()
        except psutil.Error:
            pass  # it ended by itself just now
    psutil.wait_procs(left, timeout=KILL_S)


if __name__ == "__main__":
    sys.exit(main())

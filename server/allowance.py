"""What the system lets a process have: file descriptors and threads. Where these are too few that is said at the start, and not by
what fails without them later on.
"""

from __future__ import annotations

import threading

MAX_FILES = 1 << 16

FEWEST_FILES = 64
"""Some thirty are open before anybody comes; each of the fewest connections takes one, and its session's files three more."""

FEWEST_THREADS = 16
"""The disk, pipes to workers and pictures that are read have threads of their own; a worker has its streams' encoders."""


class TooLittle(Exception):
    """The system gives less than is needed; says which limit is to be raised."""


def file_descriptors() -> int:
    """How many this process may have open, after asking for all that it can get."""
    try:
        import resource
    except ImportError:  # no such limit on this system
        return MAX_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def check_files() -> None:
    """Raises TooLittle where this process may open too few."""
    if (files := file_descriptors()) < FEWEST_FILES:
        raise TooLittle(
            f"only {files} files may be open at once, and at least {FEWEST_FILES} are needed: raise that limit "
            "(ulimit -n, LimitNOFILE of systemd, ulimits of a container)"
        )


def check_threads(wanted: int) -> None:
    """Raises TooLittle where this process cannot have so many more threads. All have ended when it returns."""
    over = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(wanted):
            thread = threading.Thread(target=over.wait, name="trial", daemon=True)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError):
        raise TooLittle(
            f"only {len(started)} more threads can be started, and {wanted} are needed: raise the limits of processes "
            "(ulimit -u, TasksMax of systemd, pids of a container) or of memory (ulimit -v)"
        ) from None
    finally:
        over.set()
        for thread in started:
            thread.join()

"""How many processors and how much memory are really there: affinity, the quotas of control groups, and what others leave."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
SELF_CGROUP = Path("/proc/self/cgroup")
STAT = Path("/proc/stat")
LOOK_S = 0.25
"""The load is looked at so often. Where two threads share one free processor, each waits in every operation until the other has had
its turn: a chunk of pocket that takes a tenth of a second with one thread then takes one to seven. So threads go at once, …"""

CALM_S = 2.0
"""… and come back when there was room for them for so long."""

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def processors() -> float:
    """Processors that this process may use: those of its affinity, at most its quota. At least a part of one."""
    there = len(affinity())
    return min(float(there), cpu_quota() or there)


def affinity() -> set[int]:
    """The processors that this process may run on, by number."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def cpu_quota(root: Path = CGROUP, own: Path = SELF_CGROUP) -> float | None:
    """Processors that the control groups above this process grant it; None without a limit. Versions 1 and 2."""
    limits = []
    for folder in _groups(root, own, "cpu"):
        match _words(folder / "cpu.max"):
            case [quota, period] if quota != "max":
                limits.append(int(quota) / int(period))
        old = [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]
        if len(old) == 2 and int(old[0]) > 0:
            limits.append(int(old[0]) / int(old[1]))
    return min(limits, default=None)


def memory_left(root: Path = CGROUP, own: Path = SELF_CGROUP) -> int | None:
    """Bytes that the control groups above this process still grant it; None without a limit."""
    left = []
    for folder in _groups(root, own, "memory"):
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            most, now = _words(folder / limit), _words(folder / used)
            if most and now and most[0] != "max" and int(most[0]) < 1 << 60:
                left.append(max(0, int(most[0]) - int(now[0])))
    return min(left, default=None)


def _groups(root: Path, own: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups that this process is in, up to the root."""
    for line in _lines(own):
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        base = root / controller if names else root
        folder = base / path.strip("/")
        while True:
            yield folder
            if folder == base or base not in folder.parents:
                break
            folder = folder.parent


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    lines = _lines(path)
    return lines[0].split() if lines else []


def threads_for(most: float, there: int, others: float) -> int:
    """Threads for work that waits for its slowest thread: no more than processors that are really free for it.

    `most` processors may be used of the `there` ones, of which `others` are busy with something else.
    """
    return max(1, min(math.ceil(most), math.floor(min(most, there - others) + 0.4)))


class Threads:
    """Sets torch's threads, and follows what other processes leave: one thread too many is worse than one too few."""

    def __init__(self, fixed: int) -> None:
        """`fixed` threads; 0 follows, and takes no more than torch would, which heeds OMP_NUM_THREADS."""
        import torch  # here, so that counting processors does not load it

        self._fixed, self._set = fixed, torch.set_num_threads
        self._count = torch.get_num_threads()
        self._most = min(processors(), self._count)
        self._at, self._busy, self._own = time.monotonic(), *_used()
        self._full = self._at  # when there was last no room for more threads
        self._use(fixed or threads_for(self._most, len(affinity()), 0.0))

    def follow(self) -> None:
        """Looks at the load, if it is time. For the thread that computes, between two pieces of work."""
        now = time.monotonic()
        passed = now - self._at
        if self._fixed or passed < LOOK_S:
            return
        busy, own = _used()
        others = max(0.0, (busy - self._busy) - (own - self._own)) / passed
        self._at, self._busy, self._own = now, busy, own
        room = threads_for(self._most, len(affinity()), others)
        if room > self._count and now - self._full < CALM_S:
            return
        self._full = now
        self._use(room)

    def _use(self, count: int) -> None:
        if count != self._count:
            self._count = count
            self._set(count)


def _used() -> tuple[float, float]:
    """Processor seconds that went by busy on this process's processors, and those of them that were its own."""
    ours = affinity()
    busy = 0.0
    for line in _lines(STAT):
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in ours:
            user, nice, system, _, _, irq, softirq = map(int, fields[:7])
            busy += (user + nice + system + irq + softirq) / TICKS
    times = os.times()
    return busy, times.user + times.system

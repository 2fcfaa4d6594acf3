"""Processors and memory as affinity, control groups and other processes leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbrush.models import cpus


def group(root: Path, **files: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", ".", 1)).write_text(text + "\n")


def test_the_narrowest_quota_above_the_process_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/pod/box\n")
    assert cpus.cpu_quota(tmp_path, own) is None and cpus.memory_left(tmp_path, own) is None
    group(tmp_path / "pod", cpu__max="150000 100000", memory__max="1000", memory__current="300")
    group(tmp_path / "pod" / "box", cpu__max="max 100000", memory__max="max", memory__current="200")
    assert cpus.cpu_quota(tmp_path, own) == 1.5
    assert cpus.memory_left(tmp_path, own) == 700


def test_quotas_of_the_first_version(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("4:cpu,cpuacct:/box\n3:memory:/box\n")
    group(tmp_path / "cpu" / "box", **{"cpu__cfs_quota_us": "50000", "cpu__cfs_period_us": "100000"})
    group(tmp_path / "memory" / "box", memory__limit_in_bytes="500", memory__usage_in_bytes="900")
    assert cpus.cpu_quota(tmp_path, own) == 0.5
    assert cpus.memory_left(tmp_path, own) == 0


@pytest.mark.parametrize(
    ("most", "there", "others", "threads"),
    [
        (8, 8, 0.0, 8),
        (8, 8, 0.5, 7),  # one thread too many waits for half a processor, and all wait for it
        (2, 2, 1.0, 1),
        (2, 2, 2.0, 1),
        (1.5, 64, 0.0, 1),
        (0.5, 64, 0.0, 1),
        (4, 64, 61.0, 3),
        (4, 64, 20.0, 4),
    ],
)
def test_threads_are_those_that_others_leave(most: float, there: int, others: float, threads: int) -> None:
    assert cpus.threads_for(most, there, others) == threads


def test_the_load_of_others_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    now, used, set_to = [0.0], [0.0, 0.0], []
    monkeypatch.setattr(cpus.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(cpus, "_used", lambda: tuple(used))
    monkeypatch.setattr(cpus, "processors", lambda: 4.0)
    monkeypatch.setattr(cpus, "affinity", lambda: {0, 1, 2, 3})
    monkeypatch.setattr("torch.set_num_threads", set_to.append)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    threads = cpus.Threads(0)

    def passes(seconds: float, others: float) -> int:
        now[0] += seconds
        used[0] += seconds * (4.0 + others)
        used[1] += seconds * 4.0
        threads.follow()
        return set_to[-1]

    assert passes(0.3, others=0.0) == 4
    assert passes(0.1, others=2.0) == 4, "too soon to tell"
    assert passes(0.3, others=2.0) == 2, "fewer at once"
    assert [passes(0.5, others=1.0) for _ in range(3)] == [2, 2, 2], "not yet: others may be back"
    assert passes(0.6, others=1.0) == 3
    assert passes(1.5, others=0.0) == 3
    assert passes(0.3, others=1.0) == 3, "no room after all"
    assert passes(1.5, others=0.0) == 3
    assert passes(0.6, others=0.0) == 4
    cpus.Threads(2).follow()
    assert set_to[-1] == 2, "what is asked for is not changed"

"""What every benchmark prints around its table: the machine, the settings, one JSON line at the end."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Facts that a figure depends on. `load` is the load average before the benchmark, per core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "cpu": _cpu_name(),
        "cores": cores,
        "load": round(os.getloadavg()[0] / cores, 2),
        "gpu": _gpu_name(),
        "python": platform.python_version(),
        "torch": _version("torch"),
        "system": f"{platform.system()} {platform.release()}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def print_card(title: str, facts: dict[str, Any], settings: dict[str, Any]) -> None:
    """The head of a benchmark's output."""
    print(f"\n{title}")
    for name, value in {**facts, **settings}.items():
        print(f"  {name:14} {value}")
    if facts["load"] > 0.5:
        print("  note           the machine was busy before the benchmark began: its figures are too slow")
    print()


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table with columns as wide as they need to be."""
    cells = [[_text(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for number, row in enumerate(cells):
        first, *rest = row
        line = "  ".join(
            [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]
        )
        print(line.rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def finish(name: str, facts: dict[str, Any], settings: dict[str, Any], result: dict[str, Any]) -> None:
    """The last line: everything as one JSON object."""
    print("\n" + json.dumps({"benchmark": name, "machine": facts, "settings": settings, **result}))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie; raises ValueError for none."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def _text(cell: object) -> str:
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _gpu_name() -> str:
    try:
        names = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        lines = [line for name in names for line in name.read_text().splitlines() if line.startswith("Model")]
        return ", ".join(line.split(":", 1)[1].strip() for line in lines) or "none"
    except OSError:
        return "none"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

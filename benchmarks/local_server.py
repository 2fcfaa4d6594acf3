"""A server of its own for a benchmark, started and ended as a user would; or one that runs already."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import psutil

from flowbrush.models.cards.registry import card

STOP_S = 30.0
TMPFS = Path("/dev/shm")  # where a server keeps its snapshots unless told otherwise
AUDIT = '{"audit"'  # how a line begins that says who came
T = TypeVar("T")


@dataclass(frozen=True)
class Running:
    """A warm server. `pid` is None for one that was there already, whose processes are not ours to look at."""

    url: str
    pid: int | None

    def workers(self) -> list[int]:
        """Process ids of the workers. Raises ValueError for a server that is not this benchmark's own."""
        if self.pid is None:
            raise ValueError("this part looks at the server's processes: leave --url out")
        return [child.pid for child in psutil.Process(self.pid).children() if _is_worker(child)]

    def memory_mb(self) -> tuple[float, float]:
        """Main memory held by the web process and by all workers, in MB."""
        workers = [psutil.Process(pid).memory_info().rss for pid in self.workers()]
        return psutil.Process(self.pid).memory_info().rss / 1e6, sum(workers) / 1e6


def _is_worker(process: psutil.Process) -> bool:
    """Not a spare one, which Linux shows by its name."""
    if sys.platform == "linux":
        made: bool = process.name() == "worker"
        return made
    return "spawn_main" in " ".join(process.cmdline())


MAY_BE_ZERO = ("begin", "seed", "spare", "spares", "strength", "watchers")


def check_numbers(parser: argparse.ArgumentParser, found: argparse.Namespace) -> None:
    """Before any work: ends with exit code 2 where a number is not finite, or so small that nothing would be measured."""
    for name, given in vars(found).items():
        for number in given if isinstance(given, list) else [given]:
            if isinstance(number, bool) or not isinstance(number, int | float):
                continue
            if not math.isfinite(number) or number < 0 or (number == 0 and name not in MAY_BE_ZERO):
                least = "at least 0" if name in MAY_BE_ZERO else "more than 0"
                parser.error(f"--{name.replace('_', '-')} is {number:g}: expected a number, {least}")


class Parser(argparse.ArgumentParser):
    """Says so where an option would have no effect."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's; ends with exit code 2 where something is wrong."""
        found = super().parse_args(args, namespace)
        check_numbers(self, found)
        if found.url and found.device:
            self.error("--device is for a server that is started here: leave it out with --url")
        if found.url and not re.fullmatch(r"https?://[^/?#\s]+/?", found.url):
            self.error(f"--url is {found.url!r}: expected one without a path, such as http://localhost:8000")
        try:
            if found.device:
                from flowbrush.models.device import choose  # here, because it loads torch

                choose(found.device)
            if not found.url:
                card(found.model)
        except ValueError as error:
            self.error(str(error))
        found.device = found.device or "auto"
        return found


def arguments(about: str | None, prog: str | None = None) -> argparse.ArgumentParser:
    """The options that all benchmarks through a server share."""
    parser = Parser(prog, description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pocket", help="a name of `flowbrush models` (default pocket)")
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:1, … (default auto)")
    parser.add_argument("--url", help="measure a server that runs already")
    parser.add_argument("--prompt", default="a panda in the meadow")
    parser.add_argument("--quick", action="store_true", help="a short pass; its figures are rough")
    return parser


@contextmanager
def server(args: argparse.Namespace, seats: int = 4, cluster: str = "") -> Iterator[Running]:
    """A warm server, with workers in a `cluster` if named; it is ended afterwards. Raises SystemExit when it does not start."""
    if args.url:
        yield Running(args.url, None)
        return
    prefix, memory = "flowbrush-bench-", TMPFS if TMPFS.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix=prefix) as folder,
        tempfile.TemporaryDirectory(prefix=prefix, dir=memory) as snapshots,
    ):
        options = ["--port", "0", "--state-dir", folder, "--log-level", "error", "--seats", str(seats)]
        options += ["--model", args.model, "--device", args.device]
        options += ["--cluster", cluster] if cluster else []
        kept = [
            "flowbrush.benchmarks.kept",
            str(os.getpid()),
            folder,
            snapshots,
        ]  # which it removes if this is killed
        command = [sys.executable, "-m", *kept, "serve", *options]
        environment = {**os.environ, "FLOWBRUSH_RUNTIME_DIR": snapshots}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None and process.stderr is not None
        said = threading.Thread(target=_passed_on, args=(process.stderr,), daemon=True)
        said.start()
        try:
            line = process.stdout.readline()
            if " at http" not in line:
                raise SystemExit("the server did not start: see above")
            yield Running(line.split()[-1], process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
            said.join(STOP_S)


def _passed_on(stream: TextIO) -> None:
    """What the server says, without the line for each of its clients: a benchmark has hundreds."""
    with stream:
        for line in stream:
            if not line.startswith(AUDIT):
                sys.stderr.write(line)


def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Runs what a benchmark does. Raises RuntimeError where it does not come to an end in time."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await work

    try:
        return asyncio.run(bounded())
    except TimeoutError:
        raise RuntimeError(f"gave up after {seconds:.0f} s: no frames came, or too few") from None


def metric(url: str, name: str) -> float:
    """The sum of a server's metric over its labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

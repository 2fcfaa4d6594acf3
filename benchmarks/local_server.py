"""A server of its own for a benchmark, started and ended as a user would; or one that runs already."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

STOP_S = 30.0


def arguments(about: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks through a server share."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--url", help="measure a server that runs already")
    parser.add_argument("--prompt", default="a panda in the meadow")
    return parser


@contextmanager
def server(args: argparse.Namespace, seats: int = 4) -> Iterator[str]:
    """The URL of a warm server; its own is ended afterwards. Raises SystemExit when it does not start."""
    if args.url:
        yield args.url
        return
    with tempfile.TemporaryDirectory(prefix="flowbrush-bench-") as folder:
        options = ["--port", "0", "--state-dir", folder, "--log-level", "warning", "--seats", str(seats)]
        command = [
            sys.executable,
            "-m",
            "server.cli",
            "serve",
            "--model",
            args.model,
            "--device",
            args.device,
        ]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if " at http" not in line:
                raise SystemExit("the server did not start: see above")
            yield line.split()[-1]
        finally:
            process.terminate()
            process.wait(STOP_S)
            process.stdout.close()


def metric(url: str, name: str) -> float:
    """The sum of a server's metric over its labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

"""Asks the server of this container whether it lives, where it listens. Needs nothing but the standard library."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

FIRST = Path("/proc/1/cmdline")
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
PATIENCE_S = 2.0


def address(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Where the server with these arguments listens: what they do not say, its settings say."""
    host = option(arguments, "--host") or environment.get("FLOWBRUSH_HOST") or "0.0.0.0"
    port = option(arguments, "--port") or environment.get("FLOWBRUSH_PORT") or "8000"
    if (
        "://" in port
    ):  # the link to a service of that name, which orchestrators set, and the server passes over
        port = "8000"
    return f"http://{EVERYWHERE.get(host, f'[{host}]' if ':' in host else host)}:{port}/healthz"


def option(arguments: Sequence[str], name: str) -> str:
    """The value of an option, the last one where there are several; empty without one."""
    values = [after for argument, after in pairwise(arguments) if argument == name]
    values += [each.partition("=")[2] for each in arguments if each.startswith(f"{name}=")]
    return values[-1] if values else ""


def main() -> int:
    """The exit code."""
    try:
        arguments = FIRST.read_text(errors="replace").split("\0")
    except OSError:  # it is not Linux's: the settings are all that is known
        arguments = []
    # of this very machine, so never by way of a proxy that the environment names
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(address(arguments, os.environ), timeout=PATIENCE_S).close()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`flowbrush bench`: the parts one after the other, each with a table of its own, or those that are named."""

from __future__ import annotations

import importlib
import signal
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from flowbrush.benchmarks.local_server import arguments
from flowbrush.models.cards.registry import UnknownModel, card

PARTS = {
    "realtime": "one session at the full frame rate for a minute: is a frame ever late?",
    "latency": "from a control to the first frame that shows it, with its parts",
    "first_frame": "from session.start to the first frame",
    "sessions": "several sessions at once against one",
    "recovery": "kill -9 of the worker until pictures go on",
    "gateway": "what a stream and its viewers cost the web process: bytes, processor time, memory",
    "reader": "a client that stops reading: the others, memory, and its way back",
    "walls": "one session next to another that takes all it can",
    "endless": "chunk 2,000 against chunk 20, and memory",
}
ON_VIDEO = {
    "source": "a video is followed for a minute: what is lost, how late it is seen, memory; needs --video",
    "motion": "the tracks of a video: does what is made move so? Needs --video",
}
ON_RAY = "cluster"
IN_PROCESS = "wan"
ABOUT = f"""Measures this machine.

Without a part, all parts of a model that is served; for a Wan student the part `{IN_PROCESS}`, which needs no
server and, with --random-weights, no weights. `flowbrush bench PART --help` lists the options of one part.

parts:
""" + "\n".join(
    f"  {name:12} {about}"
    for name, about in {
        **PARTS,
        **ON_VIDEO,
        ON_RAY: "workers as actors of Ray against processes; only where it is named",
        IN_PROCESS: "one stream of a Wan student",
    }.items()
)


def chosen(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The parts that are meant, and the arguments for them. Raises ValueError naming the parts that there are."""
    named: list[str] = []
    rest = list(argv)
    while rest and not rest[0].startswith("-"):
        named.append(rest.pop(0))
    known = [*PARTS, *ON_VIDEO, ON_RAY, IN_PROCESS]
    for name in named:
        if name not in known:
            raise ValueError(f"unknown part {name!r}: expected one of {', '.join(known)}")
    if not named:
        named = [IN_PROCESS] if card(_model(rest)).family == "wan" else list(PARTS)
    return named, rest


def _model(arguments: Sequence[str]) -> str:
    """The value of --model among the arguments; pocket without one."""
    for place, word in enumerate(arguments):
        if word == "--model" and place + 1 < len(arguments):
            return arguments[place + 1]
        if word.startswith("--model="):
            return word.partition("=")[2]
    return "pocket"


class Terminated(SystemExit):
    """SIGTERM came: no other part is begun."""


def terminate(number: int, frame: object) -> NoReturn:
    """Ends the part under way, so that it ends its server."""
    raise Terminated(128 + number)


def run_part(name: str, argv: list[str]) -> int:
    """Exit code of one part. What goes wrong in it is said, and does not stop the others."""
    module = importlib.import_module(f"flowbrush.benchmarks.{name}")
    try:
        return int(module.main(argv) or 0)
    except Terminated:
        raise
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(f"flowbrush bench {name}: {ended.code}", file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception as error:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        reason = str(error) or type(error).__name__
        print(f"flowbrush bench {name}: {reason}", file=sys.stderr)
        return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the parts; 0 when all of them came to their end."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] in (["--help"], ["-h"]):
        arguments(ABOUT, prog="flowbrush bench [part …]").print_help()
        return 0
    try:
        parts, rest = chosen(given)
    except (ValueError, UnknownModel) as error:
        print(f"flowbrush bench: {error}", file=sys.stderr)
        return 2
    if len(parts) == 1:
        return run_part(parts[0], rest)
    arguments(ABOUT, prog="flowbrush bench [part …]").parse_args(rest)  # several parts share these alone
    failed = []
    began = time.monotonic()
    for number, name in enumerate(parts, 1):
        about = PARTS.get(name, name)
        print(f"[{number}/{len(parts)}] {name}: {about} ({time.monotonic() - began:.0f} s)", file=sys.stderr)
        if run_part(name, rest):
            failed.append(name)
    done = f"{len(parts) - len(failed)} of {len(parts)} parts came to their end in {time.monotonic() - began:.0f} s"
    print(f"\n{done}" + (f"; not {', '.join(failed)}" if failed else ""), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, terminate)
    sys.exit(main())

"""From opening a session to its first frame, as a client in Python on the same machine sees it: one session after another."""

from __future__ import annotations

import time
from collections.abc import Sequence

import flowbrush
from flowbrush.benchmarks.card import finish, machine, percentile, print_card, print_table
from flowbrush.benchmarks.local_server import arguments, server, within


async def measure(url: str, model: str, prompt: str, sessions: int) -> list[float]:
    """Milliseconds from connecting, which sends session.start, to the first packet, for each session."""
    times = []
    for seed in range(sessions):
        began = time.perf_counter()
        async with flowbrush.connect(url, model=model, prompt=prompt, seed=seed, frames="packets") as stream:
            await anext(stream)
            times.append((time.perf_counter() - began) * 1e3)
    return times


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench first_frame")
    parser.add_argument("--samples", type=int, help="sessions (default 20, with --quick 5)")
    args = parser.parse_args(argv)
    samples = args.samples or (5 if args.quick else 20)
    facts = machine()
    settings = {"model": args.model, "samples": samples, "network": "loopback"}
    print_card("Time to first frame", facts, settings)
    with server(args, seats=1) as running:
        times = within(60 + 10 * samples, measure(running.url, args.model, args.prompt, samples))
    result = {
        "first": times[0],
        "p50": percentile(times, 0.5),
        "p95": percentile(times, 0.95),
        "max": max(times),
    }
    print_table(("ms", *result), [("start to first frame", *result.values())])
    finish("first_frame", facts, settings, {f"{name}_ms": round(value, 1) for name, value in result.items()})


if __name__ == "__main__":
    main()

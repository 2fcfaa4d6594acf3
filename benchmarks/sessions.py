"""What batching pays: frames a second of all sessions together, with one and with several.

Every client reads faster than real time, so that the worker is never idle. The ceiling without batching is
the rate of a single session; a larger total is what sharing the forward pass gains.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import flowbrush
from flowbrush.benchmarks.card import finish, machine, print_card, print_table
from flowbrush.benchmarks.local_server import arguments, server, within

WARM_UP_S = 3.0


async def rate(url: str, model: str, prompt: str, sessions: int, seconds: float) -> list[float]:
    """Frames a second of each of so many sessions that run at the same time."""
    started = [asyncio.Event() for _ in range(sessions)]
    over = asyncio.Event()
    counts = [0] * sessions

    async def one(index: int) -> None:
        async with flowbrush.connect(
            url, model=model, prompt=prompt, seed=index, frames="packets", realtime=False
        ) as stream:
            async for _ in stream:
                started[index].set()
                counts[index] += 1
                if over.is_set():
                    break

    async with asyncio.TaskGroup() as group:
        for index in range(sessions):
            group.create_task(one(index))
        for event in started:
            await event.wait()
        await asyncio.sleep(WARM_UP_S)
        before, begun = list(counts), time.perf_counter()
        await asyncio.sleep(seconds)
        after, took = list(counts), time.perf_counter() - begun
        over.set()
    if not all(now > then for then, now in zip(before, after, strict=True)):
        raise RuntimeError(f"a session got no frames in {seconds:g} s: measure for longer (--seconds)")
    return [(now - then) / took for then, now in zip(before, after, strict=True)]


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench sessions")
    parser.add_argument("--sessions", type=int, nargs="+", help="default 1 2 4, with --quick 1 4")
    parser.add_argument("--seconds", type=float, help="for each number (default 20, with --quick 6)")
    args = parser.parse_args(argv)
    counts = args.sessions or ([1, 4] if args.quick else [1, 2, 4])
    seconds = args.seconds or (6.0 if args.quick else 20.0)
    facts = machine()
    settings = {"model": args.model, "seconds": seconds, "sessions": counts}
    print_card("Sessions at once", facts, settings)
    rows: list[tuple[object, ...]] = []
    result: dict[str, dict[str, float]] = {}
    with server(args, seats=max(counts)) as running:
        for sessions in counts:
            work = rate(running.url, args.model, args.prompt, sessions, seconds)
            rates = within(120 + 2 * seconds, work)
            total = sum(rates)
            single = result[str(counts[0])]["fps"] if result else total
            fairness = min(rates) / max(rates)
            rows.append(
                (sessions, total, f"{total / single:.2f}x", min(rates), max(rates), f"{fairness:.2f}")
            )
            result[str(sessions)] = {"fps": round(total, 2), "fairness": round(fairness, 3)}
    print_table(("sessions", "frames/s in all", "gain", "least", "most", "least/most"), rows)
    finish("sessions", facts, settings, {"sessions_fps": result})


if __name__ == "__main__":
    main()

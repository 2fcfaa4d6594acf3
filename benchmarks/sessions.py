"""What batching pays: frames a second of all sessions together, with one and with several.

Every client reads faster than real time, so that the worker is never idle. The ceiling without batching is
the rate of a single session; a larger total is what sharing the forward pass gains.
"""

from __future__ import annotations

import asyncio
import time

import flowbrush
from benchmarks.card import finish, machine, print_card, print_table
from benchmarks.local_server import arguments, server

WARM_UP_S = 3.0


async def rate(url: str, model: str, prompt: str, sessions: int, seconds: float) -> list[float]:
    """Frames a second of each of so many sessions that run at the same time."""
    counting = asyncio.Event()
    over = asyncio.Event()
    counts = [0] * sessions

    async def one(index: int) -> None:
        async with flowbrush.connect(
            url, model=model, prompt=prompt, seed=index, frames="packets", realtime=False
        ) as stream:
            async for _ in stream:
                if counting.is_set():
                    counts[index] += 1
                if over.is_set():
                    break

    tasks = [asyncio.create_task(one(index)) for index in range(sessions)]
    await asyncio.sleep(WARM_UP_S)
    counting.set()
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    counted, took = list(counts), time.perf_counter() - begun
    over.set()
    await asyncio.gather(*tasks)
    return [count / took for count in counted]


def main() -> None:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    facts = machine()
    settings = {"model": args.model, "seconds": args.seconds, "sessions": args.sessions}
    print_card("Sessions at once", facts, settings)
    rows: list[tuple[object, ...]] = []
    result: dict[str, dict[str, float]] = {}
    with server(args, seats=max(args.sessions)) as url:
        for sessions in args.sessions:
            rates = asyncio.run(rate(url, args.model, args.prompt, sessions, args.seconds))
            total = sum(rates)
            single = result[str(args.sessions[0])]["fps"] if result else total
            fairness = min(rates) / max(rates)
            rows.append(
                (sessions, total, f"{total / single:.2f}x", min(rates), max(rates), f"{fairness:.2f}")
            )
            result[str(sessions)] = {"fps": round(total, 2), "fairness": round(fairness, 3)}
    print_table(("sessions", "frames/s in all", "gain", "least", "most", "least/most"), rows)
    finish("sessions", facts, settings, {"sessions_fps": result})


if __name__ == "__main__":
    main()

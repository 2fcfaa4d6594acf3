"""kill -9 of the worker while a stream plays: how long until pictures go on, and is a frame lost or shown twice?

The pause is what a person sees: the time between two frames that are shown one after the other. Frames in the viewer's
buffer are shown meanwhile, so it is shorter than the time until the next frame comes. A worker of its own is started
anew, with the model, so the figure depends on how long the model takes to load; and on whether a spare process waits for that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from itertools import pairwise

import flowbrush
from flowbrush.benchmarks.card import finish, machine, print_card, print_table
from flowbrush.benchmarks.local_server import Running, arguments, server, within

PLAY_S = 5.0  # before each kill
WITH_SPARES_S = 15.0  # the same, so that there is a spare process again


async def measure(
    running: Running, model: str, prompt: str, kills: int, play_s: float
) -> list[dict[str, float]]:
    """Milliseconds of every kill's parts, and the frames missing or doubled."""
    rows = []
    async with flowbrush.connect(running.url, model=model, prompt=prompt, frames="packets") as stream:
        told: list[float] = []
        stream.on("session.recovering", lambda _: told.append(time.perf_counter()))
        for _ in range(kills):
            await _play(stream, play_s)
            told.clear()
            frames: list[tuple[float, int]] = [await _next(stream)]
            (worker,) = await asyncio.to_thread(running.workers)
            os.kill(worker, signal.SIGKILL)
            killed = time.perf_counter()
            again = None
            while again is None:
                packet = await anext(stream)
                frames.append((time.perf_counter(), packet.frame))
                again = frames[-1][0] if told and packet.discontinuity else None
            steps = [after - before for (_, before), (_, after) in pairwise(frames)]
            rows.append(
                {
                    "told": (told[0] - killed) * 1e3,
                    "next frame": (again - killed) * 1e3,
                    "longest pause": max(b - a for (a, _), (b, _) in pairwise(frames)) * 1e3,
                    "frames lost": float(sum(step > 1 for step in steps)),
                    "frames doubled": float(sum(step < 1 for step in steps)),
                }
            )
    return rows


async def _play(stream: flowbrush.Stream, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        await anext(stream)


async def _next(stream: flowbrush.Stream) -> tuple[float, int]:
    packet = await anext(stream)
    return time.perf_counter(), packet.frame


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench recovery")
    parser.add_argument("--kills", type=int, help="default 3, with --quick 1")
    parser.add_argument("--spares", type=int, default=0, help="as `flowbrush serve --spares` (default 0)")
    args = parser.parse_args(argv)
    kills = args.kills or (1 if args.quick else 3)
    if args.url:
        parser.error("this part ends a worker: it needs a server of its own, leave --url out")
    facts = machine()
    play_s = WITH_SPARES_S if args.spares else PLAY_S
    settings = {"model": args.model, "kills": kills, "spares": args.spares, "playing before": f"{play_s:g} s"}
    os.environ["FLOWBRUSH_SPARES"] = str(args.spares)
    print_card("Recovery after kill -9", facts, settings)
    with server(args, seats=1) as running:
        rows = within(60 + 120 * kills, measure(running, args.model, args.prompt, kills, play_s))
    print_table(("ms after the kill", *rows[0]), [(n, *row.values()) for n, row in enumerate(rows, 1)])
    finish("recovery", facts, settings, {"kills": [{k: round(v, 1) for k, v in row.items()} for row in rows]})


if __name__ == "__main__":
    main()

"""One session at the model's full frame rate, end to end, while a point is dragged: are frames ever late?

A frame is late when the viewer's buffer was empty at its time. The ceiling is the model's own frame rate:
the server does not make more than is watched. What the machine could do is in the last column.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from itertools import pairwise

import flowbrush
from flowbrush.benchmarks.card import finish, machine, percentile, print_card, print_table
from flowbrush.benchmarks.local_server import arguments, metric, server, within
from flowbrush.protocol import ChunkDone

WARM_UP_S = 3.0
MOVE_S = 0.1  # between two movements of the hand
MISSES = "flowbrush_deadline_misses_total"
LATE_FRAMES = 0.5
"""A frame counts as late when it is shown so much of a frame's time after it was due."""


async def measure(url: str, model: str, prompt: str, seconds: float) -> dict[str, float]:
    """Plays for `seconds` and counts."""
    chunks: list[ChunkDone] = []
    shown: list[float] = []
    async with flowbrush.connect(url, model=model, prompt=prompt, frames="packets") as stream:
        stream.on("chunk", chunks.append)
        fps = stream.ready.fps
        hand = asyncio.create_task(_circle(stream))
        begun, misses = time.perf_counter(), None
        async for _ in stream:
            now = time.perf_counter()
            if now - begun < WARM_UP_S:
                continue
            if misses is None:
                misses = await asyncio.to_thread(metric, url, MISSES)
                chunks.clear()
                continue
            shown.append(now)
            if now - shown[0] > seconds:
                break
        hand.cancel()
    if len(shown) < 2 or misses is None or not chunks:
        raise RuntimeError(f"too few frames came in {seconds:g} s to measure anything")
    gaps = [(after - before) * fps for before, after in pairwise(shown)]
    made = [chunk.generate_ms + chunk.decode_ms + chunk.encode_ms for chunk in chunks]
    return {
        "fps": (len(shown) - 1) / (shown[-1] - shown[0]),
        "late_frames": float(sum(gap > 1 + LATE_FRAMES for gap in gaps)),
        "deadline_misses": await asyncio.to_thread(metric, url, MISSES) - misses,
        "chunk_ms_p50": percentile(made, 0.5),
        "chunk_ms_p95": percentile(made, 0.95),
        "possible_fps": chunks[-1].frames / (percentile(made, 0.5) / 1e3),
        "model_fps": fps,
    }


async def _circle(stream: flowbrush.Stream) -> None:
    """Drags one point round and round, for as long as it is let."""
    hand = await stream.drag(0.5, 0.5)
    while True:
        await asyncio.sleep(MOVE_S)
        now = time.perf_counter()
        await hand.move(0.5 + 0.2 * math.sin(now), 0.5 + 0.2 * math.cos(now))


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench realtime")
    parser.add_argument("--seconds", type=float, help="how long (default 60, with --quick 10)")
    args = parser.parse_args(argv)
    seconds = args.seconds or (10.0 if args.quick else 60.0)
    facts = machine()
    settings = {"model": args.model, "seconds": seconds, "sessions": 1}
    print_card("Real time", facts, settings)
    with server(args, seats=1) as running:
        result = within(60 + 5 * seconds, measure(running.url, args.model, args.prompt, seconds))
    names = ("fps", "late_frames", "deadline_misses", "chunk_ms_p50", "chunk_ms_p95", "possible_fps")
    print_table(names, [[result[name] for name in names]])
    finish("realtime", facts, settings, {name: round(value, 2) for name, value in result.items()})


if __name__ == "__main__":
    main()

"""One session at the model's full frame rate, end to end, while a point is dragged: are frames ever late?

A frame is late when the viewer's buffer was empty at its time. The ceiling is the model's own frame rate:
the server does not make more than is watched. What the machine could do is in the last column.
"""

from __future__ import annotations

import asyncio
import math
import time
from itertools import pairwise

import flowbrush
from benchmarks.card import finish, machine, percentile, print_card, print_table
from benchmarks.local_server import arguments, metric, server
from flowbrush.protocol import ChunkDone

WARM_UP_S = 3.0
LATE_FRAMES = 0.5
"""A frame counts as late when it is shown so much of a frame's time after it was due."""


async def measure(url: str, model: str, prompt: str, seconds: float) -> dict[str, float]:
    """Plays for `seconds` and counts."""
    chunks: list[ChunkDone] = []
    shown: list[float] = []
    async with flowbrush.connect(url, model=model, prompt=prompt, frames="packets") as stream:
        stream.on("chunk", chunks.append)
        fps = stream.ready.fps
        hand = await stream.drag(0.5, 0.5)
        begun = time.perf_counter()
        misses = 0.0
        async for packet in stream:
            now = time.perf_counter()
            if now - begun < WARM_UP_S:
                misses = metric(url, "flowbrush_deadline_misses_total") if not shown else misses
                chunks.clear()
                continue
            shown.append(now)
            if packet.frame % 2 == 0:
                await hand.move(0.5 + 0.2 * math.sin(now), 0.5 + 0.2 * math.cos(now))
            if now - begun > WARM_UP_S + seconds:
                break
    missed = await asyncio.to_thread(metric, url, "flowbrush_deadline_misses_total") - misses
    gaps = [(after - before) * fps for before, after in pairwise(shown)]
    made = [chunk.generate_ms + chunk.decode_ms + chunk.encode_ms for chunk in chunks]
    return {
        "fps": (len(shown) - 1) / (shown[-1] - shown[0]),
        "late_frames": float(sum(gap > 1 + LATE_FRAMES for gap in gaps)),
        "deadline_misses": missed,
        "chunk_ms_p50": percentile(made, 0.5),
        "chunk_ms_p95": percentile(made, 0.95),
        "possible_fps": chunks[-1].frames / (percentile(made, 0.5) / 1e3),
        "model_fps": fps,
    }


def main() -> None:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    facts = machine()
    settings = {"model": args.model, "seconds": args.seconds, "sessions": 1}
    print_card("Real time", facts, settings)
    with server(args, seats=1) as url:
        result = asyncio.run(measure(url, args.model, args.prompt, args.seconds))
    names = ("fps", "late_frames", "deadline_misses", "chunk_ms_p50", "chunk_ms_p95", "possible_fps")
    print_table(names, [[result[name] for name in names]])
    finish("realtime", facts, settings, {name: round(value, 2) for name, value in result.items()})


if __name__ == "__main__":
    main()

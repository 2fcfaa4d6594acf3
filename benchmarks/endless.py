"""Does a stream cost the same however long it runs? Chunk 2,000 against chunk 20: time of making one, and memory.

The client reads faster than real time. Memory is that of the worker process. A stream keeps its latest chunks, so that it
can go back, and recording writes to the disk: memory grows until that history is full, and must stay the same from then on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import flowbrush
from flowbrush.benchmarks.card import finish, machine, percentile, print_card, print_table
from flowbrush.benchmarks.local_server import Running, arguments, server, within
from flowbrush.protocol import ChunkDone

AROUND = 10  # chunks before and after the one that is looked at
EARLY = 20
FULL = 160  # a chunk at which pocket's history is full: memory is compared with this one


async def measure(running: Running, model: str, prompt: str, at: Sequence[int]) -> list[tuple[float, ...]]:
    """For each chunk in `at`: median and 95th percentile of milliseconds around it, MB of the worker and of the web process."""
    made: list[float] = []  # by chunk
    rows: list[tuple[float, ...]] = []
    async with flowbrush.connect(
        running.url, model=model, prompt=prompt, frames="packets", realtime=False
    ) as stream:

        @stream.on("chunk")
        def _(chunk: ChunkDone) -> None:
            made.append(chunk.generate_ms + chunk.decode_ms)

        async for _ in stream:
            number = at[len(rows)]
            if len(made) <= number + AROUND:
                continue
            around = made[number - AROUND : number + AROUND]
            web, worker = await asyncio.to_thread(running.memory_mb)
            rows.append((percentile(around, 0.5), percentile(around, 0.95), worker, web))
            if len(rows) == len(at):
                return rows
            print(f"  chunk {number}: {rows[-1][0]:.0f} ms", file=sys.stderr)
    raise RuntimeError(f"the stream ended after {len(made)} chunks")


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench endless")
    parser.add_argument(
        "--chunks", type=int, help=f"at least {2 * FULL} (default 2000, with --quick {2 * FULL})"
    )
    args = parser.parse_args(argv)
    last = args.chunks or (2 * FULL if args.quick else 2000)
    if args.url:
        parser.error("this part looks at the worker's memory: it needs a server of its own, leave --url out")
    if last < 2 * FULL:
        parser.error(f"--chunks {last} is too few: expected at least {2 * FULL}")
    at = sorted({EARLY, FULL, last // 2, last})
    facts = machine()
    settings = {"model": args.model, "chunks": last, "around": 2 * AROUND}
    print_card("Without end", facts, settings)
    with server(args, seats=1) as running:
        rows = within(120 + 2 * last, measure(running, args.model, args.prompt, at))
    head = ("chunk", "ms, median", "ms, p95", "worker MB", "web process MB")
    print_table(head, [(number, *row) for number, row in zip(at, rows, strict=True)])
    times = rows[-1][0] / rows[0][0]
    memory = rows[-1][2] / rows[at.index(FULL)][2]
    print(
        f"\nchunk {last} takes {times:.3f} x chunk {EARLY}; memory of the worker {memory:.3f} x that at chunk {FULL}"
    )
    result = {"chunk_ms": {n: round(row[0], 2) for n, row in zip(at, rows, strict=True)}}
    finish(
        "endless",
        facts,
        settings,
        {**result, "time_ratio": round(times, 4), "memory_ratio": round(memory, 4)},
    )


if __name__ == "__main__":
    main()

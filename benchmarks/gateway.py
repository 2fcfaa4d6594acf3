"""What a stream and its viewers cost the web process: bytes and processor time, with and without watchers.

Processor time is that of the process, so that other work on the machine changes it little; it is told for a frame sent to one
viewer, because a busy machine sends fewer. Memory is that of the web process after so many viewers came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psutil

import flowbrush
from flowbrush.benchmarks.card import finish, machine, print_card, print_table
from flowbrush.benchmarks.local_server import Running, arguments, server, within

FIRST_S = 300.0  # until every viewer has got a frame
Source = flowbrush.Stream | flowbrush.WatchedSession


async def measure(
    running: Running, model: str, prompt: str, watchers: int, seconds: float
) -> dict[str, float]:
    """One session and so many watchers of it for so long: bytes and CPU milliseconds a frame, MB."""
    assert running.pid is not None
    web = psutil.Process(running.pid)
    frames = size = 0
    ready: list[asyncio.Event] = []

    async def read(source: Source, began: asyncio.Event) -> None:
        nonlocal frames, size
        async for packet in source:
            began.set()
            frames += 1
            size += len(packet.payload)

    async def look(session: str, began: asyncio.Event) -> None:
        async with flowbrush.watch(running.url, session, frames="packets") as viewer:
            await read(viewer, began)

    async with flowbrush.connect(running.url, model=model, prompt=prompt, frames="packets") as stream:
        ready = [asyncio.Event() for _ in range(watchers + 1)]
        tasks = [asyncio.create_task(read(stream, ready[0]))]
        tasks += [asyncio.create_task(look(stream.session, began)) for began in ready[1:]]
        async with asyncio.timeout(FIRST_S):
            for began in ready:
                await began.wait()
        before, sent, bytes_before = sum(web.cpu_times()[:2]), frames, size
        await asyncio.sleep(seconds)
        spent, sent, carried = sum(web.cpu_times()[:2]) - before, frames - sent, size - bytes_before
        memory, _ = await asyncio.to_thread(running.memory_mb)
        for task in tasks:
            task.cancel()
    if not sent:
        raise RuntimeError(f"no frame came within {seconds:g} s: measure for longer (--seconds)")
    return {
        "frames": sent,
        "bytes_a_frame": carried / sent,
        "cpu_ms": 1e3 * spent,
        "cpu_ms_a_frame": 1e3 * spent / sent,
        "web_mb": memory,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench gateway")
    parser.add_argument("--watchers", type=int, nargs="+", help="default 0 20 100, with --quick 0 20")
    parser.add_argument("--seconds", type=float, help="for each number (default 30, with --quick 10)")
    args = parser.parse_args(argv)
    if args.url:
        parser.error(
            "this part looks at the server's processes: it needs a server of its own, leave --url out"
        )
    counts = args.watchers or ([0, 20] if args.quick else [0, 20, 100])
    seconds = args.seconds or (10.0 if args.quick else 30.0)
    facts = machine()
    settings = {"model": args.model, "seconds": seconds, "watchers": counts}
    print_card("A stream's viewers", facts, settings)
    found = {}
    with server(args, seats=1) as running:
        for watchers in counts:
            work = measure(running, args.model, args.prompt, watchers, seconds)
            found[str(watchers)] = within(60 + FIRST_S + seconds, work)
    head = ("watchers", "frames sent", "bytes a frame", "web CPU ms a frame sent", "web process MB")
    rows = [
        (watchers, row["frames"], row["bytes_a_frame"], f"{row['cpu_ms_a_frame']:.3f}", row["web_mb"])
        for watchers, row in found.items()
    ]
    print_table(head, rows)
    rounded = {
        watchers: {key: round(value, 3) for key, value in row.items()} for watchers, row in found.items()
    }
    finish("gateway", facts, settings, {"watchers": rounded})


if __name__ == "__main__":
    main()

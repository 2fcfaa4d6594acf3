"""One session next to another that asks for all it can: what is left of its rate, and how long is it without a frame?

First next to a neighbour that only plays, then next to one that asks for the most denoising steps, resets without end, holds
grids of points, has people join and leave its paused picture, or sends pings that it does not read the answers to. All in one run,
on one server; the neighbour is a process of its own, so that what it does to itself is not taken for what it does to others.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import pairwise
from multiprocessing.synchronize import Event
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

import flowbrush
from flowbrush.benchmarks.card import finish, machine, print_card, print_table
from flowbrush.benchmarks.local_server import Running, arguments, server, within
from flowbrush.limits import MAX_GRID_SIDE, MAX_STEPS, MAX_TRACKS, SUBPROTOCOL
from flowbrush.models.parent import end_with_parent

WARM_UP_S = 2.0
READY_S, STOP_S = 60.0, 3.0
BURST = 400
JOINS_AT_ONCE = 30

Abuse = Callable[[ClientConnection, str, str], Awaitable[None]]


async def plays(socket: ClientConnection, url: str, session: str) -> None:
    """Takes what comes."""
    async for _ in socket:
        pass


async def resets(socket: ClientConnection, url: str, session: str) -> None:
    """Starts over, in bursts, for ever."""

    async def ask() -> None:
        while True:
            for seed in range(BURST):
                await socket.send(json.dumps({"type": "session.reset", "seed": seed}))
            await asyncio.sleep(0.5)

    await _both(ask(), plays(socket, url, session))


async def grids(socket: ClientConnection, url: str, session: str) -> None:
    """As many grids as it may hold, all moving."""
    grid = {"rows": MAX_GRID_SIDE, "cols": MAX_GRID_SIDE, "spacing": 0.01}

    async def ask() -> None:
        for track in range(MAX_TRACKS):
            point = {"t": 0.1, "x": 0.5, "y": 0.5}
            await _say(socket, "track.begin", track=track, kind="drag", points=[point], grid=grid)
        for tick in range(1, 1_000_000):
            for track in range(MAX_TRACKS):
                point = {"t": 0.1 + tick * 0.05, "x": 0.5 + 0.2 * (tick % 2), "y": 0.5}
                await _say(socket, "track.move", track=track, points=[point])
            await asyncio.sleep(0.05)

    await _both(ask(), plays(socket, url, session))


async def joins(socket: ClientConnection, url: str, session: str) -> None:
    """Is paused, and looked at by people who join and leave at once."""

    async def come_and_go() -> None:
        while True:
            with contextlib.suppress(OSError, ConnectionClosed):
                async with _connect(f"{url}/v1/sessions/{session}/watch") as viewer:
                    await viewer.recv()

    await _say(socket, "session.pause")
    await _both(plays(socket, url, session), *(come_and_go() for _ in range(JOINS_AT_ONCE)))


async def pings(socket: ClientConnection, url: str, session: str) -> None:
    """Asks and does not listen."""
    for sent in range(10**9):
        await _say(socket, "ping", sent_us=sent)
        if sent % 100 == 99:
            await asyncio.sleep(0)  # it has to hear when it is to end


NEIGHBOURS: dict[str, tuple[Abuse, dict[str, Any]]] = {
    "plays": (plays, {}),
    f"{MAX_STEPS} steps": (plays, {"steps": MAX_STEPS}),
    f"{BURST} resets at a time": (resets, {}),
    f"{MAX_TRACKS} grids of points": (grids, {}),
    "joins to a paused picture": (joins, {}),
    "pings, unread": (pings, {}),
}


def _connect(address: str) -> connect:
    return connect(
        address.replace("http", "ws", 1),
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_queue=4,
        ping_interval=None,
        close_timeout=1,
    )


async def _say(socket: ClientConnection, type: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": type, **fields}))


async def _both(*work: Awaitable[None]) -> None:
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def neighbour(*what: str) -> AsyncIterator[None]:
    """A process with a session (`_live`) that does what its name says, as long as the block lasts."""
    context = multiprocessing.get_context("spawn")
    ready, ended = context.Event(), context.Event()
    process = context.Process(target=_run, args=(ready, ended, *what), daemon=True)
    process.start()
    try:
        if not await asyncio.to_thread(ready.wait, READY_S):
            raise RuntimeError(f"the neighbour that {what[-1]} did not begin within {READY_S:g} s")
        yield
    finally:
        ended.set()
        await asyncio.to_thread(process.join, 2 * STOP_S)
        process.kill()


def _run(ready: Event, ended: Event, *what: str) -> None:
    end_with_parent()
    asyncio.run(_live(ready, ended, *what))


async def _live(ready: Event, ended: Event, url: str, model: str, prompt: str, name: str) -> None:
    """A session that does what its name says until it is told to end."""
    abuse, fields = NEIGHBOURS[name]
    async with _connect(f"{url}/v1/stream") as socket:
        await _say(socket, "session.start", model=model, prompt=prompt, codecs=["jpeg"], **fields)
        session = ""
        while not session:
            message = await socket.recv()
            if isinstance(message, str) and (heard := json.loads(message))["type"] == "session.ready":
                session = heard["session"]
        task = asyncio.ensure_future(abuse(socket, url, session))
        ready.set()
        await asyncio.to_thread(ended.wait)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(STOP_S):  # one that does not read may not be heard
                await _say(socket, "session.stop")
                await socket.wait_closed()
        socket.transport.abort()


async def measure(running: Running, model: str, prompt: str, seconds: float) -> list[dict[str, Any]]:
    """Of each neighbour: frames a second of the session next to it, its longest gap, and the web process's memory."""
    rows: list[dict[str, Any]] = []
    times: list[float] = []

    async with flowbrush.connect(running.url, model=model, prompt=prompt, frames="packets") as stream:

        async def read() -> None:
            async for _ in stream:
                times.append(time.perf_counter())  # noqa: PERF401 (looked at meanwhile)

        reading = asyncio.create_task(read())
        for name in NEIGHBOURS:
            async with neighbour(running.url, model, prompt, name):
                await asyncio.sleep(WARM_UP_S)
                times.clear()
                begun = time.perf_counter()
                await asyncio.sleep(seconds)
                seen = [begun, *times, time.perf_counter()]
                memory, _ = await asyncio.to_thread(running.memory_mb)
            rate = (len(seen) - 2) / (seen[-1] - begun)
            gap = max(after - before for before, after in pairwise(seen))
            share = 100 * rate / rows[0]["frames/s"] if rows else 100.0
            row = {"neighbour": name, "frames/s": rate, "of the first %": share}
            rows.append({**row, "longest gap ms": gap * 1e3, "web process MB": memory})
        reading.cancel()
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench walls")
    parser.add_argument("--seconds", type=float, help="with each neighbour (default 20, with --quick 6)")
    args = parser.parse_args(argv)
    seconds = args.seconds or (6.0 if args.quick else 20.0)
    if args.url:
        parser.error("this part looks at the server's memory: it needs a server of its own, leave --url out")
    facts = machine()
    settings = {"model": args.model, "seconds": seconds}
    print_card("Next to one that takes all it can", facts, settings)
    with server(args, seats=2) as running:
        rows = within(120 + 10 * seconds, measure(running, args.model, args.prompt, seconds))
    print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    result = {row["neighbour"]: {k: v for k, v in row.items() if k != "neighbour"} for row in rows}
    finish("walls", facts, settings, {"walls": result})


if __name__ == "__main__":
    main()

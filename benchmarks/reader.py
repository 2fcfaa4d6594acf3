"""A client that stops reading for a minute: do the others notice, does memory grow, how fast is it back?

The stalled one is a bare WebSocket that takes JPEG through a small kernel buffer and says nothing of its playhead, so that
what is sent to it piles up where it can. When it reads again it first gets what lies in the buffers; it is back with the
first frame behind the gap, and fresh if that frame was made after it began to read again. What the server keeps for it shows in the
web process; the worker's memory grows until the history of both streams, by which they can go back, is full.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

import flowbrush
from flowbrush.benchmarks.card import finish, machine, print_card, print_table
from flowbrush.benchmarks.local_server import Running, arguments, server, within
from flowbrush.limits import SUBPROTOCOL
from flowbrush.packets import unpack

BUFFER = 4096  # bytes asked of the kernel for what the stalled client has not read
WARM_UP_S = 3.0
FRESH_S = 20.0  # of reading without a gap: then there was none


async def measure(running: Running, model: str, prompt: str, seconds: float) -> dict[str, float]:
    """Frames a second of the other session before and meanwhile, memory, and the way back."""
    counts = 0
    async with flowbrush.connect(running.url, model=model, prompt=prompt, frames="packets") as other:

        async def read() -> None:
            nonlocal counts
            async for _ in other:
                counts += 1

        async def rate(during: float) -> float:
            before, begun = counts, time.perf_counter()
            await asyncio.sleep(during)
            return (counts - before) / (time.perf_counter() - begun)

        reading = asyncio.create_task(read())
        async with _open(running.url) as stalled:
            start = {"type": "session.start", "model": model, "prompt": prompt, "codecs": ["jpeg"]}
            await stalled.send(json.dumps(start))
            drained = asyncio.create_task(_read_for(stalled, WARM_UP_S + seconds / 2))
            await asyncio.sleep(WARM_UP_S)
            undisturbed = await rate(seconds / 2)
            await drained
            before = await asyncio.to_thread(running.memory_mb)
            meanwhile = await rate(seconds)
            after = await asyncio.to_thread(running.memory_mb)
            back_s, age_s = await _until_fresh(stalled)
        reading.cancel()
    return {
        "fps before": undisturbed,
        "fps meanwhile": meanwhile,
        "of before %": 100 * meanwhile / undisturbed,
        "web process +MB": after[0] - before[0],
        "worker +MB": after[1] - before[1],
        "back after ms": back_s * 1e3,
        "age of its frame ms": age_s * 1e3,
    }


def _open(url: str) -> connect:
    """A connection whose kernel buffer is soon full, and that asks for no more than it hands out."""
    address = urlsplit(url)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    small.connect((address.hostname, address.port))
    small.setblocking(False)
    stream = f"ws://{address.netloc}/v1/stream"
    return connect(
        stream,
        sock=small,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_queue=2,
        ping_interval=None,
    )


async def _read_for(connection: ClientConnection, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        await connection.recv()


async def _until_fresh(connection: ClientConnection) -> tuple[float, float]:
    """Seconds until the first frame behind the gap has come, and how old it was when it was sent.

    Raises RuntimeError where no frame was left out: the client was not away for long enough to be stopped.
    """
    began = time.perf_counter()
    while time.perf_counter() - began < FRESH_S:
        data = await connection.recv()
        if isinstance(data, bytes) and (packet := unpack(data)).discontinuity:
            return time.perf_counter() - began, packet.age_us / 1e6
    raise RuntimeError("no frame was left out: the buffers held all of them, stall for longer (--seconds)")


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench reader")
    parser.add_argument("--seconds", type=float, help="of not reading (default 60, with --quick 30)")
    args = parser.parse_args(argv)
    seconds = args.seconds or (30.0 if args.quick else 60.0)
    if args.url:
        parser.error("this part looks at the server's memory: it needs a server of its own, leave --url out")
    facts = machine()
    settings = {"model": args.model, "stalled": f"{seconds:g} s", "sessions": 2}
    print_card("A client that stops reading", facts, settings)
    with server(args, seats=2) as running:
        result = within(120 + 3 * seconds, measure(running, args.model, args.prompt, seconds))
    print_table(tuple(result), [tuple(result.values())])
    names = {
        name: name.replace(" ", "_").replace("%", "percent").replace("+MB", "grown_mb") for name in result
    }
    finish("reader", facts, settings, {names[name]: round(value, 2) for name, value in result.items()})


if __name__ == "__main__":
    main()

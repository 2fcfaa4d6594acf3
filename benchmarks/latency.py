"""From a control to the first frame that shows it, as a client in Python on the same machine sees it.

A track is moved at random moments while the stream plays. Its way has three parts: until the next chunk
begins (on average half a chunk, whatever the hardware), making the chunk (denoise, decode, encode, send),
and waiting in the viewer's buffer until its time has come. The floor of the first part is the price of
generating in chunks; the last part holds the frames of the chunk that come before.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

import flowbrush
from flowbrush.benchmarks.card import finish, machine, percentile, print_card, print_table
from flowbrush.benchmarks.local_server import arguments, server, within
from flowbrush.protocol import ControlApplied, Point, TrackMove

WARM_UP_S = 3.0
PARTS = (
    "until the chunk begins",
    "made and sent",
    "control to client",
    "in the viewer's buffer",
    "control to screen",
)


async def measure(url: str, model: str, prompt: str, samples: int) -> list[tuple[float, ...]]:
    """Milliseconds of every part for each control."""
    rows: list[tuple[float, ...]] = []
    sent: dict[int, float] = {}
    arrived: dict[int, float] = {}
    async with flowbrush.connect(url, model=model, prompt=prompt, frames="packets") as stream:

        @stream.on("control.applied")
        def _(message: ControlApplied) -> None:
            arrived[message.id] = time.perf_counter()  # the frame's packet is right behind it

        controls = None
        async for packet in stream:
            now = time.perf_counter()
            if controls is None:
                controls = asyncio.create_task(_drag(stream, sent, samples))
            for id in [id for id in sent if id <= packet.control_id and id in arrived]:
                total, made = now - sent[id], packet.age_us / 1e6
                came = arrived[id] - sent[id]
                rows.append((came - made, made, came, total - came, total))
                del sent[id]
            if controls.done() and not sent:
                await controls
                break
    return [tuple(part * 1e3 for part in row) for row in rows]


async def _drag(stream: flowbrush.Stream, sent: dict[int, float], samples: int) -> None:
    """Moves one point to and fro, at moments that have nothing to do with the chunks."""
    await asyncio.sleep(WARM_UP_S)
    random_ = random.Random(1)
    async with stream.drag(0.5, 0.5) as hand:
        for sample in range(samples):
            await asyncio.sleep(random_.uniform(0.25, 0.75))
            began = time.perf_counter()
            point = Point(t=stream.now, x=0.4 + 0.2 * (sample % 2), y=0.5)
            ack = await stream.control(TrackMove(track=hand.number, points=(point,)))
            sent[ack.id] = began


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench latency")
    parser.add_argument("--samples", type=int, help="movements (default 60, with --quick 12)")
    args = parser.parse_args(argv)
    samples = args.samples or (12 if args.quick else 60)
    facts = machine()
    settings = {"model": args.model, "samples": samples, "codec": "h264", "network": "loopback"}
    print_card("Control to screen", facts, settings)
    with server(args, seats=1) as running:
        rows = within(60 + 5 * samples, measure(running.url, args.model, args.prompt, samples))
    table, result = [], {}
    for name, values in zip(PARTS, zip(*rows, strict=True), strict=True):
        p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
        table.append((name, p50, p95, max(values)))
        result[name.replace(" ", "_").replace("'", "") + "_ms"] = {"p50": round(p50, 1), "p95": round(p95, 1)}
    print_table(("ms", "p50", "p95", "max"), table)
    finish("latency", facts, settings, result)


if __name__ == "__main__":
    main()

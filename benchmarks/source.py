"""Video in, for a minute: is any frame lost silently, how long until it is seen, does memory grow?

The video is played again and again, at its own rate, and now and then it becomes a negative: the time from sending the first such
frame to the frame in which the stream changes most is the latency, the viewer's buffer left out. Pictures of random weights change
as much by themselves; for those there is only the time from taking a chunk's frames to sending what was made of them. A frame that
was not counted in `source_dropped` was shown, was like the one before, or is still on its way: what is left over when the frames
made are taken away must be no more than the last two.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import flowbrush
from flowbrush.benchmarks.card import finish, machine, percentile, print_card, print_table
from flowbrush.benchmarks.local_server import Running, arguments, server, within
from flowbrush.client_messages import SourceFields
from flowbrush.pipelines.media.source_file import at_rate, facts_of
from flowbrush.protocol import ChunkDone
from flowbrush.source import Source

NEGATIVE_S, EVERY_S = 3.0, 6.0
MOST_FRAMES = 256  # of the video that are kept
SEEN_S = 2.5  # a change later than this is another's
WARM_UP_S = 5.0
REDUCED, WITHOUT_WEIGHTS = "FLOWBRUSH_BENCH_REDUCED", "pocket-random"
MEMORY_S = 5.0  # between two looks at it
Sent = list[tuple[float, bool]]


def load_reduced(name: str, *, device: str = "cpu", seats: int = 1, **switches: Any) -> Any:
    """As `Generator.load`: the Wan student that $REDUCED names, at a size for any machine, under the `name` that is served."""
    from flowbrush.models.cards.registry import card
    from flowbrush.models.wan.load import reduced
    from flowbrush.pipelines.generator import Generator

    return Generator.load(
        replace(reduced(card(os.environ[REDUCED])), name=name), device=device, seats=seats, **switches
    )


@dataclass
class Seen:
    """What a client saw of a minute: `sent` has the time of each frame and whether it was a negative, `shown` the time of each
    frame that came and how far it was from the one before, `ages` the seconds from the beginning of its chunk to its sending,
    `memory` the MB of web process and worker.
    """

    sent: Sent = field(default_factory=list)
    shown: list[tuple[float, float]] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    chunks: list[ChunkDone] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        """Frames that were said not to have been used."""
        return sum(chunk.source_dropped or 0 for chunk in self.chunks)

    @property
    def over(self) -> int:
        """Frames that were neither counted nor can have been shown by themselves."""
        return len(self.sent) - self.dropped - sum(chunk.frames for chunk in self.chunks)

    def latencies(self) -> list[float]:
        """Seconds from the first frame of each negative to the largest change of the picture after it."""
        starts = [
            at
            for (at, negative), (_, before) in zip(self.sent[1:], self.sent, strict=False)
            if negative and not before
        ]
        found = []
        for start in starts:
            after = [(change, at - start) for at, change in self.shown if 0 < at - start < SEEN_S]
            if after:
                most = max(after)[0]
                found.append(next(late for change, late in after if change > most / 2))
        return found


def encoded(video: Path, size: tuple[int, int], fps: float) -> list[tuple[bytes, bytes]]:
    """The video's frames and their negatives as JPEG, no more than MOST_FRAMES."""
    pictures = islice(at_rate(video, size, fps), MOST_FRAMES)
    return [(jpeg(picture), jpeg(255 - picture)) for picture in pictures]


def jpeg(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=85)
    return out.getvalue()


async def play(source: Source, frames: Sequence[tuple[bytes, bytes]], fps: float, sent: Sent) -> None:
    """Sends the frames for ever, at their rate, now and then as negatives."""
    began = time.perf_counter()
    for number, pair in enumerate(cycle(frames)):
        await asyncio.sleep(max(0.0, began + number / fps - time.perf_counter()))
        negative = (number / fps) % EVERY_S < NEGATIVE_S
        await source.send(pair[negative], pts=number / fps)
        sent.append((time.perf_counter(), negative))


async def measure(
    running: Running, model: str, frames: Sequence[tuple[bytes, bytes]], fields: SourceFields, seconds: float
) -> Seen:
    """Plays for so long and writes down what is seen."""
    seen = Seen()
    last: np.ndarray | None = None
    async with flowbrush.connect(running.url, model=model, source=fields) as stream:
        stream.on("chunk", seen.chunks.append)
        playing = asyncio.create_task(play(Source(stream, fields), frames, fields.fps, seen.sent))
        began = looked = time.perf_counter()
        async for frame in stream:
            now, picture = time.perf_counter(), frame.image.astype(np.float32)
            seen.shown.append((now, 0.0 if last is None else float(np.abs(picture - last).mean())))
            seen.ages.append(frame.packet.age_us / 1e6)
            last = picture
            if now - looked > MEMORY_S:
                looked = now
                seen.memory.append(await asyncio.to_thread(running.memory_mb))
            if now - began > WARM_UP_S + seconds or playing.done():
                break
        playing.cancel()
    return seen


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench source")
    parser.add_argument("--video", type=Path, required=True, help="a file that FFmpeg reads")
    parser.add_argument("--reduced", action="store_true", help="a Wan student at a size for any machine")
    parser.add_argument("--seconds", type=float, help="how long (default 60, with --quick 20)")
    parser.add_argument("--strength", type=float, default=0.6)
    args = parser.parse_args(argv)
    seconds = args.seconds or (20.0 if args.quick else 60.0)
    if args.url:
        parser.error("this part looks at memory: it needs a server of its own, leave --url out")
    width, height, fps = facts_of(args.video)
    fields = SourceFields(codec="jpeg", width=width, height=height, fps=fps, strength=args.strength)
    facts = machine()
    served = f"{args.model}, reduced" if args.reduced else args.model
    settings = {"model": served, "video": args.video.name, "seconds": seconds}
    settings |= {"size": f"{width}x{height}", "fps": fps, "strength": args.strength}
    if args.reduced:
        os.environ |= {"FLOWBRUSH_LOADER": "flowbrush.benchmarks.source:load_reduced", REDUCED: args.model}
        args.model = WITHOUT_WEIGHTS
    print_card("Video in", facts, settings)
    frames = encoded(args.video, (width, height), fps)
    with server(args, seats=1) as running:
        seen = within(60 + 3 * seconds, measure(running, args.model, frames, fields, seconds))
    late = [] if args.reduced else [1e3 * each for each in seen.latencies()]
    ages = [1e3 * each for each in seen.ages]
    made = [chunk.generate_ms + chunk.decode_ms + chunk.encode_ms for chunk in seen.chunks]
    result = {
        "sent": len(seen.sent),
        "made": sum(chunk.frames for chunk in seen.chunks),
        "counted as dropped": seen.dropped,
        "like the one before, or on the way": max(0, seen.over),
        "latency p50, ms": round(percentile(late, 0.5)) if late else "-",
        "latency max, ms": round(max(late)) if late else "-",
        "taken to sent p50, ms": round(percentile(ages, 0.5)),
        "taken to sent max, ms": round(max(ages)),
        "chunk p50, ms": round(percentile(made, 0.5), 1),
        "memory first, MB": [round(each) for each in seen.memory[0]],
        "memory last, MB": [round(each) for each in seen.memory[-1]],
    }
    print_table(("", ""), list(result.items()))
    finish("source", facts, settings, result)


if __name__ == "__main__":
    main()

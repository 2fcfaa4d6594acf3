"""One person paints, two watch: python examples/two_viewers.py

Opens a session and two read-only viewers of it, and compares what the three see. Needs a running server.
"""

from __future__ import annotations

import argparse
import asyncio

import numpy as np

import flowbrush


async def collect(viewer: flowbrush.Stream | flowbrush.WatchedSession, until: int) -> dict[int, np.ndarray]:
    """Frames of a viewer by index, up to and without frame `until`."""
    frames = {}
    async for frame in viewer:
        if frame.index >= until:
            break
        frames[frame.index] = frame.image
    return frames


async def run(url: str, prompt: str, seconds: float) -> None:
    async with flowbrush.connect(url, prompt=prompt) as stream:
        until = round(seconds * stream.ready.fps)
        async with (
            flowbrush.watch(url, stream.session) as left,
            flowbrush.watch(url, stream.session) as right,
        ):
            own, *others = await asyncio.gather(*(collect(each, until) for each in (stream, left, right)))
    print(f"the session's own client saw {len(own)} frames")
    for name, frames in zip(("first", "second"), others, strict=True):
        same = sum(index in own and np.array_equal(image, own[index]) for index, image in frames.items())
        print(f"the {name} viewer saw {len(frames)} from frame {min(frames, default=0)} on, {same} the same")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--prompt", default="a red fox in the snow")
    parser.add_argument("--seconds", type=float, default=4.0)
    args = parser.parse_args()
    asyncio.run(run(args.url, args.prompt, args.seconds))


if __name__ == "__main__":
    main()

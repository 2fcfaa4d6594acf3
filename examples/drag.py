"""Drag something in a circle from code, and see when it moves: python examples/drag.py --x 0.5 --y 0.5

Prints the time from taking hold of the point to the first frame that shows it. Needs a running server.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time

import flowbrush


async def circle(hand: flowbrush.Drag, x: float, y: float, radius: float, seconds: float) -> None:
    """Moves the hand once around (x, y) from its left-most point, 30 samples a second."""
    samples = round(seconds * 30)
    for sample in range(samples + 1):
        angle = math.pi - 2 * math.pi * sample / samples
        await hand.move(x + radius + radius * math.cos(angle), y + radius * math.sin(angle))
        await asyncio.sleep(1 / 30)


async def drag(url: str, prompt: str, x: float, y: float) -> None:
    # "none": the frames are played in real time and thrown away, only the answers matter here
    async with flowbrush.connect(url, prompt=prompt, frames="none") as stream:
        stream.on("notice", lambda notice: print(f"notice: {notice.message}"))
        await (await stream.set_prompt(prompt)).applied  # the picture runs
        began = time.monotonic()
        async with stream.drag(x, y) as hand:
            print(f"taken hold of ({x}, {y}), expected in chunk {hand.ack.chunk}")
            circling = asyncio.create_task(circle(hand, x, y, 0.15, 3.0))
            applied = await hand.ack.applied
            print(
                f"frame {applied.frame} shows it, received {1000 * (time.monotonic() - began):.0f} ms later"
            )
            await circling
        print("released")
        done = await stream.disconnect()
        if done is not None:
            print(f"{done.frames} frames; session file at {done.log}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--prompt", default="a red fox in the snow")
    parser.add_argument("--x", type=float, default=0.5)
    parser.add_argument("--y", type=float, default=0.5)
    args = parser.parse_args()
    asyncio.run(drag(args.url, args.prompt, args.x, args.y))


if __name__ == "__main__":
    main()

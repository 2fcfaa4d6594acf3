"""Motion from moving pictures: follow points of a camera or a video file, and let them drag the stream.

    python examples/live_motion.py                        a synthetic scene instead of a camera
    python examples/live_motion.py --source clip.mp4      a video file
    python examples/live_motion.py --source /dev/video0   a webcam (Linux; what FFmpeg can open)

The point is followed by block matching: the patch around it is looked for in the next picture. Needs a
running server and PyAV (`pip install 'flowbrush[decode]'`).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt

import flowbrush

Grey = npt.NDArray[np.float32]
WIDTH, HEIGHT = 160, 96
PATCH, REACH = 6, 7  # half a patch and how far a point may go between pictures, in pixels
RATE = 30.0


def synthetic(seconds: float) -> Iterator[Grey]:
    """A bright textured disc that swings over a textured ground; [HEIGHT, WIDTH], 0 to 1."""
    random = np.random.default_rng(0)
    ground = random.random((HEIGHT, WIDTH), np.float32) * 0.3
    texture = random.random((33, 33), np.float32) * 0.5 + 0.5
    inside = np.hypot(*np.mgrid[-16:17, -16:17]) <= 16
    for step in range(round(seconds * RATE)):
        x = round(WIDTH / 2 + WIDTH / 4 * np.sin(step / RATE * 2))
        y = round(HEIGHT / 2 + HEIGHT / 8 * np.cos(step / RATE * 3))
        picture = ground.copy()
        view = picture[y - 16 : y + 17, x - 16 : x + 17]
        view[inside] = texture[inside]
        yield picture


def decoded(source: str, seconds: float) -> Iterator[Grey]:
    """Pictures of a file or a device; [HEIGHT, WIDTH], 0 to 1."""
    device = source.startswith("/dev/")
    with av.open(source, format="v4l2" if device else None) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index >= seconds * RATE:
                return
            yield frame.reformat(WIDTH, HEIGHT, "gray").to_ndarray().astype(np.float32) / 255


def follow(before: Grey, after: Grey, x: int, y: int) -> tuple[int, int]:
    """Where the patch around (x, y) of `before` lies in `after`: the smallest sum of squared differences."""
    margin = PATCH + REACH
    x = int(np.clip(x, margin, WIDTH - margin - 1))
    y = int(np.clip(y, margin, HEIGHT - margin - 1))
    patch = before[y - PATCH : y + PATCH + 1, x - PATCH : x + PATCH + 1]
    area = after[y - margin : y + margin + 1, x - margin : x + margin + 1]
    windows = np.lib.stride_tricks.sliding_window_view(area, patch.shape)
    cost = ((windows - patch) ** 2).sum((-2, -1))
    dy, dx = np.unravel_index(int(cost.argmin()), cost.shape)
    return x + int(dx) - REACH, y + int(dy) - REACH


async def run(url: str, prompt: str, source: str | None, seconds: float, x: float, y: float) -> None:
    pictures = synthetic(seconds) if source is None else decoded(source, seconds)
    before = next(pictures)
    column, row = round(x * WIDTH), round(y * HEIGHT)
    async with flowbrush.connect(url, prompt=prompt, frames="none") as stream:
        async with stream.drag(column / WIDTH, row / HEIGHT) as hand:
            while (after := await asyncio.to_thread(next, pictures, None)) is not None:
                column, row = follow(before, after, column, row)
                await hand.move(column / WIDTH, row / HEIGHT)
                before = after
                await asyncio.sleep(1 / RATE)
            applied = await hand.ack.applied
        done = await stream.disconnect()
    print(
        f"the motion began with frame {applied.frame} and ended at ({column / WIDTH:.2f}, {row / HEIGHT:.2f})"
    )
    if done is not None:
        print(f"{done.frames} frames; session file at {done.log}, recording at {done.recording}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--prompt", default="a red fox in the snow")
    parser.add_argument("--source", help="video file or device; left out: a synthetic scene")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--x", type=float, default=0.5, help="the point to follow, 0 to 1")
    parser.add_argument("--y", type=float, default=0.62)
    args = parser.parse_args()
    asyncio.run(run(args.url, args.prompt, args.source, args.seconds, args.x, args.y))


if __name__ == "__main__":
    main()

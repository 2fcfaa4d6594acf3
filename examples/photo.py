"""Pull on something in a photo and save what happens: python examples/photo.py cat.jpg --x 0.4 --y 0.6 -o cat.mp4

Asks the server what a hand would take there, drags it to the right and lets it go. Needs a running server and PyAV
(`pip install av`).
"""

from __future__ import annotations

import argparse
import asyncio
from fractions import Fraction

import av

import flowbrush

SECONDS_HELD, SECONDS_AFTER = 2.0, 1.0


async def pull(url: str, photo: str, x: float, y: float, to: tuple[float, float], out: str) -> int:
    """Writes the video to `out`; gives the number of frames."""
    async with flowbrush.connect(url, image=photo, frames="numpy") as stream:
        stream.on("notice", lambda notice: print(f"notice: {notice.message}"))
        region = await ask(stream, x, y)
        hand = asyncio.create_task(stream.drag_along([(x, y), to], SECONDS_HELD, region=region))
        frames = await record(stream, out, SECONDS_HELD + SECONDS_AFTER)
        await hand
    return frames


async def ask(stream: flowbrush.Stream, x: float, y: float) -> flowbrush.Polygons | None:
    """What a hand would take at (x, y); None where the model leaves that to itself, or finds nothing."""
    try:
        found = await stream.probe(x, y)
    except flowbrush.ServerError as error:
        if error.code != "unsupported":
            raise
        return None
    corners = sum(map(len, found.region))
    print(
        f"a hand takes {found.label or 'something'} with {corners} corners" if corners else "nothing is there"
    )
    return found.region or None


async def record(stream: flowbrush.Stream, out: str, seconds: float) -> int:
    """Writes the frames of the next `seconds` seconds of the stream."""
    ready = stream.ready
    rate = Fraction(ready.fps).limit_denominator(1001)
    count = 0
    with av.open(out, "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        video.width, video.height, video.pix_fmt = ready.width, ready.height, "yuv420p"
        async for frame in stream:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
            count += 1
            if count >= seconds * ready.fps:
                break
        container.mux(video.encode())
    return count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", help="an image file")
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--x", type=float, default=0.5)
    parser.add_argument("--y", type=float, default=0.5)
    parser.add_argument("--to", type=float, nargs=2, default=(0.8, 0.5), metavar=("X", "Y"))
    parser.add_argument("-o", "--out", default="photo.mp4")
    args = parser.parse_args()
    frames = asyncio.run(pull(args.url, args.photo, args.x, args.y, tuple(args.to), args.out))
    print(f"{args.out}: {frames} frames")


if __name__ == "__main__":
    main()

"""Save a stream as an MP4, as fast as it can be made: python examples/save_mp4.py out.mp4

Needs a running server (`flowbrush serve`) and PyAV (`pip install 'flowbrush[decode]'`).
"""

from __future__ import annotations

import argparse
import asyncio
from fractions import Fraction

import av

import flowbrush


async def save(url: str, prompt: str, seconds: float, path: str) -> int:
    """Writes `seconds` of video to `path`; gives the number of frames."""
    async with flowbrush.connect(url, prompt=prompt, realtime=False) as stream:
        ready = stream.ready
        rate = Fraction(ready.fps).limit_denominator(1001)
        with av.open(path, "w") as out:
            video = out.add_stream("libx264", rate=rate, options={"crf": "18"})
            video.width, video.height, video.pix_fmt = ready.width, ready.height, "yuv420p"
            count = 0
            async for frame in stream:
                out.mux(video.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
                count += 1
                if count >= seconds * ready.fps:
                    break
            out.mux(video.encode())
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", help="the MP4 to write")
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--prompt", default="a red fox in the snow")
    parser.add_argument("--seconds", type=float, default=4.0)
    args = parser.parse_args()
    count = asyncio.run(save(args.url, args.prompt, args.seconds, args.out))
    print(f"{args.out}: {count} frames")


if __name__ == "__main__":
    main()

"""A recording as H.264, which every browser plays from a file: others are recorded as they were sent, and not all do.

`python -m flowbrush.server.delivery.transcode IN BYTES OUT` does it in a process of its own, so that neither memory nor a
broken file is the server's; it yields to whatever makes pictures.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import BinaryIO

import av
from av.video.reformatter import ColorRange, Colorspace

OPTIONS = {"preset": "veryfast", "crf": "20"}
POLITE = 10  # by so much it is nicer than what makes pictures
NO_SPACE = 28
"""Exit code where the disk is full."""

BT709 = 1


class Beginning:
    """The first `size` bytes of a file, which may grow meanwhile."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def read(self, count: int) -> bytes:
        left = max(0, self._size - self._file.tell())
        return self._file.read(min(count, left) if count >= 0 else left)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._file.seek(self._size + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def transcode(source: Path, size: int, target: Path) -> int:
    """Makes `target` of the first `size` bytes of `source`, whole or not at all; returns its frames. Times stay.

    Raises av.FFmpegError and OSError.
    """
    part = target.with_name(target.name + ".part")
    try:
        with open(source, "rb") as file:
            frames = _encode(Beginning(file, size), part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return frames


def _encode(source: Beginning, target: Path) -> int:
    with (
        av.open(source, "r", format="mp4") as video,
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
    ):
        shown = video.streams.video[0]
        shown.codec_context.thread_count = 1
        made = out.add_stream("libx264", rate=shown.average_rate or 30, options=OPTIONS)
        made.width, made.height, made.pix_fmt = shown.width & ~1, shown.height & ~1, "yuv420p"
        made.thread_count = 1
        context = made.codec_context
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = BT709
        frames = 0
        for picture in video.decode(shown):
            converted = picture.reformat(
                made.width,
                made.height,
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            converted.pts, converted.time_base = picture.pts, picture.time_base
            out.mux(made.encode(converted))
            frames += 1
        out.mux(made.encode(None))
    return frames


def main(arguments: list[str]) -> int:
    """The command; what went wrong is one line on stderr."""
    source, size, target = arguments
    if hasattr(os, "nice"):
        os.nice(POLITE)
    av.logging.set_level(av.logging.ERROR)
    try:
        transcode(Path(source), int(size), Path(target))
    except (av.FFmpegError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return NO_SPACE if error.errno == errno.ENOSPC else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

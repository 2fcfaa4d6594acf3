"""Decodes the frames of one source: `python -m flowbrush.server.source.reader CODEC WIDTH HEIGHT TO_WIDTH TO_HEIGHT USE`.

In a process of its own, because a decoder takes what memory a file makes it take, and may have flaws that a file was made for. Each
record on stdin is answered by one on stdout: a picture of the size that is wanted, as JPEG made here; or that it is like the last
one, which so costs nobody anything; or what is wrong with it. Of a source for tracks it is answered where the points are that are
followed.
"""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any, BinaryIO, Protocol

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from PIL import Image, ImageOps, UnidentifiedImageError

from flowbrush.limits import MAX_SIDE
from flowbrush.server.modest import limit_memory
from flowbrush.server.source.tracking import packed
from flowbrush.server.source.wire import RECORD, Answer

QUALITY = 92
MEMORY = 1 << 30
MAX_PIXELS = MAX_SIDE**2
"""Of a frame of H.264, that it is decoded at all: no source can announce more."""

GRID = 8, 5
"""Columns and rows of the points that are followed, of a picture that is wider than high."""
TRACKED = 320
"""Pixels of the larger side of the picture that they are followed in."""

THUMB = (40, 24)
SAME_MEAN, SAME_MOST = 1.5, 10.0
"""A picture whose thumbnail differs by less, in all and anywhere (of 255), is the same as the last: a camera's noise is less."""


class BadFrame(ValueError):
    """It is not what was announced; the text says why."""


class Frames(Protocol):
    """A decoder."""

    def read(self, data: bytes, key: bool) -> Image.Image | None:
        """The picture, or None where there is none yet. Raises BadFrame."""


class JpegFrames:
    """Every frame by itself. Its size is looked at before it is decoded."""

    def __init__(self, size: tuple[int, int], wanted: tuple[int, int]) -> None:
        self._size, self._wanted = size, wanted

    def read(self, data: bytes, key: bool) -> Image.Image | None:
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
                check_size(image.size, self._size)
                image.draft("RGB", self._wanted)
                return image.convert("RGB")
        except BadFrame:
            raise
        except MemoryError:
            raise
        except UnidentifiedImageError:  # its own words are the address of a buffer
            raise BadFrame(f"a frame of {len(data)} bytes is no JPEG") from None
        except Exception as error:  # decoders raise many kinds of errors on broken files
            raise BadFrame(f"a frame is no whole JPEG: {error}") from None


class H264Frames:
    """Annex B, one access unit a frame; after a broken one it goes on with the next key frame."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._context: Any = None
        self._reformatter = VideoReformatter()

    def read(self, data: bytes, key: bool) -> Image.Image | None:
        if self._context is None:
            if not key:
                return None
            self._context = self._open()
        try:
            decoded = self._context.decode(av.Packet(data))
        except av.FFmpegError as error:
            self._context = None
            raise BadFrame(f"a frame does not decode as H.264: {error.strerror or error}") from None
        if not decoded:
            return None
        frame = decoded[-1]
        check_size((frame.width, frame.height), self._size)
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1)
        return Image.fromarray(rgb.to_ndarray())

    @staticmethod
    def _open() -> Any:
        context: Any = av.CodecContext.create("h264", "r")
        context.thread_count = 1  # frame threads hold frames back
        context.flags |= av.codec.context.Flags.low_delay
        context.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
        return context


class Pictures:
    """Answers with the picture itself, of the size (W, H) that is `wanted`."""

    def __init__(self, wanted: tuple[int, int]) -> None:
        self._wanted = wanted
        self._likeness = Likeness()

    def answer(self, image: Image.Image) -> tuple[Answer, bytes]:
        picture = ImageOps.fit(image, self._wanted, Image.Resampling.BICUBIC)
        if self._likeness.same(picture):
            return Answer.SAME, b""
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=QUALITY, subsampling=0)
        return Answer.PICTURE, out.getvalue()


class Motion:
    """Answers with where points of the picture are, cut to the shape of the size (W, H) that is `wanted`."""

    def __init__(self, wanted: tuple[int, int]) -> None:
        import cv2  # slow to load, and it may not be there

        from flowbrush.pipelines.media.live_tracking import LiveFollower
        from flowbrush.pipelines.media.point_tracking import grid

        cv2.setNumThreads(1)  # the others are the workers'
        width, height = wanted
        shrunk = min(1.0, TRACKED / max(width, height))
        self._size = round(width * shrunk), round(height * shrunk)
        self._follower = LiveFollower(grid(*(GRID if width >= height else GRID[::-1])))

    def answer(self, image: Image.Image) -> tuple[Answer, bytes]:
        picture = ImageOps.fit(image, self._size, Image.Resampling.BILINEAR)
        xy, lives = self._follower.put(np.asarray(picture))
        places = zip(xy[:, 0].tolist(), xy[:, 1].tolist(), lives.tolist(), strict=True)
        return Answer.PICTURE, packed(places)


class Likeness:
    """Whether a picture is the last one that was kept (StreamDiffusion's similarity filter)."""

    def __init__(self) -> None:
        self._kept: np.ndarray | None = None

    def same(self, picture: Image.Image) -> bool:
        """Compares with the picture that was kept last; one that differs is kept in its place."""
        small = picture.resize(THUMB, Image.Resampling.BOX).convert("YCbCr")
        thumb = np.asarray(
            small, np.float32
        )  # colours, too: a red thing may be as bright as the grey behind it
        if self._kept is not None:
            apart = np.abs(thumb - self._kept)
            if apart.mean((0, 1)).max() < SAME_MEAN and apart.max() < SAME_MOST:
                return True
        self._kept = thumb
        return False


def check_size(found: tuple[int, int], announced: tuple[int, int]) -> None:
    """Raises BadFrame for a picture of another size than the one that was announced."""
    if found != announced:
        said, is_ = (f"{width}×{height}" for width, height in (announced, found))
        raise BadFrame(
            f"the source announced {said} and a frame has {is_}: begin it anew with the size that it has"
        )


def main(arguments: list[str]) -> int:
    """The command."""
    limit_memory(MEMORY)
    warnings.simplefilter(
        "ignore", Image.DecompressionBombWarning
    )  # its size is looked at here, more strictly
    size, wanted = ((int(width), int(height)) for width, height in (arguments[1:3], arguments[3:5]))
    frames: Frames = JpegFrames(size, wanted) if arguments[0] == "jpeg" else H264Frames(size)
    use = Motion(wanted) if arguments[5] == "tracks" else Pictures(wanted)
    serve(frames, use, sys.stdin.buffer, sys.stdout.buffer)
    return 0


def serve(frames: Frames, use: Pictures | Motion, source: BinaryIO, answers: BinaryIO) -> None:
    """Answers every record of `source` until it ends."""
    while head := source.read(RECORD.size):
        key, pts_us, length = RECORD.unpack(head)
        what, body = _answer(frames, use, source.read(length), bool(key))
        answers.write(RECORD.pack(what, pts_us, len(body)) + body)
        answers.flush()


def _answer(frames: Frames, use: Pictures | Motion, data: bytes, key: bool) -> tuple[Answer, bytes]:
    try:
        image = frames.read(data, key)
    except BadFrame as bad:
        return Answer.BAD, str(bad).encode()
    return (Answer.NOTHING, b"") if image is None else use.answer(image)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

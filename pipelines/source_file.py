"""A video file as a source: its frames at a model's rate and size, a clip for each chunk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image, ImageOps

from flowbrush.pipelines.picture import MAX_PIXELS
from flowbrush.pipelines.requests import Frames, SourceClip

IN_TIME = 0.3
"""Of a frame, that a picture may come too late for it: files round times, Matroska's to milliseconds and GIF's to hundredths
of a second, and a phone's are not quite even. Neither a quarter nor a half, where pictures of 30 a second fall at 16: chance would
choose between two.
"""


class BadVideo(ValueError):
    """The file is no video that can be followed; the text says why."""


def clips(
    path: Path, size: tuple[int, int], fps: float, chunk_frames: int, strength: float
) -> Iterator[SourceClip]:
    """One clip of pictures of `size` (W, H), scaled and cut to its shape, for each chunk that the file lasts; the last
    one holds its last picture. Raises BadVideo, also on the way, and OSError.
    """
    waiting: list[Frames] = []
    for picture in at_rate(path, size, fps):
        waiting.append(picture)
        if len(waiting) == chunk_frames:
            yield SourceClip(np.stack(waiting), strength)
            waiting = []
    if waiting:
        held = waiting + [waiting[-1]] * (chunk_frames - len(waiting))
        yield SourceClip(np.stack(held), strength)


def facts_of(path: Path) -> tuple[int, int, float]:
    """Width and height of a video's pictures in pixels, and how many it has a second. Raises BadVideo, OSError."""
    with _opened(path) as (_, stream):
        return stream.width, stream.height, float(stream.average_rate or stream.guessed_rate or 0)


def at_rate(path: Path, size: tuple[int, int], fps: float) -> Iterator[Frames]:
    """The picture of `size` (W, H), scaled and cut to its shape, that is seen at each frame of a video of `fps`. Raises BadVideo,
    also on the way, and OSError.
    """
    count, last, zero, before = 0, None, None, 0.0
    for at, picture in _frames(path, size):
        zero = at if zero is None else zero
        on_time = at - zero - IN_TIME * min(1 / fps, at - before)
        while last is not None and count / fps < on_time:
            yield last
            count += 1
        last, before = picture, at
    if last is None:
        raise BadVideo(f"{path}: there is no picture in it")
    yield last


def _frames(path: Path, size: tuple[int, int]) -> Iterator[tuple[float, Frames]]:
    """Times in seconds and pictures, one after the other."""
    reformatter, at = VideoReformatter(), 0.0
    with _opened(path) as (container, stream):
        # AVI holds no times: what is read as such are numbers in the order of decoding, which B-frames change
        in_order = container.format.name == "avi"
        for frame in container.decode(stream):
            ticks, tick = frame.dts if in_order else frame.pts, frame.time_base or stream.time_base or 0
            if ticks is not None:
                at = float(ticks * tick)
            image = Image.fromarray(reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray())
            yield at, np.asarray(ImageOps.fit(image, size, Image.Resampling.BICUBIC))
            # in a bare stream, as of H.264, nothing else tells the next one's time
            at += float(frame.duration * tick)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its video. What is wrong with either, also while it is read, becomes BadVideo."""
    if not path.is_file():
        raise BadVideo(f"{path}: {'this is no file' if path.exists() else 'there is no such file'}")
    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise BadVideo(f"{path}: there is no video in it")
            stream = container.streams.video[0]
            pixels = stream.width * stream.height
            if pixels > MAX_PIXELS:
                found = f"{stream.width}×{stream.height} pixels"
                raise BadVideo(
                    f"{path}: its pictures have {found}: at most {MAX_PIXELS / 1e6:g} megapixels are taken"
                )
            yield container, stream
    except av.FFmpegError as error:
        raise BadVideo(f"{path}: it cannot be read, or is cut short: {error.strerror or error}") from None

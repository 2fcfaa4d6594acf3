"""A video file as a source: its frames at a model's rate and size, a clip for each chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image, ImageOps

from flowbrush.pipelines.media.picture import GROUND, MAX_PIXELS
from flowbrush.pipelines.requests import Frames, SourceClip

IN_TIME = 0.3
"""Of a frame, that a picture may come too late for it: files round times, Matroska's to milliseconds and GIF's to hundredths
of a second, and a phone's are not quite even. Neither a quarter nor a half, where pictures of 30 a second fall at 16: chance would
choose between two.
"""


WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that read the opacity of a WebM; FFmpeg's own leave it out."""


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
    """Width and height of a video's pictures as they are shown (pixels), and how many a second. Raises BadVideo, OSError."""
    with _opened(path) as (container, stream):
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        first = next(iter(container.decode(stream)), None)
        if first is None:
            raise _empty(path)
        return (first.height, first.width, rate) if _way(first)[0] else (first.width, first.height, rate)


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
        raise _empty(path)
    yield last


def _frames(path: Path, size: tuple[int, int]) -> Iterator[tuple[float, Frames]]:
    """Times in seconds and pictures, one after the other."""
    reformatter, at = VideoReformatter(), 0.0
    with _opened(path) as (container, stream):
        # AVI holds no times: what is read as such are numbers in the order of decoding, which B-frames change
        in_order = container.format.name == "avi"
        for frame in _decoded(container, stream):
            ticks, tick = frame.dts if in_order else frame.pts, frame.time_base or stream.time_base or 0
            if ticks is not None:
                at = float(ticks * tick)
            image = Image.fromarray(_shown(frame, reformatter))
            yield at, np.asarray(ImageOps.fit(image, size, Image.Resampling.BICUBIC))
            # in a bare stream, as of H.264, nothing else tells the next one's time
            at += float(frame.duration * tick)


def _decoded(container: InputContainer, stream: VideoStream) -> Iterable[VideoFrame]:
    name = WITH_ALPHA.get(stream.codec_context.name) if stream.metadata.get("alpha_mode") == "1" else None
    if name is None:
        return container.decode(stream)
    decoder: Any = av.CodecContext.create(name, "r")
    return (frame for packet in container.demux(stream) for frame in decoder.decode(packet))


def _shown(frame: VideoFrame, reformatter: VideoReformatter) -> Frames:
    """A frame as players show it: the way up that the file says, and where it is transparent, on what pictures are on."""
    clear = any(component.is_alpha for component in frame.format.components)
    picture = reformatter.reformat(frame, format="rgba" if clear else "rgb24", threads=1).to_ndarray()
    if clear:
        share = picture[:, :, 3:].astype(np.float32) / 255
        over = picture[:, :, :3] * share + np.array(GROUND, np.float32) * (1 - share)
        picture = over.round().astype(np.uint8)
    turned, mirror_x, mirror_y = _way(frame)
    if turned:
        picture = picture.swapaxes(0, 1)
    return np.ascontiguousarray(picture[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1])


def _way(frame: VideoFrame) -> tuple[bool, bool, bool]:
    """What makes a frame upright: whether its rows become columns, and which of x and y then run the other way. A phone films
    with its sensor's long side as the width, and the file says how it was held.
    """
    beside: Any = frame.side_data
    matrix = beside.get(SideData.DISPLAYMATRIX)
    if matrix is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()  # x' = a x + c y, y' = b x + d y
    turned = abs(b) > abs(a)
    return (True, c < 0, b < 0) if turned else (False, a < 0, d < 0)


def _empty(path: Path) -> BadVideo:
    return BadVideo(f"{path}: there is no picture in it")


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
            if not pixels:  # animated WebP
                kind = stream.codec_context.name
                raise BadVideo(f"{path}: pictures in {kind} cannot be read here: make an MP4 of them first")
            if pixels > MAX_PIXELS:
                found = f"{stream.width}×{stream.height} pixels"
                raise BadVideo(
                    f"{path}: its pictures have {found}: at most {MAX_PIXELS / 1e6:g} megapixels are taken"
                )
            yield container, stream
    except av.FFmpegError as error:
        raise BadVideo(f"{path}: it cannot be read, or is cut short: {error.strerror or error}") from None

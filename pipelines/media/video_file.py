"""Frames to a file: an MP4, or a folder of PNGs. What is written appears whole or not at all."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from flowbrush.pipelines.media.files import check_output
from flowbrush.pipelines.requests import Frames

BT709 = 1
ENCODER = {"crf": "17", "preset": "medium"}
X86 = {"x264-params": "asm=sse4.2"}
"""With AVX-512 x264's macroblock tree depends on what memory held before, and the same frames make another file each time. What it
may use instead every x86 processor has on which NumPy runs, and x264 for other processors does not know it.
"""
OUR_FRAME = re.compile(r"frame_\d{6,}\.png")


def encoder(machine: str) -> dict[str, str]:
    """The options of x264 with which the same frames make the same file, on a `machine` as Python names it."""
    return ENCODER | X86 if machine in ("x86_64", "AMD64") else ENCODER


class FrameWriter(Protocol):
    """Takes the frames of a video one after the other."""

    def write(self, frame: Frames) -> None:
        """The next frame, RGB uint8 [H, W, 3]."""


class Mp4Writer:
    """H.264 in MP4, BT.709 limited range, index first, so that it plays while it loads."""

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"H.264 takes even sizes alone, not {width}x{height}: write frames instead")
        self._container = av.open(path, "w", format="mp4", options={"movflags": "+faststart"})
        stream = self._container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1001), options=encoder(platform.machine())
        )
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.thread_count = 1  # with more, x264 does not write the same bytes twice
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = BT709
        self._stream, self._reformatter = stream, VideoReformatter()

    def write(self, frame: Frames) -> None:
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        self._container.mux(self._stream.encode(picture))

    def close(self, whole: bool) -> None:
        """Ends the file; one that is not `whole` is about to be thrown away."""
        if whole:
            self._container.mux(self._stream.encode())
        self._container.close()


class PngWriter:
    """frame_000000.png and so on."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    def write(self, frame: Frames) -> None:
        Image.fromarray(frame).save(self._folder / f"frame_{self._count:06d}.png", compress_level=3)
        self._count += 1


def check_target(out: Path, *inputs: Path | None, frames_only: bool, overwrite: bool) -> None:
    """Raises ValueError where `out` cannot or must not be written, or is one of the `inputs`. Nothing is changed."""
    if not out.is_dir():
        check_output(out, *inputs)
    if not frames_only and out.suffix.lower() != ".mp4":
        raise ValueError(f"{out} does not end in .mp4: that is what is written (or ask for frames only)")
    if not out.exists():
        return
    if not overwrite:
        raise ValueError(f"{out} is there already: choose another name, or ask to overwrite it")
    if out.is_dir() != frames_only:
        raise ValueError(f"{out} is a {'folder' if out.is_dir() else 'file'}: it is not overwritten")
    if frames_only and (strange := [p.name for p in out.iterdir() if not OUR_FRAME.fullmatch(p.name)]):
        raise ValueError(f"{out} holds more than frames ({strange[0]}): it is not overwritten")


@contextmanager
def video_file(out: Path, width: int, height: int, fps: float) -> Iterator[FrameWriter]:
    """An MP4 that takes the place of `out` once the block is through; on any exception nothing is left of it."""
    part = _part_of(out)
    try:
        writer = Mp4Writer(part, width, height, fps)
        try:
            yield writer
        except BaseException:
            writer.close(whole=False)
            raise
        writer.close(whole=True)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def frame_folder(out: Path) -> Iterator[FrameWriter]:
    """A folder of PNGs that takes the place of `out` once the block is through."""
    part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        part.chmod(0o755)
        yield PngWriter(part)
        if out.is_dir():
            shutil.rmtree(out)
        os.replace(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _part_of(out: Path) -> Path:
    """An unused name in the same folder, so that renaming is one step."""
    return out.with_name(f".{out.name}.{os.getpid()}.part")

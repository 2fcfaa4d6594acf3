"""RGB frames to encoded packets, one packet per frame, by PyAV."""

from __future__ import annotations

import io
import logging
import os
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import cast

os.environ.setdefault("SVT_LOG", "0")  # SVT-AV1 prints a banner to stderr otherwise

import av
import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

from flowbrush.pipelines.requests import Frames
from flowbrush.protocol import Codec
from flowbrush.server.delivery.mp4 import annex_b_units

log = logging.getLogger(__name__)

av.logging.set_level(av.logging.ERROR)

GOP_S = 4.0
JPEG_QUALITY = 88
BT709 = 1
TASKS = Path("/proc/self/task")  # threads of this process, on Linux
NVIDIA_DRIVER = Path("/dev/nvidiactl")

# Threads are set by hand: libvpx's own choice spins on busy cores, and one frame at a time gains nothing.
_CANDIDATES: dict[Codec, tuple[tuple[str, dict[str, str]], ...]] = {
    Codec.H264: (
        (
            "h264_nvenc",
            {"preset": "p2", "tune": "ull", "rc": "constqp", "qp": "23", "forced-idr": "1", "bf": "0"},
        ),
        (
            "libx264",
            {
                "preset": "superfast",
                "tune": "zerolatency",
                "profile": "baseline",
                "crf": "21",
                "x264-params": "scenecut=0:repeat-headers=1",
            },
        ),
    ),
    Codec.VP8: (
        ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "crf": "12", "b": "4M"}),
    ),
    Codec.VP9: (
        (
            "libvpx-vp9",
            {
                "deadline": "realtime",
                "cpu-used": "8",
                "lag-in-frames": "0",
                "row-mt": "1",
                "crf": "28",
                "b": "0",
            },
        ),
    ),
    Codec.AV1: (("libsvtav1", {"preset": "12", "crf": "35", "svtav1-params": "rtc=1:lp=1:pred-struct=1"}),),
}


class EncodingError(RuntimeError):
    """A frame did not become a packet."""


class VideoEncoder:
    """Encodes one stream. Not for several threads at once."""

    def __init__(self, codec: Codec, width: int, height: int, fps: float) -> None:
        self.codec = codec
        self._size = (width, height)
        self._count = 0
        self._reformatter = VideoReformatter()
        self._context = None if codec is Codec.JPEG else _open(codec, width, height, fps)
        if codec is Codec.AV1:
            be_ordinary()  # before the first frame: on few cores its threads, which spin, can starve the one that waits for it

    def encode(self, frame: Frames, key: bool = False) -> tuple[bytes, bool]:
        """One frame [H, W, 3] uint8 → (payload, whether it is a key frame)."""
        if self._context is None:
            return jpeg(frame), True
        # VP8 has no way to say BT.709
        matrix = Colorspace.ITU601 if self.codec is Codec.VP8 else Colorspace.ITU709
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"),
            format="yuv420p",
            dst_colorspace=matrix,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        picture.pts = self._count
        picture.time_base = self._context.time_base
        if key or self._count == 0:
            picture.pict_type = PictureType.I
        self._count += 1
        packets = self._context.encode(picture)
        if len(packets) != 1:
            raise EncodingError(f"{self.codec} gave {len(packets)} packets for one frame: expected one")
        return bytes(packets[0]), packets[0].is_keyframe


def be_ordinary() -> None:
    """Takes back real-time scheduling. SVT-AV1 asks for it, for the whole process, and gets it where root runs the server: then the
    model, the browser and everything else on the machine wait for each other. A thread that one of them starts meanwhile takes over
    what that had, so it is looked for until there is none.
    """
    while TASKS.is_dir() and any([_made_ordinary(int(thread.name)) for thread in TASKS.iterdir()]):
        pass


def _made_ordinary(thread: int) -> bool:
    """Whether a thread was scheduled in real time until now."""
    try:
        if os.sched_getscheduler(thread) != os.SCHED_FIFO:
            return False
        os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
    except ProcessLookupError:
        return False  # it has just ended
    return True


def jpeg(frame: Frames) -> bytes:
    """One frame [H, W, 3] uint8 as a JPEG file."""
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def available_codecs(width: int, height: int, fps: float) -> dict[str, str]:
    """Codecs that really encode a frame of this size here, each with its WebCodecs codec string."""
    frame = np.zeros((height, width, 3), np.uint8)
    found = {}
    for codec in (Codec.H264, Codec.VP8, Codec.VP9, Codec.AV1, Codec.JPEG):
        if codec is not Codec.JPEG and (width % 2 or height % 2):
            continue
        try:
            payload, _ = VideoEncoder(codec, width, height, fps).encode(frame)
        except (FFmpegError, EncodingError, OSError, ValueError):
            continue
        found[str(codec)] = codec_string(codec, payload, width, height)
    return found


def codec_string(codec: Codec, key_frame: bytes, width: int, height: int) -> str:
    """The codec as WebCodecs takes it; empty for JPEG. H.264 says so itself, in its first unit."""
    small = width * height <= 832 * 480
    if codec is Codec.H264:
        sps = next(unit for unit in annex_b_units(key_frame) if unit[0] & 31 == 7)
        return f"avc1.{sps[1:4].hex()}"
    return {
        Codec.VP8: "vp8",
        Codec.VP9: f"vp09.00.{30 if small else 41}.08",
        Codec.AV1: f"av01.0.{'04' if small else '08'}M.08",
        Codec.JPEG: "",
    }[codec]


def _open(codec: Codec, width: int, height: int, fps: float) -> VideoCodecContext:
    """The first encoder of the candidates that opens; which ones do depends on drivers, so it is tried."""
    problem: Exception | None = None
    for name, options in _CANDIDATES[codec]:
        if name.endswith("nvenc") and not has_nvenc():
            continue
        try:
            return _opened(name, options, width, height, fps)
        except (FFmpegError, OSError, ValueError) as error:
            problem = error
    raise EncodingError(f"no encoder for {codec} opens on this machine: {problem}")


@cache
def has_nvenc() -> bool:
    """Whether the GPU encodes H.264; tried once in a process. Those of data centres, as A100 and H100, have no encoder."""
    if not NVIDIA_DRIVER.exists():
        return False
    name, options = _CANDIDATES[Codec.H264][0]
    try:
        _opened(name, options, 320, 192, 16.0)
    except (FFmpegError, OSError, ValueError) as error:
        log.info("%s does not open on this machine, the processor encodes H.264: %s", name, error)
        return False
    return True


def _opened(name: str, options: dict[str, str], width: int, height: int, fps: float) -> VideoCodecContext:
    context = cast(VideoCodecContext, CodecContext.create(name, "w"))
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    rate = Fraction(fps).limit_denominator(1001)
    context.time_base, context.framerate = 1 / rate, rate
    context.gop_size, context.max_b_frames = round(GOP_S * fps), 0
    context.thread_count = 1
    context.color_primaries = context.color_trc = context.colorspace = context.color_range = BT709
    context.options = options
    with (
        av.logging.Capture()
    ):  # one that does not open would be an ERROR in the log, and the next one is tried
        context.open()
    return context

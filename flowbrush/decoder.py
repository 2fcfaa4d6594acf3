"""Encoded frames to RGB arrays. Needs PyAV (`pip install 'flowbrush[decode]'`), loaded when the first decoder is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from flowbrush.errors import FlowbrushError
from flowbrush.messages import Codec
from flowbrush.packets import Packet

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_DECODERS = {
    Codec.JPEG: "mjpeg",
    Codec.H264: "h264",
    Codec.VP8: "vp8",
    Codec.VP9: "vp9",
    Codec.AV1: "libdav1d",
}


class Undecodable(FlowbrushError):
    """A frame does not decode; the next key frame may."""


class Decoder:
    """Decodes the packets of one stream in order, from a key frame on; a discontinuity starts it anew."""

    def __init__(self, codec: Codec) -> None:
        try:
            self._av: Any = importlib.import_module("av")
        except ImportError as error:
            raise FlowbrushError(
                "decoding needs PyAV: pip install 'flowbrush[decode]', or connect with frames='packets' to get encoded frames"
            ) from error
        self.codec = codec
        self._context: Any = None
        self._reformatter = importlib.import_module("av.video.reformatter").VideoReformatter()

    @property
    def begun(self) -> bool:
        """Whether a key frame has come."""
        return self._context is not None

    def decode(self, packet: Packet) -> npt.NDArray[np.uint8] | None:
        """RGB [H, W, 3]; None before the first key frame. Raises Undecodable."""
        if packet.key and (self._context is None or packet.discontinuity):
            self._context = self._open()
        if self._context is None:
            return None
        try:
            frames = self._context.decode(self._av.Packet(packet.payload))
        except self._av.FFmpegError as error:
            self._context = None
            raise Undecodable(f"frame {packet.frame} does not decode as {self.codec}: {error}") from error
        if not frames:
            return None
        # one reformatter and one thread: the default starts a thread pool for every frame
        rgb = self._reformatter.reformat(frames[-1], format="rgb24", threads=1)
        image: npt.NDArray[np.uint8] = rgb.to_ndarray()
        return image

    def _open(self) -> Any:
        context = self._av.CodecContext.create(_DECODERS[self.codec], "r")
        context.thread_count = 1  # frame threads hold frames back
        if self.codec is Codec.AV1:
            context.options = {"max_frame_delay": "1"}
        else:
            context.flags |= self._av.codec.context.Flags.low_delay
        return context

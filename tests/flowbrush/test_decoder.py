"""Every codec decodes frame by frame, without holding one back."""

from __future__ import annotations

import re
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from flowbrush import FlowbrushError
from flowbrush.decoder import Decoder
from flowbrush.messages import Codec
from flowbrush.packets import Flag, Packet
from flowbrush.server.engine.encoder import be_ordinary

ENCODERS = {
    Codec.H264: (
        "libx264",
        {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "repeat-headers=1"},
    ),
    Codec.VP8: ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    Codec.VP9: ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    Codec.AV1: ("libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1:lp=1"}),
    Codec.JPEG: ("mjpeg", {}),
}


def encoded(codec: Codec, count: int) -> list[Packet]:
    """Frames of one grey level each, 40 + 10 per frame; a key frame at 0 and 5."""
    name, options = ENCODERS[codec]
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.thread_count = 128, 64, 1
    context.pix_fmt = "yuvj420p" if codec is Codec.JPEG else "yuv420p"
    context.time_base, context.framerate, context.options = Fraction(1, 16), Fraction(16), options
    context.open()
    be_ordinary()  # or SVT-AV1 leaves this process, and all tests after these, at real-time priority
    packets = []
    for index in range(count):
        image = np.full((64, 128, 3), 40 + 10 * index, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=context.pix_fmt)
        frame.pts, frame.time_base = index, context.time_base
        if index == 5:
            frame.pict_type = PictureType.I
        (packet,) = context.encode(frame)
        flags = Flag.KEY if packet.is_keyframe else Flag(0)
        packets.append(Packet(index // 4, index, 0, codec, bytes(packet), flags))
    return packets


@pytest.mark.parametrize("codec", list(Codec))
def test_each_packet_gives_its_frame_at_once(codec: Codec) -> None:
    decoder = Decoder(codec)
    for index, packet in enumerate(encoded(codec, 10)):
        image = decoder.decode(packet)
        assert image is not None and image.shape == (64, 128, 3) and image.dtype == np.uint8
        assert abs(float(image.mean()) - (40 + 10 * index)) < 6


def test_nothing_before_the_first_key_frame() -> None:
    decoder = Decoder(Codec.H264)
    packets = encoded(Codec.H264, 8)
    assert [decoder.decode(packet) is None for packet in packets[2:]] == [True] * 3 + [False] * 3


def test_junk_is_an_error_and_the_next_key_frame_repairs_it() -> None:
    decoder = Decoder(Codec.JPEG)
    good = encoded(Codec.JPEG, 1)[0]
    with pytest.raises(FlowbrushError, match="frame 3 does not decode as jpeg"):
        decoder.decode(Packet(0, 3, 0, Codec.JPEG, b"junk" * 20, Flag.KEY))
    assert decoder.decode(good) is not None


def test_without_pyav_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(FlowbrushError, match=re.escape("pip install 'flowbrush[decode]'")):
        Decoder(Codec.H264)

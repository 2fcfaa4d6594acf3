"""The client's video as the Python client sends it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import flowbrush
from flowbrush import SourceFields
from flowbrush.errors import FlowbrushError
from flowbrush.limits import MAX_FRAME_BYTES
from flowbrush.packets import unpack
from flowbrush.source import Source
from flowbrush.stream import Stream

FIELDS: dict[str, Any] = {"codec": "jpeg", "width": 64, "height": 32, "fps": 16.0, "strength": 0.5}


class Heard:
    """What a stream would have sent."""

    def __init__(self) -> None:
        self.source: SourceFields | None = None
        self.messages: list[Any] = []
        self.frames: list[bytes] = []

    async def send(self, message: Any) -> None:
        self.messages.append(message)

    async def send_bytes(self, data: bytes) -> None:
        self.frames.append(data)


async def test_it_is_announced_sent_and_ended() -> None:
    stream: Any = Heard()
    async with Source(stream, SourceFields(**FIELDS)) as source:
        assert stream.source is source.fields, "a connection that comes back begins it again"
        await source.send(np.full((32, 64, 3), 90, np.uint8), pts=0.25)
        await source.send(b"as it is", pts=0.5)
    assert stream.source is None
    assert [message.type for message in stream.messages] == ["source.begin", "source.end"]
    assert stream.messages[0].model_dump(exclude={"type", "id"}) == {**FIELDS, "use": "picture"}
    first, second = map(unpack, stream.frames)
    assert (first.pts_us, first.codec, first.key) == (250_000, "jpeg", True) and second.payload == b"as it is"
    assert Image.open(io.BytesIO(first.payload)).size == (64, 32)


async def test_a_picture_arrives_as_it_was_sent() -> None:
    stream: Any = Heard()
    across, down = np.meshgrid(np.arange(64), np.arange(32))
    shades = np.stack([4 * across, 8 * down, 255 - 4 * across], -1).astype(np.uint8)
    await Source(stream, SourceFields(**FIELDS)).send(shades)
    (packet,) = map(unpack, stream.frames)
    seen = np.asarray(Image.open(io.BytesIO(packet.payload)).convert("RGB"))
    assert np.abs(seen.astype(int) - shades).mean() < 2.5


async def test_its_motion_alone_may_be_used() -> None:
    stream: Any = Heard()
    async with Stream.follow(stream, 64, 32, use="tracks"):
        assert stream.messages[0].use == "tracks"
    with pytest.raises(ValueError, match="a prompt is missing"):
        flowbrush.connect(source=SourceFields(**FIELDS, use="tracks"))
    flowbrush.connect(source=SourceFields(**FIELDS))


async def test_h264_comes_encoded() -> None:
    stream: Any = Heard()
    source = Source(stream, SourceFields(**{**FIELDS, "codec": "h264"}))
    with pytest.raises(FlowbrushError, match="must come encoded"):
        await source.send(np.zeros((32, 64, 3), np.uint8))
    await source.send(b"unit", key=False)
    assert not unpack(stream.frames[0]).key


async def test_a_frame_that_would_end_the_connection_is_refused() -> None:
    stream: Any = Heard()
    source = Source(stream, SourceFields(**FIELDS))
    await source.send(bytes(MAX_FRAME_BYTES - 32))
    with pytest.raises(ValueError, match="frame has 4194273 bytes: at most 4 MiB are taken"):
        await source.send(bytes(MAX_FRAME_BYTES - 31))
    with pytest.raises(ValueError, match="pts is 1e"):
        await source.send(b"x", pts=1e30)
    assert len(stream.frames) == 1

"""Video in, over the wire and through the real generator: followed, bounded, and nothing that comes in ends the stream."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from raw_client import RawClient, decode
from running_server import RunningServer, kill_group

from flowbrush.packets import NO_FLAGS, Flag, Packet, pack
from flowbrush.pipelines.requests import FIRST_FOLLOWED
from flowbrush.protocol import Codec

SOURCE = {"codec": "jpeg", "width": 96, "height": 64, "fps": 16, "strength": 1.0}
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """pocket's architecture at random: at strength 1 it shows its source."""
    running = RunningServer(tmp_path_factory.mktemp("source"), FLOWBRUSH_LOADER="server_tiny_pocket:load")
    yield running
    running.stop()
    kill_group(running.process)


def jpeg(colour: str, size: tuple[int, int] = (96, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, COLOURS[colour]).save(out, "JPEG", quality=95)
    return out.getvalue()


def frame(payload: bytes, at: float, codec: Codec = Codec.JPEG, key: bool = True) -> bytes:
    return pack(Packet(0, 0, round(at * 1e6), codec, payload, Flag.KEY if key else NO_FLAGS))


def shows(picture: np.ndarray) -> str:
    """Which of the colours it is."""
    middle = picture.mean((0, 1))
    return min(COLOURS, key=lambda name: float(np.abs(middle - COLOURS[name]).sum()))


async def until(client: RawClient, colour: str) -> None:
    """Reads on until the picture shows a colour."""
    for _ in range(200):
        await client.count(len(client.packets) + 4)
        if shows(decode(client.packets[-64:])[-1]) == colour:
            return
    raise AssertionError(f"it never became {colour}")


async def test_the_picture_follows_the_source_and_goes_on_without_it(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.start(None, source=SOURCE, codecs=["jpeg"])
        await client.socket.send(frame(jpeg("red"), 0.0))
        await client.count(4)
        assert shows(decode(client.packets)[0]) == "red", "the first chunk waits for the first frame"
        for index in range(1, 17):
            await client.socket.send(frame(jpeg("red"), index / 16))
        await client.socket.send(frame(jpeg("blue"), 3.0))  # it may have stood still until then
        await until(client, "blue")
        await client.send(type="source.end")
        before = len(client.packets)
        await client.count(before + 8)
        assert shows(decode(client.packets[-16:])[-1]) == "blue", "it goes on without it"


async def test_frames_that_are_not_what_was_announced_are_told_and_the_stream_goes_on(
    server: RunningServer,
) -> None:
    async with RawClient(server.url) as client:
        await client.start(None, source=SOURCE, codecs=["jpeg"])
        await client.socket.send(frame(jpeg("red"), 0.0))
        await client.count(4)
        await client.socket.send(frame(jpeg("blue", (64, 64)), 0.1))
        error = await client.message("error")
        assert (
            error["code"] == "invalid_value" and "announced 96×64 and a frame has 64×64" in error["message"]
        )
        await client.socket.send(frame(b"x", 0.1, Codec.VP8))
        assert "announced jpeg and a frame says vp8" in (await client.message("error"))["message"]
        await client.socket.send(b"nothing")
        assert (await client.message("error"))["code"] == "invalid_value"
        await client.socket.send(frame(jpeg("green"), 1.0))
        await until(client, "green")
        await client.message("chunk")
        dropped = sum(m.get("source_dropped", 0) for m in client.messages if m["type"] == "chunk")
        assert dropped >= 1
        await client.send(type="source.end")
        await client.socket.send(frame(jpeg("red"), 2.0))
        assert (await client.message("error"))["code"] == "binary_not_allowed"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"width": 10_000_000}, "out_of_range"),
        ({"codec": "av1"}, "invalid_value"),
        ({"fps": "fast"}, "wrong_type"),
    ],
)
async def test_frames_of_a_source_that_was_refused_are_not_held_against_the_one_before(
    server: RunningServer, wrong: dict[str, Any], code: str
) -> None:
    """They had been: "announced 96×64 and a frame has 64×64", of a client that had announced 64×64."""
    async with RawClient(server.url) as client:
        await client.start(None, source=SOURCE, codecs=["jpeg"])
        await client.socket.send(frame(jpeg("red"), 0.0))
        await client.count(4)
        await client.send(type="source.begin", id=9, **{**SOURCE, "height": 64, "width": 64, **wrong})
        refused = await client.message("error", id=9)
        assert refused["code"] == code
        for index in range(8):
            await client.socket.send(frame(jpeg("blue", (64, 64)), index / 16))
        told = await client.message("error")
        assert f"a source that was refused ({refused['message']})" in told["message"]
        assert not [m for m in client.messages if "announced" in m.get("message", "")]
        before = len(client.packets)
        await client.count(before + 12)
        assert shows(decode(client.packets[-16:])[-1]) == "red", "the stream goes on, without any of them"
        await client.send(type="source.begin", **{**SOURCE, "width": 64})
        await client.socket.send(frame(jpeg("green", (64, 64)), 1.0))
        await until(client, "green")
        assert len([m for m in client.messages if "was refused" in m.get("message", "")]) == 1, (
            "told once a second"
        )


async def test_h264_goes_on_after_a_broken_frame_with_the_next_key_frame(server: RunningServer) -> None:
    packets = h264(["red"] * 4 + ["blue"] * 4, keys=(0, 4))
    async with RawClient(server.url) as client:
        await client.start(None, source={**SOURCE, "codec": "h264"}, codecs=["jpeg"])
        for index in (0, 1):
            await client.socket.send(frame(packets[index], index / 16, Codec.H264, key=index == 0))
        await until(client, "red")
        await client.socket.send(frame(packets[2][: len(packets[2]) // 2], 0.2, Codec.H264, key=False))
        assert "does not decode as H.264" in (await client.message("error"))["message"]
        for index in (3, 4, 5):
            await client.socket.send(frame(packets[index], 0.2 + index / 16, Codec.H264, key=index == 4))
        await until(client, "blue")


def h264(colours: list[str], keys: tuple[int, ...]) -> list[bytes]:
    """An access unit for each picture."""
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = SOURCE["width"], SOURCE["height"], "yuv420p"
    context.time_base, context.max_b_frames, context.gop_size = Fraction(1, 16), 0, 1000
    context.options = {
        "tune": "zerolatency",
        "preset": "ultrafast",
        "x264-params": "repeat-headers=1:scenecut=0",
    }
    units = []
    for index, colour in enumerate(colours):
        grain = np.random.default_rng(index).integers(-20, 20, (64, 96, 1))
        picture = av.VideoFrame.from_ndarray(
            (np.array(COLOURS[colour]) + grain).clip(0, 255).astype(np.uint8), "rgb24"
        )
        picture.pts = index
        picture.pict_type = av.video.frame.PictureType.I if index in keys else av.video.frame.PictureType.P
        units += [bytes(packet) for packet in context.encode(picture)]
    assert len(units) == len(colours)
    return units


def sliding(count: int) -> list[bytes]:
    """A rough texture that goes a pixel to the right with every picture: 96x64."""
    rough = np.random.default_rng(0).integers(0, 255, (12, 30, 3), np.uint8)
    large = Image.fromarray(rough).resize((96 + count, 64), Image.Resampling.BICUBIC)
    payloads = []
    for index in range(count):
        out = io.BytesIO()
        large.crop((count - index, 0, 96 + count - index, 64)).save(out, "JPEG", quality=95)
        payloads.append(out.getvalue())
    return payloads


def followed(server: RunningServer, ready: dict[str, Any]) -> list[dict[str, Any]]:
    """What the session's log has of tracks of the server's own."""
    log = server.json(f"/v1/sessions/{ready['session']}/log")
    return [each for each in log["controls"] if each.get("track", 0) >= FIRST_FOLLOWED]


async def test_the_motion_of_a_source_moves_the_picture_and_stands_in_the_log(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start("a cat", codecs=["jpeg"])
        assert ready["capabilities"]["source_tracks"] is True
        await client.send(type="source.begin", id=1, **SOURCE, use="dance")
        assert (await client.message("error", id=1))["field"] == "use"
        await client.send(type="source.begin", **SOURCE, use="tracks")
        for index, payload in enumerate(sliding(480)):
            await client.socket.send(frame(payload, index / 16))
            await client.count(len(client.packets) + 1)
            if (
                index % 16 == 0
                and sum(each["type"] == "track.move" for each in followed(server, ready)) >= 60
            ):
                break
        await client.send(type="source.end")
        await client.count(len(client.packets) + 8)
        own = followed(server, ready)
    begun = [each["track"] for each in own if each["type"] == "track.begin"]
    ways = [
        pairwise(each.get("points", [])) for each in own
    ]  # of one chunk each: what skips pictures skips them between two
    speeds = [
        (after["x"] - before["x"]) / (after["t"] - before["t"]) for way in ways for before, after in way
    ]
    moving = [
        speed for speed in speeds if abs(speed) > 0.05
    ]  # a chunk that is ahead holds the newest picture
    assert len(set(begun)) >= 30 and len(moving) >= 60
    assert np.median(moving) == pytest.approx(16 / 64, rel=0.2), (
        "of 96 columns the stream, a square, shows 64"
    )
    ended = {each["track"] for each in own if each["type"] == "track.end"}
    assert set(begun) <= ended, "nothing is held when the video is over"

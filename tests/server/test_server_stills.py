"""Who waits for a picture while a stream stands gets the last one."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from raw_client import RawClient, decode, decode_file
from running_server import RunningServer, wait_for
from server_generator import read


def _of(server: RunningServer, session: str) -> dict[str, Any]:
    return server.json(f"/v1/sessions/{session}")


def _until_it_stands(server: RunningServer, session: str) -> int:
    """Waits until no frame has come for a second; returns how many there are."""
    frames = [-1]

    def stands() -> bool:
        time.sleep(1.0)
        frames.append(_of(server, session)["frames"])
        return frames[-1] == frames[-2]

    wait_for(stands, 60)
    return frames[-1]


async def test_who_joins_sees_the_last_picture_of_a_stream_whose_client_says_no_more_where_it_is(
    server: RunningServer,
) -> None:
    """It has reported once and then nothing more: nothing is made until it does, and no key frame comes."""
    async with RawClient(server.url) as client:
        ready = await client.start(seed=4)
        await client.count(8)
        await client.send(type="playhead", pts=0.2, buffered=0.1)
        frames = await asyncio.to_thread(_until_it_stands, server, ready["session"])
        base = f"/v1/sessions/{ready['session']}"

        def mjpeg() -> bytes:
            with urllib.request.urlopen(f"{server.url}{base}/watch.mjpeg", timeout=20) as answer:
                head = b"".join(answer.readline() for _ in range(4))  # boundary, type, length, empty line
                return answer.read(int(head.split(b"Content-Length: ")[1]))

        async with RawClient(server.url, f"{base}/watch") as viewer:
            await viewer.count(1)
            assert read(decode_file(await asyncio.to_thread(mjpeg))[0])[:2] == (frames - 1, 4)
            await client.send(type="playhead", pts=(frames - 1) / 16, buffered=0.0)
            await viewer.count(5)
    assert [packet.frame for packet in viewer.packets[:5]] == list(range(frames - 1, frames + 4))
    assert [read(each)[0] for each in decode(viewer.packets[:5])] == list(range(frames - 1, frames + 4))


async def test_who_joins_as_a_stream_comes_to_stand_sees_its_last_picture(make_server: Any) -> None:
    """The chunk under way has no key frame for the viewer, and none comes after it."""
    server = make_server(TEST_CHUNK_S="1.0")
    async with RawClient(server.url) as client:
        ready = await client.start(seed=5)
        await client.count(5)  # the next chunk is being made already
        async with RawClient(server.url, f"/v1/sessions/{ready['session']}/watch") as viewer:
            await viewer.message("session.ready")
            await client.send(type="session.pause")
            last = (await client.message("session.paused"))["chunk"] * 4 - 1
            await viewer.frame(last)


async def test_who_did_not_read_while_its_stream_was_paused_sees_its_last_picture(
    server: RunningServer,
) -> None:
    """What waited for it is stale, and no key frame comes."""
    where = urlsplit(server.url)
    small = socket.create_connection((where.hostname, where.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with RawClient(server.url, sock=small) as client:
        ready = await client.start(seed=6, codecs=["jpeg"])
        await client.count(8)
        client.socket.transport.pause_reading()
        frames = await asyncio.to_thread(_until_it_stands, server, ready["session"])
        await client.send(type="session.pause")
        await asyncio.to_thread(wait_for, lambda: _of(server, ready["session"])["state"] == "paused")
        await asyncio.sleep(1.5)  # longer than a frame is worth sending
        client.socket.transport.resume_reading()
        await client.frame(frames - 1)
    assert client.packets[-1].discontinuity and client.packets[-2].frame < frames - 2, (
        "what was stale is gone"
    )
    assert read(decode(client.packets[-1:])[0])[:2] == (frames - 1, 6)

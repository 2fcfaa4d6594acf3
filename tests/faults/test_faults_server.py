"""Servers that stop or die: sessions are told, and go on in the next process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest
from raw_client import RawClient, decode, decode_file
from running_server import wait_for
from server_generator import prompt_code, read
from websockets.exceptions import ConnectionClosed


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_a_session_goes_on_in_the_next_process(make_server, sig: int) -> None:
    server = make_server()
    first = RawClient(server.url)
    async with first:
        ready = await first.start("alpha", seed=13)
        await first.count(4)
        await first.send(type="prompt.set", id=3, prompts=[{"text": "beta"}])
        await first.message("control.applied", id=3)
        await first.count(30)
        workers = server.workers()
        stopping = asyncio.create_task(asyncio.to_thread(server.stop, sig))
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await first.receive()
        code = await stopping
    if sig == signal.SIGTERM:
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        assert code == 0
    for pid in workers:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(10)  # raises when it still lives then
    again = await asyncio.to_thread(lambda: make_server(port=server.port))
    last = first.packets[-1].frame
    if sig == signal.SIGTERM:  # one that was killed has not said how far it came
        async with RawClient(again.url) as wrong:
            await wrong.send(type="session.start", resume=ready["resume_token"], last_frame=last + 10_000)
            error = await wrong.message("error")
            assert (error["code"], error["field"]) == ("out_of_range", "last_frame")
    async with RawClient(again.url) as second:
        await second.send(type="session.start", resume=ready["resume_token"], last_frame=last)
        back = await second.message("session.ready")
        assert back["session"] == ready["session"] and back["last_id"] == 3
        await second.count(12)
        await second.send(type="session.stop")
        done = await second.message("session.done")
    joined = [read(picture)[:3] for picture in decode(first.packets) + decode(second.packets)]
    applied = next(m["frame"] for m in first.messages if m["type"] == "control.applied")
    assert joined == [(n, 13, prompt_code("alpha" if n < applied else "beta")) for n in range(len(joined))]
    recorded = [read(picture)[:3] for picture in decode_file(again.get(done["recording"]))]
    whole = len(joined) // ready["chunk_frames"] * ready["chunk_frames"]  # it was stopped within a chunk
    assert recorded[:whole] == joined[:whole], "the recording is whole, too"


async def test_a_token_that_nobody_uses_expires(make_server) -> None:
    server = make_server(FLOWBRUSH_RESUME_S="1")
    async with RawClient(server.url) as client:
        ready = await client.start()
        await client.count(4)
        client.socket.transport.abort()
    await asyncio.to_thread(wait_for, lambda: not server.metric("flowbrush_slots_used"))
    async with RawClient(server.url) as client:
        await client.send(type="session.start", resume=ready["resume_token"], last_frame=3)
        assert (await client.message("error"))["code"] == "resume_expired"


async def test_the_seat_of_one_who_is_away_goes_to_one_who_waits_and_is_found_again(make_server) -> None:
    server = make_server(FLOWBRUSH_SEATS="1")
    async with RawClient(server.url) as away:
        ready = await away.start("away", seed=1)
        await away.count(8)
        away.socket.transport.abort()
    async with RawClient(server.url) as other:
        await other.start("other", seed=2)
        await other.count(8)
        async with RawClient(server.url) as back:
            last = away.packets[-1].frame
            await back.send(type="session.start", resume=ready["resume_token"], last_frame=last)
            await back.message("queue", position=1)
            await other.send(type="session.stop")
            await back.message("session.ready")
            await back.count(8)
    shown = [read(picture)[:2] for picture in decode(away.packets + back.packets)]
    assert shown == [(n, 1) for n in range(len(shown))]


async def test_the_folder_that_a_server_was_started_in_is_removed_and_its_worker_lost(
    make_server, tmp_path: Path
) -> None:
    """As where a release takes another one's place."""
    server = make_server(FLOWBRUSH_STATE_DIR=str(tmp_path / "elsewhere"))
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        server.state_dir.rename(tmp_path / "old")
        shutil.rmtree(tmp_path / "old")
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        await client.message("session.recovering")
        await client.count(len(client.packets) + 8)
    frames = [packet.frame for packet in client.packets]
    assert frames == list(range(len(frames)))

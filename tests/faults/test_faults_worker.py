"""Workers that die, hang or run out of memory: the stream goes on, others do not notice, the server stays."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from raw_client import RawClient, decode
from running_server import wait_for
from server_generator import prompt_code, read
from websockets.exceptions import ConnectionClosed


async def test_pictures_go_on_after_kill_9_and_join_by_content(make_server) -> None:
    server = make_server(FLOWBRUSH_SNAPSHOT_CHUNKS="4")
    async with RawClient(server.url) as client:
        await client.start("steady", seed=11)
        await client.count(4)
        await client.send(type="prompt.set", id=1, prompts=[{"text": "changed"}])
        await client.count(42)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        await client.message("session.recovering")
        before = len(client.packets)
        await client.count(before + 16)
        state = await asyncio.to_thread(server.json, f"/v1/sessions/{client.messages[0]['session']}")
    assert [packet.frame for packet in client.packets] == list(range(before + 16)), "none lost, none twice"
    assert client.packets[before].key and client.packets[before].discontinuity
    shown = [read(picture)[:3] for picture in decode(client.packets)]
    first = next(m["frame"] for m in client.messages if m["type"] == "control.applied")
    assert shown == [(n, 11, prompt_code("steady" if n < first else "changed")) for n in range(before + 16)]
    assert server.metric("flowbrush_worker_restarts_total") == 1
    assert server.metric("flowbrush_chunks_replayed_total") <= 5, "a snapshot must shorten the way back"
    assert state["state"] != "done"


async def test_a_hanging_worker_is_replaced(make_server) -> None:
    server = make_server(FLOWBRUSH_BEAT_TIMEOUT_S="2")
    async with RawClient(server.url) as client:
        await client.start(seed=2)
        await client.count(8)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGSTOP)
        await client.message("session.recovering")
        await client.count(24)
        await asyncio.to_thread(wait_for, lambda: worker not in server.workers())
    assert [read(picture)[:2] for picture in decode(client.packets)][:24] == [
        (n, 2) for n in range(len(client.packets))
    ]


@pytest.mark.parametrize(("word", "restarts"), [("CRASH", 3), ("OOM", 3), ("HANG", 3), ("REFUSE", 0)])
async def test_a_chunk_that_fails_three_times_ends_its_session_only(
    make_server, word: str, restarts: int
) -> None:
    server = make_server(FLOWBRUSH_CHUNK_TIMEOUT_S="1.5")
    async with RawClient(server.url) as good, RawClient(server.url) as bad:
        await good.start("fine", seed=3)
        await bad.start(word, seed=4)
        reading = asyncio.create_task(good.count(160))
        error = await bad.message("error")
        assert error["code"] == "generation_failed"
        done = await bad.message("session.done")
        assert done["chunks"] == 2
        with pytest.raises(ConnectionClosed) as closed:
            await bad.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1011
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await good.count(len(good.packets) + 16)
    expected = [(n, 3, prompt_code("fine")) for n in range(len(good.packets))]
    assert [read(picture)[:3] for picture in decode(good.packets)] == expected
    assert server.metric("flowbrush_worker_restarts_total") == restarts
    assert server.metric("flowbrush_slots_used") <= 1


async def test_a_pass_that_fails_when_the_pictures_are_out_loses_and_doubles_none(make_server) -> None:
    server = make_server()
    async with RawClient(server.url) as client:
        await client.start("LATER", seed=6)
        await client.message("session.recovering")
        await client.count(40)
    frames = [packet.frame for packet in client.packets]
    assert frames == list(range(len(frames)))
    expected = [(n, 6, prompt_code("LATER")) for n in frames]
    assert [read(picture)[:3] for picture in decode(client.packets)] == expected
    assert server.metric("flowbrush_worker_restarts_total") == 0


def test_a_model_that_cannot_be_loaded_ends_the_server_with_a_clear_line(make_server) -> None:
    with pytest.raises(RuntimeError, match="cannot be loaded: RuntimeError: the weights are broken"):
        make_server(TEST_LOAD_FAILS="1")

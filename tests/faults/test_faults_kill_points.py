"""SIGKILL ends a worker in the middle of what it writes and encodes: streams go on, whole, and nothing half-written stays."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from raw_client import RawClient, decode
from running_server import RunningServer, wait_for
from server_generator import prompt_code, read


def half_written(server: RunningServer) -> list[Path]:
    return list((server.state_dir / "snapshots").rglob("*.part"))


@pytest.mark.parametrize("where", ["the dump of a snapshot", "the encoding of a frame"])
async def test_pictures_go_on_whole_wherever_the_worker_was(make_server, tmp_path: Path, where: str) -> None:
    await pictures_go_on_whole(make_server, tmp_path, where, "SIGKILL")


@pytest.mark.parametrize(
    ("where", "by"),
    [
        ("half a snapshot", "SIGKILL"),
        ("half a snapshot", "SIGSTOP"),
        ("a snapshot without its name", "SIGKILL"),
        ("a snapshot that nobody heard of", "SIGKILL"),
    ],
)
async def test_pictures_go_on_whole_when_a_file_was_being_written(
    make_server, tmp_path: Path, where: str, by: str
) -> None:
    """Whether the worker dies there or stands still, as one does whose machine is suspended."""
    await pictures_go_on_whole(make_server, tmp_path, where, by)


async def pictures_go_on_whole(make_server, tmp_path: Path, where: str, by: str) -> None:
    mark, armed = tmp_path / "killed", tmp_path / "armed"
    server: RunningServer = make_server(
        FLOWBRUSH_LOADER="killed_at:load",
        FLOWBRUSH_SNAPSHOT_CHUNKS="2",
        FLOWBRUSH_BEAT_TIMEOUT_S="3",
        TEST_KILLED_BY=by,
        TEST_KILLED_AT=where,
        TEST_KILLED=str(mark),
        TEST_ARMED=str(armed),
    )
    async with RawClient(server.url) as one, RawClient(server.url) as other:
        for seed, client in enumerate((one, other)):
            await client.start("steady", seed=seed)
        await asyncio.gather(*(client.count(24) for client in (one, other)))
        armed.touch()  # now that both streams have what can be lost
        await asyncio.gather(*(client.message("session.recovering") for client in (one, other)))
        assert mark.exists()
        await asyncio.gather(*(client.count(len(client.packets) + 40) for client in (one, other)))
        await asyncio.to_thread(wait_for, lambda: not half_written(server))
    for seed, client in enumerate((one, other)):
        frames = [packet.frame for packet in client.packets]
        assert frames == list(range(len(frames))), "none lost, none twice"
        shown = [read(picture)[:3] for picture in decode(client.packets)]
        assert shown == [(n, seed, prompt_code("steady")) for n in range(len(frames))]
    assert server.metric("flowbrush_worker_restarts_total") == 1


@pytest.mark.parametrize("by", ["SIGKILL", "SIGSTOP"])
async def test_a_worker_that_is_killed_while_it_takes_up_a_stream_costs_another_one(
    make_server, tmp_path: Path, by: str
) -> None:
    mark, armed = tmp_path / "killed", tmp_path / "armed"
    server: RunningServer = make_server(
        FLOWBRUSH_LOADER="killed_at:load",
        FLOWBRUSH_SNAPSHOT_CHUNKS="2",
        FLOWBRUSH_BEAT_TIMEOUT_S="3",
        TEST_KILLED_BY=by,
        TEST_KILLED_AT="the restoring of a stream",
        TEST_KILLED=str(mark),
        TEST_ARMED=str(armed),
    )
    async with RawClient(server.url) as client:
        armed.touch()
        await client.start("steady", seed=7)
        await client.count(24)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        await client.message("session.recovering")
        await client.message("session.recovering")
        assert mark.exists()
        await client.count(len(client.packets) + 24)
    frames = [packet.frame for packet in client.packets]
    assert frames == list(range(len(frames)))
    assert [read(picture)[:2] for picture in decode(client.packets)] == [(n, 7) for n in frames]
    assert server.metric("flowbrush_worker_restarts_total") == 2

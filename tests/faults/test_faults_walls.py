"""What fails in one session, or on the machine, stays there and is over when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys

import psutil
import pytest
from raw_client import RawClient
from running_server import RunningServer, wait_for
from test_server_rest import status_of
from websockets.exceptions import ConnectionClosed

limits_others = pytest.mark.skipif(
    not hasattr(psutil.Process, "rlimit"), reason="this system lets nobody limit a process that runs already"
)
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@limits_others
async def test_a_disk_that_takes_nothing_for_a_while_ends_nobody(make_server) -> None:
    """Four sessions, one with a hand at work; meanwhile no file can grow."""
    server: RunningServer = make_server(FLOWBRUSH_RECORD="0")
    web = psutil.Process(server.process.pid)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(RawClient(server.url)) for _ in range(4)]
        for number, client in enumerate(clients):
            await client.start(f"session {number}", seed=number)
            await client.count(4)
        web.rlimit(psutil.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        hand = clients[0]
        await hand.send(
            type="track.begin", id=1, track=1, kind="drag", points=[{"t": 0.5, "x": 0.5, "y": 0.5}]
        )
        await hand.message("notice", code="log_delayed")
        for client in clients:
            await client.count(len(client.packets) + 24)
        async with RawClient(server.url) as newcomer:
            await newcomer.send(type="session.start", model="pocket-random", prompt="late")
            error = await newcomer.message("error")
            assert error["retryable"] and error["code"] == "busy"
            assert error["message"] == "the session's files cannot be written: File too large"
        web.rlimit(psutil.RLIMIT_FSIZE, UNLIMITED)
        await hand.message("notice", code="log_resumed")
        for client in clients:
            await client.count(len(client.packets) + 8)
            await client.send(type="session.stop")
            done = await client.message("session.done")
            assert done["reason"] == "stopped"
        async with RawClient(server.url) as newcomer:
            await newcomer.start("late")
            await newcomer.count(4)
    log = (server.state_dir / "sessions" / hand.messages[0]["session"] / "journal.jsonl").read_bytes()
    assert log.endswith(b"\n") and log.count(b"track.begin") == 1


async def test_a_folder_that_takes_nothing_is_told_before_people_are_refused(make_server) -> None:
    """Something else stands where the folders of sessions were; then they are back."""
    server: RunningServer = make_server()
    sessions, moved = server.state_dir / "sessions", server.state_dir / "moved"
    async with RawClient(server.url) as client:
        path = f"/v1/sessions/{(await client.start())['session']}"
        await client.count(4)
        with server.held():
            sessions.rename(moved)
            sessions.touch()
        await asyncio.to_thread(wait_for, lambda: status_of(f"{server.url}/readyz")[0] == 503)
        assert "takes nothing: " in server.json("/healthz")["storage"], "a restart does not mend it"
        for part in ("log", "recording.mp4", "recording.mp4?first=0"):
            status, answer = await asyncio.to_thread(status_of, f"{server.url}{path}/{part}")
            assert status == 503 and json.loads(answer)["error"]["code"] == "busy", part
        await client.count(len(client.packets) + 8)
        with server.held():
            sessions.unlink()
            moved.rename(sessions)
        await asyncio.to_thread(wait_for, lambda: status_of(f"{server.url}/readyz")[0] == 200)
        assert server.json(f"{path}/log")["start"]["prompt"] == "a test"
    assert "Traceback" not in server.log.read_text()


async def test_a_state_folder_that_is_removed_is_made_again_for_its_user_alone(make_server) -> None:
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        path = f"/v1/sessions/{(await client.start())['session']}"
        await client.count(4)
        server.remove(server.state_dir)
        async with RawClient(server.url) as newcomer:
            await newcomer.start()
            await newcomer.count(4)
        await client.count(len(client.packets) + 8)
        log = server.json(f"{path}/log")
        assert log["start"]["prompt"] == "a test" and log["chunks"] >= len(client.packets) // 4
    there = [server.state_dir, *server.state_dir.rglob("*")]
    assert len(there) > 3 and not [each for each in there if each.stat().st_mode & 0o077]


@limits_others
async def test_a_session_that_ends_on_a_full_disk_has_ended_for_the_next_process_too(make_server) -> None:
    server: RunningServer = make_server(FLOWBRUSH_RECORD="0")
    web = psutil.Process(server.process.pid)
    async with RawClient(server.url) as client:
        ready = await client.start()
        await client.count(4)
        web.rlimit(psutil.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await client.send(type="session.stop")
        await client.message("session.done")
    await asyncio.to_thread(wait_for, lambda: status_of(f"{server.url}/readyz")[0] == 503)
    web.rlimit(psutil.RLIMIT_FSIZE, UNLIMITED)
    await asyncio.to_thread(wait_for, lambda: status_of(f"{server.url}/readyz")[0] == 200)
    server.stop()
    again = await asyncio.to_thread(lambda: make_server(port=server.port))
    state = again.json(f"/v1/sessions/{ready['session']}")
    assert (state["state"], state["reason"]) == ("done", "stopped")


@limits_others
async def test_a_full_disk_does_not_hold_the_end_up(make_server) -> None:
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await client.count(12)
        assert await asyncio.to_thread(server.stop, signal.SIGTERM) == 0


async def test_an_encoder_that_hangs_is_given_up_and_others_do_not_notice(make_server) -> None:
    """The stream goes on in the next codec that its client plays."""
    server: RunningServer = make_server(FLOWBRUSH_LOADER="stuck_encoder:load", FLOWBRUSH_CHUNK_TIMEOUT_S="3")
    async with RawClient(server.url) as other, RawClient(server.url) as client:
        await other.start("other", seed=1, codecs=["h264"])
        ready = await client.start("stuck", seed=2, codecs=["vp8", "jpeg"])
        reading = asyncio.create_task(other.count(10_000))
        with contextlib.suppress(Exception):
            while True:
                await client.receive()
        assert client.socket.close_code == 1001, "its client is to come back"
        async with RawClient(server.url) as back:
            last = client.packets[-1].frame
            await back.send(
                type="session.start",
                resume=ready["resume_token"],
                last_frame=last,
                codecs=["vp8", "jpeg"],
            )
            again = await back.message("session.ready")
            await back.count(8)
        assert again["codec"] == "jpeg" and back.packets[0].frame == last + 1
        assert not reading.done()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert server.metric("flowbrush_worker_restarts_total") == 0
    frames = [packet.frame for packet in other.packets]
    assert frames == list(range(len(frames))) and len(frames) > 3 * 16, "nobody else has lost a frame"


@limits_others
async def test_a_worker_that_cannot_be_started_is_tried_again(make_server) -> None:
    server: RunningServer = make_server()
    web = psutil.Process(server.process.pid)
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        (worker,) = server.workers()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        web.rlimit(psutil.RLIMIT_NOFILE, (3, limit[1]))  # not even those that are kept for a worker
        os.kill(worker, signal.SIGKILL)
        await client.message("session.recovering")
        await asyncio.to_thread(wait_for, lambda: "no worker can be started" in server.log.read_text(), 30)
        web.rlimit(psutil.RLIMIT_NOFILE, limit)
        await client.count(len(client.packets) + 8)


def test_a_second_server_on_the_same_folder_refuses_and_names_the_first(make_server) -> None:
    server: RunningServer = make_server()
    assert server.state_dir.stat().st_mode & 0o777 == 0o700
    second = subprocess.run(
        [sys.executable, "-m", "flowbrush.server.cli", "serve", "--port", "0", "--model", "pocket-random"],
        env={**os.environ, "FLOWBRUSH_STATE_DIR": str(server.state_dir)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2 and f"process {server.process.pid} " in second.stderr
    assert server.json("/readyz")["ready"]


@pytest.mark.parametrize("what", ["journal.jsonl", "session.json"])
async def test_a_file_that_was_damaged_costs_no_more_than_it_held(make_server, what: str) -> None:
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        ready = await client.start("steady", seed=3)
        await client.count(16)
    folder = server.state_dir / "sessions" / ready["session"]
    server.stop(signal.SIGKILL)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    if what == "session.json":
        (folder / what).write_text("{broken")
    else:
        (folder / what).write_bytes(b"".join([*lines[:2], b"{broken]\n", *lines[3:]]))
    again = await asyncio.to_thread(lambda: make_server(port=server.port))
    async with RawClient(again.url) as client:
        await client.send(type="session.start", resume=ready["resume_token"], last_frame=15)
        if what == "session.json":
            assert (await client.message("error"))["code"] == "resume_expired"
        else:
            await client.message("session.ready")
            assert (await client.message("session.rewound"))["chunk"] == 1
            await client.count(8)
            assert client.packets[0].frame == 8 and client.packets[0].key, (
                "it goes on where its log can be read"
            )


@limits_others
async def test_who_finds_no_file_descriptor_left_is_told_to_come_later(make_server) -> None:
    server: RunningServer = make_server()
    web = psutil.Process(server.process.pid)
    async with RawClient(server.url) as playing:
        await playing.start("here before")
        await playing.count(4)
        async with RawClient(server.url) as newcomer:
            web.rlimit(psutil.RLIMIT_NOFILE, (web.num_fds(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            await newcomer.send(type="session.start", model="pocket-random", prompt="late")
            error = await newcomer.message("error")
            assert error["code"] == "busy" and error["retryable"]
            assert error["message"] == "the session's files cannot be written: Too many open files"
            with pytest.raises(ConnectionClosed) as closed:
                await newcomer.receive()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
        await playing.count(len(playing.packets) + 8)

"""Somebody removes, moves or cuts files of a session that runs: it goes on, they are there again, and what is lost is told."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from pathlib import Path

import pytest
from PIL import Image
from raw_client import RawClient, decode
from running_server import RunningServer, wait_for
from server_generator import prompt_code, read
from test_faults_kill_points import half_written
from test_server_rest import status_of, upload

FILES = ["session.json", "journal.jsonl", "recording.mp4", "image.png"]


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (128, 96), (40, 90, 160)).save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize("removed", [["folder"], FILES], ids=["folder", "files"])
async def test_what_is_removed_of_a_running_session_is_there_again_whole(
    make_server, removed: list[str]
) -> None:
    """For its log, for a lost worker, and for the next process."""
    server: RunningServer = make_server(FLOWBRUSH_SNAPSHOT_CHUNKS="100")
    image = upload(server, picture())[1]["id"]
    async with RawClient(server.url) as other, RawClient(server.url) as client:
        await other.start("other", seed=1)
        ready = await client.start("steady", seed=3, image=image, codecs=["jpeg"])
        folder = server.state_dir / "sessions" / ready["session"]
        await client.send(type="prompt.set", id=1, prompts=[{"text": "changed"}])
        await client.message("control.applied")
        before = {path.name for path in folder.iterdir()}
        for what in removed:
            if what == "folder":
                server.remove(folder)
            else:
                (folder / what).unlink()
            await client.count(len(client.packets) + 12)
            await asyncio.to_thread(wait_for, lambda: before <= {path.name for path in folder.iterdir()})
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        await client.message("session.recovering")
        await client.count(len(client.packets) + 8)
        log = server.json(f"/v1/sessions/{ready['session']}/log")
        assert [each["prompts"][0]["text"] for each in log["controls"]] == ["changed"]
        assert "image" in log["start"] and log["chunks"] >= len(client.packets) // 4
        recorded = (folder / "recording.mp4").read_bytes()
        assert recorded.count(b"moof") >= len(client.packets) // 4 - 1
        assert not [m for m in client.messages if m["type"] == "notice"]
    assert "removed" in (text := server.log.read_text()) or "taken away" in text
    server.stop(signal.SIGKILL)
    again = await asyncio.to_thread(lambda: make_server(port=server.port))
    last = client.packets[-1].frame
    async with RawClient(again.url) as back:
        await back.send(type="session.start", resume=ready["resume_token"], last_frame=last)
        await back.message("session.ready")
        await back.count(8)
    assert back.packets[0].frame == last + 1
    first = next(m["frame"] for m in client.messages if m["type"] == "control.applied")
    for packets in (client.packets, back.packets):
        shown = [read(each)[:3] for each in decode(packets)]
        assert shown == [
            (packet.frame, 3, prompt_code("steady" if packet.frame < first else "changed"))
            for packet in packets
        ]


async def test_a_log_that_is_emptied_costs_no_picture_and_what_is_lost_of_it_is_told(make_server) -> None:
    """Also where the worker is lost right then; a rewind to what is lost is refused, and one to what is not is done."""
    server: RunningServer = make_server(FLOWBRUSH_SNAPSHOT_CHUNKS="4")
    async with RawClient(server.url) as client:
        ready = await client.start("steady", seed=3, codecs=["jpeg"])
        journal = server.state_dir / "sessions" / ready["session"] / "journal.jsonl"
        await client.send(type="prompt.set", id=1, prompts=[{"text": "changed"}])
        first = (await client.message("control.applied"))["frame"]
        await client.count(4 * 80)
        os.truncate(journal, 0)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        notice = await client.message("notice")
        assert notice["code"] == "log_lost" and "chunks 0 to " in notice["message"]
        await client.count(len(client.packets) + 40)
        await client.send(type="session.rewind", chunk=5, id=2)
        error = await client.message("error")
        assert error["code"] == "rewind_out_of_range" and error["field"] == "chunk"
        shown = len(client.packets)
        await client.send(type="session.rewind", chunk=shown // 4 - 5)
        back_to = await client.message("session.rewound")
        await client.count(len(client.packets) + 8)
        status, answer = status_of(f"{server.url}/v1/sessions/{ready['session']}/log")
        assert status == 200 and json.loads(answer)["chunks"] == 0
    numbers = [packet.frame for packet in client.packets]
    jump = next(n for n in range(1, len(numbers)) if numbers[n] != numbers[n - 1] + 1)
    assert numbers[:jump] == list(range(jump)) and jump >= shown, "none lost, none twice"
    assert numbers[jump:] == list(range(4 * (back_to["chunk"] + 1), numbers[-1] + 1))
    pictures = [read(each)[:3] for each in decode(client.packets)]
    assert pictures == [
        (packet.frame, 3, prompt_code("steady" if packet.frame < first else "changed"))
        for packet in client.packets
    ]
    assert server.metric("flowbrush_worker_restarts_total") == 1


async def test_files_of_a_paused_session_that_are_removed_are_there_again(make_server) -> None:
    """Also for those who read them at once, behind a rewind, and for the next process where this one is killed."""
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        ready = await client.start("steady", seed=3)
        await client.count(16)
        await client.send(type="session.pause")
        await client.message("session.paused")
        folder: Path = server.state_dir / "sessions" / ready["session"]
        before = set(os.listdir(folder))
        for path in ("log", "recording.mp4"):
            server.remove(folder)
            assert status_of(f"{server.url}/v1/sessions/{ready['session']}/{path}")[0] == 200, path
        server.remove(folder)
        await client.send(type="session.rewind", chunk=2)
        await client.message("session.rewound")
        await asyncio.to_thread(wait_for, lambda: folder.is_dir() and before <= set(os.listdir(folder)))
        server.remove(folder)
        await asyncio.to_thread(wait_for, lambda: folder.is_dir() and before <= set(os.listdir(folder)))
        server.stop(signal.SIGKILL)
    again = await asyncio.to_thread(lambda: make_server(port=server.port))
    async with RawClient(again.url) as back:
        await back.send(type="session.start", resume=ready["resume_token"], last_frame=11)
        await back.message("session.ready")
        await back.send(type="session.resume")
        await back.count(4)
    assert back.packets[0].frame == 12


async def test_a_paused_session_whose_folder_is_removed_is_taken_up_by_the_next_process(make_server) -> None:
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        ready = await client.start("steady", seed=3)
        await client.count(16)
        await client.send(type="session.pause")
        await client.message("session.paused")
        folder: Path = server.state_dir / "sessions" / ready["session"]
        await asyncio.sleep(0.5)
        server.remove(folder)
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        try:
            while True:
                await client.receive()
        except Exception:
            await stopping
    again = await asyncio.to_thread(lambda: make_server(port=server.port))
    last = client.packets[-1].frame
    async with RawClient(again.url) as back:
        await back.send(type="session.start", resume=ready["resume_token"], last_frame=last)
        await back.message("session.ready")
        await back.send(type="session.resume")
        await back.count(4)
    assert back.packets[0].frame == last + 1 and not half_written(again)
    assert again.metric("flowbrush_effect_failures_total") == 0, (
        "that another process kept no frames is no failure"
    )


async def test_what_was_paused_is_paused_when_its_server_was_killed(make_server) -> None:
    """And what had gone on goes on. A server that stops writes that at its end, one that is killed has to have written it."""
    server: RunningServer = make_server()
    asked = {"begun so": (), "paused": ("pause",), "gone on": ("pause", "resume")}
    tokens = {}
    for name, commands in asked.items():
        async with RawClient(server.url) as client:
            ready = await client.start("steady", paused=not commands)
            for command in commands:
                await client.send(type=f"session.{command}")
                await client.message(f"session.{command}d")
            tokens[name] = ready["resume_token"]
            await asyncio.to_thread(
                status_of, f"{server.url}/v1/sessions/{ready['session']}/log"
            )  # behind what is to be written
    server.stop(signal.SIGKILL)
    again = await asyncio.to_thread(lambda: make_server(port=server.port))
    paused = []
    for name, token in tokens.items():
        async with RawClient(again.url) as back:
            await back.send(type="session.start", resume=token, last_frame=-1)
            await back.message("session.ready")
            await back.send(type="session.step", id=5)  # taken in a paused session alone
            answer = {"type": ""}
            while answer["type"] not in ("session.paused", "error"):
                got = await back.receive()
                answer = got if isinstance(got, dict) else answer
            if answer["type"] == "session.paused":
                paused.append(name)
    assert paused == ["begun so", "paused"]

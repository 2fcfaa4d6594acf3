"""Clients nobody here wrote, over the wire: what vLLM-Omni's rely on at `/v1/realtime/video`, and LiveFrame's adapter."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from liveframe.world.loader import load_backend
from PIL import Image
from raw_client import decode_file
from realtime_client import RealtimeClient
from running_server import RunningServer, wait_for
from server_generator import prompt_code, read

from flowbrush.protocol import CameraSet
from flowbrush.session_file import SessionFile

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

POINTS = [{"t": 0, "x": 0.5, "y": 0.5}, {"t": 60, "x": 0.5, "y": 0.5}]
BEGIN, PICTURE = "multi_modal_data.tracks.data.begin", "image_reference.image_url"
OWN = {"track": 2130706432, "kind": "path", "points": POINTS}


async def test_a_video_plays_to_its_end_and_is_a_session_like_any_other(server: RunningServer) -> None:
    async with RealtimeClient(server) as client:
        start = await client.start("a fox", model="pocket-random", seed=9, num_frames=10, guidance_scale=1.0)
        done = await client.text("session.done")
        assert await client.close_code() == 1000
    assert start["format"] == "m4s"
    made = {
        "model": "pocket-random",
        "prompt": "a fox",
        "width": 128,
        "height": 96,
        "fps": 16.0,
        "num_frames": 10,
        "seed": 9,
    }
    assert start["config"] == made
    assert [each["num_frames"] for each in client.chunks] == [4, 4, 2]
    assert [each["generation_chunk_index"] for each in client.chunks] == [0, 1, 2]
    pictures = [read(picture)[:3] for picture in decode_file(client.file)]
    assert pictures == [(n, 9, prompt_code("a fox")) for n in range(10)]
    assert (done["chunks"], done["stopped"], done["request_id"]) == (3, False, start["request_id"])
    file = SessionFile.parse(server.get(done["log"])).message
    assert (file.start.prompt, file.start.seed) == ("a fox", 9)
    assert server.json(f"/v1/sessions/{start['request_id']}")["reason"] == "completed"
    assert len(decode_file(server.get(done["recording"]))) >= 10


async def test_interactions_are_queued_shown_and_logged(server: RunningServer) -> None:
    async with RealtimeClient(server) as client:
        start = await client.start("before")
        await client.text("video.chunk_metadata")
        await client.change("words", prompt="after", transition_chunks=0)
        assert (await client.text("session.interaction.queued"))["event_id"] == "words"
        shown = await client.shows("words")
        assert shown["active_event_ids"] == shown["completed_event_ids"] == ["words"]
        camera = {"mode": "velocity", "data": {"translation": [0.05, 0, 0], "rotation": [0, 0, 0, 1]}}
        await client.change("right", multi_modal_data={"camera": camera})
        await client.shows("right")
        assert (await client.text("video.chunk_metadata"))["active_event_ids"] == ["right"], "it goes on"
        tracks = {"data": {"begin": [{"track": 3, "kind": "path", "points": POINTS}]}}
        await client.change("hand", multi_modal_data={"tracks": tracks})
        await client.shows("hand")
        await client.change(multi_modal_data={"tracks": {"data": {"end": [3]}}})
        own = (await client.text("session.interaction.queued"))["event_id"]
        await client.shows(own)
        await client.send("session.stop")
        assert (await client.text("session.done"))["stopped"] is True
    pictures = [read(picture) for picture in decode_file(client.file)]
    firsts = {
        id: sum(c["num_frames"] for c in client.chunks[:n])
        for n, c in enumerate(client.chunks)
        for id in c["started_event_ids"]
    }
    assert pictures[firsts["words"] - 1][2] == prompt_code("before")
    assert {picture[2] for picture in pictures[firsts["words"] :]} == {prompt_code("after")}
    assert [pictures[firsts[id]][3] for id in ("right", "hand", own)] == [0, 50, 0]
    log = SessionFile.parse(server.get(f"/v1/sessions/{start['request_id']}/log")).message
    kinds = [each.type for each in log.controls]
    assert kinds == ["prompt.set", "camera.set", "track.begin", "track.end"]


async def test_what_is_wrong_is_told_and_the_video_goes_on(server: RunningServer) -> None:
    async with RealtimeClient(server) as client:
        await client.start()
        await client.socket.send("no JSON")
        await client.socket.send(b"\0")
        await client.send("session.begin")
        await client.send("session.start", prompt="another")
        await client.change("empty")
        await client.change("far", multi_modal_data={"camera": {"data": {"translation": [99, 0, 0]}}})
        await client.change("gone", multi_modal_data={"tracks": {"data": {"end": [3]}}})
        await client.change("twice", prompt="x")
        await client.change("twice", prompt="y")
        refused = [await client.text("error") for _ in range(8)]
        assert [(each["code"], each.get("event_id")) for each in refused] == [
            ("invalid_json", None), ("binary_not_allowed", None), ("unknown_type", None), ("already_started", None),
            ("missing_field", "empty"), ("out_of_range", "far"), ("unknown_track", "gone"), ("event_id_conflict", "twice"),
        ]  # fmt: skip
        await client.send("session.ping")
        await client.text("session.pong")
        await client.text("video.chunk_metadata")


@pytest.mark.parametrize(
    ("start", "code", "field"),
    [
        ({"model": "another"}, "unknown_model", "model"),
        ({"width": 640, "height": 384}, "invalid_value", "width"),
        ({"prompt": ""}, "out_of_range", "prompt"),
        ({"format": "webm"}, "invalid_value", "format"),
        ({"image_reference": {}}, "missing_field", PICTURE),
        ({"image_reference": {"image_url": "http://127.0.0.1/a.png"}}, "unsupported", PICTURE),
        ({"image_reference": {"image_url": "data:image/png;base64,a"}}, "invalid_value", PICTURE),
        ({"image_reference": {"image_url": "data:image/png;base64,aGk="}}, "invalid_value", PICTURE),
        ({"image_reference": {"file_id": "none"}}, "unknown_image", "image_reference.file_id"),
        ({"multi_modal_data": {"tracks": {"data": {"begin": [OWN]}}}}, "out_of_range", f"{BEGIN}[0].track"),
    ],
)
async def test_a_start_that_cannot_be_is_refused_with_its_reason(
    server: RunningServer, start: dict[str, Any], code: str, field: str
) -> None:
    async with RealtimeClient(server) as client:
        await client.send("session.start", **{"prompt": "x", **start})
        error = await client.text("error")
        assert (error["code"], error["field"]) == (code, field)
        assert await client.close_code() == 1003


async def test_a_video_begins_with_a_picture_of_the_message(server: RunningServer) -> None:
    out = io.BytesIO()
    Image.fromarray(np.full((96, 128, 3), 200, np.uint8)).save(out, "PNG")
    url = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
    async with RealtimeClient(server) as client:
        start = await client.start("x", image_reference={"image_url": url}, num_frames=4)
        await client.text("session.done")
    log = SessionFile.parse(server.get(f"/v1/sessions/{start['request_id']}/log")).message
    assert (log.start.image or "").startswith("data:image/png;base64,")


async def test_a_large_picture_fits_into_the_start_and_into_nothing_else(server: RunningServer) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    url = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
    assert len(url) > 3 << 20
    async with RealtimeClient(server) as client:
        await client.start("x", image_reference={"image_url": url})
        await client.change("large", prompt="y", ignored="z" * (1 << 20))
        assert (await client.text("error"))["code"] == "too_large"


async def test_the_session_ends_with_its_connection(server: RunningServer) -> None:
    async with RealtimeClient(server) as client:
        session = (await client.start())["request_id"]
        await client.text("video.chunk_metadata")
    wait_for(lambda: server.json(f"/v1/sessions/{session}")["state"] == "done")


async def test_playback_bounds_what_is_made_ahead(server: RunningServer) -> None:
    async with RealtimeClient(server) as client:
        await client.start()
        await client.text("video.chunk_metadata")
        await client.send("session.playback", position_seconds=0.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.5):
                while True:
                    await client.receive()
    assert sum(each["num_frames"] for each in client.chunks) <= 16 * 3, (
        "it stands still two seconds ahead, and a chunk"
    )


async def test_liveframe_steps_a_session_from_its_picture(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWBRUSH_URL", server.url)
    monkeypatch.setenv("FLOWBRUSH_MODEL", "pocket-random")
    sessions = await asyncio.to_thread(
        _measured, load_backend(f"{EXAMPLES / 'liveframe_world.py'}:Flowbrush")
    )
    log = SessionFile.parse(server.get(f"/v1/sessions/{sessions[0]}/log")).message
    assert (log.start.image or "").startswith("data:image/png;base64,") and log.start.seed == 5
    moves = [each for each in log.controls if isinstance(each, CameraSet)]
    assert [(each.chunk, np.sign(each.pan[0]), np.sign(each.zoom)) for each in moves] == [
        (0, -1, 1),
        (1, 0, 0),
    ]
    assert [server.json(f"/v1/sessions/{id}")["state"] for id in sessions] == ["done", "done"]


def _measured(world: Any) -> list[str]:
    """Two cases, as LiveFrame runs them; returns their sessions."""
    facts, sessions = world.capabilities, []
    assert (facts.resolution, facts.native_fps, facts.chunk_frames) == ((96, 128), 16, 4)
    world.load()
    for seed in (5, 6):
        world.reset(np.full((96, 128, 3), 90, np.uint8), None, seed)
        sessions.append(world._stream.session)
        made = [frame for keys in (["W", "L"], ["0"]) for frame in world.step(keys)]
        assert [(frame.index, frame.native_frame_count) for frame in made] == [(0, 4), (1, 4)]
        pictures = np.concatenate([frame.payload for frame in made])
        assert [read(picture)[:2] for picture in pictures] == [(n, seed) for n in range(8)]
    world.close()
    return sessions

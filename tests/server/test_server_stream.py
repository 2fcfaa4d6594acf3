"""A session over the wire: controls, acknowledgements, rewind, resume, viewers, recordings."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from raw_client import RawClient, decode, decode_file
from running_server import RunningServer
from server_generator import prompt_code, read
from websockets.exceptions import ConnectionClosed

import flowbrush
from flowbrush.session_file import SessionFile


def frames_of(client: RawClient) -> list[tuple[int, int, int, int]]:
    return [read(picture) for picture in decode(client.packets)]


async def test_frames_are_contiguous_and_show_what_was_asked(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start("a fox", seed=9)
        assert (ready["width"], ready["height"], ready["fps"], ready["chunk_frames"]) == (128, 96, 16, 4)
        assert ready["codec"] == "h264" and ready["codec_string"].startswith("avc1.")
        await client.count(12)
    assert [packet.frame for packet in client.packets] == list(range(12))
    assert [packet.chunk for packet in client.packets] == [index // 4 for index in range(12)]
    assert [packet.pts_us for packet in client.packets] == [index * 62500 for index in range(12)]
    assert client.packets[0].key and not client.packets[0].discontinuity
    assert [packet.last_of_chunk for packet in client.packets] == [False, False, False, True] * 3
    assert [each[:3] for each in frames_of(client)] == [(n, 9, prompt_code("a fox")) for n in range(12)]


@pytest.mark.parametrize("codec", ["h264", "vp8", "vp9", "av1", "jpeg"])
async def test_every_codec_arrives_and_is_recorded(server: RunningServer, codec: str) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start(codecs=["theora", codec], seed=3)
        assert ready["codec"] == codec
        await client.count(8)
        await client.send(type="session.stop")
        done = await client.message("session.done")
    assert [each[:2] for each in frames_of(client)][:8] == [(n, 3) for n in range(8)]
    recorded = decode_file(server.get(done["recording"]))
    assert [read(picture)[:2] for picture in recorded] == [(n, 3) for n in range(done["frames"])]


async def test_a_prompt_is_acknowledged_twice_with_the_frame_that_shows_it(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.start("before")
        await client.count(4)
        await client.send(type="prompt.set", id=5, prompts=[{"text": "after"}])
        queued = await client.message("control.queued", id=5)
        applied = await client.message("control.applied", id=5)
        await client.frame(applied["frame"] + 3)
    assert queued["chunk"] <= applied["chunk"] <= queued["chunk"] + 1
    shown = [each[2] for each in frames_of(client)]
    first = shown.index(prompt_code("after"))
    assert first == applied["frame"]
    ids = [packet.control_id for packet in client.packets]
    assert ids == [0] * first + [5] * (len(ids) - first)
    assert client.order.index("control.applied") < client.order.index(f"frame {first}")


async def test_superseded_controls_are_acknowledged_with_their_successor(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.start(paused=True)
        for id in (1, 2, 3):
            await client.send(type="prompt.set", id=id, prompts=[{"text": f"prompt {id}"}])
        await client.send(type="session.step", id=9, chunks=1)
        await client.message("session.paused", id=9)
    applied = {m["id"]: m["frame"] for m in client.messages if m["type"] == "control.applied"}
    assert applied == {1: 0, 2: 0, 3: 0}
    assert {each[2] for each in frames_of(client)} == {prompt_code("prompt 3")}


async def test_ids_must_grow(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.start(paused=True)
        await client.send(type="tracks.clear", id=4)
        await client.message("control.queued", id=4)
        for id in (4, 3):
            await client.send(type="tracks.clear", id=id)
            assert (await client.message("error"))["code"] == "id_not_increasing"


async def test_what_the_model_cannot_do_is_refused_and_the_stream_goes_on(server: RunningServer) -> None:
    source = {"codec": "jpeg", "width": 128, "height": 96, "fps": 16, "strength": 0.5}
    async with RawClient(server.url) as client:
        await client.start("a test")
        await client.send(type="source.begin", id=4, **source)
        assert (await client.message("error", id=4))["code"] == "unsupported"
        await client.count(8)


async def test_a_drag_is_replayed_with_its_own_rhythm_and_without_loss(server: RunningServer) -> None:
    """The hand moves at 1.6 frame widths a second: 10 hundredths from frame to frame, in every frame."""
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        await client.send(
            type="track.begin", id=1, track=1, kind="drag", points=[{"t": 0.1, "x": 0.1, "y": 0.5}]
        )
        points = [{"t": 0.1 + 0.01 * n, "x": 0.1 + 0.016 * n, "y": 0.5} for n in range(1, 41)]
        for at in range(0, 40, 8):
            await client.send(type="track.move", id=2 + at, track=1, points=points[at : at + 8])
        last = await client.message("control.applied", id=34)
        await client.frame(last["frame"] + 11)
    shown = [each[3] for each in frames_of(client)]
    moving = shown[shown.index(10) :]
    moving = moving[: moving.index(74)]
    steps = np.diff(moving[moving.count(10) - 1 :])
    assert shown[-1] == 74, "the last point must be reached"
    assert len(steps) >= 4 and (np.abs(steps - 10) <= 2).mean() >= 0.6, shown


async def test_pause_step_and_resume(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        await client.send(type="session.pause", id=1)
        paused = await client.message("session.paused", id=1)
        await client.send(type="session.step", id=2, chunks=2)
        stepped = await client.message("session.paused", id=2)
        assert stepped["chunk"] == paused["chunk"] + 2
        assert client.packets[-1].frame == stepped["chunk"] * 4 - 1
        await client.send(type="session.resume", id=3)
        assert (await client.message("session.resumed", id=3))["chunk"] == stepped["chunk"]
        await client.send(type="session.step", chunks=1)
        assert (await client.message("error"))["code"] == "not_paused"
        await client.count(stepped["chunk"] * 4 + 4)
    assert [packet.frame for packet in client.packets] == list(range(len(client.packets)))
    assert not any(packet.discontinuity for packet in client.packets)


@pytest.mark.parametrize("chunks", [6, 26], ids=["kept", "made again"])
async def test_rewind_goes_back_exactly(server: RunningServer, chunks: int) -> None:
    """The second case goes back further than the generator keeps: the journal brings the state back."""
    async with RawClient(server.url) as client:
        await client.start("old", seed=1, paused=True)
        await client.send(type="session.step", chunks=3)
        await client.message("session.paused")
        await client.send(type="prompt.set", id=1, prompts=[{"text": "new"}])
        await client.send(type="session.step", chunks=chunks - 3)
        await client.message("session.paused", chunk=chunks)
        before = len(client.packets)
        await client.send(type="session.rewind", id=2, chunk=1)
        assert (await client.message("session.rewound", id=2))["chunk"] == 1
        await client.send(type="session.step", chunks=2)
        await client.message("session.paused", chunk=4)
        await client.send(type="session.rewind", id=3, chunk=50)
        assert (await client.message("error", id=3))["code"] == "rewind_out_of_range"
        await client.send(type="session.stop")
        done = await client.message("session.done")
    again = client.packets[before:]
    assert [packet.frame for packet in again] == list(range(8, 16))
    assert again[0].key and again[0].discontinuity
    assert [read(picture)[:3] for picture in decode(again)] == [
        (n, 1, prompt_code("old")) for n in range(8, 16)
    ]
    recorded = [read(picture)[:3] for picture in decode_file(server.get(done["recording"]))]
    assert recorded == [(n, 1, prompt_code("old")) for n in range(16)], "the recording is what the log says"
    assert json.loads(server.get(done["log"]))["controls"] == []


async def test_reset_starts_over_with_another_seed(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.start("x", seed=1)
        await client.count(8)
        await client.send(type="session.reset", id=1, seed=2)
        assert (await client.message("session.restarted", id=1))["chunk"] == 0
        before = len(client.packets)
        await client.count(before + 8)
        await client.send(type="session.stop")
        done = await client.message("session.done")
    assert client.packets[before].discontinuity and client.packets[before].key
    assert [read(picture)[:2] for picture in decode(client.packets[before:])][:8] == [
        (n, 2) for n in range(8)
    ]
    assert json.loads(server.get(done["log"]))["start"]["seed"] == 2


async def test_a_lost_connection_is_resumed_without_a_gap(server: RunningServer) -> None:
    first = RawClient(server.url)
    async with first:
        ready = await first.start(seed=5)
        await first.send(type="prompt.set", id=7, prompts=[{"text": "kept"}])
        await first.count(10)
        first.socket.transport.abort()
    async with RawClient(server.url) as second:
        await second.send(type="session.start", resume=ready["resume_token"], last_frame=9)
        again = await second.message("session.ready")
        assert (again["session"], again["last_id"]) == (ready["session"], 7)
        await second.count(10)
    assert [packet.frame for packet in second.packets] == list(range(10, 20))
    joined = decode(first.packets[:10] + second.packets)
    assert [read(picture)[:2] for picture in joined] == [(n, 5) for n in range(20)]


async def test_a_resume_takes_over_a_connection_that_still_hangs(server: RunningServer) -> None:
    async with RawClient(server.url) as first, RawClient(server.url) as second:
        ready = await first.start()
        await first.count(4)
        await second.send(
            type="session.start", resume=ready["resume_token"], last_frame=first.packets[-1].frame
        )
        await second.message("session.ready")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await first.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
        await second.count(4)


async def test_a_last_frame_that_was_never_sent_is_refused(server: RunningServer) -> None:
    async with RawClient(server.url) as first, RawClient(server.url) as second:
        ready = await first.start()
        await first.count(4)
        await second.send(type="session.start", resume=ready["resume_token"], last_frame=100_000, id=5)
        error = await second.message("error")
        assert (error["code"], error["field"]) == ("out_of_range", "last_frame")
        assert "last_frame is 100000: expected" in error["message"]
        await first.count(12)  # who has the session keeps it


async def test_who_comes_back_without_the_codec_of_the_session_is_told(server: RunningServer) -> None:
    """It was sent what it had not named; who has the session keeps it."""
    async with RawClient(server.url) as first, RawClient(server.url) as second:
        ready = await first.start(codecs=["h264", "jpeg"])
        await second.send(type="session.start", resume=ready["resume_token"], last_frame=-1, codecs=["jpeg"])
        error = await second.message("error")
        assert (error["code"], error["field"]) == ("no_codec", "codecs") and "as h264" in error["message"]
        await first.count(12)


async def test_unknown_tokens_are_refused(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.send(type="session.start", resume="never-issued", last_frame=3)
        assert (await client.message("error"))["code"] == "resume_expired"


async def test_viewers_join_at_a_key_frame_and_cannot_control(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start(seed=4)
        await client.count(8)
        path = f"/v1/sessions/{ready['session']}/watch"
        async with RawClient(server.url, path) as viewer:
            seen = await viewer.message("session.ready")
            assert "resume_token" not in seen
            reading = asyncio.create_task(client.count(32))
            await viewer.count(8)
            await viewer.send(type="session.stop", id=1)
            assert (await viewer.message("error", id=1))["code"] == "read_only"
            await viewer.send(type="ping", sent_us=17)
            await viewer.message("pong", sent_us=17)
            await reading
    assert viewer.packets[0].key
    first = viewer.packets[0].frame
    assert [read(picture)[:2] for picture in decode(viewer.packets)] == [
        (first + n, 4) for n in range(len(viewer.packets))
    ]


@pytest.mark.parametrize("codec", ["h264", "vp8", "jpeg"])
async def test_who_joins_a_paused_session_sees_its_last_picture(server: RunningServer, codec: str) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start(seed=5, codecs=[codec])
        await client.count(12)
        await client.send(type="session.pause")
        last = (await client.message("session.paused"))["chunk"] * 4 - 1
        if client.packets[-1].frame < last:
            await client.frame(last)
        base = f"/v1/sessions/{ready['session']}"
        async with RawClient(server.url, f"{base}/watch") as viewer:
            await viewer.message("session.paused")
            await viewer.frame(last)
            await client.send(type="session.resume")
            reading = asyncio.create_task(client.count(len(client.packets) + 8))
            await viewer.count(5)
            await reading
            await client.send(type="session.pause")
            await client.message("session.paused")
            await client.send(type="session.rewind", chunk=1)
            await client.message("session.rewound")
        async with RawClient(server.url, f"{base}/watch") as late:
            await late.frame(7)

        def mjpeg() -> bytes:
            with urllib.request.urlopen(f"{server.url}{base}/watch.mjpeg", timeout=20) as answer:
                head = b"".join(answer.readline() for _ in range(4))  # boundary, type, length, empty line
                return answer.read(int(head.split(b"Content-Length: ")[1]))

        assert read(decode_file(await asyncio.to_thread(mjpeg))[0])[:2] == (7, 5)
    first, second = viewer.packets[0], viewer.packets[1]
    assert first.key and first.frame == last and str(first.codec) == codec
    assert second.key and second.discontinuity and second.frame == last + 1, "then the stream as it goes on"
    assert [read(picture)[0] for picture in decode(viewer.packets[:5])] == [last + n for n in range(5)]
    assert [read(picture)[0] for picture in decode(late.packets)] == [7]


async def test_pictures_for_those_who_take_only_jpeg(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start(seed=6)
        await client.count(4)
        reading = asyncio.create_task(client.count(80))
        base = f"/v1/sessions/{ready['session']}"

        def mjpeg() -> bytes:
            with urllib.request.urlopen(f"{server.url}{base}/watch.mjpeg", timeout=20) as answer:
                return answer.read(20000)

        still = await asyncio.to_thread(server.get, f"{base}/frame.jpg")
        parts = await asyncio.to_thread(mjpeg)
        reading.cancel()
    assert read(decode_file(still)[0])[1] == 6
    head, _, rest = parts.partition(b"\r\n\r\n")
    length = int(head.split(b"Content-Length: ")[1])
    assert read(decode_file(rest[:length])[0])[1] == 6


async def test_a_branch_goes_on_from_a_chunk_of_another(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start("trunk", seed=8)
        await client.count(16)
        request = urllib.request.Request(
            f"{server.url}/v1/sessions/{ready['session']}/branch",
            json.dumps({"chunk": 1}).encode(),
            {"Content-Type": "application/json"},
        )
        answer = await asyncio.to_thread(lambda: json.load(urllib.request.urlopen(request, timeout=20)))
        async with RawClient(server.url) as other:
            resume, last = answer["resume_token"], answer["last_frame"]
            await other.send(type="session.start", resume=resume, last_frame=last)
            assert (await other.message("session.ready"))["session"] == answer["session"] != ready["session"]
            await other.count(8)
    assert other.packets[0].key
    expected = [(n, 8, prompt_code("trunk")) for n in range(8, 16)]
    assert [read(picture)[:3] for picture in decode(other.packets)][:8] == expected


async def test_the_session_file_replays_to_the_recorded_frames(server: RunningServer) -> None:
    from server_generator import Generator

    from flowbrush.pipelines.requests import StreamSettings

    async with RawClient(server.url) as client:
        await client.start("one", seed=21)
        await client.count(4)
        await client.send(
            type="track.begin", id=1, track=3, kind="drag", points=[{"t": 0.1, "x": 0.2, "y": 0.5}]
        )
        for n in range(10):
            points = [{"t": 0.1 + 0.05 * n, "x": 0.2 + 0.05 * n, "y": 0.5}]
            await client.send(type="track.move", id=2 + n, track=3, points=points)
            await client.receive()
        await client.send(type="prompt.set", id=50, prompts=[{"text": "two"}])
        await client.message("control.applied", id=50)
        await client.count(32)
        await client.send(type="session.stop")
        done = await client.message("session.done")
    file = SessionFile.parse(server.get(done["log"])).message
    recorded = [read(picture) for picture in decode_file(server.get(done["recording"]))]
    generator = Generator("pocket-random", 1)
    prompts = tuple((prompt.text, prompt.weight) for prompt in file.start.prompt_list)
    state = generator.start(StreamSettings(file.model, prompts, 128, 96, 16, seed=file.start.seed or 0))
    replayed: list[tuple[int, int, int, int]] = []
    for chunk in range(file.chunks):
        controls = [control for control in file.controls if control.chunk == chunk]
        replayed += [read(frame) for frame in generator.step([state], [controls])[0].frames]
    assert replayed[: len(recorded)] == recorded and len(recorded) > 16


async def test_four_sessions_get_their_own_frames_and_a_fair_share(server: RunningServer) -> None:
    async def one(seed: int) -> RawClient:
        async with RawClient(server.url) as client:
            await client.start(f"session {seed}", seed=seed)
            await client.count(48)
        return client

    clients = await asyncio.gather(*(one(seed) for seed in range(1, 5)))
    for seed, client in enumerate(clients, 1):
        expected = [(n, seed, prompt_code(f"session {seed}")) for n in range(48)]
        assert [each[:3] for each in frames_of(client)][:48] == expected


async def test_those_who_wait_get_a_place_and_then_a_seat(server: RunningServer) -> None:
    async with RawClient(server.url) as a, RawClient(server.url) as b, RawClient(server.url) as c:
        for client in (a, b, c):
            await client.start(paused=True)
        async with RawClient(server.url) as d, RawClient(server.url) as waiting:
            await d.start(paused=True)
            assert not server_ready(server)
            await waiting.send(type="session.start", model="pocket-random", prompt="x")
            assert await waiting.message("queue") == {"type": "queue", "position": 1, "size": 1}
            await d.send(type="session.stop")
            await waiting.message("session.ready")
            await waiting.count(4)


def server_ready(server: RunningServer) -> bool:
    try:
        server.get("/readyz")
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False
    return True


async def test_who_waits_for_a_control_that_a_rewind_took_back_hears_of_it(server: RunningServer) -> None:
    async with flowbrush.connect(server.url, prompt="a", frames="none", realtime=False) as stream:
        await stream.pause()
        await stream.step()
        ack = await stream.set_prompt("b")
        await stream.rewind(0)
        with pytest.raises(flowbrush.ServerError, match="control_discarded"):
            async with asyncio.timeout(20):
                await ack.applied

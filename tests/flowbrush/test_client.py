"""The client against a server double: frames, acknowledgements, commands, lost connections."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from server_double import CHUNK_FRAMES, Double, fast, grey_of
from websockets.exceptions import ConnectionClosed

import flowbrush
from flowbrush import limits, session
from flowbrush import protocol as p
from flowbrush.decoder import Undecodable
from flowbrush.rest import Server
from flowbrush.tracks import Drag


async def read(stream: flowbrush.Stream, count: int) -> list[flowbrush.Packet]:
    return [await anext(stream) for _ in range(count)]


async def test_frames_come_in_order_and_decode_to_what_was_sent(server: Double) -> None:
    async with fast(server, frames="numpy") as stream:
        frames = await read(stream, 24)
    assert [frame.index for frame in frames] == list(range(24))
    for frame in frames:
        assert frame.image.shape == (48, 64, 3)
        assert abs(int(frame.image.mean()) - grey_of(frame.index)) <= 3


async def test_realtime_hands_frames_out_no_faster_than_their_media_time(server: Double) -> None:
    loop = asyncio.get_running_loop()
    async with fast(server, realtime=True) as stream:
        first = await anext(stream)
        began = loop.time()
        last = (await read(stream, 12))[-1]
        assert loop.time() - began >= (last.pts - first.pts) * 0.9


async def test_the_playhead_follows_the_reader_and_holds_the_server_back(server: Double) -> None:
    async with fast(server) as stream:
        await read(stream, 20)
        pts = [message.pts for message in server.received if isinstance(message, p.Playhead)]
        assert pts == sorted(pts)
        made = len(server.made)
        await stream.set_prompt("wait")  # a round trip: whatever was on its way has been made
        assert len(server.made) - 20 <= 0.5 * 16 + 2 * CHUNK_FRAMES, f"{made} made for 20 that were read"


async def test_a_control_is_queued_then_applied_by_the_frame_that_shows_it(server: Double) -> None:
    async with fast(server) as stream:
        await read(stream, 4)
        ack = await stream.set_prompt("a cat", transition_chunks=2)
        assert ack.id == 1 and ack.chunk is not None
        while not ack.applied.done():
            packet = await anext(stream)
            if packet.control_id >= ack.id:
                break
        applied = await ack.applied
        assert applied.frame == packet.frame
    sent = next(message for message in server.received if isinstance(message, p.PromptSet))
    assert sent.prompts[0].text == "a cat" and sent.transition is not None and sent.transition.chunks == 2


async def test_a_refused_control_raises_with_code_and_field_and_the_stream_goes_on(server: Double) -> None:
    async with fast(server) as stream:
        with pytest.raises(flowbrush.ServerError) as caught:
            await stream.control(p.TrackEnd(track=999))
        assert (caught.value.code, caught.value.field) == ("unknown_track", "track")
        assert [packet.frame for packet in await read(stream, 8)] == list(range(8))


async def test_drag_pin_path_and_camera_send_what_they_say(server: Double) -> None:
    async with fast(server) as stream:
        await read(stream, 8)
        async with stream.drag(0.2, 0.5, grid=flowbrush.Grid(rows=2, cols=2, spacing=0.1)) as hand:
            await hand.move(0.3, 0.5)
        await stream.drag_along([(0.1, 0.1), (0.9, 0.1)], seconds=0.1)
        pin = await stream.pin(0.5, 0.5)
        await pin.release()
        await stream.path([(0, 0.1, 0.1), (1, 0.9, 0.9)])
        await stream.camera(pan=(0.1, 0), zoom=0.5)
        await stream.clear_tracks("path")
    controls = [message for message in server.received if isinstance(message, p.CONTROL_TYPES)]
    kinds = [control.type if control.type != "track.begin" else control.kind for control in controls]
    moves = [kind for kind in kinds if kind == "track.move"]
    assert len(moves) >= 3
    assert [kind for kind in kinds if kind != "track.move"] == [
        "drag", "track.end", "drag", "track.end", "pin", "track.end", "path", "camera.set", "tracks.clear",
    ]  # fmt: skip
    begin = controls[0]
    assert begin.grid is not None and begin.points[0].t == pytest.approx(0.5)
    along = [c for c in controls if isinstance(c, p.TrackMove) and c.track == 2]
    assert along[-1].points[0].x == pytest.approx(0.9)
    times = [c.points[0].t for c in along]
    assert times == sorted(times)


async def test_a_probe_tells_what_a_hand_would_take_and_a_region_says_it(server: Double) -> None:
    held: list[p.TrackHeld] = []
    async with fast(server) as stream:
        stream.on("track.held", held.append)
        found, nothing = await asyncio.gather(
            stream.probe(0.5, 0.5, add=[(0.1, 0.2)]), stream.probe(0.9, 0.5)
        )
        assert len(found.region) == 2 and found.label == "fox" and nothing.region == ()
        async with stream.drag(0.5, 0.5, region=found.region) as hand:
            await hand.move(0.6, 0.5)
        await stream.pin(0.2, 0.2, add=[(0.3, 0.3)], remove=[(0.1, 0.1)])
        with pytest.raises(ValueError, match="not both"):
            stream.path([(0, 0, 0)], region=[[(0, 0), (1, 0), (1, 1)]], remove=[(0, 0)])
    drag, pin = (message for message in server.received if isinstance(message, p.TrackBegin))
    assert drag.region == found.region and held[0].region == found.region and held[0].track == drag.track
    assert (pin.region, pin.add, pin.remove) == (None, ((0.3, 0.3),), ((0.1, 0.1),))


async def test_an_image_needs_no_words_and_tracks_begin_with_the_stream(server: Double) -> None:
    path = p.TrackBegin(track=7, kind="path", points=(p.Point(t=0, x=0, y=0), p.Point(t=1, x=1, y=1)))
    async with fast(server, tracks=[path], width=192, height=320) as stream:
        assert stream.next_track() == 8
    (start,) = server.starts
    assert start.tracks == (path,) and (start.width, start.height) == (192, 320)
    with pytest.raises(flowbrush.FlowbrushError, match="the image cannot be read"):
        async with fast(server, prompt=None, image="/no/such/file.png"):
            pass


@pytest.mark.parametrize("noise", [range(5, 6), range(6, 14)])
async def test_frames_of_noise_cost_no_more_than_themselves(server: Double, noise: range) -> None:
    server.noise = noise
    async with fast(server, frames="numpy") as stream:
        before = len(stream._tasks)
        frames = await read(stream, 24)
        assert len(stream._tasks) == before, "of what was asked for nothing is kept"
    shown = [frame.index for frame in frames]
    assert set(range(noise.start)) <= set(shown) and shown == sorted(shown)
    assert any(isinstance(message, p.KeyFrame) for message in server.received), "a key frame is asked for"
    late = [frame for frame in frames if frame.index >= noise.stop + 16]
    assert late and all(abs(int(frame.image.mean()) - grey_of(frame.index)) <= 3 for frame in late)


async def test_a_stream_that_does_not_decode_is_told_of_in_the_end(server: Double) -> None:
    server.noise = range(4, 400)
    async with fast(server, frames="numpy") as stream:
        with pytest.raises(Undecodable):
            await read(stream, 400)
    asked = sum(isinstance(message, p.KeyFrame) for message in server.received)
    assert 10 <= asked < 25, "it was tried, and told before the picture had stood for two seconds"


def test_a_playhead_comes_as_often_as_the_protocol_wants_it() -> None:
    assert session.PLAYHEAD_GAP_S < session.PLAYHEAD_S
    assert session.PLAYHEAD_GAP_S + session.PLAYHEAD_S <= limits.PLAYHEAD_INTERVAL_S / 2


async def test_what_nobody_reads_is_left_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a server sends ahead of its reader, 2 s and a chunk; no more than a few hundred packets."""

    class Flood:
        """A connection on which packets come without end."""

        ready = p.SessionReady(
            session="s1", resume_token="token", model="pocket", width=64, height=48, fps=limits.MAX_FPS,
            chunk_frames=CHUNK_FRAMES, codec=p.Codec.H264, codec_string="avc1.42E01E", capabilities={},
        )  # fmt: skip

        def __init__(self) -> None:
            self.frame = -1

        @classmethod
        async def open(cls, *asked: Any) -> Flood:
            return cls()

        async def receive(self) -> flowbrush.Packet:
            await asyncio.sleep(0)
            self.frame += 1
            return flowbrush.Packet(self.frame // CHUNK_FRAMES, self.frame, 0, p.Codec.H264, b"")

        async def send(self, message: str | bytes) -> None:
            pass

        async def close(self) -> None:
            pass

    monkeypatch.setattr("flowbrush.viewer.Link", Flood)
    async with flowbrush.connect(frames="packets", realtime=False, prompt="a fox") as stream:
        for _ in range(5000):
            await asyncio.sleep(0)
        assert 3 * limits.MAX_FPS < stream.last_frame < 600
        assert [packet.frame for packet in await read(stream, 2000)] == list(range(2000))


async def test_a_lost_connection_is_tried_again_at_once_and_then_more_and_more_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restart of the server costs little, and a server that is down is not pressed by all of its clients."""
    waits: list[float] = []
    opened, sleep = 0, asyncio.sleep

    class Breaking:
        ready = p.SessionReady(
            session="s1", resume_token="token", model="pocket", width=64, height=48, fps=16,
            chunk_frames=CHUNK_FRAMES, codec=p.Codec.H264, codec_string="avc1.42E01E", capabilities={},
        )  # fmt: skip

        @classmethod
        async def open(cls, *asked: Any) -> Breaking:
            nonlocal opened
            opened += 1
            if 1 < opened < 8:
                raise flowbrush.ConnectionLost("nothing listens there")
            return cls()

        async def receive(self) -> None:
            if opened == 1:
                raise ConnectionClosed(None, None)
            await asyncio.Event().wait()

        async def send(self, message: str | bytes) -> None:
            pass

        async def close(self) -> None:
            pass

    async def counted(seconds: float) -> None:
        if opened < 8:
            waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr("flowbrush.viewer.Link", Breaking)
    monkeypatch.setattr("flowbrush.viewer.asyncio.sleep", counted)
    viewer, back = flowbrush.watch("http://nowhere.invalid", "s1", frames="packets"), asyncio.Event()
    viewer.on("reconnected", lambda _: back.set())
    async with viewer:
        await back.wait()
    assert waits == [0.1, 0.2, 0.5, 1, 2, 2, 2]


async def test_a_drag_that_is_not_held_says_so_when_it_is_moved(server: Double) -> None:
    """The server refused each such move, which went into a log alone."""
    async with flowbrush.connect(server.url, prompt="x", frames="none") as stream:
        drag = stream.drag(0.2, 0.2)
        with pytest.raises(RuntimeError, match="has not begun: use `async with`"):
            await drag.move(0.3, 0.2)
        async with drag:
            await drag.move(0.3, 0.2)
        with pytest.raises(RuntimeError, match="was released, and moves nothing any more: begin another"):
            await drag.move(0.4, 0.2)
        await stream.clear_tracks()
    moves = [each for each in server.received if isinstance(each, p.TrackMove)]
    assert [each.points[0].x for each in moves] == [0.3]


async def test_a_drag_along_a_line_goes_on_as_smoothly_as_a_hand_and_a_screen_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, sent = 10.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def send(message: p.TrackMove) -> None:
        sent.extend(message.points)

    loop = SimpleNamespace(time=lambda: now)
    monkeypatch.setattr(
        "flowbrush.tracks.asyncio", SimpleNamespace(sleep=sleep, get_running_loop=lambda: loop)
    )

    async def control(begin: p.TrackBegin) -> None:
        assert begin.kind == "drag"

    stream: Any = SimpleNamespace(now=3.0, send=send, control=control, next_track=lambda: 1)
    hand = await Drag(stream, "drag", [p.Point(t=3.0, x=0, y=0)])
    await hand.move_along([(0, 0), (0.5, 0), (0.5, 1)], seconds=1.0)
    assert 55 <= len(sent) <= 65
    assert (sent[-1].t, sent[-1].x, sent[-1].y) == pytest.approx((4.0, 0.5, 1.0))
    assert [point.t for point in sent] == sorted(point.t for point in sent)


async def test_pause_step_and_resume(server: Double) -> None:
    async with fast(server) as stream:
        paused = await stream.pause()
        stepped = await stream.step(2)
        assert stepped.chunk == paused.chunk + 2
        resumed = await stream.resume()
        assert resumed.chunk == stepped.chunk
        assert [packet.frame for packet in await read(stream, 40)] == list(range(40))


@pytest.mark.parametrize("paused", [True, False])
async def test_after_a_resume_it_knows_whether_it_is_paused(server: Double, paused: bool) -> None:
    """Also where the answer to a pause, or to its end, was lost with the connection."""
    async with fast(server, paused=not paused) as stream:
        assert stream.paused is not paused
        back = asyncio.Event()
        stream.on("session.paused" if paused else "reconnected", lambda _: back.set())
        server.paused = paused
        assert server.socket is not None
        server.socket.transport.abort()
        await back.wait()
        assert stream.paused is paused
    async with fast(server, resume="token", last_frame=-1) as other:
        await other.probe(0.1, 0.1)  # whatever came before its answer was heard
        assert other.paused is paused


async def test_rewind_drops_what_was_not_read_and_goes_on_after_that_chunk(server: Double) -> None:
    async with fast(server, frames="numpy") as stream:
        await read(stream, 20)
        await stream.rewind(1)
        frames = await read(stream, 8)
    assert [frame.index for frame in frames] == list(range(8, 16))
    assert frames[0].packet.discontinuity and frames[0].packet.key
    assert abs(int(frames[0].image.mean()) - grey_of(8)) <= 3


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:9", "nothing listens there: start the server"),
        ("http://nowhere.invalid", "no connection to ws://nowhere.invalid/v1/stream: "),
    ],
)
async def test_why_there_is_no_connection_is_told_without_the_systems_number(url: str, says: str) -> None:
    with pytest.raises(flowbrush.ConnectionLost) as caught:
        async with flowbrush.connect(url, prompt="a fox"):
            pass
    assert says in str(caught.value) and "Errno" not in str(caught.value)


async def test_frames_of_a_stream_that_is_not_open_are_not_waited_for() -> None:
    with pytest.raises(RuntimeError, match="not connected: use `async with`"):
        await anext(flowbrush.connect(prompt="a fox"))


@pytest.mark.parametrize("prompt", [5, ["a", "fox"], [("a fox", 1, 2)], {"a": 1}])
def test_what_is_no_prompt_is_told(prompt: Any) -> None:
    with pytest.raises(TypeError, match="give a text, or a list of"):
        flowbrush.connect(prompt=prompt)


async def test_a_path_without_times_is_told(server: Double) -> None:
    async with fast(server) as stream:
        with pytest.raises(ValueError, match=r"points\[0\]\[2\] is missing"):
            stream.path([(0.5, 0.5)])  # type: ignore[list-item]


async def test_a_refused_command_raises(server: Double) -> None:
    async with fast(server) as stream:
        with pytest.raises(flowbrush.ServerError, match="does not exist yet"):
            await stream.rewind(10_000)


@pytest.mark.parametrize("cut", [5, 7, 16])
async def test_a_lost_connection_is_resumed_and_every_frame_comes_once(server: Double, cut: int) -> None:
    server.cut_at_frame = cut
    events: list[str] = []
    stream = fast(server, frames="numpy")
    stream.on("reconnecting", lambda _: events.append("reconnecting"))
    stream.on("reconnected", lambda _: events.append("reconnected"))
    async with stream:
        frames = await read(stream, 32)
    assert [frame.index for frame in frames] == list(range(32))
    assert all(abs(int(frame.image.mean()) - grey_of(frame.index)) <= 3 for frame in frames)
    assert events == ["reconnecting", "reconnected"]
    assert server.starts[1].resume == "token" and -1 <= server.starts[1].last_frame < cut


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_control_whose_answer_was_lost_is_acknowledged_once(server: Double, cut: str) -> None:
    async with fast(server) as stream:
        await read(stream, 4)
        server.cut_at_control = cut
        ack = await stream.set_prompt("a cat")
        packets = await read(stream, 40)
        applied = await ack.applied
    assert [packet.frame for packet in packets] == list(range(4, 44))
    assert applied.frame == next(packet.frame for packet in packets if packet.control_id >= ack.id)
    assert server.last_id == 1


async def test_another_process_goes_on_with_the_token_and_counts_ids_on(server: Double) -> None:
    async with fast(server) as stream:
        await read(stream, 4)
        await stream.set_prompt("a cat")
        token, last = stream.resume_token, stream.last_frame
    async with fast(server, resume=token, last_frame=last) as other:
        assert (await anext(other)).frame == last + 1
        assert (await other.set_prompt("a dog")).id == 2


async def test_a_final_close_reaches_the_reader(server: Double) -> None:
    server.close_with = (p.CloseCode.POLICY, "too slow")
    async with fast(server) as stream:
        with pytest.raises(flowbrush.ConnectionLost, match="too slow") as caught:
            await read(stream, 100)
        assert caught.value.close_code == p.CloseCode.POLICY
        with pytest.raises(flowbrush.ConnectionLost):
            await stream.set_prompt("too late")


async def test_a_refused_start_raises_what_the_server_said(server: Double) -> None:
    with pytest.raises(flowbrush.ServerError, match="no such model"):
        async with fast(server, prompt="refuse me"):
            pass


async def test_no_server_is_a_clear_error() -> None:
    with pytest.raises(flowbrush.ConnectionLost, match=r"no connection to ws://127\.0\.0\.1:9/v1/stream"):
        async with flowbrush.connect("127.0.0.1:9", prompt="a fox"):
            pass


async def test_events_are_heard_and_unknown_ones_refused(server: Double) -> None:
    heard: list[str] = []
    stream = fast(server)

    @stream.on("queue")
    async def queued(message: p.Queue) -> None:
        heard.append(f"queue {message.position}")

    stream.on("session.done", lambda message: heard.append(message.reason))
    with pytest.raises(ValueError, match="unknown event"):
        stream.on("frames", print)
    async with stream:
        await read(stream, 4)
        done = await stream.disconnect()
    assert heard == ["queue 1", "stopped"]
    assert done is not None and done.log == "/v1/sessions/s1/log"


async def test_iteration_ends_when_the_session_was_stopped(server: Double) -> None:
    async with fast(server) as stream:
        await read(stream, 4)
        await stream.disconnect()
        rest = [packet async for packet in stream]
    assert [packet.frame for packet in rest] == list(range(4, 4 + len(rest)))


async def test_frames_none_keeps_the_stream_running_by_itself(server: Double) -> None:
    async with fast(server, frames="none") as stream:
        ack = await stream.set_prompt("a cat")
        assert (await ack.applied).frame >= 0


async def test_a_cancelled_reader_loses_no_frame(server: Double) -> None:
    async with fast(server, realtime=True) as stream:
        seen = []
        while len(seen) < 10:
            try:
                async with asyncio.timeout(0.01):
                    frame = await anext(stream)
                seen.append(frame.frame)
            except TimeoutError:
                continue
    assert seen == list(range(10))


async def test_set_image_starts_over_with_the_present_prompt(
    server: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def upload(self: Server, image: object) -> str:
        return "img-1"

    monkeypatch.setattr(Server, "upload", upload)
    async with fast(server, seed=5) as stream:
        await read(stream, 8)
        await stream.set_prompt("a cat")
        server.restart()
        await stream.set_image(b"picture")
        assert [packet.frame for packet in await read(stream, 8)] == list(range(8))
        assert (await stream.set_prompt("a dog")).id == 1
    first, second = server.starts
    assert first.image is None and second.image == "img-1"
    assert second.seed == 5 and second.prompt_list == (p.Prompt(text="a cat"),)
    assert any(isinstance(message, p.SessionStop) for message in server.received)


async def test_controls_that_nobody_awaits_are_not_reported_as_lost(
    server: Double, caplog: pytest.LogCaptureFixture
) -> None:
    async with fast(server, paused=True) as stream:
        ack = await stream.set_prompt("never shown")
    with pytest.raises(flowbrush.SessionEnded):
        await ack.applied
    assert caplog.text == ""

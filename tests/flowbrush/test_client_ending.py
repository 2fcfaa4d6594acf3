"""What a client hears that goes on with what is over: tracks that are gone, sessions that were closed."""

from __future__ import annotations

import asyncio
import threading

import pytest
from server_double import Double, fast
from websockets.asyncio.server import ServerConnection, serve

import flowbrush
import flowbrush.sync
from flowbrush import protocol as p
from flowbrush import session
from flowbrush.rest import Server

PATH = [(0.0, 0.1, 0.1), (1.0, 0.9, 0.9)]
GONE = p.TrackBegin(track=998, kind="path", points=(p.Point(t=0, x=0, y=0), p.Point(t=1, x=1, y=1)))


async def test_letting_go_of_a_track_that_is_gone_is_no_error(server: Double) -> None:
    async with fast(server, tracks=[GONE]) as stream:
        async with stream.path(PATH) as track:
            assert track.number == 999, "which the double does not know when it ends"
        assert await track.release() is None
        assert isinstance(server.received[-1], p.TrackEnd)


async def test_a_hand_that_was_not_begun_moves_nothing_and_can_still_be_begun(server: Double) -> None:
    async with fast(server) as stream:
        hand = stream.drag(0.5, 0.5)
        with pytest.raises(RuntimeError, match="not begun: use `async with`"):
            await hand.move(0.6, 0.5)
        assert await hand.release() is None
        async with hand:
            pass
    tracks = [message.type for message in server.received if message.type.startswith("track.")]
    assert tracks == ["track.begin", "track.end"], "it is let go of all the same"


async def test_another_kind_of_websocket_is_told_as_such() -> None:
    """It would be asked for a session and say nothing, for ever."""

    async def silent(socket: ServerConnection) -> None:
        async for _ in socket:
            pass

    async with serve(silent, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(flowbrush.ConnectionLost, match="no flowbrush server: correct the address"):
            await flowbrush.connect(f"http://127.0.0.1:{port}", prompt="a fox").__aenter__()


def test_a_last_frame_goes_with_a_resume() -> None:
    with pytest.raises(ValueError, match="last_frame goes with resume"):
        flowbrush.connect(prompt="x", last_frame=3)


async def test_a_track_and_a_source_end_with_their_session(server: Double) -> None:
    async with fast(server) as stream, stream.drag(0.5, 0.5) as hand, stream.follow(64, 32):
        await stream.disconnect()
        with pytest.raises(flowbrush.SessionEnded, match="is over"):
            await hand.move(0.6, 0.5)


@pytest.mark.parametrize("asked", [False, True])
async def test_a_client_whose_tasks_were_cancelled_waits_for_no_answer(
    server: Double, caplog: pytest.LogCaptureFixture, asked: bool
) -> None:
    """As `asyncio.run` does at Ctrl-C, of which a program has many that it ends."""
    async with fast(server) as stream:
        waiting = asyncio.create_task(stream.step(1)) if asked else None
        await asyncio.sleep(0)
        receiving = next(each for each in stream._tasks if each.get_name() == "flowbrush receive")
        receiving.cancel()
        await asyncio.wait([receiving])
    assert waiting is None or isinstance(
        (await asyncio.gather(waiting, return_exceptions=True))[0], flowbrush.FlowbrushError
    )
    assert not caplog.messages


async def test_what_is_wrong_in_a_track_is_told_before_its_session_is_over(server: Double) -> None:
    with pytest.raises(ZeroDivisionError):
        async with fast(server) as stream, stream.drag(0.5, 0.5):
            await stream.disconnect()
            raise ZeroDivisionError


async def test_what_is_asked_after_the_end_hears_that_it_is_over(server: Double) -> None:
    stream = fast(server)
    with pytest.raises(flowbrush.SessionEnded, match="not open yet: use `async with`"):
        await stream.pause()
    async with stream:
        await stream.disconnect()
        for ask in (stream.pause, stream.step, stream.reset, stream.clear_tracks):
            with pytest.raises(flowbrush.SessionEnded, match=r"is over \(stopped\)"):
                await ask()
        with pytest.raises(flowbrush.SessionEnded, match="connect again"):
            await stream.set_image(b"an upload would be refused, were it asked")


async def test_a_stream_is_opened_once(server: Double) -> None:
    stream = fast(server)
    async with stream:
        with pytest.raises(RuntimeError, match="opened once"):
            await stream.__aenter__()
    with pytest.raises(RuntimeError, match="opened once"):
        await stream.__aenter__()
    assert len(server.starts) == 1


async def test_one_that_could_not_be_opened_may_be_tried_again(server: Double) -> None:
    stream = flowbrush.connect("http://127.0.0.1:9", prompt="a fox", frames="packets")
    for _ in range(2):
        with pytest.raises(flowbrush.ConnectionLost):
            await stream.__aenter__()


async def test_the_blocking_face_says_so_too(server: Double) -> None:
    def use() -> None:
        stream = flowbrush.sync.connect(server.url, prompt="a fox", realtime=False)
        with stream:
            track = stream.pin(0.5, 0.5)
        for ask in (stream.pause, stream.reset, track.release, lambda: next(iter(stream))):
            with pytest.raises(flowbrush.SessionEnded, match="connect again"):
                ask()
        with pytest.raises(RuntimeError, match="opened once"), stream:
            pass

    await asyncio.to_thread(use)


async def test_a_handler_of_the_blocking_face_does_not_wait_for_itself(
    server: Double, caplog: pytest.LogCaptureFixture
) -> None:
    def use() -> None:
        stream = flowbrush.sync.connect(server.url, prompt="a fox", realtime=False)
        heard = threading.Event()
        stream.on("session.paused", lambda message: (heard.set(), stream.resume()))
        with stream:
            stream.pause()
            assert heard.wait(20)
            assert stream.resume().type == "session.resumed"

    await asyncio.to_thread(use)
    assert "would wait for itself" in caplog.text


async def test_a_command_that_waits_for_frames_to_be_read_says_so(
    server: Double, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(session, "PATIENCE_S", 0.0)
    async with fast(server) as stream:
        assert (await stream.pause()).chunk >= 1  # after the frames that nobody reads
        never = asyncio.create_task(stream.reset())  # the double does not know it
        await stream.pause()  # which is answered after that was told
    assert "session.reset is not answered yet, and frames are not read" in caplog.text
    assert "iterate the stream meanwhile" in caplog.text
    with pytest.raises(flowbrush.SessionEnded):
        await never


async def test_another_picture_waits_for_the_one_before(
    server: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def upload(self: Server, image: bytes) -> str:
        server.restart()
        return image.decode()

    monkeypatch.setattr(Server, "upload", upload)
    async with fast(server) as stream:
        await asyncio.gather(*(stream.set_image(name) for name in (b"one", b"two", b"three")))
        assert (await stream.set_prompt("a dog")).id == 1
    assert [start.image for start in server.starts] == [None, "one", "two", "three"]


async def test_a_picture_that_comes_after_the_end_begins_nothing(
    server: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = fast(server)

    async def upload(self: Server, image: bytes) -> str:
        await stream.disconnect()
        return "one"

    monkeypatch.setattr(Server, "upload", upload)
    async with stream:
        with pytest.raises(flowbrush.SessionEnded):
            await stream.set_image(b"picture")
    assert len(server.starts) == 1


async def test_a_session_that_is_left_while_it_starts_over_is_not_left_open(
    server: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def upload(self: Server, image: bytes) -> str:
        return "one"

    monkeypatch.setattr(Server, "upload", upload)
    async with fast(server) as stream:
        server.seat.clear()
        waits = asyncio.Event()
        stream.on("queue", lambda message: waits.set())
        starting_over = asyncio.create_task(stream.set_image(b"picture"))
        await waits.wait()
        await stream.disconnect()
        server.seat.set()
        with pytest.raises(flowbrush.SessionEnded):
            await starting_over
        assert server.socket is not None
        await server.socket.wait_closed()
    assert len(server.starts) == 2

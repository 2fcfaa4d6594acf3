"""The blocking face, against the same server double in a thread."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import signal
import threading
from collections.abc import Iterator

import pytest
from server_double import Double

import flowbrush
import flowbrush.sync
from flowbrush import protocol as p


@pytest.fixture
def server() -> Iterator[Double]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    double = asyncio.run_coroutine_threadsafe(_start(), loop).result(10)
    yield double
    asyncio.run_coroutine_threadsafe(double.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _start() -> Double:
    return await Double().__aenter__()


def test_it_takes_what_the_async_client_takes() -> None:
    apart = {
        "follow",
        "control",
        "send",
        "send_bytes",
        "next_track",
    }  # by way of `call`, and below the names of controls
    for name, method in inspect.getmembers(flowbrush.Stream, inspect.isfunction):
        if not name.startswith("_") and name not in apart:
            own = getattr(flowbrush.sync.SyncStream, name)
            asked = inspect.signature(method).parameters
            assert list(inspect.signature(own).parameters) == list(asked), name


def test_what_a_hand_takes_is_asked_and_told(server: Double) -> None:
    region = [[(0.1, 0.1), (0.3, 0.1), (0.2, 0.3)]]
    with flowbrush.sync.connect(server.url, prompt="a fox", frames="none") as stream:
        assert stream.probe(0.2, 0.2, add=[(0.3, 0.3)]).type == "outline"
        stream.drag(0.2, 0.2, region=region).release()
        stream.pin(0.2, 0.2, add=[(0.3, 0.3)], remove=[(0.1, 0.1)]).release()
        stream.path([(0, 0.2, 0.2), (1, 0.4, 0.2)], region=region)
    drag, pin, path = (m for m in server.received if isinstance(m, p.TrackBegin))
    assert drag.region == path.region == (((0.1, 0.1), (0.3, 0.1), (0.2, 0.3)),)
    assert (pin.add, pin.remove) == (((0.3, 0.3),), ((0.1, 0.1),))


def test_frames_controls_and_the_end(server: Double) -> None:
    threads = threading.active_count()
    reasons: list[str] = []
    stream = flowbrush.sync.connect(server.url, prompt="a fox", realtime=False)
    stream.on("session.done", lambda message: reasons.append(message.reason))
    with stream:
        indexes = [frame.index for frame, _ in zip(stream, range(12), strict=False)]
        with stream.drag(0.2, 0.5) as hand:
            hand.move(0.3, 0.5)
        assert hand.ack.id == 1
        stream.pin(0.1, 0.1).release()
        stream.path([(0, 0, 0), (1, 1, 1)])
        assert stream.rewind(0).chunk == 0
        assert next(iter(stream)).index == 4
        with pytest.raises(flowbrush.ServerError):
            stream.rewind(9999)
    assert indexes == list(range(12))
    assert reasons == ["stopped"]
    assert threading.active_count() == threads
    kinds = [m.type for m in server.received if isinstance(m, p.CONTROL_TYPES)]
    assert kinds[:3] == ["track.begin", "track.move", "track.end"]


def test_a_refused_start_leaves_no_thread(server: Double) -> None:
    threads = threading.active_count()
    with pytest.raises(flowbrush.ServerError), flowbrush.sync.connect(server.url, prompt="refuse me"):
        pass
    assert threading.active_count() == threads


def test_ctrl_c_while_it_waits_for_a_seat_gives_its_place_back(
    server: Double, caplog: pytest.LogCaptureFixture
) -> None:
    server.seat.clear()
    stream = flowbrush.sync.connect(server.url, prompt="a fox")
    stream.on("queue", lambda message: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), stream:
        pass
    assert server.socket is not None
    closed = asyncio.run_coroutine_threadsafe(server.socket.wait_closed(), server.socket.loop)
    assert closed.result(20) is None
    gc.collect()
    assert "Task was destroyed" not in caplog.text
    server.socket.loop.call_soon_threadsafe(server.seat.set)


def test_waiting_for_pixels_with_frames_thrown_away(server: Double) -> None:
    with flowbrush.sync.connect(server.url, prompt="a fox", realtime=False, frames="none") as stream:
        ack = stream.set_prompt("a cat")
        assert stream.applied(ack).frame >= 0

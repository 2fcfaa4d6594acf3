"""Boxes of what is to be sent: bounded, in order, stale pictures dropped as a whole, text never."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush import limits
from flowbrush.packets import NO_FLAGS, Flag, Packet
from flowbrush.protocol import Codec, Error, Pong
from flowbrush.server.delivery.delivery import (
    DEAF_TEXTS,
    MAX_TEXTS,
    RING_BYTES,
    RING_FRAMES,
    STALE_S,
    Closing,
    Media,
    Outbox,
    Ring,
)
from flowbrush.server.engine.capacity import MOST_ON_GPU
from flowbrush.server.sessions.session_host import RESUMED_FRAMES, WATCHER_FRAMES, SessionHost


def packet(frame: int, key: bool = False) -> Packet:
    return Packet(frame // 4, frame, frame * 1000, Codec.H264, b"x" * 10, Flag.KEY if key else NO_FLAGS)


class Box(Outbox):
    def __init__(self, frames: int = 100) -> None:
        self.keys_wanted = 0
        self.lost = 0

        def need_key() -> None:
            self.keys_wanted += 1

        def dropped(count: int) -> None:
            self.lost += count

        super().__init__(frames, need_key, dropped)

    def put(self, frame: int, key: bool = False, at: float = 0.0) -> None:
        self.show(Media(packet(frame, key), at, at))

    async def frames_at(self, now: float, count: int) -> list[Packet]:
        async with asyncio.timeout(10):
            items = [await self.next(lambda: now) for _ in range(count)]
        return [item.packet for item in items if isinstance(item, Media)]


async def test_things_leave_in_the_order_in_which_they_came() -> None:
    box = Box()
    box.put(0, key=True)
    box.say(Pong(sent_us=1))
    box.put(1)
    box.close(1000, "done")
    box.put(2)
    items = [await box.next(lambda: 0.0) for _ in range(4)]
    assert [type(item) for item in items] == [Media, Pong, Media, Closing]


def test_of_what_is_left_only_words_go_elsewhere() -> None:
    box, said = Box(), Error(code="busy", message="x")
    box.put(0, key=True)
    box.move("b")
    box.say(said)
    box.answer(Pong(sent_us=1))
    box.answer(Pong(sent_us=2))
    assert box.left() == [said, Pong(sent_us=2)]
    assert box.left() == [] and box.frames == 0


async def test_stale_pictures_are_dropped_up_to_a_key_frame() -> None:
    box = Box()
    for frame in range(4):
        box.put(frame, at=0.0)
    box.say(Pong(sent_us=7))
    item = await box.next(lambda: STALE_S + 0.1)
    assert isinstance(item, Pong), "text is not stale"
    assert (box.lost, box.keys_wanted, box.frames) == (4, 1, 0)
    now = STALE_S + 0.2
    box.put(4, at=now)
    box.put(5, key=True, at=now)
    box.put(6, at=now)
    got = await box.frames_at(now, 2)
    assert [each.frame for each in got] == [5, 6]
    assert got[0].discontinuity and not got[1].discontinuity


def test_a_hiccup_drops_nothing_and_who_reads_again_is_back_in_time() -> None:
    """Two chunks of a quarter of a second may be late; normal latency is back within 2 s, as the protocol has it."""
    assert 2 * 0.25 < STALE_S < 2.0


def test_boxes_hold_what_may_be_on_its_way_and_all_of_a_server_fit_into_its_memory() -> None:
    """Every track may begin and end at once, each answered twice. Of pictures, 2 s and a chunk may be ahead of a viewer: at the
    highest rate, and as JPEG of 832x480 of some 120 kB each. As many streams as one GPU has keep a quarter of a GiB.
    """
    assert 4 * limits.MAX_TRACKS < MAX_TEXTS < 1024
    assert 2.25 * limits.MAX_FPS < RING_FRAMES < 1024
    assert 2.25 * 16 * 120_000 < RING_BYTES <= (256 << 20) / MOST_ON_GPU


async def test_a_viewer_that_is_too_slow_skips_to_a_key_frame() -> None:
    box = Box(frames=3)
    for frame in range(5):
        box.put(frame, key=frame == 0)
    box.put(5, key=True)
    assert [each.frame for each in await box.frames_at(0.0, 1)] == [5]


async def test_a_jump_forgets_pictures_but_not_words() -> None:
    box = Box()
    box.put(0, key=True)
    box.say(Pong(sent_us=1))
    box.forget_media()
    box.put(8, key=True)
    assert isinstance(await box.next(lambda: 0.0), Pong)
    assert [each.frame for each in await box.frames_at(0.0, 1)] == [8]


async def test_one_who_does_not_read_answers_is_not_listened_to() -> None:
    box = Box()
    for n in range(MAX_TEXTS):
        box.say(Pong(sent_us=n))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await box.room()
    await box.next(lambda: 0.0)
    async with asyncio.timeout(10):
        await box.room()


def test_the_ring_knows_what_it_has() -> None:
    ring = Ring()
    for frame in range(600):
        ring.put(Media(packet(frame), 0.0, 0.0))
    kept = ring.since(595)
    assert kept is not None and [each.packet.frame for each in kept] == list(range(595, 600))
    assert ring.since(0) is None, "too old"
    assert ring.since(600) is None, "not there yet"
    ring.clear()
    assert ring.since(595) is None


def host() -> SessionHost:
    meta: Any = SimpleNamespace(chunk_frames=4, owner="")
    return SessionHost(meta, SimpleNamespace(id="s"), None, None, None)  # type: ignore[arg-type]


def test_no_chunk_is_made_for_a_client_that_has_not_taken_two() -> None:
    live, box = host(), Box()
    assert live.blocked, "nobody is there"
    live.attach(box)
    for frame in range(9):
        assert not live.blocked
        box.put(frame, key=frame == 0)
    assert live.blocked
    box.forget_media()
    assert not live.blocked
    box.close(1000, "bye")
    assert live.blocked


def test_who_comes_back_gets_all_that_the_ring_has() -> None:
    live, box = host(), Box(RESUMED_FRAMES)
    for frame in range(RING_FRAMES):
        live._ring.put(Media(packet(frame, key=frame == 0), 0.0, 0.0))
    live.attach(box)
    live.catch_up(0)
    assert (box.frames, box.lost) == (RING_FRAMES, 0)


def test_a_watcher_that_stalls_for_two_seconds_loses_nothing_and_never_has_more_than_some_to_catch_up() -> (
    None
):
    """At 16 frames a second; a key frame comes every four seconds."""
    box = Box(WATCHER_FRAMES)
    most = 0
    for frame in range(16 * 60):
        box.put(frame, key=frame % 64 == 0)
        most = max(most, box.frames)
        assert frame > 32 or box.lost == 0
    assert most <= 16 * 5


async def test_pongs_for_one_who_does_not_read_take_one_place() -> None:
    box = Box()
    for sent in range(100_000):
        box.answer(Pong(sent_us=sent))
    box.close(1000, "done")
    items = [await box.next(lambda: 0.0) for _ in range(2)]
    assert items[0] == Pong(sent_us=99_999) and isinstance(items[1], Closing)


async def test_one_who_reads_no_text_at_all_is_let_go() -> None:
    box = Box()
    for sent in range(DEAF_TEXTS + 10):
        box.say(Pong(sent_us=sent))
    assert box.closed and isinstance(await box.next(lambda: 0.0), Closing)

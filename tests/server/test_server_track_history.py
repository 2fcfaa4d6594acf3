"""A stream that lives for days: what memory keeps of its tracks has a bound, and it goes back as far as ever."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from raw_client import RawClient
from running_server import RunningServer
from session_harness import CAN, Harness, drag, said

from flowbrush.errors import ProtocolError
from flowbrush.protocol import Point, TrackBegin, TrackEnd, TrackKind, TrackMove, TracksClear
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions import track_history
from flowbrush.server.sessions.pending_controls import PendingControl
from flowbrush.server.sessions.track_history import KINDS, TrackHistory, there_after
from flowbrush.server.sessions.tracks import Tracks

CHUNK_S, KEPT = 0.25, 8


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_history, "KEPT", KEPT)


def begin(track: int, kind: TrackKind = "drag", lasts: float = 0.5) -> TrackBegin:
    last = (Point(t=lasts, x=0.5, y=0.5),) if kind == "path" else ()
    return TrackBegin(track=track, kind=kind, points=(Point(t=0, x=0.5, y=0.5), *last))


def controls_of(seed: int, chunks: int) -> list[tuple[int, Any]]:
    chance = random.Random(seed)
    some = [
        lambda: begin(chance.randrange(6), chance.choice(KINDS), chance.choice((0.1, 0.5, 3.0))),
        lambda: TrackEnd(track=chance.randrange(6)),
        lambda: TracksClear(kinds=chance.choice((None, ("path",), ("drag", "pin")))),
    ]
    return [(chunk, chance.choice(some)()) for chunk in range(chunks) for _ in range(chance.randrange(3))]


@pytest.mark.parametrize("seed", range(40))
def test_every_point_of_the_past_is_as_it_was(seed: int) -> None:
    log, chunks = controls_of(seed, 60), 60
    for back in (*range(0, chunks, 7), chunks - 1):
        history, whole = TrackHistory(CHUNK_S, (begin(9),)), TrackHistory(CHUNK_S, (begin(9),))
        for chunk, control in log:
            history.note(control, chunk)
            history.written(chunk)
            whole.note(control, chunk)
            assert len(history) <= 2 * KEPT + 3 + 7  # of one chunk more, and who is there
        if not history.knows(back):
            before = [(chunk, control) for chunk, control in log if chunk < back]
            history.recalled(back, there_after(back, CHUNK_S, (begin(9),), before))
        assert history.cut(back) == whole.cut(back)


def test_what_is_not_on_disk_is_not_forgotten() -> None:
    history = TrackHistory(CHUNK_S, ())
    for chunk in range(100):
        history.note(begin(chunk), chunk)
        history.written(10)
    assert history.knows(10) and sorted(history.cut(50)) == list(range(50))


def test_paths_that_are_over_leave_nothing_behind() -> None:
    """Not as clocks, and not where a stream is taken up, or goes back: their numbers and their places are free."""
    tracks = Tracks(CHUNK_S, CHUNK_S / 4, ())
    for chunk in range(100):
        tracks.accept(begin(chunk, "path"))
        tracks.place([PendingControl(begin(chunk, "path"))], chunk)
    assert len(tracks._clocks) <= 4
    taken_up = Tracks(CHUNK_S, CHUNK_S / 4, ())
    for chunk in range(100):
        taken_up.restored((begin(chunk, "path"),), chunk)
    taken_up.cut(100)
    tracks.cut(99)
    assert len(tracks.alive) <= 4 and len(taken_up.alive) <= 4
    tracks.check(begin(0))


@pytest.fixture
def it(tmp_path: Path) -> Harness:
    """A stream of many hands: track 1 is held from chunk 2 to 4, others come and go after it."""
    it = Harness(tmp_path)
    it.open()
    for chunk in range(60):
        if chunk == 2:
            it.give(drag(None, 1, 0.0))
        elif chunk == 4:
            it.give(TrackEnd(track=1))
        elif chunk > 4:
            it.give(drag(None, chunk, chunk * CHUNK_S), TrackEnd(track=chunk))
        it.chunk()
    return it


def test_a_stream_goes_back_to_a_hand_that_memory_has_forgotten(it: Harness) -> None:
    assert not it.session.tracks.knows(4)
    told = it.tell(on.RewindAsked(3, id=7))
    assert do.Recall(4, 0) in told
    assert [each.id for each in said(told, "session.rewound")] == [7]
    assert it.session.tracks.alive == {1} and it.session.upcoming == 4
    it.give(TrackMove(track=1, points=(Point(t=1.0, x=0.4, y=0.5),)))
    with pytest.raises(ProtocolError, match="is not there"):
        it.give(TrackEnd(track=30))


def test_what_comes_behind_such_a_rewind_waits_for_it(it: Harness) -> None:
    it.disk_hangs = True
    asked = next(each for each in it.tell(on.RewindAsked(3, id=7)) if isinstance(each, do.Recall))
    behind = [
        on.Given(TrackEnd(id=8, track=1), CAN),
        on.RewindAsked(2, id=9),
        on.Given(TrackEnd(id=10, track=1), CAN),
    ]
    for event in behind:
        assert not said(it.tell(event))
    assert it.session.due(1e9) is None
    told = it.recall(asked, 0.0)
    assert [(each.type, each.id) for each in said(told) if each.type != "notice"] == [
        ("session.rewound", 7),
        ("control.queued", 8),
    ]
    asked = next(each for each in told if isinstance(each, do.Recall))  # the next one waits again
    told = it.recall(asked, 0.0)
    assert [(each.type, each.id) for each in said(told)][-2:] == [
        ("session.rewound", 9),
        ("control.queued", 10),
    ]


def test_a_log_that_cannot_be_read_costs_the_rewind_and_not_the_stream(it: Harness) -> None:
    it.journal.path.write_bytes(b"?\n" * 3)
    told = it.tell(on.RewindAsked(3, id=7))
    (error,) = said(told, "error")
    assert error.id == 7 and "cannot be read again" in error.message
    assert it.session.due(1e9) is not None
    item, _ = it.chunk()
    assert item.chunk == 60


def test_an_answer_for_another_past_is_nothing(it: Harness) -> None:
    it.disk_hangs = True
    asked = next(each for each in it.tell(on.RewindAsked(3)) if isinstance(each, do.Recall))
    it.tell(on.Failed(asked, OSError("no")))
    it.recall(asked, 0.0)
    assert it.session.upcoming == 60 and not it.session.tracks.knows(4)


def test_a_session_that_ends_waits_for_no_log(it: Harness) -> None:
    it.disk_hangs = True
    it.tell(on.RewindAsked(3, id=7))
    told = it.tell(on.EndAsked("stopped"))
    assert [each.type for each in said(told) if each.type != "notice"] == ["session.rewound", "session.done"]


async def test_a_real_server_reads_its_log_for_that(server: RunningServer) -> None:
    point = [{"t": 0, "x": 0.5, "y": 0.5}]
    async with RawClient(server.url) as client:
        await client.start(paused=True)
        await client.send(type="track.begin", track=1, kind="pin", points=point)
        for chunk in range(8):
            await client.send(type="session.step", id=1 + chunk)
            await client.message("session.paused", id=1 + chunk)
            for track in range(2, 202):
                await client.send(type="track.begin", track=track, kind="drag", points=point)
                await client.send(type="track.end", track=track)
            await client.send(type="track.end" if not chunk else "ping", track=1, sent_us=0)
        await client.send(type="session.rewind", chunk=0, id=100)
        await client.message("session.rewound", id=100)
        await client.send(type="track.begin", id=101, track=1, kind="pin", points=point)
        assert (await client.message("error", id=101))["code"] == "track_exists"
        await client.send(type="track.end", id=102, track=1)
        await client.message("control.queued", id=102)

"""Tracks as a client sees them and as the log has them: random hands, and the two must agree."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.pipelines.conditions.track_events import check_tracks
from flowbrush.pipelines.requests import FIRST_FOLLOWED
from flowbrush.protocol import (
    Grid,
    Point,
    SessionStart,
    TrackBegin,
    TrackEnd,
    TrackKind,
    TrackMove,
    TracksClear,
)
from flowbrush.server.sessions.of_client import check_capability
from flowbrush.server.sessions.pending_controls import PendingControls
from flowbrush.server.sessions.refused import Refused
from flowbrush.server.sessions.starting import check_can
from flowbrush.server.sessions.tracks import KINDS, Tracks
from flowbrush.session_file import FileStart, SessionFile, at_chunk

CHUNK_S, FRAME_S = 0.25, 0.0625
MAKE, REWIND = "a chunk is made", "so many chunks are taken back"
AFTER = 12  # chunks, in which every path comes to its end and every release to its turn


def history(seed: int) -> list[tuple[Any, ...]]:
    """What a restless hand asks for. Most of it on one number, so that things come close upon each other."""
    chance = random.Random(seed)
    asked: list[tuple[Any, ...]] = []
    for _ in range(60):
        number, after = chance.choice((0, 0, 0, 1)), chance.choice((0.02, 0.1, 0.2, 1.0))
        asked.append(
            chance.choice(
                (
                    ("begin", number, chance.choice(KINDS), after),
                    ("move", number, after),
                    ("end", number),
                    ("clear", chance.choice((None, *KINDS))),
                    (MAKE,),
                    (MAKE,) if chance.random() < 0.8 else (REWIND, chance.randrange(4)),
                )
            )
        )
    return asked


class Hand:
    """One client of a session: what it asks for goes the way that the server's controls go."""

    def __init__(self) -> None:
        self.tracks = Tracks(CHUNK_S, FRAME_S, ())
        self.pending = PendingControls()
        self.log: list[Any] = []
        self.chunk = 0

    def ask(self, what: str, *about: Any) -> None:
        """What is refused has no effect, as with a client."""
        if what == MAKE:
            self.make()
            return
        if what == REWIND:
            self.rewind(*about)
            return
        control = self.control(what, *about)
        try:
            self.tracks.check(control)
        except ProtocolError:
            return
        self.pending.put(control, 0.0)
        self.tracks.accept(control)

    def control(self, what: str, *about: Any) -> Any:
        now = self.chunk * CHUNK_S
        match what, about:
            case "begin", (track, "path", lasts):
                return TrackBegin(track=track, kind="path", points=(point(0.0), point(lasts)))
            case "begin", (track, kind, _):
                return TrackBegin(track=track, kind=kind, points=(point(now),))
            case "move", (track, ahead):
                return TrackMove(track=track, points=(point(now), point(now + ahead)))
            case "end", (track,):
                return TrackEnd(track=track)
        return TracksClear(kinds=None if about[0] is None else about)

    def make(self) -> None:
        seen, held = self.tracks.place(self.pending.drain(), self.chunk)
        self.pending.hold(held)
        self.log += [at_chunk(each.control, self.chunk) for each in seen]
        self.chunk += 1

    def rewind(self, chunks: int) -> None:
        self.chunk = max(0, self.chunk - chunks)
        self.pending.drain()
        self.tracks.cut(self.chunk)
        self.log = [each for each in self.log if each.chunk < self.chunk]

    def in_the_picture(self) -> set[int]:
        """Who is there by the log alone, but for paths."""
        alive: dict[int, TrackKind] = {}
        for control in self.log:
            if isinstance(control, TrackBegin):
                alive[control.track] = control.kind
            elif isinstance(control, TrackEnd):
                alive.pop(control.track, None)
            elif isinstance(control, TracksClear):
                kinds = control.kinds or KINDS
                alive = {track: kind for track, kind in alive.items() if kind not in kinds}
        return {track for track, kind in alive.items() if kind != "path"}


def point(t: float) -> Point:
    return Point(t=t, x=0.5, y=0.5)


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_the_log_has_what_the_client_has(first: int) -> None:
    for seed in range(first, first + 50):
        plays(history(seed))


def plays(asked: list[tuple[Any, ...]]) -> None:
    hand = Hand()
    for each in asked:
        hand.ask(*each)
    for _ in range(AFTER):
        hand.make()
    assert not len(hand.pending)
    assert hand.in_the_picture() == hand.tracks.alive
    file = SessionFile.model_construct(
        model="pocket", start=FileStart(prompt="a cat"), controls=tuple(hand.log), chunks=hand.chunk
    )
    check_tracks(file, CHUNK_S)


def test_what_is_cleared_while_it_waits_for_a_release_is_gone() -> None:
    """A release waits for its last point, and what follows on the same number with it; a clear comes after both."""
    hand = Hand()
    for each in [("begin", 1, "drag", 0.0), (MAKE,), ("move", 1, 0.2), ("end", 1), ("begin", 1, "pin", 0.0)]:
        hand.ask(*each)
    hand.ask("clear", None)
    for _ in range(AFTER):
        hand.make()
    assert hand.tracks.alive == hand.in_the_picture() == set()


def test_a_path_that_was_taken_away_does_not_end_its_successor() -> None:
    hand = Hand()
    for each in [
        ("begin", 1, "path", 0.02),
        (MAKE,),
        ("end", 1),
        ("begin", 1, "path", 1.0),
        (MAKE,),
        (MAKE,),
    ]:
        hand.ask(*each)
    assert hand.tracks.alive == {1}


def test_the_numbers_by_which_the_server_follows_a_video_are_its_own() -> None:
    hand, number = Hand(), FIRST_FOLLOWED + 63
    with pytest.raises(ProtocolError, match=f"number of the server's own: take one below {FIRST_FOLLOWED}"):
        hand.tracks.check(hand.control("begin", number, "drag", 0.0))
    hand.tracks.check(hand.control("begin", FIRST_FOLLOWED - 1, "drag", 0.0))
    start = SessionStart(prompt="a cat", tracks=(hand.control("begin", number, "pin", 0.0),))
    with pytest.raises(Refused, match="server's own"):
        check_can(start, {"pin": True})


def test_what_waits_for_a_release_counts_against_the_bound() -> None:
    hand = Hand()
    for each in [("begin", 1, "drag", 0.0), (MAKE,), ("move", 1, 0.2), ("end", 1), (MAKE,)]:
        hand.ask(*each)
    many = tuple(point(hand.chunk * CHUNK_S) for _ in range(1024))
    with pytest.raises(ProtocolError, match="too many controls wait"):
        for _ in range(9):
            hand.ask("begin", 1, "drag", 0.0)
            hand.pending.put(TrackMove(track=1, points=many), 0.0)
            hand.ask("end", 1)
            hand.pending.hold(hand.pending.drain())


def test_a_grid_of_more_than_128_points_is_heavy_work() -> None:
    """Its chunk is then made apart from others', who would have to wait for it."""
    tracks, point = Tracks(CHUNK_S, FRAME_S, ()), (Point(t=0, x=0.5, y=0.5),)
    grid = Grid(rows=16, cols=8, spacing=0.02)
    tracks.accept(TrackBegin(track=1, kind="drag", points=point, grid=grid))
    assert not tracks.heavy
    tracks.accept(TrackBegin(track=2, kind="pin", points=point))
    assert tracks.heavy
    tracks.accept(TrackEnd(track=1))
    assert not tracks.heavy


def test_a_point_by_itself_counts_as_one_of_those_that_may_move_at_once() -> None:
    tracks, point = Tracks(CHUNK_S, FRAME_S, ()), (Point(t=0, x=0.5, y=0.5),)
    for number, (rows, cols) in enumerate([(16, 16), (16, 16), (16, 16), (16, 15), (5, 3)]):
        grid = Grid(rows=rows, cols=cols, spacing=0.02)
        tracks.accept(TrackBegin(track=number, kind="drag", points=point, grid=grid))
    last, more = (TrackBegin(track=number, kind="drag", points=point) for number in (5, 6))
    tracks.check(last)
    tracks.accept(last)
    with pytest.raises(ProtocolError, match="1 point in addition to the 1024 that others move") as refused:
        tracks.check(more)
    assert refused.value.code is ErrorCode.TOO_MANY_TRACKS


@pytest.mark.parametrize("kind", ["drag", "pin", "path"])
def test_a_kind_of_track_that_a_model_cannot_follow_is_refused_with_what_it_can_do(kind: TrackKind) -> None:
    can = {"text": True, "drag": True, "pin": True, "path": True, "sizes": [[64, 64]], "chunks": 1}
    track = TrackBegin(id=4, track=1, kind=kind, points=(Point(t=0.0, x=0.5, y=0.5),))
    check_capability(track, can)
    with pytest.raises(ProtocolError) as refused:
        check_capability(track, {**can, kind: False})
    others = ", ".join(sorted({"text", "drag", "pin", "path"} - {kind}))
    assert refused.value.message == f"this model cannot do {kind}: it can do {others}"
    assert (refused.value.code, refused.value.id) == (ErrorCode.UNSUPPORTED, 4)

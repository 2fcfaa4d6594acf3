"""The motion of a client's video as tracks of the server's own: in the log, let go when lost, and gone with the video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from session_harness import FPS, FRAMES, Harness, drag, said

from flowbrush.errors import ProtocolError
from flowbrush.limits import MAX_TRACKS
from flowbrush.pipelines.requests import FIRST_FOLLOWED as FIRST
from flowbrush.protocol import Point, SourceFields, TrackBegin, TrackEnd, TrackMove, TracksClear
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.followed import CROOKED, STILL
from flowbrush.server.source.reader import TRACKED
from flowbrush.server.source.tracking import check, packed, unpacked, with_tracking

Place = tuple[float, float, int]


@pytest.fixture
def it(tmp_path: Path) -> Harness:
    made = Harness(tmp_path)
    made.open()
    return made


def motion(*pictures: list[Place], order: tuple[int, ...] = (0, 1, 2, 3)) -> ipc.SourceChunk:
    return ipc.SourceChunk(tuple(map(packed, pictures)), order, 1.0)


def still(*points: Place) -> ipc.SourceChunk:
    """The points through a chunk in which nothing moves."""
    return motion(list(points), order=(0,) * FRAMES)


def chunk(it: Harness, given: ipc.SourceChunk | None) -> list[Any]:
    """Makes a chunk; what its order says of the server's tracks."""
    (item,) = [each.order for each in it.tell(on.Turn(motion=given)) if hasattr(each, "order")]
    it.made(item)
    for offset in range(FRAMES):
        it.frame(item, offset)
    return [each for each in ipc.unpacked(item.controls) if getattr(each, "track", 0) >= FIRST]


def test_points_are_one_picture_s_as_bytes() -> None:
    points = [(0.25, 0.5, 1), (-1.0, 2.0, 2**32 - 1)]
    assert unpacked(packed(points)) == points and unpacked(b"") == []


def test_a_point_begins_moves_and_is_in_the_log(it: Harness) -> None:
    begun = chunk(it, still((0.25, 0.5, 1), (0.75, 0.5, 1)))
    assert [type(each) for each in begun] == [TrackBegin] * 2
    assert [each.track for each in begun] == [FIRST, FIRST + 1] and {each.kind for each in begun} == {"drag"}
    way = motion(
        *([(0.25 + 0.01 * step, 0.5 + 0.01 * (step == 2), 1), (0.75, 0.5, 1)] for step in range(1, 5))
    )
    (moved,) = chunk(it, way)
    assert isinstance(moved, TrackMove) and moved.track == FIRST, "what stays is not told"
    times = [point.t for point in moved.points]
    assert times == [FRAMES / FPS + step / FPS for step in range(4)], "exactly at the frames of the chunk"
    assert [point.x for point in moved.points] == [0.26, 0.27, 0.28, 0.29]
    logged = [each for number in range(2) for each in it.journal.controls(number)]
    assert len(logged) == 3
    slow = motion([(0.2901, 0.5, 1), (0.75, 0.5, 1)], order=(0,) * FRAMES)
    assert chunk(it, slow) == []
    (straight,) = chunk(it, motion(*([(0.29 + 0.01 * step, 0.5, 1), (0.75, 0.5, 1)] for step in range(1, 5))))
    assert straight.points == (Point(t=round(15 / FPS, 4), x=0.33, y=0.5),), "where it ends says all"


def test_a_point_that_is_lost_lets_go_and_one_that_begins_anew_takes_hold_a_chunk_later(it: Harness) -> None:
    chunk(it, still((0.25, 0.5, 1), (0.75, 0.5, 1)))
    assert chunk(it, still((0.3, 0.5, 0), (0.75, 0.5, 1))) == [TrackEnd(track=FIRST)]
    assert chunk(it, still((0.3, 0.5, 0), (0.75, 0.5, 1))) == []
    late = motion([(0.3, 0.5, 0), (0.75, 0.5, 1)], [(0.25, 0.5, 2), (0.75, 0.5, 2)], order=(0, 0, 1, 1))
    begun, ended = sorted(chunk(it, late), key=lambda each: each.track)
    assert isinstance(begun, TrackBegin) and len(begun.points) == 2, "from the frame on in which it is there"
    assert ended == TrackEnd(track=FIRST + 1), "it has another life"
    (again,) = chunk(it, still((0.25, 0.5, 2), (0.75, 0.5, 2)))
    assert isinstance(again, TrackBegin) and again.track == FIRST + 1


def test_with_the_video_its_tracks_are_gone_and_a_client_may_clear_them(it: Harness) -> None:
    chunk(it, still((0.25, 0.5, 1)))
    it.give(TracksClear())
    (begun,) = chunk(it, still((0.26, 0.5, 1)))
    assert isinstance(begun, TrackBegin), "the video still moves"
    assert chunk(it, None) == [TrackEnd(track=FIRST)] and chunk(it, None) == []


def test_after_a_rewind_and_in_another_process_they_begin_anew(it: Harness, tmp_path: Path) -> None:
    for x in (0.2, 0.3):
        chunk(it, still((x, 0.5, 1)))
    it.tell(on.RewindAsked(0))
    (order,) = [each.order for each in it.tell(on.Turn()) if hasattr(each, "order")]
    it.tell(ipc.Rewound("id", order.epoch, True))
    assert chunk(it, still((0.5, 0.5, 1))) == [TrackEnd(track=FIRST)]
    (begun,) = chunk(it, still((0.5, 0.5, 1)))
    assert isinstance(begun, TrackBegin)
    (tmp_path / "other").mkdir()
    other = Harness(tmp_path / "other")
    other.journal.extend(0, [it.journal.controls(number) for number in range(3)])
    for number in range(3):
        other.session.restored(number, it.journal.controls(number))
    other.session.taken_up(3, {}, 1)
    assert other.session.follow(None) == (TrackEnd(track=FIRST),), "of a video that nobody sends any more"


def test_a_client_s_tracks_have_their_room(it: Harness) -> None:
    for number in range(MAX_TRACKS - 2):
        it.give(drag(number + 1, number, 0.0))
    begun = chunk(it, still(*((0.1, 0.1, 1) for _ in range(5))))
    assert len(begun) == 2
    with pytest.raises(ProtocolError, match="one too many"):
        it.give(drag(MAX_TRACKS + 1, 99, 0.0))


def test_of_what_they_hold_nothing_is_said(it: Harness) -> None:
    chunk(it, still((0.25, 0.5, 1)))
    item = it.turn()
    held = tuple((track, (((0.1, 0.1), (0.2, 0.1), (0.2, 0.2)),)) for track in (FIRST, 5))
    told = it.tell(ipc.Made("id", 0, item.chunk, 0, FRAMES, "p", False, held=held))
    assert [each.track for each in said(told, "track.held")] == [5]


def test_who_cannot_follow_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"codec": "jpeg", "width": 64, "height": 64, "fps": 16, "strength": 1}
    tracks = SourceFields(**fields, use="tracks")
    can = with_tracking({"capabilities": {"drag": True}})["capabilities"]
    assert can == {"drag": True, "source_tracks": True}
    check(tracks, can)
    with pytest.raises(ProtocolError, match="cannot do source"):
        check(SourceFields(**fields), can)
    with pytest.raises(ProtocolError, match="cannot do drag"):
        check(tracks, with_tracking({"capabilities": {}})["capabilities"])
    monkeypatch.setattr("flowbrush.server.source.tracking.find_spec", lambda name: None)
    with pytest.raises(ProtocolError, match=r"pip install 'flowbrush\[tracking\]'"):
        check(tracks, with_tracking({"capabilities": {"drag": True}})["capabilities"])


def test_what_counts_as_still_and_as_straight_is_not_seen() -> None:
    """Less than half a pixel of a picture of 832, more than a tenth of one of those in which points are followed; what counts as
    an even way may tremble as a still point does, by less than a pixel.
    """
    assert 0.1 / TRACKED < STILL < 0.5 / 832
    assert STILL < CROOKED < 1 / 832


def test_a_slow_drift_is_told(it: Harness) -> None:
    """A pixel in a chunk, of three hundred and twenty: seen as motion, and no trembling of the tracker."""
    chunk(it, still((0.25, 0.5, 1)))
    drift = motion(*([(0.25 + 0.001 * step, 0.5, 1)] for step in range(1, 5)))
    trembling = motion(*([(0.254 + 0.0002 * (step % 2), 0.5, 1)] for step in range(1, 5)))
    assert [type(each) for each in chunk(it, drift)] == [TrackMove]
    assert chunk(it, trembling) == []

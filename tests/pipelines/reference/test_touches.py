"""Hands that hold nothing: the person hears why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from flowbrush.controls import Point, TrackBegin
from flowbrush.messages import TrackKind
from flowbrush.pipelines.conditions.controls import fold, initial_state
from flowbrush.pipelines.reference.touches import (
    BARE,
    FULL,
    OUTSIDE,
    PAINTED,
    touches_of,
    track_rows,
    unheld,
)
from flowbrush.pipelines.requests import FIRST_FOLLOWED

SIZE = (192, 320)
LINE = (((0.1, 0.1), (0.9, 0.9), (0.5, 0.5)),)


def begin(
    track: int, x: float = 0.5, kind: TrackKind = "drag", *, visible: bool = True, painted: bool = False
) -> TrackBegin:
    points = (Point(t=0, x=x, y=0.5, visible=visible),)
    return TrackBegin(track=track, kind=kind, points=points, region=LINE if painted else None)


def said(tracks: Sequence[TrackBegin], empty: set[int], full: bool = False) -> list[str]:
    _, plan = fold(initial_state((("a fox", 1.0),), ()), tracks, 0, 4, 16, SIZE[0] / SIZE[1])
    touches = touches_of(plan, track_rows(plan, SIZE), SIZE, plan.fresh)
    notices = unheld(plan, touches, empty, full)
    assert {notice.code for notice in notices} <= {"nothing_held"}
    return [notice.message for notice in notices]


@pytest.mark.parametrize(
    ("tracks", "empty", "expected"),
    [
        ([begin(1)], set(), []),
        ([begin(1)], {1}, [BARE]),
        ([begin(1), begin(2)], {1, 2}, [BARE]),  # two hands may each mean a thing
        ([begin(track, 1.5) for track in range(5)], set(), [OUTSIDE]),  # the fingers of a hand
        ([begin(1, kind="pin")], {1}, []),  # it keeps the ground where it is
        ([begin(track) for track in (1, 2, 3)], {1, 2, 3}, []),  # they move the scene
        ([begin(1, 1.5)], set(), [OUTSIDE]),
        ([begin(1, -0.5, "pin")], set(), [OUTSIDE]),
        ([begin(1, visible=False)], set(), [OUTSIDE]),
        ([begin(track, 1.5) for track in range(12)], set(), []),  # a file of tracks, if a coarse one
        ([begin(1, painted=True)], {1}, [PAINTED]),
        ([begin(1, kind="pin", painted=True)], {1}, [PAINTED]),
        ([begin(1, painted=True), begin(2, 1.5), begin(3)], {1, 3}, [OUTSIDE, PAINTED, BARE]),
        ([begin(FIRST_FOLLOWED)], {FIRST_FOLLOWED}, []),
        ([begin(FIRST_FOLLOWED, 1.5)], set(), []),
    ],
)  # fmt: skip
def test_a_hand_that_holds_nothing_is_told_why(
    tracks: list[TrackBegin], empty: set[int], expected: list[str]
) -> None:
    assert said(tracks, empty) == expected


def test_where_there_is_no_room_for_another_piece_that_is_said() -> None:
    assert said([begin(1)], {1}, full=True) == [FULL] == said([begin(1, painted=True)], {1}, full=True)
    assert said([begin(1)], set(), full=True) == []
    assert said([begin(1, 1.5)], set(), full=True) == [OUTSIDE]


def goes(track: int, by: float, x: float = 0.5) -> TrackBegin:
    """A path that goes so far in its first second."""
    points = (Point(t=0, x=x, y=0.5), Point(t=1, x=x + by, y=0.5))
    return TrackBegin(track=track, kind="path", points=points)


@pytest.mark.parametrize(
    ("tracks", "sure"),
    [
        ([goes(1, 0.1), goes(2, 0.0), goes(3, 0.0)], {1}),
        ([goes(1, 0.1), goes(2, -0.1), goes(3, 0.0)], {1, 2}),
        ([goes(1, 0.015), goes(2, 0.0)], set()),  # a tracker's noise: a pixel of 320 in a chunk
        ([goes(1, 0.03), goes(2, 0.0)], {1}),  # the slowest hand
        ([goes(1, 0.1), goes(2, 0.1), goes(3, 0.1)], set()),  # the camera
        ([goes(1, 0.1)], set()),
    ],
)
def test_what_goes_where_others_stay_is_a_thing(tracks: Sequence[TrackBegin], sure: set[int]) -> None:
    _, plan = fold(initial_state((("a fox", 1.0),), ()), tracks, 0, 4, 16, SIZE[0] / SIZE[1])
    touches = touches_of(plan, track_rows(plan, SIZE), SIZE, plan.fresh)
    assert {track for track, touch in touches.items() if touch.within} == sure

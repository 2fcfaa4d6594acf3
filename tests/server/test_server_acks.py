"""Which frame a control is acknowledged with."""

from __future__ import annotations

from flowbrush.pipelines.requests import Applied
from flowbrush.protocol import TrackEnd
from flowbrush.server.sessions.acks import Acks, Shown
from flowbrush.server.sessions.pending_controls import PendingControl
from flowbrush.server.sessions.session_host import RESUMED_FRAMES

FPS, CHUNK_FRAMES, MOVES_PER_S = 16, 4, 60
A_BOX = RESUMED_FRAMES // CHUNK_FRAMES
"""Chunks that a client may lack of what was made."""
MOVES = MOVES_PER_S * CHUNK_FRAMES // FPS


def test_a_control_that_is_never_named_is_shown_by_the_second_chunk_after_its_own() -> None:
    """Not sooner: what a family shows later than it sees it is named in the chunk that shows it."""
    acks = Acks()
    for id in (1, 2):
        acks.saw(PendingControl(TrackEnd(id=id, track=7), [id], [0.5]), 5)
    assert acks.made(5, 20, 4, []) == []
    assert acks.made(6, 24, 4, [Applied(1, 25)]) == [Shown(1, 25, 0.5)]
    assert acks.made(7, 28, 4, []) == [Shown(2, 28, 0.5)]
    assert [acks.shown_by(frame) for frame in (24, 25, 27, 28)] == [0, 1, 1, 2]


def test_a_client_that_lacks_a_box_hears_of_all_that_its_hand_did_after_a_restart() -> None:
    """However long it has been at it before: of that it was told."""
    acks, played = Acks(), 1000
    for chunk in range(played + A_BOX):
        for move in range(MOVES):
            acks.restored(1 + chunk * MOVES + move, chunk)
    assert len(acks._pending) < 3 * MOVES * A_BOX
    acks.attached(played, CHUNK_FRAMES)
    last = played * MOVES
    assert acks.shown_by(played * CHUNK_FRAMES - 1) == last
    told: list[int] = []
    for chunk in range(played, played + A_BOX):
        first = chunk * CHUNK_FRAMES
        seen = [Applied(1 + chunk * MOVES + move, first) for move in range(MOVES)]
        told += [shown.id for shown in acks.made(chunk, first, CHUNK_FRAMES, seen)]
    assert told == list(range(last + 1, last + 1 + A_BOX * MOVES))


def test_every_frame_of_a_box_is_known_by_its_control_however_long_a_hand_is_at_work() -> None:
    acks = Acks()
    for chunk in range(4 * A_BOX):
        ids = [1 + chunk * MOVES + move for move in range(MOVES)]
        acks.saw(PendingControl(TrackEnd(id=ids[-1], track=7), ids, [0.5] * MOVES), chunk)
        acks.made(chunk, chunk * CHUNK_FRAMES, CHUNK_FRAMES, [Applied(ids[-1], chunk * CHUNK_FRAMES + 1)])
    newest = 4 * RESUMED_FRAMES - 1
    expected = [
        (frame + CHUNK_FRAMES - 1) // CHUNK_FRAMES * MOVES for frame in range(newest - RESUMED_FRAMES, newest)
    ]
    assert [acks.shown_by(frame) for frame in range(newest - RESUMED_FRAMES, newest)] == expected
    assert len(acks._shown) < 3 * MOVES * A_BOX

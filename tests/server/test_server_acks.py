"""Which frame a control is acknowledged with."""

from __future__ import annotations

from flowbrush.pipelines.requests import Applied
from flowbrush.protocol import TrackEnd
from flowbrush.server.sessions.acks import Acks, Shown
from flowbrush.server.sessions.pending_controls import PendingControl


def test_a_control_that_is_never_named_is_shown_by_the_second_chunk_after_its_own() -> None:
    """Not sooner: what a family shows later than it sees it is named in the chunk that shows it."""
    acks = Acks()
    for id in (1, 2):
        acks.saw(PendingControl(TrackEnd(id=id, track=7), [id], [0.5]), 5)
    assert acks.made(5, 20, 4, []) == []
    assert acks.made(6, 24, 4, [Applied(1, 25)]) == [Shown(1, 25, 0.5)]
    assert acks.made(7, 28, 4, []) == [Shown(2, 28, 0.5)]
    assert [acks.shown_by(frame) for frame in (24, 25, 27, 28)] == [0, 1, 1, 2]

"""What is kept in memory of a session's log while the disk takes nothing: about a minute, or fewer chunks of many points."""

from __future__ import annotations

from flowbrush.protocol import Point, TrackBegin, TrackEnd
from flowbrush.server.sessions.history import History

CHUNK_S = 0.25
PATH = TrackBegin(track=1, kind="path", points=tuple(Point(t=0.01 * n, x=0.5, y=0.5) for n in range(1000)))


def test_a_minute_of_quiet_chunks_is_kept() -> None:
    history, seconds = History(), 0.0
    while not history.too_far_behind:
        history.fix(())
        seconds += CHUNK_S
    assert 60 <= seconds <= 70


def test_long_paths_fill_memory_sooner_until_they_are_written() -> None:
    history = History()
    for chunk in range(16):
        assert not history.too_far_behind
        history.fix((PATH, TrackEnd(track=1)))
        history.fix(())
        assert history.asked == 2 * chunk + 2
    history.fix((PATH,))
    assert history.too_far_behind
    for _ in range(2):  # the first chunk was on its way all the time, then all the others are
        history.written(history.asked)
        history.append()
    assert not history.too_far_behind and not history.behind

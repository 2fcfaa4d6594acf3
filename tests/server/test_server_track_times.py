"""Where the points of a hand fall in the stream: spacing kept, nothing lost, never far behind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbrush.server.sessions.track_times import TrackClock, resolve

CHUNK_S, FRAME_S = 0.25, 0.0625


def test_the_newest_point_falls_on_the_last_frame_and_the_rest_keeps_its_spacing() -> None:
    clock = TrackClock()
    times = resolve([7.0, 7.05, 7.1], clock, 2.0, CHUNK_S, FRAME_S)
    assert times == pytest.approx([2.0875, 2.1375, 2.1875])


def test_one_shift_holds_for_a_whole_steady_stroke() -> None:
    clock = TrackClock()
    shifts = []
    for chunk in range(8, 40):
        hand = [chunk * CHUNK_S - 1.3 + 0.02 * n for n in range(12)]
        resolved = resolve(hand, clock, chunk * CHUNK_S, CHUNK_S, FRAME_S)
        shifts += [after - before for before, after in zip(hand, resolved, strict=True)]
    assert np.ptp(shifts) < 1e-9


def test_a_stall_is_caught_up_with_once() -> None:
    """Two seconds of motion at once are squeezed into the chunk, and the next batch is on time."""
    clock = TrackClock()
    resolve([1.0], clock, 2.0, CHUNK_S, FRAME_S)
    late = resolve([1.0 + 0.05 * n for n in range(41)], clock, 2.25, CHUNK_S, FRAME_S)
    assert late[-1] == pytest.approx(2.25 + CHUNK_S - FRAME_S)
    assert np.diff(late) == pytest.approx(np.full(40, np.diff(late)[0]))
    after = resolve([3.05, 3.25], clock, 2.5, CHUNK_S, FRAME_S)
    assert after[-1] == pytest.approx(2.5 + CHUNK_S - FRAME_S, abs=0.06)


def test_a_hand_that_rested_goes_on_with_the_same_shift() -> None:
    clock = TrackClock()
    first = resolve([5.0, 5.1], clock, 6.0, CHUNK_S, FRAME_S)
    later = resolve([8.0, 8.1], clock, 9.0, CHUNK_S, FRAME_S)
    assert later[0] - 8.0 == pytest.approx(first[0] - 5.0)


def test_a_hand_that_rests_after_pressing_is_followed_without_that_delay() -> None:
    """Pressed 0.2 s before the chunk began, then moving: its newest points fall on the last frames from the next chunk on."""
    clock = TrackClock()
    assert resolve([5.0], clock, 6.0, CHUNK_S, FRAME_S, screen_s=5.2) == [pytest.approx(6.0)]
    for chunk in range(1, 8):
        hand = [5.2 + CHUNK_S * (chunk - 1) + 0.05 * n for n in range(1, 6)]
        start = 6.0 + CHUNK_S * chunk
        resolved = resolve(hand, clock, start, CHUNK_S, FRAME_S, screen_s=hand[-1])
        assert resolved[-1] == pytest.approx(start + CHUNK_S - FRAME_S, abs=0.02)


@pytest.mark.parametrize("screen", [None, 4.0, 90.0])
def test_a_client_with_a_clock_of_its_own_is_followed_as_without_a_screen(screen: float | None) -> None:
    clock = TrackClock()
    times = resolve([5.0, 5.1], clock, 6.0, CHUNK_S, FRAME_S, screen)
    assert times[-1] == pytest.approx(6.0 + CHUNK_S - FRAME_S)


@given(
    st.lists(st.lists(st.floats(0, 3, width=32), min_size=1, max_size=20), min_size=1, max_size=12),
    st.floats(0, 1),
)
def test_whatever_the_hand_does_times_are_in_order_and_near_their_chunk(
    gaps: list[list[float]], offset: float
) -> None:
    clock, now, previous = TrackClock(), offset, -1.0
    for chunk, batch in enumerate(gaps, 4):
        times = []
        for gap in batch:
            now += gap
            times.append(now)
        start = chunk * CHUNK_S
        resolved = resolve(times, clock, start, CHUNK_S, FRAME_S)
        assert len(resolved) == len(times)
        assert all(b >= a - 1e-9 for a, b in pairwise(resolved))
        assert resolved[0] >= start - 1e-9 and resolved[0] >= previous - 1e-9
        assert resolved[-1] <= start + 2 * CHUNK_S - FRAME_S + 1e-6
        previous = resolved[-1]

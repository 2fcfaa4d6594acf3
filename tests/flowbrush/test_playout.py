"""When frames are due and where the playhead stands; time is given, nothing waits."""

from __future__ import annotations

import pytest

from flowbrush.playout import Playout

FRAME = 1 / 16


def play(playout: Playout, frames: range, arrive: float) -> None:
    for frame in frames:
        playout.receive(frame * FRAME)
    assert playout.wait_s(frames[0] * FRAME, arrive) >= 0


def test_frames_are_due_one_frame_apart() -> None:
    playout = Playout(FRAME, realtime=True)
    play(playout, range(8), 10.0)
    playout.show(0.0, 10.0)
    assert playout.wait_s(FRAME, 10.0) == pytest.approx(FRAME)
    assert playout.wait_s(3 * FRAME, 10.0) == pytest.approx(3 * FRAME)


def test_a_late_caller_catches_up_but_a_dry_buffer_moves_the_clock() -> None:
    playout = Playout(FRAME, realtime=True)
    play(playout, range(8), 10.0)
    playout.show(0.0, 10.0)
    playout.show(FRAME, 10.0 + FRAME + 0.01)  # 10 ms late
    assert playout.wait_s(2 * FRAME, 10.0 + 2 * FRAME) == pytest.approx(0)
    playout.show(2 * FRAME, 11.0)  # nearly a second late
    assert playout.wait_s(3 * FRAME, 11.0) == pytest.approx(FRAME)


def test_the_position_moves_through_the_frame_on_screen_and_stops_at_the_end_of_what_came() -> None:
    playout = Playout(FRAME, realtime=True)
    assert playout.position(5.0) == (0.0, 0.0)
    play(playout, range(2), 10.0)
    assert playout.position(10.0) == (0.0, 2 * FRAME)
    playout.show(0.0, 10.0)
    assert playout.position(10.0) == (0.0, 2 * FRAME)
    assert playout.position(10.0 + FRAME / 2) == pytest.approx((FRAME / 2, 1.5 * FRAME))
    playout.show(FRAME, 10.0 + FRAME)
    assert playout.position(20.0) == pytest.approx((2 * FRAME, 0.0))


def test_without_realtime_nothing_waits_and_the_reader_is_the_playhead() -> None:
    playout = Playout(FRAME, realtime=False)
    play(playout, range(8), 10.0)
    playout.show(0.0, 10.0)
    assert playout.wait_s(7 * FRAME, 10.0) == 0
    assert playout.position(10.0) == pytest.approx((FRAME, 7 * FRAME))


def test_after_a_restart_the_position_is_the_place_to_go_on_from() -> None:
    playout = Playout(FRAME, realtime=True)
    play(playout, range(32), 10.0)
    playout.show(0.0, 10.0)
    playout.restart(8 * FRAME)
    assert playout.position(10.5) == pytest.approx((8 * FRAME, 0.0))
    assert playout.wait_s(8 * FRAME, 10.5) == 0
    playout.restart(0.0)
    assert playout.position(10.5) == (0.0, 0.0)


def test_who_joins_late_begins_with_the_first_frame_that_comes() -> None:
    playout = Playout(FRAME, realtime=True)
    play(playout, range(160, 164), 10.0)
    assert playout.position(10.0) == pytest.approx((10.0, 4 * FRAME))

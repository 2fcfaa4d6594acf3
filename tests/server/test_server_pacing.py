"""When chunks are started: late enough to follow the hand, early enough for the viewer. No clock runs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from flowbrush.server.engine.encode_thread import WAITING
from flowbrush.server.sessions.pace import HEADSTART_S, Pace
from flowbrush.server.sessions.pacing import MARGIN_S, SILENCE_S, Pacer

CHUNK_S = 0.25


def test_the_margin_is_a_drawing_of_the_page_and_less_than_a_frame() -> None:
    """Pages draw sixty times a second; what is kept ready beyond that is late for the hand: no frame of 20 a second may be."""
    assert 1 / 60 < MARGIN_S < 1 / 20


def test_without_a_playhead_the_stream_keeps_to_real_time() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    assert pacer.due(0.0, 10.0) == 10.0, "the first chunk at once"
    pacer.sent(CHUNK_S, 10.1)
    due = pacer.due(CHUNK_S, 10.1)
    assert due == pytest.approx(10.1 + CHUNK_S - 0.1 - MARGIN_S)
    for chunk in range(1, 40):
        start = pacer.due(chunk * CHUNK_S, 10.1)
        pacer.sent((chunk + 1) * CHUNK_S, start + 0.1)
    assert start == pytest.approx(10.1 + 39 * CHUNK_S - 0.1 - MARGIN_S)


def test_a_viewer_who_has_enough_makes_the_server_wait_and_one_who_has_little_makes_it_hurry() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(1.0, 0.0)
    pacer.report(0.2, 1.0)
    assert pacer.due(1.0, 1.0) == pytest.approx(1.0 + 0.8 - 0.1 - MARGIN_S)
    pacer.report(0.9, 1.0)
    assert pacer.due(1.0, 1.0) < 1.0


def test_a_reader_faster_than_real_time_gets_chunks_as_fast_as_they_can_be_made() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(1.0, 0.0)
    pacer.report(1.0, 0.01)
    assert pacer.due(1.0, 0.01) < 0.01


def test_a_playhead_of_before_a_rewind_counts_as_an_empty_buffer() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(5.0, 0.0)
    pacer.restart(1.0)
    pacer.report(4.8, 0.1)
    assert pacer.playhead(0.2) == 1.0
    assert pacer.due(1.0, 0.2) < 0.2


def test_a_playhead_of_before_a_branch_does_not_hold_it_up() -> None:
    """A page that resumes at five seconds and has shown nothing yet may report zero."""
    pacer = Pacer(0.1, CHUNK_S)
    pacer.restart(5.0)
    pacer.report(0.0, 10.0)
    assert pacer.playhead(10.0) == 5.0
    assert pacer.due(5.0, 10.0) < 10.0


def test_a_viewer_who_falls_silent_is_not_fed_for_ever() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(5.0, 0.0)
    pacer.report(0.5, 0.0)
    assert pacer.playhead(100.0) == 0.5 + SILENCE_S
    assert math.isinf(pacer.due(5.0, 100.0))
    pacer.report(4.9, 100.0)
    assert pacer.due(5.0, 100.0) < 100.0


def test_a_dry_buffer_is_noticed_and_playing_goes_on_from_there() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    assert not pacer.sent(CHUNK_S, 0.0), "the first chunk cannot be late"
    assert not pacer.sent(2 * CHUNK_S, 0.2)
    assert pacer.sent(3 * CHUNK_S, 0.9), "it came 0.4 s after the end of the second"
    assert pacer.playhead(1.0) == pytest.approx(2 * CHUNK_S + 0.1)


def test_the_chunk_time_follows_slow_chunks_quickly_and_fast_ones_slowly() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    pacer.measured(0.3)
    slow = pacer.chunk_s
    pacer.measured(0.1)
    assert slow == pytest.approx(0.2), "half of it at once"
    assert slow - 0.03 < pacer.chunk_s < slow
    for _ in range(29):
        pacer.measured(0.1)
    assert 0.104 < pacer.chunk_s < 0.115, "a slow one is forgotten within thirty"


def test_one_who_reports_is_never_more_than_two_seconds_ahead_of_its_report() -> None:
    """It ran dry, stops reading and says nothing more."""
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(1.0, 0.0)
    pacer.report(1.0, 1.0)
    end, now = 1.0, 1.0
    while not math.isinf(due := pacer.due(end, now)):
        now = max(now, due) + 0.1
        end += CHUNK_S
        pacer.sent(end, now)
        assert end - 1.0 <= 2.0
        if end - 1.0 > 1.7:
            now += 10  # however long it takes
    assert end == pytest.approx(3.0)
    pacer.report(2.0, now)
    assert pacer.due(end, now) < math.inf


def go_on(pace: Pace, end: float) -> float:
    pace.pause()
    pace.play(end)
    return end


def step(pace: Pace, end: float) -> float:
    pace.pause()
    pace.step(8, end)
    return end


def rewind(pace: Pace, end: float) -> float:
    pace.stop_steps(max(0.0, end - CHUNK_S))
    return max(0.0, end - CHUNK_S)


@pytest.mark.parametrize("ask", [go_on, step, rewind])
def test_nothing_that_a_client_asks_for_takes_it_further_from_its_last_report(
    ask: Callable[[Pace, float], float],
) -> None:
    pace, end, now, most = Pace(0.1, CHUNK_S), 1.0, 1.0, 0.0
    pace.come(0.0)
    pace.sent(0, end, True, 0.5)
    pace.report(0.25, now)
    for second in range(2, 17):
        end, now = ask(pace, end), max(now, float(second - 1))
        while (due := pace.due(end, now)) is not None and due <= second:
            now = max(now, due)
            pace.taken(round(end / CHUNK_S), True, now)
            end += CHUNK_S
            pace.sent(round(end / CHUNK_S) - 1, end, True, now)
            most = max(most, end)
    assert most == 2.25


@pytest.mark.parametrize("ask", [go_on, step])
def test_frames_that_a_viewer_still_has_when_its_stream_goes_on_are_still_ahead_of_it(
    ask: Callable[[Pace, float], float],
) -> None:
    pace, now = Pace(0.1, CHUNK_S), 1.0
    pace.come(0.0)
    pace.sent(0, 2.0, True, 0.5)
    ask(pace, 2.0)
    pace.report(0.25, now)
    assert pace.due(2.25, now) == math.inf


def test_a_hundred_chunks_are_stepped_through_by_one_who_says_what_it_shows() -> None:
    pace, made = Pace(0.1, CHUNK_S, paused=True), 0
    pace.come(0.0)
    while made < 100:
        end, now = made * CHUNK_S, float(made)
        pace.report(end, now)
        pace.step(1, end)
        assert pace.due(end, now) == now
        pace.taken(made, True, now)
        made += 1
        pace.sent(made - 1, made * CHUNK_S, True, now)
        assert pace.stands


def test_one_who_comes_back_and_waits_for_a_frame_before_it_reports_gets_one() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(3.0, 0.0)
    pacer.report(1.0, 0.0)
    assert math.isinf(pacer.due(3.0, 9.0))
    pacer.come(3.0)
    assert pacer.due(3.0, 9.0) == 9.0


def test_a_chunk_waits_for_a_report_where_a_viewer_has_ceased_to_report() -> None:
    pacer = Pacer(0.1, CHUNK_S)
    assert not pacer.stands(0.0, 5.0), "nothing was sent yet"
    pacer.sent(1.5, 5.0)
    assert not pacer.stands(1.5, 15.0), "one that never reports is taken to play"
    pacer.report(0.2, 15.0)
    assert not pacer.stands(1.5, 15.5), "it is taken to go on for a second"
    assert pacer.stands(1.5, 16.0) and pacer.due(1.5, 16.0) > 16.0, "0.3 s are left, and stay"
    assert not pacer.stands(1.2, 16.0), "that is due"
    assert pacer.stands(2.2, 15.0), "that is more than a viewer who reports gets ahead"


def test_who_jumps_without_end_makes_no_more_than_one_who_plays() -> None:
    pace, now, begun = Pace(0.05, CHUNK_S), 100.0, list[float]()
    while len(begun) < 100:
        pace.not_ready()
        pace.restart(0.0)
        due = pace.due(0.0, now)
        assert due is not None
        now = max(now, due)
        pace.taken(0, True, now)
        begun.append(now)
    at_once = round(HEADSTART_S / CHUNK_S)
    assert 8 <= at_once <= 16, "so many starts a person tries in a row; more are work that others wait for"
    assert begun[at_once - 1] == 100.0, "a person who tries some starts waits for none"
    assert begun[-1] - begun[at_once] == pytest.approx((99 - at_once) * CHUNK_S)
    pace.sent(0, CHUNK_S, True, now)
    assert pace.due(CHUNK_S, now) == pytest.approx(now + CHUNK_S - 0.05 - MARGIN_S, abs=0.03), "it plays on"


def test_who_goes_back_gets_no_more_ahead_than_from_there() -> None:
    """What it said of a later place says nothing any more."""
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(10.0, 10.0)
    pacer.report(10.0, 20.0)
    pacer.restart(2.0)
    assert pacer.due(2.0, 20.0) == 20.0
    assert pacer.due(4.0, 20.0) == float("inf")


def test_a_chunk_says_its_age_however_long_it_waits_for_its_encoder() -> None:
    pace, many = Pace(0.1, CHUNK_S), 4 * WAITING
    for chunk in range(many):
        pace.taken(chunk, True, float(chunk))
    assert pace.began(many - WAITING - 1, 9999.0) == many - WAITING - 1
    assert pace.began(0, 9999.0) == 9999.0, "what is kept has a bound"


def test_a_chunk_is_started_hardly_earlier_than_it_is_needed() -> None:
    """What is made early cannot follow the hand: a tenth of a second would be felt."""
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(1.0, 0.0)
    pacer.report(0.2, 1.0)
    early = 1.0 + 0.8 - 0.1 - pacer.due(1.0, 1.0)
    assert 0.01 < early < 0.1


def test_between_reports_a_viewer_is_taken_to_go_on() -> None:
    """One that says twice a second where it is does not stand still in between."""
    pacer = Pacer(0.1, CHUNK_S)
    pacer.sent(2.0, 0.0)
    pacer.report(0.5, 1.0)
    assert pacer.playhead(1.5) == pytest.approx(1.0)


@pytest.mark.parametrize(("took", "slow"), [(1.08, False), (1.4, True)])
def test_a_chunk_that_takes_a_little_longer_than_it_shows_is_not_slow(took: float, slow: bool) -> None:
    """One that is made just in time is now and then a little late; one that is never in time is slow."""
    pace = Pace(CHUNK_S, CHUNK_S)
    pace.due(0.0, 0.0)
    pace.taken(0, True, 0.0)
    pace.made(CHUNK_S)
    pace.sent(0, CHUNK_S, True, CHUNK_S)
    pace.due(CHUNK_S, CHUNK_S)
    pace.taken(1, True, CHUNK_S)
    assert pace.made(CHUNK_S + took * CHUNK_S).slow is slow


@pytest.mark.parametrize("length_s", [0.25, 0.75])
def test_a_slow_chunk_is_forgotten_in_seconds_however_long_chunks_are(length_s: float) -> None:
    """A hand that takes something makes one chunk slow; those after it are not to be made early for long."""
    pacer = Pacer(0.4, length_s)
    pacer.measured(1.0)
    slow = pacer.chunk_s - 0.4
    for _ in range(round(3.0 / length_s)):
        pacer.measured(0.4)
    assert slow > 0.2, "a second slow one is not to be late"
    assert 0.3 < (pacer.chunk_s - 0.4) / slow < 0.45

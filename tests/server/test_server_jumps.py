"""A stream that is taken back again and again: pictures come all the same, and everything is answered in its order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from session_harness import CAN, FRAMES, Harness, packets, said

from flowbrush.protocol import Point, Prompt, PromptSet, TrackBegin
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.jumps import MOST, PATIENCE_S, Jumps
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session import Terms

REWIND_S, CHUNK_S, EVERY_S = 0.01, 0.16, 0.15
"""What the played worker takes, and how often a person scrubs."""


class Played(Harness):
    """A session whose worker takes its time; frames and answers with when they came."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.open()
        self.now, self.step_s = 0.0, CHUNK_S
        self._order: tuple[float, Any] | None = None
        self.frames: list[tuple[float, int]] = []

    def play(self, seconds: float, every_s: float = 1e9, ask: Callable[[], Any] = lambda: None) -> None:
        """Time passes, in which `ask` gives an event every so often."""
        until, asked = self.now + seconds, 0.0
        while self.now < until:
            if self.now >= asked + every_s:
                asked = self.now
                self._tell(ask())
            self._work()
            self.now += 0.01

    def _tell(self, event: Any) -> list[Any]:
        told = self.tell(event, self.now)
        self.frames += [(self.now, packet.frame) for packet in packets(told)]
        return told

    def _work(self) -> None:
        if self._order is not None:
            ready, order = self._order
            if self.now < ready:
                return
            self._order = None
            self._answer(order)
        due = self.session.due(self.now)
        if due is not None and due <= self.now:
            for each in self._tell(on.Turn()):
                if isinstance(each, do.Order):
                    chunk = isinstance(each.order, ipc.StepItem)
                    self._order = self.now + (self.step_s if chunk else REWIND_S), each.order

    def _answer(self, order: Any) -> None:
        match order:
            case ipc.Rewind():
                self._tell(ipc.Rewound("id", order.epoch, True))
            case ipc.Open():
                self._tell(ipc.Opened("id", order.epoch, 0))
            case ipc.StepItem():
                first = order.chunk * FRAMES
                self._tell(ipc.Made("id", order.epoch, order.chunk, first, FRAMES, "p", order.replay_only))
                for offset in range(0 if order.replay_only else FRAMES):
                    args = (order.chunk, first + offset, b"x", offset in order.keys, offset == FRAMES - 1)
                    self._tell(ipc.Encoded("id", order.epoch, *args, 1.0))


@pytest.fixture
def it(tmp_path: Path) -> Played:
    """A stream that has played for three seconds."""
    played = Played(tmp_path)
    played.play(3.0)
    assert played.session.output.chunks > 8
    played.frames.clear()
    return played


def under_way(it: Played) -> None:
    """A rewind to chunk 5 is begun, and shows nothing yet."""
    it.tell(on.RewindAsked(5, id=1), it.now)
    while it.session.phase is not Phase.STEPPING:
        it.play(0.01)
    assert not it.frames


def answered(it: Played) -> list[tuple[str, int]]:
    return [(each.type, each.id) for each in said(it.effects) if getattr(each, "id", None)]


def test_a_slider_is_carried_out_and_a_worker_that_is_replaced_is_waited_for() -> None:
    """A slider that is dragged asks sixty times a second, and a second of that may wait. A worker is back within three seconds or
    so; nobody looks at a picture that stands for ten.
    """
    assert 60 < MOST < 2 * 60
    assert 3.0 < PATIENCE_S < 10.0


@pytest.mark.parametrize("jump", [on.RewindAsked(3), on.ResetAsked()])
def test_who_scrubs_sees_pictures_meanwhile(it: Played, jump: Any) -> None:
    first, asked = (0 if isinstance(jump, on.ResetAsked) else 4 * FRAMES), []
    it.play(3.0, EVERY_S, lambda: asked.append(jump) or jump)
    seen = [at for at, frame in it.frames if frame == first]
    assert len(seen) >= 6, "several a second"
    assert min(later - at for at, later in pairwise(seen)) > CHUNK_S, "at a bounded rate"
    it.play(1.0)
    answers = said(it.effects, "session.rewound") + said(it.effects, "session.restarted")
    assert len(answers) == len(asked)
    assert it.frames[-1][1] > first + FRAMES, "it goes on when it is left alone"


def test_a_jump_that_nothing_is_under_way_before_is_made_at_once(it: Played) -> None:
    for chunk in (8, 6, 4):
        it.tell(on.RewindAsked(chunk, id=9 - chunk), it.now)
    assert [each.chunk for each in said(it.effects, "session.rewound")] == [8, 6, 4]
    it.play(0.5)
    assert it.frames[0][1] == 5 * FRAMES, "what was never begun is not waited for"


def test_what_comes_behind_a_jump_that_waits_is_for_the_stream_after_it(it: Played) -> None:
    under_way(it)
    it.tell(on.RewindAsked(2, id=2), it.now)
    it.tell(on.Given(PromptSet(id=3, prompts=(Prompt(text="new"),)), CAN), it.now)
    it.tell(on.PauseAsked(id=4), it.now)
    assert answered(it) == [("session.rewound", 1)]
    it.play(0.5)
    assert [frame // FRAMES for _, frame in it.frames] == [6] * FRAMES
    told = [("session.rewound", 2), ("control.queued", 3), ("session.paused", 4)]
    assert answered(it) == [("session.rewound", 1), *told]
    it.tell(on.ResumeAsked(), it.now)
    it.play(0.5)
    assert it.frames[FRAMES][1] == 3 * FRAMES
    assert [each.prompts[0].text for each in it.journal.controls(3)] == ["new"]


def test_one_that_cannot_be_is_answered_by_an_error_in_its_turn(it: Played) -> None:
    under_way(it)
    it.tell(on.RewindAsked(1, id=2), it.now)
    it.tell(on.RewindAsked(4, id=3), it.now)
    it.play(0.5)
    assert answered(it) == [("session.rewound", 1), ("session.rewound", 2), ("error", 3)]
    (error,) = said(it.effects, "error")
    assert (error.code, error.field) == ("rewind_out_of_range", "chunk") and "2 chunks are" in error.message
    assert do.Count("errors", label="rewind_out_of_range") in it.effects


def test_what_waits_is_bounded(it: Played) -> None:
    under_way(it)
    for number in range(MOST - 1):
        it.tell(on.RewindAsked(4, id=2 + number), it.now)
    assert len(answered(it)) == 1
    it.tell(on.RewindAsked(4, id=1 + MOST), it.now)
    assert [id for _, id in answered(it)] == list(range(1, MOST + 2))


def test_a_stream_that_is_paused_shows_nothing_to_wait_for(it: Played) -> None:
    under_way(it)
    it.tell(on.PauseAsked(id=2), it.now)
    it.tell(on.RewindAsked(3, id=3), it.now)
    assert answered(it)[-1] == ("session.rewound", 3)


@pytest.mark.parametrize("lost", [True, False])
def test_a_picture_that_does_not_come_is_not_waited_for(it: Played, lost: bool) -> None:
    it.step_s = 60.0
    under_way(it)
    it.tell(on.RewindAsked(3, id=2), it.now)
    if lost:
        it.tell(on.WorkerLost("it ended", False), it.now)
    else:
        it.tell(on.Tick(0), it.now + PATIENCE_S / 2)
        assert len(answered(it)) == 1
        it.tell(on.Tick(0), it.now + PATIENCE_S)
    assert answered(it)[-1] == ("session.rewound", 2)


def waits(it: Played) -> None:
    """A rewind is under way, and another waits for its picture, with a control behind it."""
    under_way(it)
    it.tell(on.RewindAsked(2, id=2), it.now)
    it.tell(on.Given(PromptSet(id=3, prompts=(Prompt(text="new"),)), CAN), it.now)
    assert answered(it) == [("session.rewound", 1)]


@pytest.mark.parametrize("later_s", [0.0, PATIENCE_S])
def test_a_session_that_is_ended_does_first_what_was_asked_before(it: Played, later_s: float) -> None:
    waits(it)
    told = it.tell(on.EndAsked("stopped", id=4), it.now + later_s)
    assert answered(it)[1:] == [("session.rewound", 2), ("control.queued", 3), ("session.done", 4)]
    assert isinstance(told[-1], do.End), "nothing comes behind the end"
    assert len(it.journal) == 3, "the log has the rewind, too"


def test_one_that_ends_by_itself_does_nothing_afterwards(tmp_path: Path) -> None:
    it = Played(tmp_path, terms=Terms(longest_s=5.0))
    it.tell(on.Tick(0), it.now)
    it.play(3.0)
    it.frames.clear()
    waits(it)
    told = it.tell(on.Tick(0), it.now + PATIENCE_S)
    assert isinstance(told[-1], do.End) and len(it.journal) > 3


def test_a_server_that_stops_keeps_what_was_asked_before(it: Played) -> None:
    waits(it)
    told = it.tell(on.Stopping(), it.now)
    assert isinstance(told[-1], do.Close)
    assert [each.prompts[0].text for each in it.journal.controls(3)] == ["new"] and len(it.journal) == 4


@pytest.mark.parametrize("leaves", [True, False])
def test_nothing_of_an_earlier_connection_waits_when_its_client_comes_back(it: Played, leaves: bool) -> None:
    """Else what is sent again, as `last_id` says, would be refused as sent twice; the old connection may still hang."""
    waits(it)
    if leaves:
        it.tell(on.Detached(), it.now)
    it.tell(on.Attached(6 * FRAMES), it.now)
    assert it.session.last_id == 3 and it.session.upcoming == 3
    it.tell(on.RewindAsked(1, id=4), it.now)
    assert answered(it)[-1] == ("session.rewound", 4), "nothing is waited for"


def test_one_that_is_refused_in_its_turn_says_whether_it_may_come_again(it: Played) -> None:
    under_way(it)
    it.tell(on.RewindAsked(2, id=1), it.now)
    points = tuple(Point(t=index / 100, x=0.5, y=0.5) for index in range(1000))
    for track in range(1, 10):
        begin = TrackBegin(id=track + 1, track=track, kind="path", points=points)
        it.tell(on.Given(begin, CAN), it.now)
    it.play(0.5)
    (error,) = said(it.effects, "error")
    assert (error.code, error.id, error.retryable) == ("rate_limited", 10, True)


def test_the_first_picture_after_a_jump_is_to_be_seen_for_a_tenth_of_a_second() -> None:
    jumps = Jumps()
    jumps.asked()
    jumps.begun(5.0)
    jumps.made()
    jumps.shown(5.3)
    assert jumps.wait(on.RewindAsked(3), 5.35, stands=False) and jumps.rests
    assert jumps.due == pytest.approx(5.4)
    assert jumps.take(5.39) == [] and len(jumps.take(5.41)) == 1

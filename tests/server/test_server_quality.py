"""Under overload quality goes down step by step, steps first and then the rate, and comes back when there is room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from session_harness import FPS, FRAMES, Harness
from session_world import Client, PlayedWorker, World

from flowbrush.protocol import (
    ChunkDone,
    ErrorCode,
    Notice,
    PromptSet,
    ProtocolError,
    StepsSet,
    parse_client_message,
)
from flowbrush.server.delivery.delivery import Media
from flowbrush.server.engine import ipc
from flowbrush.server.engine.balance import Demand, Load, better_off, overloaded
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.effects import Count, Say
from flowbrush.server.sessions.quality import Quality

CHUNK_S = FRAMES / FPS
FULL = 4
CARD = {"capabilities": {}, "steps": FULL, "fewest_steps": 1}


class Played:
    """One worker that takes its time: so long a pass, a pass for each denoising step and one more."""

    def __init__(self, sessions: int, pass_s: float) -> None:
        self.world = World(workers=1, slots=sessions)
        self.pass_s = pass_s
        worker = self.worker
        worker.loaded = True
        worker.say(ipc.Loaded(CARD, sessions, {"h264": "x"}, 0.1))
        self.clients = [self.world.begin(paused=False) for _ in range(sessions)]
        self.limits: dict[str, int] = {}
        self.notices: dict[Client, list[str]] = {client: [] for client in self.clients}
        self.told: dict[Client, float | None] = {}
        """at what rate chunks come, as the newest of them says"""
        self.frames: dict[Client, int] = dict.fromkeys(self.clients, 0)
        self.world.clock.advance(0.0)

    @property
    def worker(self) -> PlayedWorker:
        return self.world.processes[0]

    def steps(self, client: Client) -> int:
        return self.limits.get(client.live.id, FULL)

    def run(self, seconds: float) -> None:
        until = self.world.clock.now + seconds
        while self.world.clock.now < until:
            if self.worker.orders:
                self._work()
            else:
                self.world.clock.advance(max(0.0, self.world.clock.next_call() - self.world.clock.now))
            for client in self.clients:
                self._look(client)

    def _work(self) -> None:
        order = self.worker.orders[0]
        spent = 0.01
        if isinstance(order, ipc.Step):
            for item in order.items:
                for control in ipc.unpacked(item.controls):
                    if isinstance(control, StepsSet):
                        self.limits[item.stream] = control.steps or FULL
            spent = self.pass_s * sum(self.limits.get(item.stream, FULL) + 1 for item in order.items)
        self.world.clock.advance(spent)
        self.worker.answer(spent_ms=spent * 1e3)
        while self.worker.encoding:
            self.worker.encode()

    def _look(self, client: Client) -> None:
        box = client.box
        assert box is not None
        while box._items:
            item = box._items.popleft()
            if isinstance(item, Media):
                box._media -= 1
                self.frames[client] += 1
            elif isinstance(item, Notice):
                self.notices[client].append(item.code)
            elif isinstance(item, ChunkDone):
                self.told[client] = item.rate

    def rate(self, client: Client, seconds: float) -> float:
        """The share of real time that it gets."""
        before = self.frames[client]
        self.run(seconds)
        return (self.frames[client] - before) / FPS / seconds


def test_steps_go_down_first_and_come_back_when_there_is_room() -> None:
    it = Played(1, pass_s=0.07)  # 4 steps take 0.35 s of the 0.25 s that a chunk shows; 2 steps 0.21 s
    (client,) = it.clients
    it.run(8.0)
    assert it.steps(client) == 2 and client.live.session.quality.rate == 1.0
    assert it.notices[client] == ["quality_lowered"]
    assert it.rate(client, 4.0) == pytest.approx(1.0, abs=0.05), "pictures come in real time again"
    it.run(20.0)
    assert it.steps(client) == 2, "with the steps that it had it would be too slow again"
    it.pass_s = 0.02
    it.run(10.0)
    assert it.steps(client) == FULL
    assert it.notices[client] == ["quality_lowered", "quality_restored"]


def test_the_rate_goes_down_when_no_steps_are_left() -> None:
    it = Played(1, pass_s=0.16)  # 1 step takes 0.32 s
    (client,) = it.clients
    it.run(16.0)
    quality = client.live.session.quality
    assert it.steps(client) == 1 and quality.rate == 0.75
    assert it.notices[client] == ["quality_lowered"] * 3
    assert it.rate(client, 8.0) == pytest.approx(0.75, abs=0.05) and it.told[client] == 0.75
    it.pass_s = 0.02
    it.run(24.0)
    assert (it.steps(client), quality.rate) == (FULL, 1.0)
    assert it.notices[client][3:] == ["quality_restored"] and it.told[client] is None


def test_all_who_are_slow_give_way_and_what_there_is_is_not_given_back_to_all() -> None:
    """Four streams of 4 steps are 1.6 of what the worker can, of 2 steps 0.96, of 1 step 0.64."""
    it = Played(4, pass_s=0.02)
    it.run(20.0)
    said_by_then = sum(map(len, it.notices.values()))
    assert all(1 <= it.steps(client) <= 2 for client in it.clients)
    it.run(20.0)
    assert sum(map(len, it.notices.values())) - said_by_then <= 4, "it does not go up and down"
    assert all(it.rate(client, 2.0) > 0.9 for client in it.clients)


def test_one_stream_after_the_other_gets_something_back() -> None:
    """Two seconds later each, so that what the last one takes is seen first."""
    it = Played(4, pass_s=0.02)
    it.run(20.0)
    it.pass_s = 0.001
    levels, raised = [sum(client.live.session.quality.level for client in it.clients)], []
    for step in range(120):
        it.run(0.25)
        levels.append(sum(client.live.session.quality.level for client in it.clients))
        if levels[-1] < levels[-2]:
            raised.append(0.25 * step)
    assert levels[0] >= 4 and levels[-1] == 0 and len(raised) == levels[0]
    assert min(later - before for before, later in pairwise(raised)) == pytest.approx(2.0, abs=0.5)


def lower(quality: Quality) -> None:
    """Its chunks are slow until it has to do with less."""
    while not quality.strained:
        quality.made(slow=True)
    assert quality.overload()


def test_one_that_is_in_time_most_of_the_time_keeps_what_it_has() -> None:
    quality = Quality(FPS)
    quality.serve(4, 1)
    for chunk in range(100):
        quality.made(slow=chunk % 12 < 7)
        assert not quality.strained and quality.overload() == []
    assert quality.steps == 4 and quality.entry() == ()


def test_levels_are_steps_and_then_rates() -> None:
    def levels(steps: int, fewest: int) -> Iterator[tuple[int, float]]:
        quality = Quality(FPS)
        quality.serve(steps, fewest)
        yield quality.steps, quality.rate
        for _ in range(100):
            quality.made(slow=True)
            if quality.overload():
                yield quality.steps, quality.rate

    assert list(levels(4, 1)) == [(4, 1.0), (2, 1.0), (1, 1.0), (1, 0.75), (1, 0.5)]
    assert list(levels(5, 5)) == [(5, 1.0), (5, 0.75), (5, 0.5)], "steps that cannot be fewer stay"


def test_each_step_down_is_said_and_the_first_is_counted() -> None:
    quality, told = Quality(16.0), []
    quality.serve(4, 1)
    for _ in range(100):
        quality.made(slow=True)
        told += quality.overload()
    said = [each.message.message.partition(": ")[2] for each in told if isinstance(each, Say)]
    assert said == [
        "pictures are made in 2 steps in place of 4, a little less well",
        "pictures are made in 1 step in place of 4, a little less well",
        "12 frames come a second in place of 16",
        "8 frames come a second in place of 16",
    ]
    assert [told.index(each) for each in told if each == Count("overloads")] == [1], "once, with the first"


def test_only_who_takes_his_share_of_a_busy_worker_has_to_do_with_less() -> None:
    greedy, victim = Demand("greedy", 0.9, True, 1.0, 0), Demand("victim", 0.08, True, 1.0, 0)
    fine = Demand("fine", 0.5, False, 1.0, 0)
    assert overloaded(0.97, [greedy, victim, fine]) == ["greedy"]
    modest = replace(victim, share=0.2)  # of an even share of a half it takes less than the half
    assert overloaded(0.97, [greedy, modest]) == ["greedy"]
    assert overloaded(0.97, [greedy, replace(modest, share=0.3)]) == ["greedy", "victim"]
    assert overloaded(0.5, [greedy, victim]) == [], "it is not the worker that makes them slow"
    assert overloaded(0.97, [replace(victim, share=0.3) for _ in range(3)]) == ["victim"] * 3


def test_room_goes_to_who_does_without_most_and_for_whom_it_is_enough() -> None:
    little, much = Demand("little", 0.2, False, 1.5, 1), Demand("much", 0.2, False, 1.5, 3)
    assert better_off(0.7, [little, much]) == "much"
    assert better_off(0.7, [little, replace(much, share=0.6)]) == "little"
    assert better_off(0.8, [little, much]) is None
    assert better_off(0.1, [replace(much, growth=1.0)]) is None


def test_what_had_to_be_taken_back_is_waited_for_twice_as_long() -> None:
    quality = Quality(FPS)
    quality.serve(2, 1)
    waits = []
    for _ in range(7):
        lower(quality)
        made = 0
        while not quality.room():
            quality.made(slow=False)
            made += 1
        waits.append(made)
    assert waits == [12, 24, 48, 96, 192, 192, 192], "but no longer than pocket makes in 48 s"


@pytest.mark.parametrize(("lasted", "waits"), [(36, 24), (50, 24), (54, 12), (120, 12)])
def test_what_lasted_long_was_no_mistake(lasted: int, waits: int) -> None:
    quality = Quality(FPS)
    quality.serve(2, 1)
    lower(quality)
    while not quality.room():
        quality.made(slow=False)
    for _ in range(lasted - 12):
        quality.made(slow=False)
    lower(quality)
    made = 0
    while not quality.room():
        quality.made(slow=False)
        made += 1
    assert made == waits


def test_the_log_says_how_many_steps_a_chunk_was_made_with(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.open()
    it.session.quality.serve(2, 1)
    now = 0.0
    while it.session.quality.steps == 2:
        it.session.due(now)
        item = it.turn(now)
        now += 2 * CHUNK_S
        it.made(item, now=now)
        it.session.due(now)
        it.tell(on.Overloaded())
    lowered = it.turn(now)
    assert ipc.unpacked(lowered.controls) == [StepsSet(steps=1)]
    assert it.journal.controls(lowered.chunk) == (StepsSet(steps=1),)
    again = Harness(tmp_path)
    for chunk in range(len(it.journal)):
        again.session.restored(chunk, it.journal.controls(chunk))
    assert again.session.quality.entry() == (StepsSet(steps=None),), (
        "a new process begins with all that there is"
    )


def test_after_a_rewind_the_log_says_anew_what_holds(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.open()
    for _ in range(3):
        it.chunk()
    it.tell(on.RewindAsked(1))
    assert it.session.quality.entry() == (), "it never had less"
    it.session.quality.serve(2, 1)
    lower(it.session.quality)
    assert it.session.quality.entry() == (StepsSet(steps=1),)
    it.tell(on.RewindAsked(0))
    assert it.session.quality.entry() == (StepsSet(steps=1),) and it.session.quality.entry() == ()


def test_a_client_cannot_set_steps_in_the_middle() -> None:
    with pytest.raises(ProtocolError) as refused:
        parse_client_message('{"type": "steps.set", "steps": 64}')
    assert refused.value.code is ErrorCode.UNKNOWN_TYPE


def test_load_is_the_share_of_time_that_orders_take() -> None:
    load, now = Load(), 0.0
    for _ in range(100):
        now += 0.25
        load.add(0.2, now)
    assert load.share == pytest.approx(0.8, abs=0.01)
    load.add(0.1, now + 60)
    assert load.share < 0.01


def test_one_long_order_costs_nobody_quality() -> None:
    """Half of its time is taken, then a prompt is read for two seconds; a worker that is at its work for long is too busy."""
    load, now, slow = Load(), 0.0, [Demand("a", 0.5, strained=True, growth=1.0, level=0)]
    for _ in range(60):
        now += 0.25
        load.add(0.125, now)
    load.add(2.0, now + 2.0)
    assert overloaded(load.share, slow) == []
    load.add(2.0, now + 4.0)
    assert overloaded(load.share, slow) == ["a"]


def test_a_control_that_comes_with_it_is_kept(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.open()
    it.session.quality.serve(2, 1)
    lower(it.session.quality)
    it.give(PromptSet(id=1, prompts=({"text": "q"},)))  # type: ignore[arg-type]
    kinds = [control.type for control in ipc.unpacked(it.turn().controls)]
    assert kinds == ["steps.set", "prompt.set"]


@pytest.mark.parametrize(("every", "wants"), [(6, True), (3, False)])
def test_a_slow_chunk_now_and_then_does_not_hold_a_stream_down(every: int, wants: bool) -> None:
    quality = Quality(FPS)
    quality.serve(2, 1)
    lower(quality)
    for chunk in range(12):
        quality.made(slow=chunk % every == 0)
    assert (quality.growth > 1.0) is wants

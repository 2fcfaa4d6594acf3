"""Whatever happens, in whatever order: no slot leaks, no session is stuck, every client hears an ending."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from session_world import Client, World

from flowbrush.protocol import Prompt, PromptSet
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.phases import Phase

CAN = {"text": True, "rewind": True}
WELL = st.just("well")


class Histories(RuleBasedStateMachine):
    """One server's life."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def _client(self, data: Any) -> Client:
        living = [each for each in self.world.clients if each.live.session.phase is not Phase.DONE]
        return data.draw(st.sampled_from(living or self.world.clients))

    def _worker(self, number: int) -> Any:
        return self.world.alive[number % len(self.world.alive)] if self.world.alive else None

    @initialize(loaded=st.booleans())
    def start(self, loaded: bool) -> None:
        self.world.begin(False)
        if loaded:
            for process in self.world.alive:
                process.load(self.world.slots)
        self.world.clock.advance(0.0)

    @rule(paused=st.booleans())
    def begin(self, paused: bool) -> None:
        self.world.begin(paused)

    @rule(data=st.data(), what=st.sampled_from(["leave", "back", "pause", "resume", "step", "reset", "stop"]))
    def client(self, data: Any, what: str) -> None:
        client = self._client(data)
        match what:
            case "leave":
                self.world.leave(client)
            case "back":
                if client.live.session.phase is not Phase.DONE:
                    self.world.leave_quietly(client)
                    self.world.come_back(client)
            case "pause":
                self.world.ask(client, on.PauseAsked())
            case "resume":
                self.world.ask(client, on.ResumeAsked())
            case "step":
                self.world.ask(client, on.StepAsked(2))
            case "reset":
                self.world.ask(client, on.ResetAsked(7))
            case "stop":
                self.world.ask(client, on.EndAsked("stopped"))

    @rule(data=st.data(), back=st.integers(0, 4))
    def rewind(self, data: Any, back: int) -> None:
        client = self._client(data)
        self.world.ask(client, on.RewindAsked(max(0, client.live.session.output.chunks - 1 - back)))

    @rule(data=st.data())
    def control(self, data: Any) -> None:
        client = self._client(data)
        id = client.live.session.last_id + 1
        self.world.ask(client, on.Given(PromptSet(id=id, prompts=(Prompt(text="q"),)), CAN))

    @rule(data=st.data())
    def look(self, data: Any) -> None:
        self.world.ask(self._client(data), on.ProbeAsked((0.5, 0.5)))

    @rule(number=st.integers(0, 1))
    def load(self, number: int) -> None:
        if (worker := self._worker(number)) is not None:
            worker.load(self.world.slots)

    @rule(
        number=st.integers(0, 1), how=WELL | WELL | st.sampled_from(["fails", "refused", "memory", "unread"])
    )
    def answer(self, number: int, how: str) -> None:
        if (worker := self._worker(number)) is not None:
            worker.answer(how)

    @rule(number=st.integers(0, 1), how=WELL | WELL | st.just("stuck"))
    def encode(self, number: int, how: str) -> None:
        if (worker := self._worker(number)) is not None:
            worker.encode(how)

    @rule(number=st.integers(0, 1))
    def crash(self, number: int) -> None:
        if (worker := self._worker(number)) is not None:
            worker.kill("it ended with exit code -9")

    @rule(number=st.integers(0, 1))
    def drained(self, number: int) -> None:
        if (worker := self._worker(number)) is not None:
            worker.leave()

    @rule(full=st.booleans(), broken=st.booleans(), hangs=st.booleans())
    def disk(self, full: bool, broken: bool, hangs: bool) -> None:
        world = self.world
        world.disk_full, world.disk_broken, world.disk_hangs = full, broken, hangs
        if not hangs:
            world.storage.answer_all()

    @rule(data=st.data())
    def disk_answers(self, data: Any) -> None:
        """One write that hangs comes to its end."""
        busy = [lane for lane, jobs in self.world.storage.lanes.items() if jobs]
        if busy:
            self.world.storage.answer(data.draw(st.sampled_from(busy)))

    @rule(none=st.booleans())
    def processes(self, none: bool) -> None:
        self.world.no_processes = none

    @rule(seconds=st.sampled_from([0.05, 0.3, 5.0, 40.0, 70.0]))
    def time(self, seconds: float) -> None:
        self.world.run(seconds)

    @precondition(lambda self: self.world.alive)
    @rule(rounds=st.integers(1, 3))
    def all_is_well_for_a_while(self, rounds: int) -> None:
        for _ in range(rounds):
            self.world._one_round()

    @invariant()
    def holds(self) -> None:
        self.world.clock.advance(0.0)
        self.world.check()

    def teardown(self) -> None:
        self.world.recover()


Histories.TestCase.settings = settings(
    max_examples=2000,
    stateful_step_count=10,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
test_histories = Histories.TestCase

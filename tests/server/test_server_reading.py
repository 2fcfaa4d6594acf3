"""Prompts that are slow to be read: concurrently with chunks, which go on without them until they have been."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import server_tiny_pocket
from msgspec import structs
from session_harness import CAN, Harness, drag, orders
from test_server_switches import Double

from flowbrush.pipelines.requests import StreamSettings
from flowbrush.protocol import Prompt, PromptSet
from flowbrush.server.engine import ipc, worker_main
from flowbrush.server.engine.reading import Reader
from flowbrush.server.engine.worker import Worker
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.reading import PATIENCE, PATIENCE_S
from flowbrush.server.sessions.session import URGENT


def prompt(id: int, *texts: str) -> PromptSet:
    return PromptSet(id=id, prompts=tuple(Prompt(text=text) for text in texts))


def read(it: Harness) -> list[Any]:
    """The worker has read what it was asked to read."""
    (last,) = [each.texts for each in it.effects if isinstance(each, do.Read)][-1:]
    return it.tell(ipc.WasRead("id", it.session.epoch, last))


def asked(effects: list[Any]) -> list[Any]:
    return [each.texts for each in effects if isinstance(each, do.Read)]


def texts(item: Any) -> list[str]:
    found = [control for control in ipc.unpacked(item.controls) if isinstance(control, PromptSet)]
    return [each.text for control in found for each in control.prompts]


@pytest.fixture
def it(tmp_path: Path) -> Harness:
    made = Harness(tmp_path)
    made.tell(on.Attached(0))
    made.tell(on.SlotGiven(reads=True))
    (order,) = orders(made.tell(on.Turn()))
    made.tell(ipc.Opened("id", order.epoch, 0))
    return made


def test_a_chunk_goes_on_without_a_prompt_that_is_being_read(it: Harness) -> None:
    assert asked(it.tell(on.Given(prompt(1, "a", "b"), CAN))) == [("a", "b")]
    it.give(drag(2, 1, 0.0))
    item = it.chunk()[0]
    assert texts(item) == [] and len(ipc.unpacked(item.controls)) == 1, "all else is shown"
    assert asked(read(it)) == []
    assert texts(it.chunk()[0]) == ["a", "b"] and texts(it.chunk()[0]) == []
    shown = [texts_of(it.journal.controls(chunk)) for chunk in range(3)]
    assert shown == [[], ["a", "b"], []], "the log has the chunk that showed it"


def texts_of(controls: Any) -> list[str]:
    return [each.text for control in controls if isinstance(control, PromptSet) for each in control.prompts]


def test_one_prompt_is_read_after_the_other_and_the_latest_counts(it: Harness) -> None:
    assert asked(it.tell(on.Given(prompt(1, "a"), CAN))) == [("a",)]
    for id, text in ((2, "b"), (3, "c")):
        assert asked(it.tell(on.Given(prompt(id, text), CAN))) == []
    assert texts(it.chunk()[0]) == []
    assert asked(read(it)) == [("c",)]
    assert texts(it.chunk()[0]) == []
    assert asked(read(it)) == []
    assert texts(it.chunk()[0]) == ["c"]


def test_a_reader_that_does_not_answer_does_not_hold_a_prompt_for_ever(it: Harness) -> None:
    it.give(prompt(1, "a"))
    shown = [texts(it.chunk()[0]) for _ in range(PATIENCE + 2)]
    assert shown == [[]] * PATIENCE + [["a"], []]


def test_a_prompt_waits_two_seconds_at_the_most(it: Harness) -> None:
    """A second and a half is what a long text may take; who has seen nothing of it after three types it again."""
    it.give(prompt(1, "a"))
    shown = [texts(it.chunk()[0]) for _ in range(round(4.0 / it.session.chunk_s))]
    assert 1.5 <= shown.index(["a"]) * it.session.chunk_s <= 3.0


def test_who_came_in_quick_succession_waits_no_longer(it: Harness) -> None:
    shown = []
    for number in range(PATIENCE + 1):
        it.give(prompt(number + 1, f"p{number}"))
        shown += texts(it.chunk()[0])
        read(it)
    assert shown == [f"p{PATIENCE}"]


def test_a_new_worker_is_asked_anew(it: Harness) -> None:
    it.give(prompt(1, "a"))
    epoch = it.session.epoch
    it.tell(on.WorkerLost("it is gone", False))
    it.tell(on.SlotGiven(reads=True))
    (order,) = orders(it.tell(on.Turn()))
    assert asked(it.tell(ipc.Opened("id", order.epoch, 0))) == [("a",)]
    it.tell(ipc.WasRead("id", epoch, ("a",)))
    assert texts(it.chunk()[0]) == [], "the answer of the one before says nothing"
    read(it)
    assert texts(it.chunk()[0]) == ["a"]


def test_models_that_read_at_once_are_asked_for_nothing(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.open()
    assert asked(it.tell(on.Given(prompt(1, "a"), CAN))) == []
    assert texts(it.chunk()[0]) == ["a"]


def test_a_prompt_that_cannot_be_read_is_answered_all_the_same() -> None:
    sent: queue.Queue[Any] = queue.Queue()
    done: list[str] = []

    def reads(texts: Any) -> None:
        if "bad" in texts:
            raise RuntimeError("no")
        done.extend(texts)

    reader = Reader(reads, sent.put)
    for number, text in enumerate(("bad", "good")):
        reader.put(ipc.Read("s", number, (text,)))
    answers = [sent.get(timeout=30) for _ in range(2)]
    assert [answer.epoch for answer in answers] == [0, 1] and done == ["good"]


def load_slow(name: str, *, device: str, seats: int) -> Double:
    """As `Generator.load`: a model whose prompts take long."""
    made = Double(seats)
    made.prompts = SimpleNamespace(slow=True, read=READ.extend)  # type: ignore[attr-defined]
    return made


READ: list[str] = []


def test_a_worker_says_that_its_model_reads_slowly_and_reads() -> None:
    sent: queue.Queue[Any] = queue.Queue()
    worker = Worker(SimpleNamespace(send=sent.put))  # type: ignore[arg-type]
    worker.load(ipc.WorkerConfig(f"{__name__}:load_slow", "pocket-random", "cpu", 1, 0, "info", False))
    assert ipc.decode_up(ipc.encode(sent.get(timeout=30))).reads
    worker.read(ipc.decode_down(ipc.encode(ipc.Read("s", 3, ("a", "b")))))
    assert sent.get(timeout=30) == ipc.WasRead("s", 3, ("a", "b")) and READ == ["a", "b"]


def test_prompts_are_taken_in_while_a_chunk_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order for a chunk waits until the prompt after it has been taken in."""
    taken_in, seen = threading.Event(), []

    class Obeys:
        def __init__(self, uplink: Any) -> None: ...

        def beat(self, interval_s: float, stage_s: float) -> None: ...

        def load(self, config: Any) -> None: ...

        def read(self, order: Any) -> None:
            taken_in.set()

        def obey(self, order: Any) -> None:
            seen.append(taken_in.wait(30))

    class Pipe:
        def __init__(self) -> None:
            given = (ipc.Step(()), ipc.Read("s", 0, ("a",)), ipc.Step(()))
            self.orders = [ipc.encode(order) for order in given]

        def send_bytes(self, data: bytes) -> None: ...

        def recv_bytes(self, most: int) -> bytes:
            if not self.orders:
                raise EOFError
            return self.orders.pop(0)

    monkeypatch.setattr(worker_main, "Worker", Obeys)
    monkeypatch.setattr(worker_main.logs, "configure", lambda *_: None)
    worker_main.serve(Pipe(), ipc.WorkerConfig("m:f", "m", "cpu", 1, 0, "info", False))
    assert seen == [True, True]


# ---- what a stream cannot go on without


def asks(it: Harness, now: float = 0.0) -> list[Any]:
    """What the worker has to read first for the order that it has."""
    return asked(it.tell(ipc.Unread("id", it.session.epoch, ("p",)), now))


def seated(folder: Path) -> Harness:
    """It has a slot, and gave its first order."""
    made = Harness(folder)
    made.tell(on.Attached(0))
    made.tell(on.SlotGiven(reads=True))
    (first,) = orders(made.tell(on.Turn()))
    assert isinstance(first, ipc.Open) and not first.anyway
    return made


def test_a_first_prompt_is_read_before_the_stream_is_opened(tmp_path: Path) -> None:
    it = seated(tmp_path)
    assert asks(it) == [("p",)]
    assert it.session.phase is Phase.OPENING and it.session.due(0.0) == PATIENCE_S, "others go on meanwhile"
    read(it)
    assert it.session.due(0.0) == URGENT
    assert it.turn().anyway, "it was read: there is nothing to wait for"
    it.tell(ipc.Opened("id", it.session.epoch, 0))
    assert not it.turn().anyway


def test_who_is_never_answered_is_opened_all_the_same(tmp_path: Path) -> None:
    it = seated(tmp_path)
    asks(it, 5.0)
    due = it.session.due(6.0)
    assert due == 5.0 + PATIENCE_S
    assert 25.0 <= due <= 50.0, "longer than the slowest text takes, and no longer than anybody waits"
    assert it.turn(5.0 + PATIENCE_S).anyway


def test_a_chunk_that_needs_what_was_not_read_is_made_when_it_was(it: Harness) -> None:
    it.give(drag(1, 1, 0.0))
    item = it.turn()
    assert asks(it) == [("p",)] and it.session.due(0.0) == PATIENCE_S
    read(it)
    assert it.session.due(0.0) == URGENT
    again = it.turn()
    assert again == structs.replace(item, anyway=True), "the same chunk of the same controls"
    it.made(again)
    assert not it.turn().anyway


def test_an_order_of_a_past_that_is_over_asks_for_nothing(tmp_path: Path) -> None:
    it = seated(tmp_path)
    epoch = it.session.epoch
    it.tell(on.ResetAsked())
    assert asked(it.tell(ipc.Unread("id", epoch, ("p",)))) == []
    order = it.turn()
    assert order.epoch == it.session.epoch and not order.anyway


class Watched:
    """A text encoder, said to be slow, that writes down in which thread it was asked for what."""

    slow = True

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self.calls = list[tuple[str, str]]()

    def __call__(self, prompts: Any) -> Any:
        self.calls += [(threading.current_thread().name, text) for text in prompts]
        return self._encoder(prompts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


def load_watched(name: str, *, device: str, seats: int) -> Any:
    """As `Generator.load`: a narrow pocket whose prompts are said to take long."""
    made = server_tiny_pocket.load(name, device=device, seats=seats)
    made.prompts.encoder = Watched(made.prompts.encoder)
    return made


class Orders:
    """A worker, and what it sends."""

    def __init__(self) -> None:
        self.sent: queue.Queue[Any] = queue.Queue()
        self.worker = Worker(SimpleNamespace(send=self.sent.put))  # type: ignore[arg-type]
        loader = f"{__name__}:load_watched"
        self.worker.load(ipc.WorkerConfig(loader, "pocket-random", "cpu", 2, 0, "info", False))
        self.sent.get(timeout=60)
        self.prompts = self.worker._generator.prompts

    def obey(self, order: Any) -> list[Any]:
        """What is answered until it is done, frames left out."""
        self.worker.obey(order)
        answers = []
        while not isinstance(answer := self.sent.get(timeout=60), ipc.Done):
            answers += [] if isinstance(answer, ipc.Encoded) else [answer]
        return answers

    def open(self, stream: str, text: str, snapshot: str | None = None) -> list[Any]:
        settings = StreamSettings("pocket-random", ((text, 1.0),), 64, 64, 16.0)
        return self.obey(ipc.opening(stream, 0, settings, "jpeg", snapshot))

    def step(self, *items: ipc.StepItem) -> list[str]:
        return [f"{type(each).__name__} {each.stream}" for each in self.obey(ipc.Step(items))]

    def read(self, *texts: str) -> None:
        self.worker.read(ipc.Read("s", 0, texts))
        while not isinstance(self.sent.get(timeout=60), ipc.WasRead):
            pass


@pytest.fixture(scope="module")
def at() -> Orders:
    return Orders()


def test_a_worker_reads_nothing_in_the_turn_of_a_stream(at: Orders, tmp_path: Path) -> None:
    """New streams, new prompts in the log, and streams brought back are refused until their texts were read; others go on."""
    at.prompts.encoder.calls.clear()
    assert at.open("s", "a cat") == [ipc.Unread("s", 0, ("a cat",))]
    at.read("a cat")
    for stream in "st":
        assert at.open(stream, "a cat") == [ipc.Opened(stream, 0, 0)]
    new = ipc.packed((prompt(1, "a dog"),))
    both = (ipc.StepItem("s", 0, 0, new, True), ipc.StepItem("t", 0, 0, (), True))
    assert at.step(*both) == ["Unread s", "Made t"]
    at.read("a dog")
    assert at.step(both[0]) == ["Made s"]
    path = tmp_path / "snapshot"
    path.write_bytes(at.worker._dump(at.worker._slots["s"].state))
    at.prompts.known.clear()
    assert at.open("s", "a cat", str(path)) == [ipc.Opened("s", 0, 1)]
    after = ipc.StepItem("s", 0, 1, (), True)
    assert at.obey(ipc.Step((after,))) == [ipc.Unread("s", 0, ("a dog",))], "what is in force, not the first"
    assert {thread for thread, _ in at.prompts.encoder.calls} == {"reader"}
    assert at.step(structs.replace(after, anyway=True)) == ["Made s"]
    assert at.prompts.encoder.calls[-1] == (threading.current_thread().name, "a dog")

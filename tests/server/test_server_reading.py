"""Prompts that are slow to be read: beside chunks, which go on without them until they have been."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from session_harness import CAN, Harness, drag, orders
from test_server_switches import Double

from flowbrush.protocol import Prompt, PromptSet
from flowbrush.server.engine import ipc, worker_main
from flowbrush.server.engine.reading import Reader
from flowbrush.server.engine.worker import Worker
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.reading import PATIENCE


def prompt(id: int, *texts: str) -> PromptSet:
    return PromptSet(id=id, prompts=tuple(Prompt(text=text) for text in texts))


def read(it: Harness) -> list[Any]:
    """The worker has read what it was asked to read."""
    return it.tell(ipc.WasRead("id", it.session.epoch))


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
    it.tell(ipc.WasRead("id", epoch))
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
    assert sent.get(timeout=30) == ipc.WasRead("s", 3) and READ == ["a", "b"]


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

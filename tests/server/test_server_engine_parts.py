"""The small parts that workers and those who ask them stand on: stills, descriptors kept back, an actor's mailbox, orders."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowbrush.controls import Point, TrackBegin
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.protocol import Codec
from flowbrush.server.cluster.actor import ANSWER_BYTES, WAITING, Mailbox
from flowbrush.server.engine import ipc, stills
from flowbrush.server.engine.opening import opening, settings_of
from flowbrush.server.engine.reserve import Reserve
from flowbrush.server.engine.stills import KEPT, Stills

# ---- stills


class AskedWorker:
    """What is needed of a worker: it keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[ipc.Still] = []

    def send(self, order: ipc.Still) -> None:
        self.sent.append(order)


def ask(known: Stills, worker: Any, stream: str = "s", frame: int = 4) -> asyncio.Task[Any]:
    return asyncio.create_task(known.ask(worker, stream, Codec.JPEG, 0, frame))


def answer(order: ipc.Still, payload: bytes | None, frame: int = 3) -> ipc.StillImage:
    return ipc.StillImage(order.stream, order.request, frame, payload)


async def test_those_who_ask_for_the_same_picture_share_one_order_and_its_answer() -> None:
    known, worker = Stills(), AskedWorker()
    asking = [ask(known, worker) for _ in range(3)]
    await asyncio.sleep(0)
    (order,) = worker.sent
    known.answered(answer(order, b"picture"))
    assert await asyncio.gather(*asking) == [(3, b"picture")] * 3
    assert await ask(known, worker) == (3, b"picture"), "who comes later has it, too"
    assert len(worker.sent) == 1
    later = ask(known, worker, frame=8)
    await asyncio.sleep(0)
    assert len(worker.sent) == 2, "of a stream that has gone on it is another one"
    known.answered(answer(worker.sent[1], b"next", frame=7))
    assert await later == (7, b"next")


async def test_a_worker_that_has_none_is_asked_again() -> None:
    known, worker = Stills(), AskedWorker()
    for turn in range(2):
        asking = ask(known, worker)
        await asyncio.sleep(0)
        known.answered(answer(worker.sent[turn], None))
        assert await asking is None
    assert len(worker.sent) == 2


async def test_who_asked_a_worker_that_is_lost_waits_no_longer_and_its_late_answer_is_nobodys() -> None:
    known, worker = Stills(), AskedWorker()
    asking = ask(known, worker)
    await asyncio.sleep(0)
    known.lost()
    assert await asking is None
    known.answered(answer(worker.sent[0], b"late"))
    again = ask(known, worker)
    await asyncio.sleep(0)
    assert len(worker.sent) == 2
    known.answered(answer(worker.sent[1], b"new"))
    assert await again == (3, b"new")


async def test_one_who_leaves_does_not_take_the_picture_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, worker = Stills(), AskedWorker()
    leaving, staying = ask(known, worker), ask(known, worker)
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    known.answered(answer(worker.sent[0], b"picture"))
    assert await staying == (3, b"picture")
    monkeypatch.setattr(stills, "WAIT_S", 0.01)
    assert await ask(known, worker, "nobody answers") is None


async def test_answers_are_kept_within_a_bound() -> None:
    known, worker = Stills(), AskedWorker()
    for number in range(2 * KEPT):
        asking = ask(known, worker, f"s{number}")
        await asyncio.sleep(0)
        known.answered(answer(worker.sent[-1], b"picture"))
        await asking
    await ask(known, worker, f"s{2 * KEPT - 1}")
    assert len(worker.sent) == 2 * KEPT, "the newest are there"
    oldest = ask(known, worker, "s0")
    await asyncio.sleep(0)
    assert len(worker.sent) == 2 * KEPT + 1
    known.lost()
    await oldest


# ---- descriptors


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_what_must_not_fail_is_made_with_the_descriptors_that_were_kept() -> None:
    before = open_descriptors()
    reserve, free = Reserve(5), []

    def make() -> str:
        free.append(open_descriptors() - before)
        if len(free) == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return "made"

    assert open_descriptors() == before + 5
    assert reserve.making(make) == "made"
    assert free[0] - free[1] == 5, "they were free for the second try"
    assert open_descriptors() == before + 5, "and are kept again"
    reserve.close()
    assert open_descriptors() == before


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EAGAIN])
def test_what_fails_for_another_reason_is_not_tried_twice(number: int) -> None:
    tries = []

    def make() -> None:
        tries.append(1)
        raise OSError(number, os.strerror(number))

    reserve = Reserve(2)
    with pytest.raises(OSError, match=os.strerror(number)):
        reserve.making(make)
    assert len(tries) == 1
    reserve.close()


def test_what_fails_with_all_of_them_says_so_and_leaves_them_kept() -> None:
    before = open_descriptors()

    def make() -> None:
        raise OSError(errno.ENFILE, "Too many open files in system")

    reserve = Reserve(3)
    with pytest.raises(OSError, match="in system"):
        reserve.making(make)
    assert open_descriptors() == before + 3
    reserve.close()


# ---- an actor's mailbox


def test_messages_leave_in_their_order_with_the_end_as_the_last() -> None:
    box = Mailbox()
    for number in range(5):
        box.send_bytes(bytes([number]))
    box.end()
    assert box.take() == [b"\0", b"\1", b"\2", b"\3", b"\4", None]


def test_an_answer_is_bounded_in_bytes_and_loses_nothing() -> None:
    box, third = Mailbox(), ANSWER_BYTES // 3 + 1
    sent = [bytes([number]) * third for number in range(7)]
    for message in sent:
        box.send_bytes(message)
    answers = [box.take() for _ in range(3)]
    assert [len(each) for each in answers] == [3, 3, 1]
    assert [message for each in answers for message in each] == sent


def test_one_message_that_is_larger_than_an_answer_goes_alone() -> None:
    box = Mailbox()
    box.send_bytes(bytes(2 * ANSWER_BYTES))
    box.send_bytes(b"next")
    assert [len(box.take()), box.take()] == [1, [b"next"]]


def test_a_worker_with_too_much_to_say_waits_until_somebody_hears_it() -> None:
    box = Mailbox()
    for _ in range(WAITING):
        box.send_bytes(b"x")
    said = threading.Event()

    def talk() -> None:
        box.send_bytes(b"one more")
        said.set()

    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    assert not said.wait(0.1)
    heard = box.take()
    assert said.wait(10)
    while len(heard) <= WAITING:
        heard += box.take()
    assert heard[-1] == b"one more"


def test_orders_come_in_their_order() -> None:
    box = Mailbox()
    for order in (b"first", b"second"):
        box.put(order)
    assert [box.recv_bytes(1), box.recv_bytes(1)] == [b"first", b"second"], "of any size"


# ---- the order that opens a stream

SETTINGS = StreamSettings("pocket", (("a panda", 0.5), ("a fox", 0.5)), 320, 192, 16.0, seed=5, steps=2)


def test_settings_come_through_the_pipe_as_they_were() -> None:
    points = (Point(t=0.0, x=0.25, y=0.5), Point(t=1.0, x=0.5, y=0.5))
    track = TrackBegin(track=1, kind="path", points=points)
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)[:, ::-1]
    settings = replace(SETTINGS, tracks=(track,), image=image)
    order = ipc.decode_down(ipc.encode(opening("s", 3, settings, "h264", "/a/snapshot")))
    assert (order.stream, order.epoch, order.codec, order.snapshot) == ("s", 3, "h264", "/a/snapshot")
    back = settings_of(order)
    for field in fields(StreamSettings):
        if field.name != "image":
            assert getattr(back, field.name) == getattr(settings, field.name), field.name
    assert back.image is not None and np.array_equal(back.image, image)
    back.image[0, 0] = 0  # it is the worker's own


def test_a_snapshot_that_cannot_be_read_goes_without_its_bytes(tmp_path: Path) -> None:
    ray_engine = pytest.importorskip("flowbrush.server.cluster.ray_engine", reason="Ray is not installed")
    kept = tmp_path / "5-1.safetensors"
    kept.write_bytes(b"state")
    found = ray_engine._filled(opening("s", 1, SETTINGS, "h264", str(kept)))
    assert found.blob == b"state"
    gone = opening("s", 1, SETTINGS, "h264", str(tmp_path / "gone"))
    assert ray_engine._filled(gone) == gone
    start = opening("s", 1, SETTINGS, "h264", None)
    assert ray_engine._filled(start) is start and ray_engine._filled(ipc.Quit()) == ipc.Quit()

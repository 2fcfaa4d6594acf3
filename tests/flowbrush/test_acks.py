"""What the client takes for the answer to a control."""

from __future__ import annotations

import pytest

from flowbrush.acks import Acks, Applied
from flowbrush.errors import ServerError
from flowbrush.packets import Packet
from flowbrush.protocol import Codec, ControlApplied, ControlQueued, Notice


def packet(frame: int, control_id: int) -> Packet:
    return Packet(frame // 4, frame, 0, Codec.H264, b"", control_id=control_id)


def waiting(*ids: int) -> Acks:
    acks = Acks()
    for id in ids:
        acks.control(id, "")
        acks.on_queued(ControlQueued(id=id, chunk=2))
    return acks


async def test_a_control_that_is_shown_after_a_newer_one_is_answered_by_its_own_message() -> None:
    acks = waiting(5, 6)
    earlier, newer = acks._controls[5], acks._controls[6]
    acks.on_applied(ControlApplied(id=6, chunk=2, frame=8))
    acks.on_packet(packet(8, 6))
    assert newer.applied.result() == Applied(2, 8) and not earlier.applied.done()
    acks.on_applied(ControlApplied(id=5, chunk=2, frame=10))
    assert earlier.applied.result() == Applied(2, 10)


async def test_a_frame_stands_in_for_answers_that_were_lost() -> None:
    acks = waiting(5, 6)
    controls = [acks._controls[5], acks._controls[6]]
    acks.on_packet(packet(9, 6))
    assert [control.applied.result() for control in controls] == [Applied(2, 9)] * 2


async def test_a_control_that_a_rewind_took_back_is_waited_for_no_longer() -> None:
    """Nor is it taken for shown by the frame of a later one."""
    acks = waiting(5, 6)
    earlier, newer = acks._controls[5], acks._controls[6]
    acks.on_notice(Notice(code="partly_shown", message="", id=5))
    acks.on_notice(Notice(code="control_discarded", message="it is not shown", id=5))
    acks.on_packet(packet(9, 6))
    with pytest.raises(ServerError, match=r"it is not shown \[control_discarded\]") as failed:
        await earlier.ack.applied
    assert failed.value.id == 5
    assert newer.applied.result() == Applied(2, 9)

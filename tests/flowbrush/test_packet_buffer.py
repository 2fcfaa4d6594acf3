"""Packets that wait for their reader: in order, no more than a few hundred, and gone after a rewind."""

from __future__ import annotations

import asyncio

from flowbrush.packet_buffer import MAX_BUFFERED, PacketBuffer
from flowbrush.packets import Packet
from flowbrush.protocol import Codec


def packet(frame: int) -> Packet:
    return Packet(0, frame, frame * 1000, Codec.JPEG, b"picture")


async def test_packets_come_out_in_order_and_then_the_end() -> None:
    buffer, came = PacketBuffer(), [packet(0), packet(1)]
    for each in came:
        await buffer.put(each)
    buffer.end()
    read = []
    while (first := await buffer.first()) is not None:
        read.append(first)
        buffer.take()
    assert read == came and len(buffer) == 0


async def test_a_reader_waits_for_the_first_and_hears_of_an_end_without_one() -> None:
    buffer = PacketBuffer()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(buffer.first())
        await asyncio.sleep(0)
        assert not waiting.done()
        buffer.end()
    assert waiting.result() is None


async def test_who_puts_more_than_there_is_room_for_waits_until_one_is_read() -> None:
    buffer = PacketBuffer()
    for frame in range(MAX_BUFFERED):
        await buffer.put(packet(frame))
    async with asyncio.TaskGroup() as group:
        late = group.create_task(buffer.put(packet(MAX_BUFFERED)))
        await asyncio.sleep(0)
        assert not late.done() and len(buffer) == MAX_BUFFERED
        buffer.take()
    assert len(buffer) == MAX_BUFFERED


async def test_a_rewind_makes_room_and_what_was_looked_at_is_no_longer_the_first() -> None:
    """The same picture that comes anew is another packet."""
    buffer, seen = PacketBuffer(), packet(0)
    await buffer.put(seen)
    assert buffer.begins_with(seen)
    for frame in range(1, MAX_BUFFERED):
        await buffer.put(packet(frame))
    async with asyncio.TaskGroup() as group:
        group.create_task(buffer.put(packet(0)))
        await asyncio.sleep(0)
        buffer.clear()
    assert len(buffer) == 1 and not buffer.begins_with(seen)

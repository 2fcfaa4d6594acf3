"""Packets between the task that receives them and the reader that shows them; no more than a few hundred."""

from __future__ import annotations

import asyncio
from collections import deque

from flowbrush.packets import Packet

MAX_BUFFERED = 512
"""Packets that nobody has read; then the socket is left unread and the server waits. A server is at most 2 s ahead of a
reader, and a chunk: less than 360 frames at 120 frames/s, so that only one that does not read gets so many."""


class PacketBuffer:
    """In the order in which they came, for one task that puts them in and one that takes them out."""

    def __init__(self) -> None:
        self._packets: deque[Packet] = deque()
        self._arrived = asyncio.Event()  # for the reader: something to read, or the end
        self._room = asyncio.Event()  # for the receiving task: the reader took something
        self._ended = False

    def __len__(self) -> int:
        return len(self._packets)

    async def put(self, packet: Packet) -> None:
        """Adds a packet, when there is room for it."""
        while len(self._packets) >= MAX_BUFFERED:
            self._room.clear()
            await self._room.wait()
        self._packets.append(packet)
        self._arrived.set()

    async def first(self) -> Packet | None:
        """The one to be read next, when it is there; it stays. None when all were read and no more come."""
        while not self._packets and not self._ended:
            self._arrived.clear()
            await self._arrived.wait()
        return self._packets[0] if self._packets else None

    def begins_with(self, packet: Packet) -> bool:
        """Whether this very one is still to be read next: a rewind takes away what was not read."""
        return bool(self._packets) and self._packets[0] is packet

    def take(self) -> None:
        """Removes the first one: it is read."""
        self._packets.popleft()
        self._room.set()

    def clear(self) -> None:
        """Forgets all that was not read."""
        self._packets.clear()
        self._room.set()

    def end(self) -> None:
        """No more come; those that are there can still be read."""
        self._ended = True
        self._arrived.set()

"""From a session to its viewers: bounded boxes of what is to be sent, and the newest packets for a resume.

A box that is not emptied in time holds stale pictures: they are dropped as a whole, up to the next key frame,
and the first frame after the gap carries the discontinuity flag. Text is never dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from flowbrush.errors import CloseCode, ErrorCode
from flowbrush.packets import Flag, Packet
from flowbrush.protocol import Message, Pong

STALE_S = 1.0
"""A frame that could not be sent for so long is no longer worth sending."""

MAX_TEXTS = 512
"""Messages that may wait for a client; with more, its own messages are not read until it reads."""

DEAF_TEXTS = 4 * MAX_TEXTS
"""With so many the connection is closed."""

RING_BYTES = 8 << 20
RING_FRAMES = 512


@dataclass(frozen=True)
class Media:
    """A packet, when its chunk was begun and when it was put into the box (seconds of the server's clock)."""

    packet: Packet
    began: float
    put: float


@dataclass(frozen=True)
class Closing:
    """The last thing in a box: close the connection."""

    code: int
    reason: str


@dataclass(frozen=True)
class Moving:
    """What comes before it is sent; then the session may go on at this gateway, and its connection with it."""

    gateway: str


Item = Message | Media | Closing | Moving


class _Pong:
    """Where in the box the answer to a ping stands."""


PONG = _Pong()


class Outbox:
    """What waits for one connection. `need_key` is called when only a key frame can go on."""

    def __init__(self, frames: int, need_key: Callable[[], None], dropped: Callable[[int], None]) -> None:
        """`frames` may wait; a viewer that is further behind loses them."""
        self._limit = frames
        self._need_key = need_key
        self._dropped = dropped
        self._items: deque[Item | _Pong] = deque()
        self._media = 0
        self._texts = 0
        self._pong: Pong | None = None
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.waits_for_key = False
        self.closed = False

    @property
    def frames(self) -> int:
        """Frames that wait to be sent."""
        return self._media

    def say(self, message: Message) -> None:
        """Puts a message into the box. One that holds far too many already is closed: who reads so little has lost the thread."""
        if self.closed:
            return
        self._texts += 1
        if self._texts >= MAX_TEXTS:
            self._room.clear()
        if self._texts >= DEAF_TEXTS:
            self.forget_all()
            self.close(CloseCode.POLICY, ErrorCode.SLOW_READER)
            return
        self._add(message)

    def answer(self, pong: Pong) -> None:
        """Puts the answer to a ping into the box, in place of one that still waits there: the latest counts."""
        if self._pong is None and not self.closed:
            self._add(PONG)
        self._pong = pong

    def show(self, media: Media) -> None:
        """Puts a packet into the box, unless the decoder on the other side could not use it."""
        if self.closed:
            return
        if self._media >= self._limit:
            self._drop()
        if self.waits_for_key:
            if not media.packet.key:
                self._dropped(1)
                return
            self.waits_for_key = False
            flags = media.packet.flags | Flag.DISCONTINUITY
            media = replace(media, packet=replace(media.packet, flags=flags))
        self._media += 1
        self._add(media)

    def show_once(self, media: Media) -> None:
        """Puts a picture into the box that no other builds on: a key frame is waited for as before."""
        self.show(media)
        self.waits_for_key = True

    def close(self, code: int, reason: str) -> None:
        """Ends the connection after what is in the box; nothing is added any more."""
        if not self.closed:
            self.closed = True
            self._add(Closing(code, reason))

    def move(self, gateway: str) -> None:
        """Says that there is a seat at another gateway."""
        if not self.closed:
            self._add(Moving(gateway))

    def forget_all(self) -> None:
        """Empties the box."""
        self._items.clear()
        self._media = self._texts = 0
        self._pong = None

    def forget_media(self) -> None:
        """The stream jumps (rewind, reset): what waits is of another past."""
        self._items = deque(item for item in self._items if not isinstance(item, Media))
        self._media = 0
        self.waits_for_key = False

    def left(self) -> list[Message]:
        """Takes the messages that still wait."""
        pong = [self._pong] if self._pong is not None else []
        found = [item for item in self._items if not isinstance(item, Media | Closing | Moving | _Pong)]
        self.forget_all()
        return found + pong

    async def room(self) -> None:
        """Waits until the client has read enough of its messages."""
        await self._room.wait()

    async def next(self, clock: Callable[[], float]) -> Item:
        """The next thing to send; waits for it. Stale pictures are skipped."""
        while True:
            while not self._items:
                self._changed.clear()
                await self._changed.wait()
            item = self._items.popleft()
            if isinstance(item, _Pong):
                pong, self._pong = self._pong, None
                if pong is not None:
                    return pong
                continue
            if not isinstance(item, Media):
                self._texts -= 0 if isinstance(item, Closing | Moving) else 1
                if self._texts < MAX_TEXTS:
                    self._room.set()
                return item
            self._media -= 1
            if clock() - item.put <= STALE_S:
                return item
            self._dropped(1)
            self._drop()

    def _drop(self) -> None:
        count = self._media
        self.forget_media()
        self._dropped(count)
        self.waits_for_key = True
        self._need_key()

    def _add(self, item: Item | _Pong) -> None:
        self._items.append(item)
        self._changed.set()


class Ring:
    """The newest packets of a session, for a client that comes back. Bounded in frames and bytes."""

    def __init__(self) -> None:
        self._kept: deque[Media] = deque()
        self._bytes = 0

    def put(self, media: Media) -> None:
        """Keeps a packet; the oldest go."""
        self._kept.append(media)
        self._bytes += len(media.packet.payload)
        while len(self._kept) > RING_FRAMES or self._bytes > RING_BYTES:
            self._bytes -= len(self._kept.popleft().packet.payload)

    def clear(self) -> None:
        """The stream jumps: what is kept is of another past."""
        self._kept.clear()
        self._bytes = 0

    def since(self, frame: int) -> list[Media] | None:
        """The packets from `frame` on; None when the first of them is no longer here."""
        found = [media for media in self._kept if media.packet.frame >= frame]
        if found and found[0].packet.frame == frame:
            return found
        return None

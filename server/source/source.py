"""A client's video: its frames go to a process that decodes them, and what comes back waits for the next chunk. All bounded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Callable

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.packets import Packet
from flowbrush.protocol import Codec, Error, SourceFields
from flowbrush.server.children import deaf_to_the_group
from flowbrush.server.engine.ipc import SourceChunk
from flowbrush.server.source.window import Window
from flowbrush.server.source.wire import RECORD, Answer

log = logging.getLogger(__name__)

WAITING, DECODING = 8, 3
"""Frames that may wait for the decoder, and be with it: what comes faster is dropped, the oldest first."""

SAID_S = 1.0
"""The client hears of bad frames no more often."""

FIRST_S = 5.0
"""A stream that begins with a source waits so long for its first frame."""

NO_KEY = "frames are dropped until a key frame comes: set bit 0 of the flags in its header, and send the parameter sets with it"


class Source:
    """One source of one session, from `source.begin` to its end. Runs in the event loop."""

    def __init__(
        self,
        given: SourceFields,
        window: Window,
        size: tuple[int, int],
        say: Callable[[Error], None],
        changed: Callable[[], None],
        first: bool = False,
    ) -> None:
        """`window` takes pictures of `size` (W, H); `say` tells the client of bad frames, `changed` the server of good ones.
        `first`: the stream begins with it.
        """
        self.given, self.window = given, window
        self._size, self._say, self._changed = size, say, changed
        self._until = time.monotonic() + FIRST_S if first else 0.0
        self._waiting: deque[Packet] = deque()
        self._recent: list[Packet] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Semaphore(DECODING)
        self._needs_key = given.codec == "h264"
        self._keyless = self._needs_key
        self._said_at = 0.0
        self._dropped = 0
        self.ended = False
        self._task = asyncio.create_task(self._run(), name="source")

    @property
    def awaited(self) -> bool:
        """Whether the stream waits for the first frame."""
        return not self.ended and self.window.empty and time.monotonic() < self._until

    @property
    def rests(self) -> bool:
        """Whether it stands still."""
        return not self.ended and self.window.rests

    def put(self, packet: Packet) -> None:
        """A frame came. Raises ProtocolError for one that is not what was announced."""
        if packet.codec != Codec(self.given.codec):
            text = f"the source announced {self.given.codec} and a frame says {packet.codec}"
            raise ProtocolError(ErrorCode.INVALID_VALUE, text, field="codec")
        if self.ended:
            self._tell("the source has ended: begin it anew with source.begin")
        elif self._keyless and not packet.key:
            self._tell(NO_KEY)
        if self.ended or (self._needs_key and not packet.key):
            self._dropped += 1
            return
        self._needs_key = self._keyless = False
        self._remember(packet)
        if len(self._waiting) >= WAITING:
            self._make_room(packet)
        else:
            self._waiting.append(packet)
        self._wake.set()

    def _remember(self, packet: Packet) -> None:
        if packet.key:
            self._recent = [packet]
        elif self._recent:  # no more than would wait at the decoder that they go to
            self._recent = [*self._recent, packet] if len(self._recent) < WAITING else []

    @property
    def recent(self) -> list[Packet]:
        """What shows the latest picture: the frames since a key frame, or none where one of them was left out."""
        return [] if self.ended or self._needs_key else self._recent

    def _make_room(self, packet: Packet) -> None:
        """A JPEG takes the oldest one's place; of H.264 nothing can be left out before the next key frame."""
        if self.given.codec == "jpeg":
            self._waiting.popleft()
            self._dropped += 1
        elif packet.key:
            self._dropped += len(self._waiting)
            self._waiting.clear()
        else:
            self._needs_key = True
            self._dropped += 1
            return
        self._waiting.append(packet)

    def take(self) -> SourceChunk | None:
        """What the next chunk is made from."""
        return None if self.ended else self.window.take()

    def count_dropped(self) -> int:
        """Frames that came and were not used, since it was asked last."""
        dropped = self._dropped + self.window.dropped
        self._dropped = self.window.dropped = 0
        return dropped

    def close(self) -> None:
        """It is over."""
        self.ended = True
        self._task.cancel()

    async def _run(self) -> None:
        command = [sys.executable, "-m", f"{__package__}.reader", self.given.codec]
        command += map(str, (self.given.width, self.given.height, *self._size))
        command.append(self.given.use)
        pipe = asyncio.subprocess.PIPE
        try:
            with deaf_to_the_group():
                process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        except OSError as error:
            self._end(f"the source cannot be decoded now: {error.strerror or error}")
            return
        assert process.stdin is not None and process.stdout is not None
        feeding = asyncio.create_task(self._feed(process.stdin))
        try:
            await self._listen(process.stdout)
        except (asyncio.IncompleteReadError, OSError):
            self._end("the source has ended: its frames take too much memory, or broke the decoder")
        except Exception:
            log.exception("the source failed")
            self._end("the source has ended: the server made a mistake")
        finally:
            feeding.cancel()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _feed(self, stdin: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # the listener hears of the same end
            while True:
                while not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                await self._room.acquire()
                packet = self._waiting.popleft()
                stdin.write(RECORD.pack(packet.key, packet.pts_us, len(packet.payload)) + packet.payload)
                await stdin.drain()

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        while True:
            what, pts_us, length = RECORD.unpack(await stdout.readexactly(RECORD.size))
            body = await stdout.readexactly(length)
            self._room.release()
            match Answer(what):
                case Answer.PICTURE:
                    self.window.put(pts_us, body)
                    self._changed()
                case Answer.SAME:
                    self.window.same(pts_us)
                case Answer.BAD:
                    self._bad(body.decode())
                case Answer.NOTHING:
                    self._dropped += 1

    def _bad(self, why: str) -> None:
        self._dropped += 1
        self._needs_key = self.given.codec == "h264"
        self._tell(why)

    def _tell(self, why: str) -> None:
        now = time.monotonic()
        if now - self._said_at >= SAID_S:
            self._said_at = now
            self._say(Error(code=ErrorCode.INVALID_VALUE, message=why))

    def _end(self, why: str) -> None:
        self.ended = True
        self._say(Error(code=ErrorCode.INVALID_VALUE, message=f"{why}; begin it anew with source.begin"))
        self._changed()

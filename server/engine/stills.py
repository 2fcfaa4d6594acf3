"""Single pictures on request: asked of a worker, answered when it comes to it. Those who ask for the same one share it."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from flowbrush.protocol import Codec
from flowbrush.server.engine import ipc
from flowbrush.server.engine.workers import Process

WAIT_S = 5.0
KEPT = 64
"""Answers that are kept for those who ask again before there is another picture."""

Key = tuple[str, Codec, int, int]
"""stream, codec, epoch, next frame"""


@dataclass(frozen=True)
class _Answer:
    frame: int
    payload: bytes


class Stills:
    """The requests that are under way, and the newest answers."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._asked: dict[Key, asyncio.Future[_Answer | None]] = {}
        self._keys: dict[int, Key] = {}

    async def ask(
        self, process: Process, stream: str, codec: Codec, epoch: int, frame: int
    ) -> tuple[int, bytes] | None:
        """The newest frame of a stream, which goes on with `frame`, as a key frame of `codec`: (its index, payload).

        None when there is none or no answer comes in time.
        """
        key = (stream, codec, epoch, frame)
        future = self._asked.get(key)
        if future is None or (future.done() and (future.cancelled() or future.result() is None)):
            number = next(self._numbers)
            self._keys[number] = key
            future = self._asked[key] = asyncio.get_running_loop().create_future()
            while len(self._asked) > KEPT:
                del self._asked[next(iter(self._asked))]
            process.send(ipc.Still(stream, number, str(codec)))
        try:
            async with asyncio.timeout(WAIT_S):
                answer = await asyncio.shield(future)
        except TimeoutError:
            self._asked.pop(key, None)
            return None
        return None if answer is None else (answer.frame, answer.payload)

    def answered(self, message: ipc.StillImage) -> None:
        """A worker answers."""
        key = self._keys.pop(message.request, None)
        future = None if key is None else self._asked.get(key)
        if future is not None and not future.done():
            payload = message.payload
            future.set_result(None if payload is None else _Answer(message.frame, payload))

    def lost(self) -> None:
        """A worker is gone: whoever asked it gets no answer."""
        for future in self._asked.values():
            if not future.done():
                future.set_result(None)
        self._asked.clear()
        self._keys.clear()

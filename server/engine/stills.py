"""Single pictures on request: asked of a worker, answered when it comes to it."""

from __future__ import annotations

import asyncio
import itertools

from flowbrush.protocol import Codec
from server.engine import ipc
from server.engine.engine import WorkerProcess

WAIT_S = 5.0


class Stills:
    """The requests that are under way."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[ipc.StillImage]] = {}

    async def ask(self, process: WorkerProcess, stream: str, codec: Codec) -> tuple[int, bytes] | None:
        """The newest frame of a stream as a key frame of `codec`: (its index, payload).

        None when there is none or no answer comes in time.
        """
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        process.send(ipc.Still(stream, number, str(codec)))
        try:
            async with asyncio.timeout(WAIT_S):
                still = await future
            return None if still.payload is None else (still.frame, still.payload)
        except TimeoutError:
            return None
        finally:
            del self._waiting[number]

    def answered(self, message: ipc.StillImage) -> None:
        """A worker answers."""
        future = self._waiting.get(message.request)
        if future is not None and not future.done():
            future.set_result(message)

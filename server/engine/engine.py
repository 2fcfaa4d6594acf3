"""The server's side of a worker process: starting, talking, watching, ending it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from flowbrush.server.engine import ipc

log = logging.getLogger(__name__)

Handler = Callable[["WorkerProcess", Any], None]
WATCH_S = 0.25


class Lost:
    """The worker is gone, and why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _run(pipe: Any, config: ipc.WorkerConfig) -> None:
    from flowbrush.server.engine import worker  # here, so that the server itself never imports it

    worker.main(pipe, config)


class WorkerProcess:
    """One process. Its messages, and one Lost at the end, go to `handler` in the event loop."""

    def __init__(
        self,
        name: str,
        config: ipc.WorkerConfig,
        handler: Handler,
        load_s: float,
        busy_s: float,
        silent_s: float,
    ) -> None:
        """Raises OSError when the machine has no process, pipe or thread to spare; nothing is left of it then."""
        self.name = name
        self._handler = handler
        self._limits = (load_s, busy_s, silent_s)
        self._loop = asyncio.get_running_loop()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_run, args=(theirs, config), name=f"flowbrush-{name}", daemon=True
        )
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.loaded = False
        self.lost = False
        self._quitting = False
        self._started = self._heard = time.monotonic()
        self._busy_s = 0.0
        try:
            self._process.start()
            for work in (self._receive, self._send):
                threading.Thread(target=work, name=f"{name}-{work.__name__}", daemon=True).start()
        except (OSError, RuntimeError) as error:
            self.lost = True
            self._orders.put(None)
            self._pipe.close()
            if self._process.pid is not None:
                self._process.kill()
            raise OSError(str(error)) from error
        finally:
            theirs.close()
        self._watcher = self._loop.create_task(self._watch())

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self._process.pid

    def send(self, order: Any) -> None:
        """Queues an order. Bounded by nature: a worker has at most one order under way, and each stream one still and one close."""
        self._orders.put(ipc.encode(order))

    def _send(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                self._pipe.send_bytes(order)
            except (OSError, ValueError):
                return  # the receiving thread sees the same end, and reports it

    def _receive(self) -> None:
        while True:
            try:
                message = ipc.decode_up(self._pipe.recv_bytes(ipc.MAX_BYTES))
            except (EOFError, OSError):
                break
            except ipc.Unreadable:
                log.exception("%s sent something that cannot be read", self.name)
                break
            if not self._post(self._on_message, message):
                return
        self._process.join(timeout=5)
        code = self._process.exitcode
        self._post(
            self._on_lost, f"it ended with exit code {code}" if code is not None else "its pipe closed"
        )

    def _post(self, function: Callable[[Any], None], argument: Any) -> bool:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server is gone
            self._loop.call_soon_threadsafe(function, argument)
            return True
        return False

    def _on_message(self, message: Any) -> None:
        self._heard = time.monotonic()
        if isinstance(message, ipc.Beat):
            self._busy_s = message.busy_s
            return
        if isinstance(message, ipc.Loaded):
            self.loaded = True
        if not self.lost:
            self._handler(self, message)

    def _on_lost(self, reason: str) -> None:
        if self.lost:
            return
        self.lost = True
        self._watcher.cancel()
        self._orders.put(None)
        if self._process.is_alive():
            self._process.kill()
        if not self._quitting:
            self._handler(self, Lost(reason))

    async def _watch(self) -> None:
        """Declares a worker lost that is silent or busy for too long, without waiting for its end."""
        load_s, busy_s, silent_s = self._limits
        while not self.lost:
            await asyncio.sleep(WATCH_S)
            now = time.monotonic()
            if not self.loaded:
                if now - self._started > load_s:
                    self._on_lost(f"it did not load within {load_s:g} s")
            elif self._busy_s > busy_s:
                self._on_lost(f"it hung: {self._busy_s:.0f} s for one order")
            elif now - self._heard > silent_s:
                self._on_lost(f"it was silent for {silent_s:g} s")

    def kill(self, reason: str) -> None:
        """Ends the process at once; Lost follows."""
        self._on_lost(reason)

    async def quit(self, timeout_s: float) -> None:
        """Asks the process to end and waits; kills it when it does not."""
        self._quitting = True
        self._watcher.cancel()
        self.send(ipc.Quit())
        await asyncio.to_thread(self._process.join, timeout_s)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join, timeout_s)
        self._orders.put(None)
        self.lost = True

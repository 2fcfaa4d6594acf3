"""The engine of one machine: each worker is a process, with a pipe to it."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import queue
import threading
from typing import Any

from flowbrush.server.engine import ipc
from flowbrush.server.engine.engine import Ended, Received

log = logging.getLogger(__name__)

END_S = 5.0
"""So long after its pipe closed a process may take to be gone."""


def _run(pipe: Any, config: ipc.WorkerConfig) -> None:
    from flowbrush.server.engine import (
        worker_main,  # here, so that the server itself never imports the worker
    )

    worker_main.main(pipe, config)


class LocalEngine:
    """Starts processes."""

    def start(self, name: str, config: ipc.WorkerConfig, received: Received, ended: Ended) -> Process:
        """Raises OSError when the machine has no process, pipe or thread to spare; nothing is left of it then."""
        return Process(name, config, received, ended)

    def close(self) -> None:
        """There is nothing to give back."""


class Process:
    """One process; a thread writes into its pipe, another reads."""

    def __init__(self, name: str, config: ipc.WorkerConfig, received: Received, ended: Ended) -> None:
        self._name, self._received, self._ended = name, received, ended
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_run, args=(theirs, config), name=f"flowbrush-{name}", daemon=True
        )
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        try:
            self._process.start()
            for work in (self._receive, self._send):
                threading.Thread(target=work, name=f"{name}-{work.__name__}", daemon=True).start()
        except (OSError, RuntimeError) as error:
            self._orders.put(None)
            self._pipe.close()
            if self._process.pid is not None:
                self._process.kill()
            raise OSError(str(error)) from error
        finally:
            theirs.close()
        self.where = f"process {self._process.pid}"

    def send(self, order: ipc.Down) -> None:
        """Bounded by nature: a worker has at most one order under way, and each stream one still and one close."""
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
                log.exception("%s sent something that cannot be read", self._name)
                break
            if not self._received(message):
                return
        self._process.join(timeout=END_S)
        code = self._process.exitcode
        self._ended(f"it ended with exit code {code}" if code is not None else "its pipe closed")

    def kill(self) -> None:
        """SIGKILL."""
        self._orders.put(None)
        if self._process.is_alive():
            self._process.kill()

    async def join(self, timeout_s: float) -> bool:
        """Waits for the process."""
        await asyncio.to_thread(self._process.join, timeout_s)
        return not self._process.is_alive()

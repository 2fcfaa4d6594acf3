"""The engine of one machine: each worker is a process, with a pipe to it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import multiprocessing
import os
import queue
import threading
from multiprocessing import resource_tracker
from typing import Any
from weakref import WeakSet

from flowbrush.server.children import deaf_to_the_group
from flowbrush.server.engine import ipc
from flowbrush.server.engine.engine import Ended, Received
from flowbrush.server.engine.reserve import Reserve

log = logging.getLogger(__name__)

REFILL_S = 5.0
"""So long after a worker is warm a spare process begins to load: not while streams are taken up."""

END_S = 5.0
"""So long after its pipe closed a process may take to be gone."""

_started: WeakSet[Process] = WeakSet()


@atexit.register
def _kill_all() -> None:
    """Before multiprocessing waits for them: it has them told by SIGTERM, which they leave to this process."""
    for process in list(_started):
        process.kill()


def be_called(name: str) -> None:
    """Names this process for those who look at processes, where the system can show that."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:
        file.write(name)


def _run(pipe: Any) -> None:
    be_called("spare")
    from flowbrush.server.engine import (
        worker_main,  # here, so that the server itself never imports the worker
    )

    worker_main.main(pipe)


def _stand_somewhere() -> None:
    """The folder that the server was started in may have been removed since: no process could be started in it."""
    try:
        os.getcwd()
    except FileNotFoundError:
        os.chdir(os.sep)


class LocalEngine:
    """Starts processes, and keeps spare ones, which have loaded all but the model: what takes longest to be loaded is torch."""

    def __init__(self, spares: int = 0) -> None:
        """So many are kept once a worker is warm; their model is named to them when they are needed."""
        self._wanted = spares
        self._spares: list[Process] = []
        self._reserve = Reserve()
        self._lock = threading.Lock()
        self._closed = False

    def start(self, name: str, config: ipc.WorkerConfig, received: Received, ended: Ended) -> Process:
        """Raises OSError when the machine has no process, pipe or thread to spare; nothing is left of it then."""

        def heard(message: Any) -> bool:
            goes_on = received(message)
            if isinstance(message, ipc.Loaded):
                self._fill_later()
            return goes_on

        process = self._spare() or self._reserve.making(Process)
        process.begin(name, config, heard, ended)
        return process

    def _spare(self) -> Process | None:
        """One that lives, if there is any."""
        with self._lock:
            while self._spares:
                spare = self._spares.pop()
                if spare.alive:
                    return spare
                spare.kill()
        return None

    def _fill_later(self) -> None:
        if self._wanted:
            timer = threading.Timer(REFILL_S, self._fill)
            timer.daemon = True
            with contextlib.suppress(
                RuntimeError
            ):  # there is no thread to be had: the next worker may find one
                timer.start()

    def _fill(self) -> None:
        with self._lock:
            missing = 0 if self._closed else self._wanted - len(self._spares)
            try:
                self._spares += [Process() for _ in range(missing)]
            except OSError as error:
                log.warning("there is no spare process for the next worker: %s", error)

    def close(self) -> None:
        """Ends the spare processes."""
        with self._lock:
            self._closed = True
            for spare in self._spares:
                spare.kill()
        self._reserve.close()


class Process:
    """One process, which is no worker until it `begin`s; then a thread writes into its pipe, another reads."""

    def __init__(self) -> None:
        """Raises OSError."""
        _stand_somewhere()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs,), daemon=True)
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        try:
            resource_tracker.ensure_running()  # which, when it begins, unblocks both signals
            with deaf_to_the_group():
                self._process.start()
        except OSError:
            self._pipe.close()
            raise
        finally:
            theirs.close()
        _started.add(self)
        self.where = f"process {self._process.pid}"

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def begin(self, name: str, config: ipc.WorkerConfig, received: Received, ended: Ended) -> None:
        """It is a worker from now on. Raises OSError where no threads are to be had; the process is gone then."""
        self._name, self._received, self._ended = name, received, ended
        self._orders.put(ipc.encode(config))
        try:
            for work in (self._receive, self._send):
                threading.Thread(target=work, name=f"{name}-{work.__name__}", daemon=True).start()
        except RuntimeError as error:
            self.kill()
            self._pipe.close()
            raise OSError(str(error)) from error

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

"""How a worker runs: it loads, warms up, and takes one order after the other until Quit or until the server is gone.

`main` is the entry of a process of its own. Where the process is another's, as a Ray actor's is, `serve` is called in it.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import signal
import threading
from multiprocessing.connection import Connection
from typing import Any, Protocol

from flowbrush.server import logs, outputs
from flowbrush.server.allowance import FEWEST_THREADS, TooLittle, check_threads
from flowbrush.server.children import OF_THE_GROUP
from flowbrush.server.engine import ipc
from flowbrush.server.engine.local import be_called
from flowbrush.server.engine.worker import Worker

log = logging.getLogger(__name__)


class Pipe(Protocol):
    """What carries the bytes of messages; a process's connection is one."""

    def send_bytes(self, data: bytes, /) -> object:
        """Any thread's, one at a time. Waits while too much is under way. Raises OSError when the server is gone."""

    def recv_bytes(self, most: int, /) -> bytes:
        """Waits for the next order. Raises EOFError or OSError when there is no server any more."""


class Uplink:
    """The pipe to the server; any thread may send. A broken pipe means that the server is gone."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Sends one message, or ends the process: a worker without a server has nothing to do."""
        try:
            data = ipc.encode(message)
            with self._lock:
                self._pipe.send_bytes(data)
        except (BrokenPipeError, ConnectionError, OSError):
            os._exit(0)


def main(pipe: Connection) -> None:
    """Entry of the process: a worker as soon as it hears what of. A spare one loads what it can meanwhile."""
    outputs.never_wait()
    for number in OF_THE_GROUP:
        # the server decides; what the model's libraries start, such as compilers, is to hear its own parent's
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_GROUP)
    if not pipe.poll():
        importlib.import_module("flowbrush.pipelines.generator")
    try:
        config = ipc.decode_config(pipe.recv_bytes(ipc.MAX_BYTES))
    except (EOFError, OSError):
        return  # the server is gone
    be_called("worker")
    serve(pipe, config)


def serve(pipe: Pipe, config: ipc.WorkerConfig) -> None:
    """The worker's life; it logs to this process's stderr."""
    logs.configure(config.log_level, config.log_json)
    uplink = Uplink(pipe)
    worker = Worker(uplink)
    try:
        check_threads(FEWEST_THREADS)
        threading.Thread(target=worker.beat, args=(config.beat_s, config.stage_s), daemon=True).start()
        worker.load(config)
    except Exception as error:
        text = str(error)  # of a bad file or setting, and of a limit, it says all in one line
        if not isinstance(error, ValueError | TooLittle):
            log.exception("the model %s could not be loaded", config.model)
            text = f"{type(error).__name__}: {error}"
        uplink.send(ipc.LoadFailed(text))
        return
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(pipe, worker, orders), name="orders", daemon=True).start()
    while not isinstance(order := orders.get(), ipc.Quit):
        worker.obey(order)


def _take_in(pipe: Pipe, worker: Worker, orders: queue.SimpleQueue[Any]) -> None:
    """Orders go on in their order, but for prompts: these are read while the chunk before them is being made. The last is Quit."""
    while True:
        try:
            order = ipc.decode_down(pipe.recv_bytes(ipc.MAX_BYTES))
        except (EOFError, OSError):
            order = ipc.Quit()
        if isinstance(order, ipc.Read):
            worker.read(order)
            continue
        orders.put(order)
        if isinstance(order, ipc.Quit):
            return

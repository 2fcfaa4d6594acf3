"""A worker in a cluster: an actor, in whose process the same worker runs as in a process of this machine.

Orders come with calls of `order`, messages leave with the answers to `results`, which waits for some. Both are the bytes that would
go over a pipe: encoded packets, never pictures.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading

from flowbrush.server.engine import ipc

log = logging.getLogger(__name__)

WAITING = 1024
"""Messages that may wait to be fetched; then whoever has more to say waits, as at a pipe."""

ANSWER_BYTES = 1 << 20
"""An answer with so many bytes is full: the rest comes with the next one."""

Messages = list[bytes | None]
"""of a worker, in their order; None is its end"""


class Mailbox:
    """The worker's pipe."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._messages: queue.Queue[bytes | None] = queue.Queue(WAITING)

    def send_bytes(self, data: bytes) -> None:
        """A message of the worker."""
        self._messages.put(data)

    def recv_bytes(self, most: int) -> bytes:
        """The next order, whatever its size: who sends them is the gateway that began this worker."""
        return self._orders.get()

    def put(self, order: bytes) -> None:
        """An order for the worker."""
        self._orders.put(order)

    def end(self) -> None:
        """No more messages come."""
        self._messages.put(None)

    def take(self) -> Messages:
        """Waits for messages; all that are there, within bounds."""
        found = [self._messages.get()]
        size = len(found[0] or b"")
        while size < ANSWER_BYTES:
            try:
                found.append(self._messages.get_nowait())
            except queue.Empty:
                break
            size += len(found[-1] or b"")
        return found


class WorkerActor:
    """What Ray runs. `order` and `results` are each called by one caller, one call after the other."""

    def __init__(self, config: ipc.WorkerConfig) -> None:
        # Ray sets it to the CPUs that it counts for this actor. How many are really free the worker sees by itself.
        os.environ.pop("OMP_NUM_THREADS", None)
        self._box = Mailbox()
        threading.Thread(target=self._serve, args=(config,), name="worker", daemon=True).start()

    def _serve(self, config: ipc.WorkerConfig) -> None:
        from flowbrush.server.engine import worker_main  # here, so that the gateway never imports the worker

        try:
            worker_main.serve(self._box, config)
        except Exception:
            log.exception("the worker ends")
        self._box.end()

    def place(self) -> tuple[str, str]:
        """Where it runs: for the log, and the node's id."""
        import ray

        node = str(ray.get_runtime_context().get_node_id())
        return f"process {os.getpid()} on {socket.gethostname()}, node {node[:8]}", node

    def order(self, data: bytes) -> None:
        """Takes an order; does not wait for what becomes of it."""
        self._box.put(data)

    def results(self) -> Messages:
        """Waits for messages of the worker."""
        return self._box.take()

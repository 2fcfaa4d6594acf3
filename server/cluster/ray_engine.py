"""The engine of many machines: each worker is an actor of a Ray cluster.

Ray chooses the node, starts and ends the process and tells of its death. All else, deadlines and replacement among it, stands
above this, and is what it is for processes. Snapshots are files of the gateway: their bytes come and go with messages, so that
workers need no folder that the gateway sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import socket
import threading
from concurrent.futures import Future
from typing import Any

import ray
from msgspec import structs
from ray.exceptions import RayError

from flowbrush.server.cluster.actor import Messages, WorkerActor
from flowbrush.server.engine import ipc
from flowbrush.server.engine.engine import Ended, Received
from flowbrush.server.engine.snapshots import write_whole
from flowbrush.server.engine.workers import Leaving

log = logging.getLogger(__name__)

NAMESPACE = "flowbrush"
OF_OUR_OWN = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""For a cluster that is started here: it tells nobody, and its workers are no less urgent than a process's are."""

CONNECT_S = 10.0
NODES_S = 1.0
ROOM_S = 15.0
"""An actor that is not placed within this is said to wait for room."""


class NoCluster(ConnectionError):
    """There is no cluster to join, or it does not take this process; the text says what to do."""


class RayEngine:
    """Starts actors, each with one CPU as Ray counts them, and with a GPU where the cluster has any and the model may use one."""

    def __init__(self, address: str, device: str, cpus: int) -> None:
        """Joins the cluster at `address`; `auto` joins the one that runs on this machine, or starts one. Raises NoCluster."""
        self._device, self._cpus = device, cpus
        join(address)
        self._channels: list[Channel] = []
        self._closed = threading.Event()
        threading.Thread(target=self._watch_nodes, name="nodes", daemon=True).start()
        remote: Any = ray.remote  # its types do not know of groups
        self._actors = remote(concurrency_groups={"order": 1, "results": 1})(WorkerActor)

    def start(self, name: str, config: ipc.WorkerConfig, received: Received, ended: Ended) -> Channel:
        """Raises OSError when this machine has no thread to spare."""
        try:
            channel = Channel(name, lambda: self._actor(name, config), received, ended)
            self._channels = [*(each for each in self._channels if not each.over), channel]
            return channel
        except RuntimeError as error:
            raise OSError(str(error)) from error

    def _actor(self, name: str, config: ipc.WorkerConfig) -> Any:
        on_gpu = self._device != "cpu" and ray.cluster_resources().get("GPU", 0) > 0
        job = ray.get_runtime_context().get_job_id()
        options = self._actors.options(
            name=f"{job}-{name}",
            num_cpus=self._cpus,
            num_gpus=1 if on_gpu else 0,
            scheduling_strategy="SPREAD",
            max_restarts=0,  # a replacement is a new worker: see workers.py
            max_task_retries=0,
        )
        return options.remote(structs.replace(config, ship=True))

    def _watch_nodes(self) -> None:
        """Tells of nodes that are being drained: by hand, by an autoscaler, before a spot machine is taken away."""
        while not self._closed.wait(NODES_S):
            with contextlib.suppress(Exception):  # a cluster that does not answer is noticed at its actors
                draining = _draining()
                for channel in self._channels:
                    channel.nodes_leave(draining)

    def close(self) -> None:
        """Leaves the cluster."""
        self._closed.set()
        ray.shutdown()


def _draining() -> set[str]:
    """Ids of the nodes that are to go."""
    from ray._private.state import state  # Ray says it nowhere else

    return set(state.get_draining_nodes())


def join(address: str) -> None:
    """Makes this process a driver of the cluster. For the main thread, before signals are handled. Raises NoCluster."""
    for name, value in OF_OUR_OWN.items():
        os.environ.setdefault(name, value)
    if address != "auto":
        _look_for(address)
    common: dict[str, Any] = {"namespace": NAMESPACE, "logging_level": logging.WARNING}
    try:
        if address != "auto":
            ray.init(address=address, **common)
            return
        try:
            ray.init(address="auto", **common)
        except ConnectionError:
            log.info("no Ray runs here: one is started, and ends with this server")
            ray.init(address="local", include_dashboard=False, **common)
    except (RayError, OSError, RuntimeError, ValueError) as error:
        raise _not_joined(address, error) from error


def _look_for(address: str) -> None:
    """Ray itself looks for more than a minute, and then ends the process."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise _not_joined(address, error) from error


def _not_joined(address: str, error: Exception) -> NoCluster:
    return NoCluster(
        f"the Ray cluster {address!r} cannot be joined: {error}; this machine must be one of its nodes "
        "(ray start --address=HEAD:6379), with the versions of Ray and Python, and the token, that the others have"
    )


class Channel:
    """One actor: a thread begins it and fetches its messages, another hands it its orders, each when the one before has come."""

    def __init__(self, name: str, begin: Any, received: Received, ended: Ended) -> None:
        self._name, self._begin, self._received, self._ended = name, begin, received, ended
        self.where = "an actor"
        self._node = ""
        self._orders: queue.SimpleQueue[ipc.Down | None] = queue.SimpleQueue()
        self._actor: Future[Any] = Future()
        self._killed = False
        self._over = threading.Event()
        self._writing: threading.Thread | None = None
        try:
            for work in (self._send, self._receive):  # the one that begins the actor comes last
                threading.Thread(target=work, name=f"{name}-{work.__name__}", daemon=True).start()
        except RuntimeError as error:
            self._actor.set_exception(error)
            raise

    def send(self, order: ipc.Down) -> None:
        """Bounded as a process's orders are."""
        self._orders.put(order)

    # ---- down

    def _send(self) -> None:
        try:
            actor = self._actor.result()
            while (order := self._orders.get()) is not None:
                ray.get(actor.order.options(concurrency_group="order").remote(ipc.encode(_filled(order))))
        except Exception as error:
            self._end(error)  # whether the order came is not known: this worker is not to be relied on

    # ---- up

    def _receive(self) -> None:
        try:
            actor = self._begin()
            self._actor.set_result(actor)
            if self._killed:
                return
            self._await_place(actor)
            while self._take(ray.get(actor.results.options(concurrency_group="results").remote())):
                pass
        except (
            Exception
        ) as error:  # of Ray, of the network, or bytes that are no message: the worker is not to be had
            if not self._actor.done():
                self._actor.set_exception(error)
            self._end(error)
        finally:
            self._over.set()

    def _await_place(self, actor: Any) -> None:
        asked = actor.place.remote()
        if not ray.wait([asked], timeout=ROOM_S)[0]:
            log.warning("%s waits: no node of the cluster has room for it", self._name)
        self.where, self._node = ray.get(asked)
        log.info("%s runs as %s", self._name, self.where)

    def _take(self, messages: Messages) -> bool:
        """False at the end."""
        for data in messages:
            if data is None:
                self._ended("it ended by itself")
                return False
            message = ipc.decode_up(data)
            if isinstance(message, ipc.Saved) and message.blob is not None:
                self._keep(message, message.blob)
            elif not self._received(message):
                return False
        return True

    def _keep(self, message: ipc.Saved, blob: bytes) -> None:
        """Writes a snapshot in a thread of its own; while one is being written others are left out, as at the worker."""
        if self._writing is None or not self._writing.is_alive():
            writing = threading.Thread(
                target=self._write, args=(message, blob), name=f"{self._name}-snapshots", daemon=True
            )
            with contextlib.suppress(RuntimeError):  # there is no thread to be had
                writing.start()
                self._writing = writing

    def _write(self, message: ipc.Saved, blob: bytes) -> None:
        try:
            write_whole(message.path, blob)
        except OSError as error:
            log.warning("stream %s: no snapshot: %s", message.stream, error)
            return
        self._received(structs.replace(message, blob=None))

    def nodes_leave(self, nodes: set[str]) -> None:
        """These nodes are to go: if the actor's is among them, it is said once."""
        if self._node in nodes:
            self._node = ""
            self._received(Leaving("its node is being drained"))

    # ---- the end

    @property
    def over(self) -> bool:
        """Whether its actor is gone."""
        return self._over.is_set()

    def _end(self, error: Exception) -> None:
        text = str(error).strip().splitlines()
        self._ended(f"its actor is lost: {text[0] if text else type(error).__name__}")

    def kill(self) -> None:
        """Ray ends the process, also one that does not answer. In a thread, because a cluster may be slow to answer."""
        if not self._killed:
            self._killed = True
            self._orders.put(None)
            threading.Thread(target=self._kill, name=f"{self._name}-kill", daemon=True).start()

    def _kill(self) -> None:
        with contextlib.suppress(Exception):  # there is none, or it is dead
            ray.kill(self._actor.result())

    async def join(self, timeout_s: float) -> bool:
        """Waits for the last message."""
        return await asyncio.to_thread(self._over.wait, timeout_s)


def _filled(order: ipc.Down) -> ipc.Down:
    """The order with the snapshot that it names. One that cannot be read is not there for the worker either, which says so."""
    if not isinstance(order, ipc.Open) or order.snapshot is None:
        return order
    try:
        with open(order.snapshot, "rb") as file:
            return structs.replace(order, blob=file.read())
    except OSError as error:
        log.warning("stream %s: its snapshot cannot be read: %s", order.stream, error)
        return order

"""What an engine is: it starts workers and carries orders to them and results back. All else is above it, and the same for each.

There are two: `local`, processes of this machine, and `ray`, actors of a cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from flowbrush.server.engine import ipc

Received = Callable[[Any], bool]
"""Takes a message of a worker, or `workers.Leaving` of its engine, in any thread; False when nobody listens any more."""

Ended = Callable[[str], object]
"""Hears, in any thread, that a worker is gone, and why; no message comes after that."""


class Channel(Protocol):
    """The way to one worker that was started."""

    where: str
    """what it is and where it runs, for the log"""

    def send(self, order: ipc.Down) -> None:
        """Orders arrive in their order, or the worker is gone. Never waits."""

    def kill(self) -> None:
        """Ends the worker at once, whatever it is doing, and gives back what the channel holds. May be called again."""

    async def join(self, timeout_s: float) -> bool:
        """Waits for the worker's own end (seconds); whether it has come."""


class Engine(Protocol):
    """Where workers come from."""

    def start(self, name: str, config: ipc.WorkerConfig, received: Received, ended: Ended) -> Channel:
        """Starts a worker. Does not wait for it.

        Raises OSError where there is no room for one now; nothing is left of it then.
        """

    def close(self) -> None:
        """Gives back what the engine itself holds, once all workers have ended."""

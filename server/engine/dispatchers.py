"""One dispatcher for each model that is served: each has workers, seats, a queue and scaling of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from flowbrush.server.engine.dispatcher import Dispatcher
from flowbrush.server.engine.workers import Timer
from flowbrush.server.sessions.session_host import SessionHost

WITHOUT_WORKER_S = 60.0
"""A model that has had no worker for so long is not served any more."""


class Dispatchers:
    """By model. The first one is the default."""

    def __init__(
        self, by_model: Mapping[str, Dispatcher], lives: Mapping[str, SessionHost], load_timeout_s: float
    ) -> None:
        """`load_timeout_s`: for so long the first worker of a model may load (seconds)."""
        self.by_model = dict(by_model)
        self._lives = lives
        self._load_timeout_s = load_timeout_s

    def __iter__(self) -> Iterator[Dispatcher]:
        return iter(self.by_model.values())

    def of(self, live: SessionHost) -> Dispatcher:
        """That of a session's model."""
        return self.by_model[live.meta.model]

    @property
    def names(self) -> tuple[str, ...]:
        """The models, the default first."""
        return tuple(self.by_model)

    def start(self, timer: Timer) -> None:
        """Starts the workers of every model."""
        for each in self:
            each.start(timer)

    def stopping(self) -> None:
        """The server is about to stop: a worker that ends now is not missed."""
        for each in self:
            each.workers.stopping()

    async def stop(self, timeout_s: float) -> None:
        """Ends all workers."""
        await asyncio.gather(*(each.stop(timeout_s) for each in self))

    @property
    def ready(self) -> bool:
        """Whether every model is warm, and a newcomer would get a seat of one of them."""
        return all(each.loaded.is_set() for each in self) and any(self._has_room(each) for each in self)

    def _has_room(self, dispatcher: Dispatcher) -> bool:
        """Whether a newcomer would get a slot: a free one, that of a client who is away, or one of a worker more."""
        lent = sum(1 for id in dispatcher.slots.holders if not self._lives[id].session.presence.there)
        return dispatcher.admission.spare + lent > 0 or dispatcher.scaling.can_grow

    @property
    def missed(self) -> str:
        """The model that has had no worker for too long, although one is wanted, and for how long; empty when all is well."""
        for name, each in self.by_model.items():
            loading_s = 0.0 if each.loaded.is_set() else self._load_timeout_s
            if each.workers.missing_s() >= WITHOUT_WORKER_S + loading_s:
                return f"no worker of {name} for {each.workers.missing_s():.0f} s"
        return ""

    @property
    def broken(self) -> str | None:
        """Why a model cannot be loaded, if that is so."""
        return next((each.broken for each in self if each.broken is not None), None)

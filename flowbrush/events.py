"""Handlers by event: `on("notice", handler)`. Events are the server's message types and two more."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from flowbrush.server_messages import ServerMessage

log = logging.getLogger(__name__)

Handler = TypeVar("Handler", bound=Callable[[Any], Any])
CONNECTION_EVENTS = ("reconnecting", "reconnected")  # with the close reason, with the new session.ready


def _message_types(annotation: Any) -> set[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation.model_fields["type"].default}
    return {name for part in get_args(annotation) for name in _message_types(part)}


EVENTS = frozenset(_message_types(ServerMessage) | set(CONNECTION_EVENTS))


def check_event(event: str) -> None:
    """Raises ValueError for an event that does not exist."""
    if event not in EVENTS:
        raise ValueError(f"unknown event {event!r:.60}: expected one of {', '.join(sorted(EVENTS))}")


class Events:
    """Calls handlers in the order in which they were added; a handler may be a coroutine function."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Callable[[Any], Any]]] = defaultdict(list)
        self._tasks: set[asyncio.Task[Any]] = set()

    def on(self, event: str, handler: Callable[[Any], Any]) -> None:
        """Add a handler for an event that exists."""
        self._handlers[event].append(handler)

    def emit(self, event: str, value: Any) -> bool:
        """Call the handlers; True when there was one. What a handler raises is logged."""
        handlers = self._handlers.get(event, ())
        for handler in handlers:
            try:
                result = handler(value)
            except Exception:
                log.exception("the handler of %s failed", event)
                continue
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(result)
                self._tasks.add(task)
                task.add_done_callback(self._finished)
        return bool(handlers)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a handler failed", exc_info=task.exception())

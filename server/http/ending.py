"""How connections end: what runs for one ends together, and its other side hears why."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from flowbrush.protocol import Message

log = logging.getLogger(__name__)

CLOSE_S = 2.0
MAX_REASON_BYTES = 120


async def until_one_ends(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs coroutines together; when one ends the others are cancelled. A lost connection is an end."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect):
            raise error


async def part(socket: WebSocket, error: Message | None, code: int, reason: str) -> None:
    """Says goodbye, if the other side still listens."""
    try:
        async with asyncio.timeout(CLOSE_S):
            if error is not None:
                await socket.send_text(error.to_json())
            if socket.application_state is not WebSocketState.DISCONNECTED:
                await socket.close(code, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))
    except (TimeoutError, WebSocketDisconnect, RuntimeError) as problem:
        log.debug("the connection was gone before its close: %r", problem)

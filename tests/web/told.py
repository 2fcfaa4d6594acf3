"""What passed between the page and the stream double, and what the double says out of turn."""

from __future__ import annotations

import asyncio
from typing import Any


def sent(served: Any, kind: str) -> list[Any]:
    return [message for message in served.double.received if message.type == kind]


def tell(served: Any, *messages: dict[str, Any]) -> None:
    """The server says something of its own accord."""
    (socket,) = served.double.sockets
    for message in messages:
        asyncio.run_coroutine_threadsafe(socket.send_json(message), served.loop).result(10)

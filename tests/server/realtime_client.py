"""A client of `/v1/realtime/video`, which shows everything as it is on the wire."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

import pytest
import websockets
from running_server import RunningServer
from websockets.exceptions import ConnectionClosed

WAIT_S = 60.0


class RealtimeClient:
    """Speaks as vLLM-Omni's clients do; keeps the texts, the metadata of each payload, and the file."""

    def __init__(self, server: RunningServer, query: str = "", **options: Any) -> None:
        self._url = f"ws://127.0.0.1:{server.port}/v1/realtime/video{query}"
        self._options = options
        self.texts: list[dict[str, Any]] = []
        self.chunks: list[dict[str, Any]] = []
        self.file = b""

    async def __aenter__(self) -> Self:
        self.socket = await websockets.connect(self._url, max_size=None, close_timeout=1.0, **self._options)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.socket.close()

    async def start(self, prompt: str = "a test", **fields: Any) -> dict[str, Any]:
        """Begins a video; returns `video.start`."""
        await self.send("session.start", prompt=prompt, **fields)
        return await self.text("video.start")

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def change(
        self, event_id: str | None = None, transition_chunks: int | None = None, **event: Any
    ) -> None:
        interaction: dict[str, Any] = {"event": event}
        if event_id is not None:
            interaction["event_id"] = event_id
        if transition_chunks is not None:
            interaction["transition_chunks"] = transition_chunks
        await self.send("session.interaction", interaction=interaction)

    async def receive(self) -> dict[str, Any]:
        """The next text. A payload follows its metadata at once, and is as long as that says."""
        async with asyncio.timeout(WAIT_S):
            text = json.loads(await self.socket.recv())
            if text["type"] == "video.chunk_metadata":
                data = await self.socket.recv()
                assert isinstance(data, bytes) and len(data) == text["byte_length"]
                self.chunks.append(text)
                self.file += data
        self.texts.append(text)
        return text

    async def text(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next text of a type, with these fields."""
        while True:
            got = await self.receive()
            if got["type"] == kind and fields.items() <= got.items():
                return got

    async def shows(self, event_id: str) -> dict[str, Any]:
        """Waits for the first chunk that shows an interaction."""
        while event_id not in (got := await self.text("video.chunk_metadata"))["started_event_ids"]:
            pass
        return got

    async def close_code(self) -> int:
        """Reads until the server closes."""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await self.receive()
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code

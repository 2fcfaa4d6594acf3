"""A WebSocket client that shows everything as it is on the wire."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any, Self

import av
import numpy as np
import websockets

from flowbrush.packets import Packet, unpack

WAIT_S = 60.0
CLOSE_S = 1.0  # a client with frames in its queue does not hear the answer to its close


class RawClient:
    """One connection; keeps every message and packet that came."""

    def __init__(self, url: str, path: str = "/v1/stream", **options: Any) -> None:
        self._url = url.replace("http", "ws", 1) + path
        self._options = options
        self.messages: list[dict[str, Any]] = []
        self.packets: list[Packet] = []
        self.order: list[str] = []

    async def __aenter__(self) -> Self:
        self.socket = await websockets.connect(
            self._url,
            subprotocols=["flowbrush.v1"],
            compression=None,
            max_size=None,
            close_timeout=CLOSE_S,
            **self._options,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.socket.close()

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def start(self, prompt: str = "a test", **fields: Any) -> dict[str, Any]:
        """Begins a session; returns `session.ready`."""
        await self.send(type="session.start", model="pocket-random", prompt=prompt, **fields)
        return await self.message("session.ready")

    async def receive(self) -> dict[str, Any] | Packet:
        """The next thing from the server."""
        async with asyncio.timeout(WAIT_S):
            data = await self.socket.recv()
        if isinstance(data, bytes):
            packet = unpack(data)
            self.packets.append(packet)
            self.order.append(f"frame {packet.frame}")
            return packet
        message = json.loads(data)
        self.messages.append(message)
        self.order.append(message["type"])
        return message

    async def message(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of a type, with these fields."""
        while True:
            got = await self.receive()
            if isinstance(got, dict) and got["type"] == kind and fields.items() <= got.items():
                return got

    async def frame(self, index: int) -> Packet:
        """Waits for the packet of a frame."""
        while True:
            got = await self.receive()
            if isinstance(got, Packet) and got.frame == index:
                return got

    async def count(self, packets: int) -> None:
        """Waits until so many packets have come in all."""
        while len(self.packets) < packets:
            await self.receive()


def decode(packets: list[Packet]) -> list[np.ndarray]:
    """Pictures of packets that begin with a key frame."""
    codec = av.codec.CodecContext.create(
        {"h264": "h264", "vp8": "libvpx", "vp9": "libvpx-vp9", "av1": "libdav1d", "jpeg": "mjpeg"}[
            str(packets[0].codec)
        ],
        "r",
    )
    pictures = [frame for packet in packets for frame in codec.decode(av.Packet(packet.payload))]
    pictures += codec.decode(None)
    return [picture.to_ndarray(format="rgb24") for picture in pictures]


def decode_file(data: bytes) -> list[np.ndarray]:
    """Pictures of a video file."""
    with av.open(io.BytesIO(data)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]

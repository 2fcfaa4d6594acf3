"""The parts that a session is described with: its phases, what it needs, what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from flowbrush.packets import Packet
from flowbrush.protocol import Control, Message
from server.engine import ipc
from server.sessions.acks import Shown


class Phase(StrEnum):
    """Where a session is. `opening`: the worker gives it a seat or rewinds it."""

    WAITING = "waiting"
    OPENING = "opening"
    READY = "ready"
    STEPPING = "stepping"
    DONE = "done"


NEXT = {
    Phase.WAITING: {Phase.OPENING, Phase.DONE},
    Phase.OPENING: {Phase.READY, Phase.WAITING, Phase.OPENING, Phase.DONE},
    Phase.READY: {Phase.STEPPING, Phase.OPENING, Phase.WAITING, Phase.DONE},
    Phase.STEPPING: {Phase.READY, Phase.OPENING, Phase.WAITING, Phase.DONE},
    Phase.DONE: set(),
}


class Log(Protocol):
    """What a session needs of its journal."""

    def __len__(self) -> int: ...
    def append(self, controls: tuple[Control, ...]) -> None: ...
    def controls(self, chunk: int) -> tuple[Control, ...]: ...
    def truncate(self, chunks: int) -> None: ...
    def copy_to(self, path: Path, chunks: int) -> None: ...
    def close(self) -> None: ...


@dataclass
class Outgoing:
    """For the client, in this order: messages, then the packet. `measured` are controls now on screen."""

    messages: list[Message] = field(default_factory=list)
    packet: Packet | None = None
    measured: list[Shown] = field(default_factory=list)


@dataclass
class MadeChunk:
    made: ipc.Made
    shown: list[Shown]
    encode_ms: float = 0.0
    queue_ms: float = 0.0

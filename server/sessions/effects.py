"""What a session asks of the world. The driver (`driver.py`) carries each out, in order; one that fails comes back as `Failed`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flowbrush.packets import Packet
from flowbrush.protocol import Codec, Control, Message
from flowbrush.server.delivery.mp4 import Sample


@dataclass(frozen=True)
class Say:
    """A message to the client; with `all` to its viewers, too."""

    message: Message
    all: bool = False


@dataclass(frozen=True)
class SayReady:
    """`session.ready` with the facts of the model, answering `id`."""

    id: int | None


@dataclass(frozen=True)
class Show:
    """A packet to the client and the viewers. Its chunk was begun at `began`; `measured` are the times at which the controls were
    accepted that it shows first.
    """

    packet: Packet
    began: float
    measured: tuple[float, ...] = ()


@dataclass(frozen=True)
class ShowJpeg:
    """A picture for the viewers that take nothing else."""

    picture: bytes = field(repr=False)


@dataclass(frozen=True)
class CatchUp:
    """Send again what was sent from `frame` on. Fails with LookupError when that is no longer kept."""

    frame: int


@dataclass(frozen=True)
class ForgetSent:
    """The stream jumps: what is kept of it is of another past; with `boxes`, what waits to be sent is, too."""

    boxes: bool


@dataclass(frozen=True)
class Append:
    """Lines for the journal, from chunk `first` on; what it has of these chunks and later ones is of another past."""

    first: int
    lines: tuple[tuple[Control, ...], ...]


@dataclass(frozen=True)
class Fetch:
    """Read the controls of a chunk from the journal, in that epoch."""

    chunk: int
    epoch: int


@dataclass(frozen=True)
class Recall:
    """Find in the journal which tracks were there at the end of the first `chunks` chunks, in that epoch."""

    chunks: int
    epoch: int


@dataclass(frozen=True)
class CutFiles:
    """Journal and recording forget every chunk from `chunks` on."""

    chunks: int


@dataclass(frozen=True)
class Record:
    """A chunk for the recording."""

    chunk: int
    first_frame: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class SaveSettings:
    """Write `session.json`; with `stops` also what only the next process needs: what was not said yet, what was sent."""

    stops: bool = False


@dataclass(frozen=True)
class Unlink:
    """Snapshots that are of no use any more."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class Tidy:
    """A worker is gone: what it left of snapshots goes, half-written ones and those that nobody heard of; all but these."""

    kept: tuple[str, ...]
    epoch: int
    """what is of this one or a later one comes from another worker"""


@dataclass(frozen=True)
class Order:
    """An order (of `flowbrush.server.engine.ipc`) for the worker at which the session has its slot."""

    order: Any


@dataclass(frozen=True)
class Read:
    """The worker at which the session has its slot reads these texts of a prompt, whatever else it does meanwhile."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Queue:
    """Wait for a slot. `first`: before all others, for the session had one."""

    first: bool = False


@dataclass(frozen=True)
class Leave:
    """Give the slot, or the place in the queue, back."""


@dataclass(frozen=True)
class ReplaceCodec:
    """From here on the stream is encoded otherwise; its client has to come back for that."""

    codec: Codec


@dataclass(frozen=True)
class Count:
    """A figure for the metrics: its name, a label where it has some, and its value."""

    name: str
    value: float = 1.0
    label: str | None = None


@dataclass(frozen=True)
class Part:
    """End the client's connection; the session goes on."""

    code: int
    reason: str


@dataclass(frozen=True)
class Close:
    """End every connection and close the files; the session can be taken up by another process."""

    code: int
    reason: str


@dataclass(frozen=True)
class End:
    """The session is over: everything that it holds is given back."""

    code: int
    reason: str

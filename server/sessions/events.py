"""What can happen to a session. The answers of a worker (`flowbrush.server.engine.ipc`) are events, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowbrush.errors import CloseCode, ErrorCode
from flowbrush.protocol import Control
from flowbrush.server.engine.ipc import SourceChunk
from flowbrush.server.sessions.effects import Recall
from flowbrush.server.sessions.track_history import There

# ---- from the client


@dataclass(frozen=True)
class Attached:
    """The client is there, and has every frame before `frame`. `start_id` is the id of its `session.start`; chunks before
    `recorded` are in the recording (None: none is).
    """

    frame: int
    start_id: int | None = None
    recorded: int | None = None


@dataclass(frozen=True)
class Detached:
    """The client's connection is gone."""


@dataclass(frozen=True)
class Given:
    """A control came. `capabilities` are the model's."""

    control: Control
    capabilities: Mapping[str, Any]


@dataclass(frozen=True)
class PauseAsked:
    """`session.pause`; `id`, here and below, is the client's own, which the answer carries."""

    id: int | None = None


@dataclass(frozen=True)
class ResumeAsked:
    """`session.resume`."""

    id: int | None = None


@dataclass(frozen=True)
class StepAsked:
    """`session.step`: so many chunks of a paused stream."""

    chunks: int
    id: int | None = None


@dataclass(frozen=True)
class RewindAsked:
    """`session.rewind`: back to the end of `chunk`."""

    chunk: int
    id: int | None = None


@dataclass(frozen=True)
class ResetAsked:
    """`session.reset`; None keeps the seed."""

    seed: int | None = None
    id: int | None = None


@dataclass(frozen=True)
class ProbeAsked:
    """What would a hand take at `point`?"""

    point: tuple[float, float]
    add: tuple[tuple[float, float], ...] = ()
    remove: tuple[tuple[float, float], ...] = ()
    id: int | None = None


@dataclass(frozen=True)
class Reported:
    """The client's playhead stands at `pts` (seconds)."""

    pts: float


@dataclass(frozen=True)
class KeyWanted:
    """Somebody can go on with a key frame only."""


# ---- from the scheduler


@dataclass(frozen=True)
class SlotGiven:
    """A worker has room for the session. Its model takes `steps` denoising steps where nothing else is asked for, and no fewer
    than `fewest`, and `reads` prompts concurrently with chunks.
    """

    steps: int = 1
    fewest: int = 1
    reads: bool = False


@dataclass(frozen=True)
class Turn:
    """The worker is free for the session: what is its order? `jpeg`: viewers take nothing else; `save`: where a snapshot goes;
    `motion`: how the points of the client's video move meanwhile.
    """

    jpeg: bool = False
    save: str | None = None
    motion: SourceChunk | None = None


@dataclass(frozen=True)
class ProbeTurn:
    """The worker has a moment to spare for what the client has asked to see."""


@dataclass(frozen=True)
class Overloaded:
    """The worker has more to do than it can, and this session is one reason."""


@dataclass(frozen=True)
class RoomFound:
    """The worker could do the work of the next better quality."""


@dataclass(frozen=True)
class ChunkFailed:
    """The batch with the session's chunk failed; no state has changed."""

    message: str


@dataclass(frozen=True)
class WorkerLost:
    """The worker is gone. `blamed`: it was at an order of this session."""

    reason: str
    blamed: bool


@dataclass(frozen=True)
class Tick:
    """Time passes. `waiting` sessions stand in the queue for a slot."""

    waiting: int


# ---- from the driver, and from the server


@dataclass(frozen=True)
class Written:
    """The journal holds the first `chunks` chunks, but for those that are `lost`: the first and the last of them."""

    chunks: int
    lost: tuple[int, int] | None = None


@dataclass(frozen=True)
class LogLate:
    """The disk has not answered for too long to what is to be written into the journal. It may still do."""


@dataclass(frozen=True)
class Fetched:
    """The controls of a chunk that is in the journal, asked for in that epoch."""

    chunk: int
    epoch: int
    controls: tuple[Control, ...]


@dataclass(frozen=True)
class Recalled:
    """Which tracks were there, as the effect `asked`."""

    asked: Recall
    there: There


@dataclass(frozen=True)
class Failed:
    """An effect could not be carried out."""

    effect: Any
    error: Exception


@dataclass(frozen=True)
class RecordingStopped:
    """The recording takes no more."""

    why: str


@dataclass(frozen=True)
class EndAsked:
    """The session is to end: its client asked so, or the server. `code` closes the connections; `error` is said before."""

    reason: str
    code: int = CloseCode.DONE
    id: int | None = None
    error: tuple[ErrorCode, str] | None = None


@dataclass(frozen=True)
class Stopping:
    """The server stops; another process may take the session up."""

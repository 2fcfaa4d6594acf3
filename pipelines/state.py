"""All that a stream remembers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from torch import Tensor

from pipelines.controls import ControlState
from pipelines.requests import StreamSettings


@dataclass(frozen=True)
class ChunkRecord:
    """The stream at the end of a chunk: enough to go back to it."""

    chunk: int
    made: int
    key_value: Tensor  # [2, layers, tokens, H, D]: this chunk as the cache keeps it
    latent: Tensor  # [C, h, w]: the last latent frame, clean
    controls: ControlState


@dataclass
class StreamState:
    """One stream between two chunks. Only `Generator` changes it, and only when a chunk has been made.

    `chunk` is the index of the next chunk, `made` the number of chunks in the cache (one more than `chunk` where a start
    image came first), `last` the last clean latent frame [C, h, w]. `sinks` are the records of the sink chunks, `records`
    those of the latest chunks, oldest first, for rewind and snapshot. `window` is the student's, in chunks.
    """

    settings: StreamSettings
    seat: int
    controls: ControlState
    window: int
    chunk: int = 0
    made: int = 0
    last: Tensor | None = None
    sinks: list[ChunkRecord] = field(default_factory=list)
    records: deque[ChunkRecord] = field(default_factory=deque)

    @property
    def history(self) -> range:
        """The chunks that the stream can be taken back to: those whose whole window is kept."""
        if not self.records:
            return range(self.chunk, self.chunk)
        oldest = self.records[0]
        whole = oldest.made - 1 <= len(self.sinks)  # nothing between the sinks and the oldest record is gone
        first = oldest.chunk if whole else oldest.chunk + self.window - 1
        return range(max(0, first), self.chunk)

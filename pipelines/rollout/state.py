"""All that a stream remembers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from torch import Tensor

from flowbrush.pipelines.conditions.controls import ControlState
from flowbrush.pipelines.families.base import Carried, Memory
from flowbrush.pipelines.requests import StreamSettings

if TYPE_CHECKING:
    from flowbrush.pipelines.rollout.trail import Trail


@dataclass(frozen=True)
class ChunkRecord:
    """The stream at the end of a chunk: enough to go back to it.

    `replaced` are keys and values of earlier chunks that changed with this one (an averaged sink, a window
    worked out again for a new prompt); they stand from here on in place of those chunks' own.
    """

    chunk: int
    made: int
    key_value: (
        Tensor | None
    )  # [2, layers, tokens, H, D]: this chunk as the cache keeps it, None where nothing is kept
    latents: Tensor  # [C, T, h, w], clean
    controls: ControlState
    memory: Memory = None
    replaced: dict[int, Tensor] = field(default_factory=dict)
    pending: Tensor | None = None


@dataclass
class StreamState:
    """One stream between two chunks. Only `Generator` changes it, and only when a chunk has been made.

    `chunk` is the index of the next chunk, `made` the number of chunks in the cache (one more than `chunk` where a start
    image came first), `latents` the clean latents [C, T, h, w] of the last chunk, `memory` what its family keeps (layers, the
    decoder's state), `carried` what it keeps of a source that is followed, `pending` noisy latents of chunks that are under way
    (joint denoising). `sinks` are the records of the chunks that stay in the context for ever, `records` those of the latest
    chunks, oldest first, for rewind and snapshot. `window` is how many chunks before the next one are needed, sinks excepted.
    `trail` is what its keys and values follow from, where they are too many for a snapshot.
    """

    settings: StreamSettings
    seat: int
    controls: ControlState
    window: int
    chunk: int = 0
    made: int = 0
    latents: Tensor | None = None
    memory: Memory = None
    pending: Tensor | None = None
    carried: Carried = ()
    sinks: list[ChunkRecord] = field(default_factory=list)
    records: deque[ChunkRecord] = field(default_factory=deque)
    trail: Trail | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its pictures in pixels."""
        return self.settings.width, self.settings.height

    @property
    def history(self) -> range:
        """The chunks that the stream can be taken back to: those whose whole window is kept."""
        if not self.records:
            return range(self.chunk, self.chunk)
        oldest = self.records[0]
        whole = oldest.made - 1 <= len(self.sinks)  # nothing between the sinks and the oldest record is gone
        first = oldest.chunk if whole else oldest.chunk + self.window - 1
        return range(max(0, first), self.chunk)

    @property
    def by_index(self) -> dict[int, ChunkRecord]:
        """The records that are kept, by the chunk's number in the cache."""
        return {record.made - 1: record for record in (*self.sinks, *self.records)}

    def count(self, record: ChunkRecord, sinks: int, kept: int) -> None:
        """Counts a chunk as made. The first `sinks` are kept for ever, of the others the latest ones that hold
        keys and values of `kept` chunks together, their own and those replaced; at least the window.
        """
        if record.made <= sinks:
            self.sinks.append(record)
        self.records.append(record)
        if self.trail is not None:
            self.trail.add(record)
        held = sum(1 + len(kept_record.replaced) for kept_record in self.records)
        while held > kept and len(self.records) > self.window:
            gone = self.records.popleft().replaced
            held -= 1 + len(gone)
            self.sinks = [replace(s, key_value=gone.get(s.made - 1, s.key_value)) for s in self.sinks]
        self._stand_at(record)

    def go_back(self, chunk: int) -> None:
        """Forgets what came after `chunk`, which must be in `history`."""
        while self.records[-1].chunk > chunk:
            self.records.pop()
        record = self.records[-1]
        if self.trail is not None:
            self.trail.cut(record.made)
        self.sinks = [sink for sink in self.sinks if sink.made <= record.made]
        self.carried = ()  # a source that is still followed begins anew: what comes of it does not follow on this chunk
        self.chunk = record.chunk + 1
        self._stand_at(record)

    def key_value(self, index: int) -> Tensor | None:
        """Keys and values of cached chunk `index` as they stand now: replaced ones where a later chunk
        replaced them.
        """
        for record in reversed(self.records):
            if index in record.replaced:
                return record.replaced[index]
        return self.by_index[index].key_value

    def frozen(self) -> StreamState:
        """The stream as it stands, for a snapshot that is written while it goes on. Tensors are shared: chunks make new ones."""
        trail = None if self.trail is None else self.trail.copy()
        return replace(self, sinks=list(self.sinks), records=deque(self.records), trail=trail)

    def _stand_at(self, record: ChunkRecord) -> None:
        self.made, self.latents, self.controls = record.made, record.latents, record.controls
        self.memory, self.pending = record.memory, record.pending

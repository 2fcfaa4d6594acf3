"""What a stream's keys and values can be worked out from again: the clean latents of its chunks, and what was said in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import torch

from flowbrush.pipelines.conditions.controls import ControlState
from flowbrush.pipelines.rollout.state import ChunkRecord


class Trail:
    """Of one stream: its first chunks and its latest ones, oldest first. Bounded.

    Latents are kept in the student's number type, in which it passes over them.
    """

    def __init__(self, first: int, latest: int, dtype: torch.dtype) -> None:
        """Keeps the first `first` chunks and the `latest` ones."""
        self._count, self._dtype = first, dtype
        self._first: list[ChunkRecord] = []
        self._latest: deque[ChunkRecord] = deque(maxlen=latest)

    def __iter__(self) -> Iterator[ChunkRecord]:
        """Every chunk once."""
        yield from self._first
        after = len(self._first)
        yield from (record for record in self._latest if record.made > after)

    def add(self, record: ChunkRecord) -> None:
        """A chunk was made: the next one, or when it is filled the next one that is kept."""
        said = ControlState(record.controls.prompt, record.controls.transition)
        kept = ChunkRecord(record.chunk, record.made, None, record.latents.to(self._dtype), said)
        if record.made <= self._count:
            self._first.append(kept)
        self._latest.append(kept)

    def cut(self, made: int) -> None:
        """Only the first `made` chunks ever were."""
        while self._first and self._first[-1].made > made:
            self._first.pop()
        while self._latest and self._latest[-1].made > made:
            self._latest.pop()

    def copy(self) -> Trail:
        """As it stands, while the stream goes on."""
        other = Trail(self._count, self._latest.maxlen or 0, self._dtype)
        other._first, other._latest = list(self._first), self._latest.copy()
        return other

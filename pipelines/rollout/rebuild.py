"""Keys and values worked out again from latents, for streams whose keys and values are too many to be written down.

The passes that a stream's maker made over its clean chunks are made once more, oldest first, each with what it attended to then:
the same numbers, to the bit where a stream was alone in its batch. A layer's keys reach one window further back than those of the
layer before it, so the oldest chunks are passed through few blocks and the newest through all; a past that a new prompt reached is
worked out again where it was. What is older has no part in it, except in an averaged sink: that one is right while all of the
stream is known, and later is what it was before anything was mixed into it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from flowbrush.pipelines.conditions.controls import ControlState
from flowbrush.pipelines.rollout.denoise import Batch, ChunkMaker
from flowbrush.pipelines.rollout.past import CachedPast
from flowbrush.pipelines.rollout.recache import recache
from flowbrush.pipelines.rollout.state import ChunkRecord, StreamState

Tokens = Callable[[ControlState], Tensor]
"""The text [L, D] that was in force in a chunk after which a stream stood so."""


@torch.inference_mode()
def rebuild(maker: ChunkMaker, state: StreamState, tokens: Tokens, brief: bool = False) -> None:
    """Fills the stream's seat, and the records of the chunks that it cannot go on without; the others are left out.

    `brief`: only chunks of one window before those are passed through, which takes a fraction of the time and is close.
    """
    past = maker.past
    assert isinstance(past, CachedPast) and state.trail is not None
    needed, known = past.needed(state), list(state.trail)
    again = _Again(maker, past, state, tokens)
    oldest = next((index for index in needed if index >= past.sinks), state.made)
    window, layers = past.cache.spec.window, past.cache.spec.layers
    numbers = {record.made - 1 for record in known}
    from_start = numbers == set(range(state.made))
    averaged = past.cache.rollout.sink_average is not None
    begin = oldest - window * (1 if brief else layers - 1)
    if averaged and from_start and not brief:
        begin = 0  # what left the window long ago is in the sink
    whole = not brief and not averaged and set(range(max(0, begin), state.made)) <= numbers
    spare = past.window if past.cache.rollout.recache else 0
    for record in known:
        index = record.made - 1
        if index < past.first:
            again.make(record)
        elif index >= begin - spare:
            deep = -(
                -(oldest - index) // window
            )  # how many windows of chunks lie between it and what is needed
            again.make(record, layers - max(0, deep) if whole else None)
        if averaged and from_start and not brief:
            past.settle(replace(state, made=index))
    taken = {index: past.cache.take(state.seat, index) for index in needed}
    state.sinks = _filled(state.sinks, taken)
    state.records = deque(_filled(state.records, taken))


def _filled(records: Iterable[ChunkRecord], taken: dict[int, Tensor]) -> list[ChunkRecord]:
    return [replace(each, key_value=taken[each.made - 1]) for each in records if each.made - 1 in taken]


@dataclass
class _Again:
    """A stream's passes, from its beginning or from where it is known. `done` are the chunks that have been passed over."""

    maker: ChunkMaker
    past: CachedPast
    state: StreamState
    tokens: Tokens
    done: dict[int, ChunkRecord] = field(default_factory=dict)

    def make(self, record: ChunkRecord, blocks: int | None = None) -> None:
        """The pass over one chunk, through the first `blocks` blocks (None: all), and what came before it. Nothing for none."""
        index, weight = record.made - 1, self.maker.student.reference
        then = self._then(index)
        words = self.tokens(record.controls)[None].to(weight.device)
        self._renew(then, record, words)
        if blocks is None or blocks > 0:
            seen = [earlier for earlier in self.maker.sees(index) if earlier in self.done]
            batch = Batch([then], words, None, [])
            self.maker.remember_again(batch, record.latents[None], seen, blocks)
        self.done[index] = record

    def _then(self, index: int) -> StreamState:
        """The stream before it made chunk number `index`, as far as it is known."""
        return replace(self.state, made=index, sinks=[], records=deque(self.done.values()))

    def _renew(self, then: StreamState, record: ChunkRecord, words: Tensor) -> None:
        """A new prompt reaches the past, where it did: with the first chunk that was made under it alone."""
        before = self.done.get(then.made - 1)
        if not self.past.cache.rollout.recache or before is None:
            return
        said, heard = record.controls, before.controls
        due = said.transition is None and (said.prompt != heard.prompt or heard.transition is not None)
        reach = range(max(0, then.made - self.past.window), then.made)
        if due and all(index in self.done for index in reach):
            student = self.maker.student
            recache(student, self.past, then, student.text_keys_values(words.to(student.reference)))

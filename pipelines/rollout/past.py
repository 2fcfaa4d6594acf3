"""What a chunk sees of the past: several policies, of which the model's card chooses one.

`CachedPast` keeps keys and values (most students), `RecomputedPast` keeps latents alone and works keys and
values out before each chunk (Krea Realtime), `NoPast` is for chunks that see each other alone (StreamDiT). All
leave streams as they were: nothing counts until the generator says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from flowbrush.models.cards.reach import first_chunks, latest_chunks, past_window
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.kv_cache import KVCache
from flowbrush.models.layers import KeyValue
from flowbrush.models.rope import RopeTable, rotate
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.conditions.prompts import Prompts
from flowbrush.pipelines.rollout.state import StreamState
from flowbrush.pipelines.rollout.trail import Trail

MOST_KEY_VALUES = 64 << 20
"""Bytes of keys and values that a snapshot holds: all of pocket's, one MiB, and none of a Wan student's, 820 MiB a chunk."""


@dataclass
class Context:
    """Rotated keys and values of the past for every layer, with room for the next chunk behind them (None
    where there is no past), and where the next chunk is placed.
    """

    past: list[KeyValue] | None
    first_frame: int


class CachedPast:
    """Sink and window in a `KVCache`."""

    def __init__(self, cache: KVCache, rope: RopeTable) -> None:
        self.cache, self.rope = cache, rope
        self.sinks = cache.spec.sink
        # What a record keeps: its own chunk, and the averaged sink as it then stood.
        self.copies = 1 if cache.rollout.sink_average is None else 2
        self.window = past_window(cache.spec, cache.rollout)
        self.first = first_chunks(cache.spec, cache.rollout)

    def trail(self, history: int) -> Trail | None:
        """What a new stream's keys and values follow from, `history` chunks after it was gone back in, too; None where they are few
        enough to be written down themselves.
        """
        cache = self.cache
        chunk = 2 * cache.keys[:, 0, 0].numel() * cache.keys.element_size()
        if chunk * (self.sinks + self.window) <= MOST_KEY_VALUES:
            return None
        return Trail(self.first, latest_chunks(cache.spec, cache.rollout) + history, cache.keys.dtype)

    def place(self, state: StreamState) -> tuple[int, ...]:
        """Streams of equal places may share a forward pass, if chunks are under way in all of them or in none."""
        return (*self.cache.places(self.cache.attended(state.made)), int(state.pending is not None))

    def context(
        self, student: CausalTransformer, states: Sequence[StreamState], text: list[KeyValue]
    ) -> Context:
        made = [state.made for state in states]
        seats = [state.seat for state in states]
        return Context(self.cache.read(seats, made, self.rope), self.cache.context_frames(made[0]))

    def write(self, states: Sequence[StreamState], new: list[KeyValue]) -> None:
        """Keeps the chunk that was made, along with what is still attended to."""
        self.cache.write([state.seat for state in states], [state.made for state in states], new)

    def taken(self, state: StreamState) -> Tensor | None:
        """The chunk that was written last, for the record."""
        return self.cache.take(state.seat, state.made)

    def settle(self, state: StreamState) -> dict[int, Tensor]:
        """What changes in the cache when the chunk being recorded counts; returns the chunks that changed."""
        changed = self.cache.settle(state.seat, state.made + 1)
        return {index: self.cache.take(state.seat, index) for index in changed}

    def needed(self, state: StreamState) -> list[int]:
        """Cached chunks without which the stream cannot go on."""
        sink = min(self.sinks, state.made)
        return [*range(sink), *range(max(sink, state.made - self.window), state.made)]

    def restore(self, state: StreamState) -> None:
        """Puts the attended chunks back into the stream's seat, from its records."""
        for index in self.cache.attended(state.made):
            kept = state.key_value(index)
            assert kept is not None
            self.cache.put(state.seat, index, kept)


class RecomputedPast:
    """One latent frame of a single picture and the last ones, `chunk` in all, passed clean through the student
    before each chunk, under the prompt of the chunk that they come from.

    The single picture is that of the first latent frame and, from the third chunk on, the oldest of the latest chunk that is
    kept (the first slot of the codec's state, see `flowbrush.models.codecs.anchored`); with `keep_first` it stays the first.
    """

    sinks = copies = 1

    def __init__(self, chunk: int, rope: RopeTable, prompts: Prompts, keep_first: bool = False) -> None:
        self.chunk, self.rope, self.prompts, self.keep_first = chunk, rope, prompts, keep_first

    def place(self, state: StreamState) -> tuple[int, ...]:
        return (min(state.made, 1),)

    def context(
        self, student: CausalTransformer, states: Sequence[StreamState], text: list[KeyValue]
    ) -> Context:
        if states[0].made == 0:
            return Context(None, 0)
        latents = torch.stack([self._frames(state) for state in states])  # [B, C, chunk, h, w]
        weight = student.reference
        words = torch.stack([self.prompts.in_force(state.controls) for state in states]).to(weight)
        still = torch.zeros(len(states), self.chunk, device=weight.device)
        new = student.keys_values(latents.to(weight), still, student.text_keys_values(words), self.rope)
        turned = self.rope.turns([0], self.chunk)
        past = [(_with_room(rotate(keys, *turned)), _with_room(values)) for keys, values in new]
        return Context(past, self.chunk)

    def _frames(self, state: StreamState) -> Tensor:
        assert state.latents is not None
        first = state.sinks[0].latents[:, :1]
        if state.chunk > 1 and not self.keep_first:
            first = state.memory.decoder[0][:, None].to(first)
        return torch.cat([first, state.latents[:, state.latents.shape[1] - self.chunk + 1 :]], 1)

    def trail(self, history: int) -> Trail | None:
        return None

    def taken(self, state: StreamState) -> Tensor | None:
        return None

    def settle(self, state: StreamState) -> dict[int, Tensor]:
        return {}

    def needed(self, state: StreamState) -> list[int]:
        return sorted({0, state.made - 1}) if state.made else []

    def restore(self, state: StreamState) -> None:
        """The latents are in the records already."""


class NoPast:
    """Chunks that are under way together are all that there is."""

    sinks = 0
    copies = 1

    def __init__(self, spec: StudentSpec, tokens: int) -> None:
        """`tokens` of a latent frame."""
        self.spec, self.tokens = spec, tokens

    def place(self, state: StreamState) -> tuple[int, ...]:
        return (int(state.pending is not None),)

    def context(
        self, student: CausalTransformer, states: Sequence[StreamState], text: list[KeyValue]
    ) -> Context:
        return self.room(student, len(states), 1)

    def room(self, student: CausalTransformer, rows: int, chunks: int) -> Context:
        """A past of no tokens, with room for so many chunks: these see each other in full."""
        size = (rows, chunks * self.spec.chunk * self.tokens, self.spec.heads, self.spec.head_dim)
        empty = [
            (student.reference.new_empty(size), student.reference.new_empty(size))
            for _ in range(self.spec.layers)
        ]
        return Context(empty, 0)

    def trail(self, history: int) -> Trail | None:
        return None

    def taken(self, state: StreamState) -> Tensor | None:
        return None

    def settle(self, state: StreamState) -> dict[int, Tensor]:
        return {}

    def needed(self, state: StreamState) -> list[int]:
        return [state.made - 1] if state.made else []

    def restore(self, state: StreamState) -> None:
        """All that is needed is in the records already."""


def _with_room(past: Tensor) -> Tensor:
    """`past` [B, L, H, D] with room for as much again."""
    return torch.cat([past, torch.empty_like(past)], 1)


Past = CachedPast | RecomputedPast | NoPast

"""The rolling cache: sink and window keys and values of many streams, in static memory.

A stream's place in it is its *seat*. A seat has `sink` slots for the first chunks of the stream, whose keys are kept
rotated, and `window + 1` slots used in turn for those after them, whose keys are kept un-rotated and are rotated by slot
when read (MotionStream §3.2). One slot more than the window: a chunk is written beside what is still attended to, so a
stream is where it was until its owner counts the chunk as made.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.layers import KeyValue
from models.rope import RopeTable
from models.spec import StudentSpec


class KVCache:
    """Keys and values [layers, seats, slots, chunk tokens, heads, head size]."""

    def __init__(self, spec: StudentSpec, frame_tokens: int, seats: int, device: torch.device, dtype: torch.dtype) -> None:
        self.spec = spec
        self.tokens = spec.chunk * frame_tokens  # of one chunk
        self.slots = spec.sink + spec.window + 1
        shape = (spec.layers, seats, self.slots, self.tokens, spec.heads, spec.head_dim)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)

    @property
    def bytes_per_seat(self) -> int:
        return 2 * self.keys[:, 0].numel() * self.keys.element_size()

    def slot(self, index: int) -> int:
        """Where the stream's `index`-th chunk lies."""
        sink = self.spec.sink
        return index if index < sink else sink + (index - sink) % (self.spec.window + 1)

    def attended(self, made: int) -> list[int]:
        """The chunks that the next one sees when `made` have been made: sinks, then the window, oldest first."""
        sink = min(self.spec.sink, made)
        return [*range(sink), *range(max(sink, made - self.spec.window), made)]

    def context_frames(self, made: int) -> int:
        """Latent frames before the next chunk, which is the slot that its positions start from."""
        return len(self.attended(made)) * self.spec.chunk

    def read(self, seats: list[int], made: list[int], rope: RopeTable) -> list[KeyValue] | None:
        """Rotated keys and values [B, L, H, D] of every layer for streams that attend to equally many chunks.

        None where there is no past yet.
        """
        order = [self.attended(count) for count in made]
        if not order[0]:
            return None
        slots = torch.tensor([[self.slot(index) for index in row] for row in order], device=self.keys.device)
        rows = torch.tensor(seats, device=self.keys.device)[:, None]
        sink = min(self.spec.sink, made[0]) * self.tokens
        context = []
        for layer in range(self.spec.layers):
            keys = self.keys[layer][rows, slots].flatten(1, 2)  # [B, L, H, D]
            values = self.values[layer][rows, slots].flatten(1, 2)
            moving = rope.rotate(keys[:, sink:], min(self.spec.sink, made[0]) * self.spec.chunk)
            context.append((torch.cat([keys[:, :sink], moving], 1), values))
        return context

    def write(self, seats: list[int], made: list[int], new: list[KeyValue], rope: RopeTable) -> None:
        """Puts chunk number `made` of each stream into its slot; it counts once the owner says so."""
        for row, (seat, index) in enumerate(zip(seats, made, strict=True)):
            slot = self.slot(index)
            for layer, (keys, values) in enumerate(new):
                key = keys[row]
                if index < self.spec.sink:
                    key = rope.rotate(key[None], index * self.spec.chunk)[0]
                self.keys[layer, seat, slot] = key
                self.values[layer, seat, slot] = values[row]

    def take(self, seat: int, index: int) -> Tensor:
        """A copy of chunk `index`: [2, layers, tokens, H, D], keys as they are kept."""
        slot = self.slot(index)
        return torch.stack([self.keys[:, seat, slot], self.values[:, seat, slot]])

    def put(self, seat: int, index: int, chunk: Tensor) -> None:
        """The reverse of `take`."""
        slot = self.slot(index)
        self.keys[:, seat, slot], self.values[:, seat, slot] = chunk[0], chunk[1]

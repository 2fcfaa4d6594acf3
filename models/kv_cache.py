"""The rolling cache: sink and window keys and values of many streams, in static memory.

A stream's place in it is its *seat*. A seat has `sink` slots for the first chunks of the stream and `window +
1` slots used in turn for those after them. Keys are kept un-rotated and are rotated when read: by their place
among what is attended to (MotionStream §3.2), or by their place in the stream for students that were trained
so. One slot more than the window: a chunk is written next to what is still attended to, so a stream is where
it was until its owner counts the chunk as made.
"""

from __future__ import annotations

import torch
from torch import Tensor

from flowbrush.models.cards.spec import RolloutSpec, StudentSpec
from flowbrush.models.device import to_device
from flowbrush.models.layers import KeyValue
from flowbrush.models.rope import RopeTable, rotate

POSITIONS = 1024  # latent frames that positions from the stream's start were trained for


class KVCache:
    """Keys and values [layers, seats, slots, chunk tokens, heads, head size]."""

    def __init__(
        self,
        spec: StudentSpec,
        frame_tokens: int,
        seats: int,
        device: torch.device,
        dtype: torch.dtype,
        rollout: RolloutSpec | None = None,
    ) -> None:
        self.spec, self.rollout = spec, rollout or RolloutSpec()
        self.tokens = spec.chunk * frame_tokens  # of one chunk
        self.slots = spec.sink + spec.window + 1
        shape = (spec.layers, seats, self.slots, self.tokens, spec.heads, spec.head_dim)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)

    def slot(self, index: int) -> int:
        """Where the stream's `index`-th chunk lies."""
        sink = self.spec.sink
        return index if index < sink else sink + (index - sink) % (self.spec.window + 1)

    def attended(self, made: int) -> list[int]:
        """The chunks that the next one sees when `made` have been made: sinks, then the window, oldest first."""
        sink = min(self.spec.sink, made)
        return [*range(sink), *range(max(sink, made - self.spec.window), made)]

    def places(self, chunks: list[int], ahead: int = 1) -> list[int]:
        """The latent frames at which `chunks`, the chunks attended to, and the one being made are placed.

        `ahead` is how many chunks are being made at once. Positions from the stream's start stop at
        `POSITIONS`: beyond, the newest chunk stays at the end and the window before it, and only the sinks
        keep their own.
        """
        size = self.spec.chunk
        if self.rollout.positions == "slot":
            return [size * place for place in range(len(chunks) + 1)]
        following = chunks[-1] + 1 if chunks else 0
        over = max(0, (following + ahead) * size - POSITIONS // size * size)
        moved = [size * c - (over if c >= self.spec.sink else 0) for c in chunks]
        return [*moved, size * following - over]

    def context_frames(self, made: int) -> int:
        """The latent frame at which the next chunk is placed."""
        return self.places(self.attended(made))[-1]

    def read(self, seats: list[int], made: list[int], rope: RopeTable) -> list[KeyValue] | None:
        """What the next chunk of every stream attends to, and room for itself; the streams attend to chunks at
        the same places.

        Rotated keys and values [B, L, H, D] of every layer; None where there is no past yet.
        """
        chunks = [self.attended(count) for count in made]
        return self.gather(seats, chunks, self.places(chunks[0])[:-1], rope) if chunks[0] else None

    def gather(
        self, seats: list[int], chunks: list[list[int]], places: list[int], rope: RopeTable, room: int = 1
    ) -> list[KeyValue]:
        """Chunks of streams, their keys rotated for the latent frames `places`, and room for `room` chunks
        behind them: [B, L, H, D] for every layer. What lies in the room has no meaning.
        """
        numbers = [[self.slot(index) for index in row] + [0] * room for row in chunks]
        slots = to_device(torch.tensor(numbers), self.keys.device)
        rows = to_device(torch.tensor(seats), self.keys.device)[:, None]
        length = len(chunks[0]) * self.tokens
        turned = rope.turns(places, self.spec.chunk) if length else None
        context = []
        for layer in range(self.spec.layers):
            keys = self.keys[layer][rows, slots].flatten(1, 2)  # [B, L, H, D]
            if turned is not None:
                keys[:, :length] = rotate(keys[:, :length], *turned)
            context.append((keys, self.values[layer][rows, slots].flatten(1, 2)))
        return context

    def write(self, seats: list[int], made: list[int], new: list[KeyValue]) -> None:
        """Puts chunk number `made` of each stream into its slot; it counts once the owner says so."""
        for row, (seat, index) in enumerate(zip(seats, made, strict=True)):
            slot = self.slot(index)
            for layer, (keys, values) in enumerate(new):
                self.keys[layer, seat, slot] = keys[row]
                self.values[layer, seat, slot] = values[row]

    def settle(self, seat: int, made: int) -> list[int]:
        """After `made` chunks: what has left the window is mixed into the sink where the roll-out says so.

        Returns the chunks whose keys and values have changed. The sum is taken in the cache's own number
        type, as the published student was trained: in bf16 a share of 0.999 hardly moves the sink.
        """
        share, leaving = self.rollout.sink_average, made - self.spec.window - 1
        if share is None or leaving < self.spec.sink:
            return []
        sink, gone = self.slot(0), self.slot(leaving)
        for kept in (self.keys, self.values):
            kept[:, seat, sink] = share * kept[:, seat, sink] + (1 - share) * kept[:, seat, gone]
        return [0]

    def take(self, seat: int, index: int) -> Tensor:
        """A copy of chunk `index`: [2, layers, tokens, H, D], keys un-rotated."""
        slot = self.slot(index)
        return torch.stack([self.keys[:, seat, slot], self.values[:, seat, slot]])

    def put(self, seat: int, index: int, chunk: Tensor) -> None:
        """The reverse of `take`."""
        slot = self.slot(index)
        self.keys[:, seat, slot], self.values[:, seat, slot] = chunk[0], chunk[1]

"""What differs between families of models, behind one protocol. Everything else (noise, steps, cache, prompts) is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from flowbrush.pipelines.conditions.controls import ChunkPlan
from flowbrush.pipelines.conditions.drag import Guide
from flowbrush.pipelines.conditions.regions import Regions
from flowbrush.pipelines.requests import Frames, HeldRegion, Notice, Outline, SourceClip, StreamSettings

Carried = tuple[Tensor, ...]  # what a family keeps of a source that is followed; empty without one
Memory = Any  # what a family keeps of a stream in addition to latents and cache; never changed in place


@dataclass(frozen=True)
class Taken:
    """A stream's part in its next chunk: the memory that it starts from, and what the person should know.

    With a source that is followed in latents, `start` [C, T, h, w] is the source encoded, and `strength` how closely it is
    followed. `carried` is what the family takes on to the next chunk of the source. `regions` are there where parts of the picture
    hear prompts of their own. `understood` are words of new prompts that the text encoder was never trained on and that mean
    something here.
    """

    memory: Memory
    plan: ChunkPlan
    notices: tuple[Notice, ...] = ()
    held: tuple[HeldRegion, ...] = ()
    start: Tensor | None = None
    strength: float = 0.0
    carried: Carried = ()
    regions: Regions | None = None
    understood: frozenset[str] = frozenset()

    @property
    def level(self) -> float | None:
        """The noise 0..1 that a source is given before it is followed; None where there is none in latents."""
        return None if self.start is None else 1 - self.strength


class Family(Protocol):
    """One stream's memory goes in, a new one comes out: nothing is changed in place, so a chunk that fails changes nothing."""

    def begin(self, settings: StreamSettings) -> Memory:
        """The memory before the first chunk."""

    def first_latents(self, memory: Memory) -> Tensor | None:
        """Clean latents [1, C, chunk, h, w] of a chunk that the context of a stream begins with and that is not shown, as a start
        image gives, from the `memory` that it began with; None where the context begins empty.
        """

    def take_reference(
        self, memory: Memory, plan: ChunkPlan, clip: SourceClip | None = None, carried: Carried = ()
    ) -> Taken:
        """What the next chunk starts from: what hands take, where they and the camera put it, and the `clip` of a source, before
        which `carried` was kept of it.
        """

    def lives(self, memory: Memory) -> bool:
        """Whether something moves by itself that is no part of a source."""

    def condition(self, taken: Sequence[Taken], last: Sequence[Tensor | None]) -> Tensor | None:
        """The student's conditions [B, K, T, h, w] for streams of one size, `last` being their last latents [C, T, h, w]."""

    def guide(self, taken: Sequence[Taken], last: Sequence[Tensor | None], steps: int) -> Guide | None:
        """Latents that the first steps start from, where the family drags without training."""

    def guidance(self, taken: Sequence[Taken]) -> Tensor | None:
        """Weights [B, C, 1, 1, 1] of classifier-free guidance: how many times as far from what the student says without words as
        it says with them; None where no stream is guided.
        """

    def settle(self, latents: Tensor, taken: Sequence[Taken]) -> Tensor:
        """Latents [B, C, T, h, w] as the student made them → as they are shown, and as later chunks see them."""

    def decode(
        self, latents: Tensor, taken: Sequence[Taken], last: Sequence[Tensor | None]
    ) -> tuple[Tensor, list[Memory]]:
        """Latents [B, C, T, h, w] → frames uint8 [B, F, H, W, 3] on the device, and the memories after the chunk; `last` are the
        latents before, as for `condition`.
        """

    def seen(self, memory: Memory, frames: Frames) -> Memory:
        """The memory after a chunk whose `frames` uint8 [F, H, W, 3] have been read: hands take from what people see."""

    def probe(self, memory: Memory, point: tuple[float, float], add: Sequence[tuple[float, float]],
              remove: Sequence[tuple[float, float]], carried: Carried = ()) -> Outline:  # fmt: skip
        """What a hand would take at `point` (normalised); `carried` is what is kept of a source."""

    def dump(self, memory: Memory) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The memory as tensors and JSON."""

    def load(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> Memory:
        """The inverse of `dump`."""

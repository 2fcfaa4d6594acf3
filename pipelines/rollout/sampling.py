"""From what the next chunks of some streams depend on to their pictures: denoised, decoded, in main memory. Changes no stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.device import Placement
from flowbrush.pipelines.conditions.controls import is_quiet
from flowbrush.pipelines.conditions.prompts import Prompts, effective
from flowbrush.pipelines.families.base import Family, Memory
from flowbrush.pipelines.requests import ChunkResult, Frames
from flowbrush.pipelines.rollout.batches import Batches
from flowbrush.pipelines.rollout.denoise import Batch
from flowbrush.pipelines.rollout.inputs import ChunkInputs, rows_of, steps_of
from flowbrush.pipelines.rollout.lane import Lanes
from flowbrush.pipelines.rollout.side_stream import SideStream, Timestamp, elapsed_ms, timestamp
from flowbrush.pipelines.rollout.state import StreamState


@dataclass(frozen=True)
class Sampled:
    """The next chunks of some streams, in the streams' order; they do not count yet."""

    results: list[ChunkResult]
    latents: list[tuple[Tensor, Tensor | None]]
    """latents [C, T, h, w], and what stays under way in a joint window"""
    memories: list[Memory]
    """of the streams' family, after these chunks"""
    unremembered: list[tuple[Batch, Tensor]]
    """batches with their latents [B, C, T, h, w] that the student has still to pass over once more"""


class Sampler:
    """Of one model. On a GPU pictures are decoded beside the student's pass over the clean chunk."""

    def __init__(
        self,
        card: ModelCard,
        family: Family,
        prompts: Prompts,
        lanes: Lanes,
        batches: Batches,
        placement: Placement,
    ) -> None:
        self.card, self.family, self.prompts = card, family, prompts
        self.lanes, self.batches, self.device = lanes, batches, placement.device
        self.side = SideStream(placement.device)

    def sample(
        self, states: Sequence[StreamState], inputs: Sequence[ChunkInputs], began: Timestamp
    ) -> Sampled:
        """The next chunks of all streams, whose making `began` then. `finish` is to follow."""
        made, batches = self.denoise(states, inputs)
        denoised = timestamp(self.device)
        decoded, times = self._decode(states, inputs, [latents for latents, _ in made])
        if self.side.possible:
            self.remember(batches)
        with self.side.here():  # pictures wait for their decoding, not for the pass over the clean chunk
            pictures = [frames.cpu().numpy() for frames, _ in decoded]
        memories = [self.family.seen(memory, p) for p, (_, memory) in zip(pictures, decoded, strict=True)]
        spent = elapsed_ms(began, denoised), elapsed_ms(*times)
        results = [self._result(*each, *spent) for each in zip(states, inputs, pictures, strict=True)]
        return Sampled(results, made, memories, [] if self.side.possible else batches)

    def finish(self, sampled: Sampled) -> None:
        """Gets the keys and values that later chunks will see, where that is not under way already."""
        self.remember(sampled.unremembered)
        self.side.join()

    def denoise(
        self, states: Sequence[StreamState], inputs: Sequence[ChunkInputs]
    ) -> tuple[list[tuple[Tensor, Tensor | None]], list[tuple[Batch, Tensor]]]:
        """Latents [C, T, h, w] of the next chunks, and what stays under way; streams of one kind go together.

        Also the batches with their latents, which are still to be remembered.
        """
        kinds = []
        for state, each in zip(states, inputs, strict=True):
            steps = max(
                steps_of(self.card, state.settings.steps, each.after.steps),
                0 if state.made else self.card.start_steps,
            )
            alike = self.lanes[state.size].past.place(state), each.taken.level, each.taken.regions is None
            kinds.append((state.size, steps, alike))
        made: dict[int, tuple[Tensor, Tensor | None]] = {}
        batches = []
        for (_, steps, _), rows in rows_of(kinds).items():
            batch = self.batches.batch([states[row] for row in rows], [inputs[row] for row in rows], steps)
            made_now, pending = self.lanes[batch.states[0].size].maker.make(batch)
            latents = self.family.settle(made_now, [inputs[row].taken for row in rows])
            batches.append((batch, latents))
            for place, row in enumerate(rows):
                made[row] = latents[place], None if pending is None else pending[place]
        return [made[row] for row in range(len(states))], batches

    def remember(self, batches: Sequence[tuple[Batch, Tensor]]) -> None:
        """The student's pass over clean latents [B, C, T, h, w], which leaves their keys and values in the cache."""
        for batch, latents in batches:
            self.lanes[batch.states[0].size].maker.remember(batch, latents)

    @torch.inference_mode()
    def _decode(
        self, states: Sequence[StreamState], inputs: Sequence[ChunkInputs], latents: Sequence[Tensor]
    ) -> tuple[list[tuple[Tensor, Memory]], tuple[Timestamp, Timestamp]]:
        """Frames uint8 [F, H, W, 3] and the memory after the chunk of every stream, and when the work begins and ends."""
        decoded: dict[int, tuple[Tensor, Memory]] = {}
        with self.side.work(latents):
            began = timestamp(self.device)
            for rows in rows_of([state.size for state in states]).values():
                stacked = torch.stack([latents[row] for row in rows])
                taken, last = [inputs[row].taken for row in rows], [states[row].latents for row in rows]
                frames, after = self.family.decode(stacked, taken, last)
                decoded |= dict(zip(rows, zip(frames, after, strict=True), strict=True))
            ended = timestamp(self.device)
        return [decoded[row] for row in range(len(states))], (began, ended)

    def _result(
        self, state: StreamState, inputs: ChunkInputs, pictures: Frames, denoise_ms: float, decode_ms: float
    ) -> ChunkResult:
        """What a stream's caller gets of the chunk that was made."""
        quiet = is_quiet(inputs.after, inputs.plan) and not self.family.lives(inputs.taken.memory)
        return ChunkResult(
            state.chunk, state.chunk * self.card.chunk_frames, pictures, effective(inputs.plan), inputs.plan.applied,
            (*self.prompts.notices(inputs.plan, inputs.taken.understood), *inputs.taken.notices), denoise_ms, decode_ms,
            inputs.taken.held, quiet,
        )  # fmt: skip

"""Streams that go through one pass together: what the pass is given of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.device import Placement, to_device
from flowbrush.models.schedule import noise_steps
from flowbrush.pipelines.conditions.prompts import Prompts
from flowbrush.pipelines.conditions.regions import text_tokens
from flowbrush.pipelines.families.base import Family
from flowbrush.pipelines.families.source import beginning
from flowbrush.pipelines.rollout.denoise import Batch
from flowbrush.pipelines.rollout.inputs import ChunkInputs
from flowbrush.pipelines.rollout.state import StreamState


@dataclass(frozen=True)
class Batches:
    """Makes the batches of one model."""

    card: ModelCard
    family: Family
    prompts: Prompts
    placement: Placement

    @cached_property
    def _blank(self) -> Tensor:
        """The tokens [L, D] of no words, which every chunk that is guided asks for."""
        return to_device(self.prompts.encode(""), self.placement.device)

    def batch(self, states: Sequence[StreamState], inputs: Sequence[ChunkInputs], steps: int) -> Batch:
        """The next chunks of streams of one size that see equally much of the past, in `steps` denoising steps."""
        rollout = self.card.rollout
        taken, last = [each.taken for each in inputs], [state.latents for state in states]
        condition, guide = self.family.condition(taken, last), self.family.guide(taken, last, steps)
        begin = beginning(taken, noise_steps(rollout, steps), guide, rollout.joint)
        guidance = self.family.guidance(taken)
        text, heard = text_tokens(self.prompts.tokens, [(each.plan, each.regions) for each in taken])
        return Batch(
            list(states),
            text.to(self.placement.device),
            None if condition is None else condition.to(self.placement.dtype),
            begin.steps,
            begin.guide,
            renew=bool(rollout.step_list),
            guidance=None if guidance is None else to_device(guidance, self.placement.device),
            blank=None if guidance is None else self._blank,
            start=begin.start,
            heard=heard,
        )

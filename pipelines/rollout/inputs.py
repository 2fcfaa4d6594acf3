"""What is known of a stream's next chunk before it is made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from torch import Tensor

from flowbrush.models.cards.card import ModelCard
from flowbrush.pipelines.conditions.controls import ChunkPlan, ControlState
from flowbrush.pipelines.families.base import Taken

Kind = TypeVar("Kind", bound=Hashable)


@dataclass(frozen=True)
class ChunkInputs:
    """The folded controls and the `plan` they give, what the family takes for it, and keys and values of earlier chunks that were
    worked out again.
    """

    after: ControlState
    plan: ChunkPlan
    taken: Taken
    replaced: dict[int, Tensor] = field(default_factory=dict)


def rows_of(kinds: Sequence[Kind]) -> dict[Kind, list[int]]:
    """The places of each kind, in their order: what can be worked on together."""
    rows: dict[Kind, list[int]] = defaultdict(list)
    for row, kind in enumerate(kinds):
        rows[kind].append(row)
    return rows


def steps_of(card: ModelCard, begun: int | None, log_limit: int | None) -> int:
    """Denoising steps of a stream's next chunk: as many as it was `begun` with, or the card's, unless its log sets a limit."""
    steps = begun or card.steps
    return steps if log_limit is None else max(card.fewest_steps, min(steps, log_limit))

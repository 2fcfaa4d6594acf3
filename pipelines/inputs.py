"""What is known of a stream's next chunk before it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from pipelines.controls import ChunkPlan, ControlState
from pipelines.families.base import Taken


@dataclass(frozen=True)
class ChunkInputs:
    """The folded controls and the `plan` they give, what the family takes for it, and keys and values of earlier chunks that were
    worked out again.
    """

    after: ControlState
    plan: ChunkPlan
    taken: Taken
    replaced: dict[int, Tensor] = field(default_factory=dict)

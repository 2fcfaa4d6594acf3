"""What is known of a stream's next chunk before it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from pipelines.controls import ChunkPlan, ControlState
from pipelines.holds import EMPTY, Grip
from pipelines.requests import Notice
from pipelines.scene import SEVERAL
from pipelines.turning import Turning

NOTHING_HELD = (
    "there is nothing to take hold of here: drag a thing, or move the whole picture with the camera"
)


@dataclass(frozen=True)
class Coming:
    """The folded controls and the `plan` they give, what hands hold, the part that the chunk has in a change of picture, and
    keys and values of earlier chunks that were worked out again.
    """

    after: ControlState
    plan: ChunkPlan
    grip: Grip = EMPTY
    turning: Turning | None = None
    replaced: dict[int, Tensor] = field(default_factory=dict)

    def bare_hands(self) -> tuple[Notice, ...]:
        """What the person should know of a hand that has come down on bare ground. Pins may stand there, several hands move it."""
        idle = self.grip.idle & self.plan.fresh
        bare = [stroke for stroke in self.after.strokes if stroke.kind != "pin" and stroke.track in idle]
        return (Notice("nothing_held", NOTHING_HELD),) if 0 < len(bare) < SEVERAL else ()

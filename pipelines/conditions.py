"""What the controls of a chunk become: tensors beside the noisy latent, or a starting latent for dragging
without training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from models.card import WARPED, ModelCard
from models.codecs.pocket import PocketCodec
from models.device import Placement, to_device
from models.transformer import MotionInput
from pipelines.controls import ChunkPlan
from pipelines.drag import Guide, drag_guide
from pipelines.holds import EMPTY, Grip
from pipelines.motion import TrackWindow, motion_input, past_latents, take_holds
from pipelines.picture_tools import PLAIN, PictureTools
from pipelines.state import StreamState
from pipelines.turning import Turn, Turning, turn_by


class Conditions:
    """Turns plans into tensors for one model."""

    def __init__(
        self,
        card: ModelCard,
        codec: object,
        placement: Placement,
        grid: tuple[int, int],
        tools: PictureTools = PLAIN,
    ) -> None:
        self.card, self.codec, self.placement, self.grid, self.tools = card, codec, placement, grid, tools
        self.warps = card.drag == WARPED

    @torch.inference_mode()
    def grip(self, state: StreamState, plan: ChunkPlan) -> Grip:
        """What the hands of a stream hold in its next chunk."""
        motion, last = self.card.student.motion, state.last
        if motion is None or not motion.past or last is None or not len(plan.ids):
            return EMPTY
        assert isinstance(self.codec, PocketCodec)
        things = {hand: thing for hand, thing in state.grip.things.items() if hand not in plan.fresh}
        held = replace(state.grip, things=things, idle=state.grip.idle - plan.fresh)
        return take_holds(self.codec, [held], last[None], self._window([plan], 1), self.tools)[0]

    @torch.inference_mode()
    def turning(self, turn: Turn, plan: ChunkPlan, grip: Grip) -> Turning:
        """The next chunk of a change of picture."""
        window = self._window([plan], 1)
        return turn_by(turn, plan.share, window.groups[0], window.xy[0], window.visible[0], grip)

    @torch.inference_mode()
    def motion(
        self,
        states: Sequence[StreamState],
        plans: Sequence[ChunkPlan] | None,
        grips: Sequence[Grip] = (),
        turnings: Sequence[Turning | None] = (),
    ) -> MotionInput | None:
        """The student's track input, with what is held and what turns, row by row; None for a student that has none. Without plans,
        and when warping, no tracks.
        """
        motion = self.card.student.motion
        if motion is None:
            return None
        assert isinstance(self.codec, PocketCodec)
        held = plans if plans is not None else ()
        window = self._window(() if self.warps else held, len(states))
        last = [state.last for state in states if state.last is not None]
        past = torch.stack(last) if last else None
        held_by = None if self.warps else grips or None
        built = motion_input(
            self.codec, window, past, motion.id_dim, *self.grid, grips=held_by, turnings=turnings
        )
        if self.warps and past is not None and motion.past:
            tracks = self._window(held, len(states))
            built.plain = built.moved = past_latents(
                self.codec, past, tracks, grips or [EMPTY] * len(states), turnings
            )[1]
        dtype = self.placement.dtype
        # The past stays in fp32: what is only passed on must not be rounded once a chunk.
        return MotionInput(built.code.to(dtype), built.guide.to(dtype), built.plain, built.moved)

    @torch.inference_mode()
    def guide(self, states: Sequence[StreamState], plans: Sequence[ChunkPlan], steps: int) -> Guide | None:
        """Starting latents where the model drags without training and something is held; streams of one
        group.
        """
        motion = self.card.student.motion
        shown = motion is not None and motion.past  # the student is shown its last picture, moved
        if (
            not self.warps
            or shown
            or states[0].latents is None
            or not any(plan.visible.any() for plan in plans)
        ):
            return None
        last = torch.stack([state.last for state in states])  # type: ignore[misc]
        return drag_guide(last, self._window(plans, len(states)), self.card.codec.stride, steps)

    def _window(self, plans: Sequence[ChunkPlan], rows: int) -> TrackWindow:
        """The plans' tracks in pixels, padded to equally many."""
        frames = self.card.chunk_frames
        widest = max((len(plan.ids) for plan in plans), default=0)
        ids = torch.zeros(rows, widest, dtype=torch.long)
        xy = torch.zeros(rows, widest, 1 + frames, 2)
        visible = torch.zeros(rows, widest, 1 + frames, dtype=torch.bool)
        hands = torch.full((rows, widest), -1, dtype=torch.long)
        for row, plan in enumerate(plans):
            count = len(plan.ids)
            ids[row, :count], visible[row, :count] = (
                torch.from_numpy(plan.ids),
                torch.from_numpy(plan.visible),
            )
            hands[row, :count] = torch.from_numpy(plan.hands)
            xy[row, :count] = torch.from_numpy(plan.xy) * torch.tensor([self.card.width, self.card.height])
        return TrackWindow(*(to_device(x, self.placement.device) for x in (ids, xy, visible, hands)))

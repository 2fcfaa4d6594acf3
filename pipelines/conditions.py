"""What the controls of a chunk become: tensors beside the noisy latent, or a starting latent for dragging
without training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from models.card import WARPED, ModelCard
from models.codecs.pocket import PocketCodec
from models.device import Placement, to_device
from models.transformer import MotionInput
from pipelines.controls import ChunkPlan
from pipelines.drag import Guide, drag_guide, picture_guide
from pipelines.motion import TrackWindow, motion_input
from pipelines.state import StreamState

ENFORCED = 0.67  # share of the denoising steps after which a warped start is let go


class Conditions:
    """Turns plans into tensors for one model."""

    def __init__(self, card: ModelCard, codec: object, placement: Placement, grid: tuple[int, int]) -> None:
        self.card, self.codec, self.placement, self.grid = card, codec, placement, grid
        self.warps = card.drag == WARPED

    @torch.inference_mode()
    def motion(self, states: Sequence[StreamState], plans: Sequence[ChunkPlan] | None) -> MotionInput | None:
        """The student's track input; None for a student that has none. Without plans, and when warping, no
        tracks.
        """
        motion = self.card.student.motion
        if motion is None:
            return None
        assert isinstance(self.codec, PocketCodec)
        window = self._window(plans if plans is not None and not self.warps else (), len(states))
        last = [state.last for state in states if state.last is not None]
        past = torch.stack(last) if last else None
        built = motion_input(self.codec, window, past, motion.id_dim, *self.grid)
        dtype = self.placement.dtype
        return MotionInput(
            built.code.to(dtype), built.guide.to(dtype), built.plain.to(dtype), built.moved.to(dtype)
        )

    @torch.inference_mode()
    def guide(self, states: Sequence[StreamState], plans: Sequence[ChunkPlan], steps: int) -> Guide | None:
        """Starting latents where the model drags without training and something is held; streams of one
        group.
        """
        if not self.warps or states[0].latents is None or not any(plan.visible.any() for plan in plans):
            return None
        last = torch.stack([state.last for state in states])  # type: ignore[misc]
        window = self._window(plans, len(states))
        enforced = max(1, round(ENFORCED * steps))
        if isinstance(self.codec, PocketCodec):
            return picture_guide(self.codec, last, window, enforced)
        return drag_guide(last, window, self.card.codec.stride, enforced)

    def _window(self, plans: Sequence[ChunkPlan], rows: int) -> TrackWindow:
        """The plans' tracks in pixels, padded to equally many."""
        frames = self.card.chunk_frames
        widest = max((len(plan.ids) for plan in plans), default=0)
        ids = torch.zeros(rows, widest, dtype=torch.long)
        xy = torch.zeros(rows, widest, 1 + frames, 2)
        visible = torch.zeros(rows, widest, 1 + frames, dtype=torch.bool)
        for row, plan in enumerate(plans):
            count = len(plan.ids)
            ids[row, :count], visible[row, :count] = (
                torch.from_numpy(plan.ids),
                torch.from_numpy(plan.visible),
            )
            xy[row, :count] = torch.from_numpy(plan.xy) * torch.tensor([self.card.width, self.card.height])
        device = self.placement.device
        return TrackWindow(to_device(ids, device), to_device(xy, device), to_device(visible, device))

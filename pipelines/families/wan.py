"""The open students of Wan: the memory of a stream is its decoder's state, and a hand drags latents without training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from flowbrush.models.card import WARPED, ModelCard
from flowbrush.models.device import Placement
from flowbrush.pipelines.controls import ChunkPlan
from flowbrush.pipelines.drag import Guide, drag_guide
from flowbrush.pipelines.families.base import Carried, Taken
from flowbrush.pipelines.image import fit_image
from flowbrush.pipelines.motion import track_window
from flowbrush.pipelines.requests import Outline, SourceClip, StreamSettings
from flowbrush.pipelines.source import frames_tensor

if TYPE_CHECKING:
    from flowbrush.models.wan.load import WanModel

CodecState = tuple[Tensor, ...]


class WanFamily:
    """See `flowbrush.pipelines.families.base.Family`."""

    def __init__(self, card: ModelCard, model: WanModel, placement: Placement) -> None:
        self.card, self.codec, self.placement = card, model.codec, placement

    def begin(self, settings: StreamSettings) -> CodecState:
        return ()

    @torch.inference_mode()
    def first_latents(self, settings: StreamSettings) -> Tensor | None:
        """The start image held for a chunk, encoded as a clip: a chunk of the context like any other, as the students were
        trained (Krea's server begins with its start frame so; Self-Forcing's pipeline takes given latents chunk by chunk).
        """
        if settings.image is None:
            return None
        picture = fit_image(settings.image, settings.width, settings.height).to(self.placement.device)
        held = picture[:, :, None].expand(-1, -1, self.card.chunk_frames, -1, -1)
        return self.codec.encode(held, [()])[0]

    @torch.inference_mode()
    def take_reference(
        self, memory: CodecState, plan: ChunkPlan, clip: SourceClip | None = None, carried: Carried = ()
    ) -> Taken:
        """A source's chunk is encoded as the one after the last: `carried` is the encoder's state."""
        if clip is None:
            return Taken(memory, plan)
        latents, after = self.codec.encode(frames_tensor(clip, self.placement.device), [carried])
        return Taken(memory, plan, start=latents[0], strength=clip.strength, carried=after[0])

    def lives(self, memory: CodecState) -> bool:
        return False

    def condition(self, taken: Sequence[Taken], last: Sequence[Tensor | None]) -> Tensor | None:
        return None

    def guide(self, taken: Sequence[Taken], last: Sequence[Tensor | None], steps: int) -> Guide | None:
        known = [latents[:, -1] for latents in last if latents is not None]
        if (
            self.card.drag != WARPED
            or len(known) < len(taken)
            or not any(t.plan.visible.any() for t in taken)
        ):
            return None
        rows, columns = known[0].shape[-2:]
        stride = self.card.codec.stride
        window = track_window(
            [t.plan for t in taken],
            self.card.chunk_frames,
            (columns * stride, rows * stride),
            self.placement.device,
        )
        return drag_guide(torch.stack(known), window, stride, steps)

    def settle(self, latents: Tensor, taken: Sequence[Taken]) -> Tensor:
        return latents

    def decode(self, latents: Tensor, taken: Sequence[Taken]) -> tuple[Tensor, list[CodecState]]:
        frames, after = self.codec.stream(latents, [t.memory for t in taken])  # [B, 3, F, H, W] in -1..1
        pixels = frames.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        return pixels.permute(0, 2, 3, 4, 1).contiguous(), after

    def probe(self, memory: CodecState, point: tuple[float, float], add: Sequence[tuple[float, float]],
              remove: Sequence[tuple[float, float]], carried: Carried = ()) -> Outline:  # fmt: skip
        return Outline(point)

    def dump(self, memory: CodecState) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return {str(slot): value for slot, value in enumerate(memory)}, {"slots": len(memory)}

    def load(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> CodecState:
        return tuple(tensors[str(slot)] for slot in range(facts["slots"]))

"""The open students of Wan: the memory of a stream is its decoder's state and its last picture, and a hand drags without training.

What hands hold is cut from the last picture, put where they want it, and encoded: the chunk starts from that where it is sure, and
from noise elsewhere. Under many tracks at once, and where a card says so, its last latent is warped instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.cards.card import WARPED, ModelCard
from flowbrush.models.codecs.base import FRAMES, State
from flowbrush.models.device import Placement, to_device
from flowbrush.pipelines.conditions.controls import ChunkPlan
from flowbrush.pipelines.conditions.drag import Guide, drag_guide, mixed
from flowbrush.pipelines.conditions.motion import track_window
from flowbrush.pipelines.families.base import Carried, Taken
from flowbrush.pipelines.families.source import frames_tensor
from flowbrush.pipelines.media.image import fit_image
from flowbrush.pipelines.reference import held, stack_file
from flowbrush.pipelines.reference.acquire import Acquirer, Touch, held_outlines
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.touches import MANY, touches_of, track_rows
from flowbrush.pipelines.requests import Frames, Outline, SourceClip, StreamSettings

if TYPE_CHECKING:
    from flowbrush.models.wan.load import WanModel

Parts = dict[int, tuple[Tensor, Tensor]]
"""By row: latents [C, T, h, w] that are wanted, and where [1, T, h, w] in 0..1."""

STILL = 1e-4  # of the frame's size: a track that moves by less from frame to frame stays


@dataclass(frozen=True)
class WanMemory:
    """On the device the decoder's state, and latents `given` [C, n, h, w] that the stream goes on with whatever its student makes
    (a start image). In main memory the last picture uint8 [H, W, 3], None before the first, and the things that hands hold.
    """

    decoder: State = ()
    given: Tensor | None = None
    picture: Frames | None = None
    layers: tuple[Layer, ...] = ()

    @cached_property
    def stack(self) -> LayerStack:
        """The last picture, and what is held, as layers. Only where there is a picture."""
        assert self.picture is not None
        ground = torch.from_numpy(self.picture).permute(2, 0, 1).float().div(255)
        return LayerStack(ground, torch.ones_like(ground[:1]), self.layers)


@dataclass(frozen=True)
class TakenRigid(Taken):
    """The next chunk of a stream in which hands or the camera move something; `memory` has what they hold at its end."""

    rigid: held.Rigid = field(kw_only=True)


class WanFamily:
    """See `flowbrush.pipelines.families.base.Family`."""

    def __init__(self, card: ModelCard, model: WanModel, placement: Placement) -> None:
        self.card, self.codec, self.placement = card, model.codec, placement
        self.acquirer = Acquirer(model.segmenter, None)

    @torch.inference_mode()
    def begin(self, settings: StreamSettings) -> WanMemory:
        """A start image is held for a chunk and one latent frame more, and encoded as a clip."""
        if settings.image is None:
            return WanMemory()
        picture = fit_image(settings.image, settings.width, settings.height).to(self.placement.device)
        clip = picture[:, :, None].expand(-1, -1, self.card.chunk_frames + FRAMES, -1, -1)
        return WanMemory(given=self.codec.encode(clip, [()])[0][0])

    def first_latents(self, memory: WanMemory) -> Tensor | None:
        """The start image is a chunk of the context like any other, as the students were trained (Krea's server begins with its
        start frame so; Self-Forcing's pipeline takes given latents chunk by chunk).
        """
        return None if memory.given is None else memory.given[None, :, : self.card.student.chunk]

    @torch.inference_mode()
    def take_reference(
        self, memory: WanMemory, plan: ChunkPlan, clip: SourceClip | None = None, carried: Carried = ()
    ) -> Taken:
        """A source's chunk is encoded as the one after the last: `carried` is the encoder's state."""
        taken = self._held(memory, plan)
        if clip is None:
            return taken
        latents, after = self.codec.encode(frames_tensor(clip, self.placement.device), [carried])
        return replace(taken, start=latents[0], strength=clip.strength, carried=after[0])

    def lives(self, memory: WanMemory) -> bool:
        return False

    def condition(self, taken: Sequence[Taken], last: Sequence[Tensor | None]) -> Tensor | None:
        return None

    @torch.inference_mode()
    def guide(self, taken: Sequence[Taken], last: Sequence[Tensor | None], steps: int) -> Guide | None:
        given = {row: each.memory.given for row, each in enumerate(taken) if each.memory.given is not None}
        moved = {**self._warped(taken, last), **self._encoded(taken)}
        known = [*given.values(), *(latents for latents, _ in moved.values())]
        if not known:
            return None
        shape = (len(taken), len(known[0]), self.card.student.chunk, *known[0].shape[2:])
        reference, mask = known[0].new_zeros(shape), known[0].new_zeros(shape)[:, :1]
        for row, latents in given.items():
            frames = latents[:, : shape[2]]
            reference[row, :, : frames.shape[1]], mask[row, :, : frames.shape[1]] = frames, 1
        for row, (latents, sure) in moved.items():
            reference[row], mask[row] = mixed(reference[row], latents, sure), torch.maximum(mask[row], sure)
        return Guide(reference, mask, steps)

    def guidance(self, taken: Sequence[Taken]) -> None:
        """The published students were distilled with guidance in them."""
        return None

    @torch.inference_mode()
    def settle(self, latents: Tensor, taken: Sequence[Taken]) -> Tensor:
        """A start image is seen as it is; what moves in it from the first frame on is the student's."""
        for row, each in enumerate(taken):
            given = each.memory.given
            if given is not None and not _camera_moves(each.plan, given):
                frames = given[:, : latents.shape[2]]
                count = frames.shape[1]
                moves = self._moves(each, given)[:, :count]
                latents = latents.clone()
                latents[row, :, :count] = torch.where(moves, latents[row, :, :count], frames)
        return latents

    def decode(
        self, latents: Tensor, taken: Sequence[Taken], last: Sequence[Tensor | None]
    ) -> tuple[Tensor, list[WanMemory]]:
        frames, after = self.codec.stream(latents, [t.memory.decoder for t in taken])  # [B, 3, F, H, W]
        for row, each in enumerate(taken):
            if (given := each.memory.given) is not None and _moving(each.plan, given).any():
                # A latent frame is four pictures, of which the first is the start image whatever moves in the others.
                still = self.codec.stream(given[None, :, :1], [each.memory.decoder])[0]
                frames[row, :, 0] = still[0, :, 0]
        pixels = frames.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        memories = [
            WanMemory(state, _later(each.memory.given, latents.shape[2]), layers=each.memory.layers)
            for state, each in zip(after, taken, strict=True)
        ]
        return pixels.permute(0, 2, 3, 4, 1).contiguous(), memories

    def seen(self, memory: WanMemory, frames: Frames) -> WanMemory:
        return replace(memory, picture=frames[-1].copy())

    def probe(self, memory: WanMemory, point: tuple[float, float], add: Sequence[tuple[float, float]],
              remove: Sequence[tuple[float, float]], carried: Carried = ()) -> Outline:  # fmt: skip
        if memory.picture is None or self.card.drag == WARPED:
            return Outline(point)
        stack = memory.stack
        height, width = stack.size
        inside = [tuple((x * width, y * height) for x, y in points) for points in ([point], add, remove)]
        region, label = self.acquirer.probe(stack, Touch(inside[0][0], inside[1], inside[2]))
        return Outline(point, region or held.disc(inside[0][0], stack.size), label)

    def dump(self, memory: WanMemory) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors, layers = stack_file.dump_layers(memory.layers)
        tensors |= {f"decoder.{slot}": value for slot, value in enumerate(memory.decoder)}
        if memory.given is not None:
            tensors["given"] = memory.given
        if memory.picture is not None:
            tensors["picture"] = torch.from_numpy(memory.picture)
        return tensors, {"slots": len(memory.decoder), "layers": layers}

    def load(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> WanMemory:
        decoder = tuple(tensors[f"decoder.{slot}"] for slot in range(facts["slots"]))
        layers = stack_file.load_layers(
            {name: x.cpu() for name, x in tensors.items() if name.startswith("layer.")}, facts["layers"]
        )
        picture = tensors["picture"].cpu().numpy() if "picture" in tensors else None
        return WanMemory(decoder, tensors.get("given"), picture, layers)

    def _held(self, memory: WanMemory, plan: ChunkPlan) -> Taken:
        """What hands hold through the next chunk, and the reference that follows; nothing before the first picture."""
        few = len(np.unique(plan.hands)) <= MANY
        if self.card.drag == WARPED or memory.picture is None or not plan.visible.any() or not few:
            return Taken(replace(memory, layers=()), plan)
        rows = track_rows(plan, memory.stack.size)
        # Who holds nothing yet takes something now: a hand that was there before the first picture, too.
        free = {int(hand) for hand in plan.hands if hand >= 0} - (memory.stack.hands - plan.fresh)
        touches = touches_of(plan, rows, memory.stack.size, free)
        stack = held.taken(self.acquirer, memory.stack, rows, touches)
        pixels = to_device(torch.from_numpy(memory.picture), self.placement.device)
        rigid = held.draw(pixels.permute(2, 0, 1).float().div(255), stack.layers, rows)
        after = replace(memory, layers=held.moved(stack.layers, rows))
        return TakenRigid(after, plan, held=held_outlines(stack, list(touches)), rigid=rigid)

    def _encoded(self, taken: Sequence[Taken]) -> Parts:
        """What hands and the camera move, encoded, and where it is sure. The picture before a reference is encoded with it: in a
        stream that goes on, a latent frame stands for four pictures after another.
        """
        rigid = {row: each.rigid for row, each in enumerate(taken) if isinstance(each, TakenRigid)}
        if not rigid:
            return {}
        clips = torch.stack(
            [torch.cat([each.before.expand(FRAMES, -1, -1, -1), each.frames]) for each in rigid.values()]
        )
        frames = clips.transpose(1, 2).mul(2).sub(1)  # [n, 3, FRAMES + F, H, W]
        latents = self.codec.encode(frames, [()] * len(rigid))[0][:, :, 1:]
        return {row: (x, self._sure(known)) for x, (row, known) in zip(latents, rigid.items(), strict=True)}

    def _sure(self, known: held.Rigid) -> Tensor:
        """How sure each cell of a reference is: [1, T, h, w] in 0..1."""
        cells = F.avg_pool2d(known.confidence, self.card.codec.stride)  # [F, 1, h, w]
        made: Tensor = cells.unflatten(0, (-1, FRAMES)).mean((1, 2))[None].clamp(0, 1)
        return made

    def _moves(self, each: Taken, given: Tensor) -> Tensor:
        """Where something moves in the chunk that begins with latents `given`: [1, T, h, w] of true and false."""
        if not _moving(each.plan, given).any():
            return torch.zeros_like(given[:1], dtype=torch.bool)
        sure = self._sure(each.rigid) if isinstance(each, TakenRigid) else self._warped([each], [given])[0][1]
        return sure > 0

    def _warped(self, taken: Sequence[Taken], last: Sequence[Tensor | None]) -> Parts:
        """The last latents moved along the tracks of those that have no reference, and how near to a track each cell is."""
        rows = {
            row: latents[:, -1]
            for row, (each, latents) in enumerate(zip(taken, last, strict=True))
            if latents is not None and each.plan.visible.any() and not isinstance(each, TakenRigid)
        }
        if not rows:
            return {}
        stacked, stride = torch.stack(list(rows.values())), self.card.codec.stride
        size = (stacked.shape[-1] * stride, stacked.shape[-2] * stride)
        plans, frames = [taken[row].plan for row in rows], self.card.chunk_frames
        guide = drag_guide(stacked, track_window(plans, frames, size, self.placement.device), stride, 1)
        return dict(zip(rows, zip(guide.reference, guide.mask, strict=True), strict=True))


def _moving(plan: ChunkPlan, given: Tensor) -> npt.NDArray[np.bool_]:
    """Which tracks move while latents `given` [C, n, h, w] are shown: [N]."""
    frames = 1 + FRAMES * given.shape[1]
    xy, visible = plan.xy[:, :frames], plan.visible[:, :frames]
    steps = np.abs(np.diff(xy, axis=1)).max(2) > STILL
    return np.asarray((steps & visible[:, 1:] & visible[:, :-1]).any(1))


def _camera_moves(plan: ChunkPlan, given: Tensor) -> bool:
    """Whether all of the picture does: points of the scene are the camera's."""
    return bool(plan.hands[_moving(plan, given)].min(initial=0) < 0)


def _later(given: Tensor | None, frames: int) -> Tensor | None:
    """What is left of latents [C, n, h, w] after a chunk of so many `frames`; None where nothing is."""
    return None if given is None or given.shape[1] <= frames else given[:, frames:]

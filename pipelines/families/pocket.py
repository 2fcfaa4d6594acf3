"""pocket: the memory of a stream is its layers. Hands and camera move them rigidly, the student says how they live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.device import Placement, to_device
from flowbrush.models.motion_channels import DRIVE, FRAMES, THINGS
from flowbrush.models.motion_latent import Motion, bounded, drawn, guidance
from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.animation import leading
from flowbrush.pipelines.animation.bending import Bends, going, gone_on, lit, shares
from flowbrush.pipelines.animation.calming import calmed, unrest
from flowbrush.pipelines.animation.drive import bases_of, drive, gains, mean_gains
from flowbrush.pipelines.animation.floating import floating
from flowbrush.pipelines.animation.hearing import chases, going_off, passing, regions, staying, told, upright
from flowbrush.pipelines.conditions.controls import ChunkPlan, normalised
from flowbrush.pipelines.conditions.drag import Guide
from flowbrush.pipelines.conditions.regions import Regions
from flowbrush.pipelines.families.base import Carried, Memory, Taken
from flowbrush.pipelines.media.image import fit_image
from flowbrush.pipelines.reference import live_ground, stack_file
from flowbrush.pipelines.reference.acquire import Acquirer, Touch, held_outlines
from flowbrush.pipelines.reference.drawing import paint_bent, shining
from flowbrush.pipelines.reference.layers import MOST, LayerStack
from flowbrush.pipelines.reference.maps import Reference, reference_maps, with_past
from flowbrush.pipelines.reference.motion_groups import steadied, with_movers
from flowbrush.pipelines.reference.render import Moved, move
from flowbrush.pipelines.reference.steps import TrackRows
from flowbrush.pipelines.reference.tones import toned
from flowbrush.pipelines.reference.touches import MANY, as_scene, touches_of, track_rows, unheld
from flowbrush.pipelines.reference.warp import warp
from flowbrush.pipelines.requests import Frames, Outline, SourceClip, StreamSettings, is_followed
from flowbrush.pipelines.staging.facing import facing
from flowbrush.pipelines.staging.scenes import SceneMaker
from flowbrush.pipelines.staging.seats import with_carriers
from flowbrush.pipelines.staging.subjects import Subjects


@dataclass(frozen=True)
class TakenLayers(Taken):
    """The next chunk of a stream of layers: the stack moved through it rigidly."""

    moved: Moved = field(kw_only=True)


class PocketFamily:
    """See `flowbrush.pipelines.families.base.Family`."""

    def __init__(self, card: ModelCard, model: PocketModel, placement: Placement) -> None:
        self.card, self.model, self.placement = card, model, placement
        self.acquirer = Acquirer(model.segmenter, model.inpainter)
        self.scenes = SceneMaker(model)
        self.clauses = self.scenes.clauses
        self.subjects = Subjects(model.segmenter, self.acquirer, self.scenes.describe)

    @torch.inference_mode()
    def begin(self, settings: StreamSettings) -> LayerStack:
        size = (settings.width, settings.height)
        if settings.image is not None:
            picture = fit_image(settings.image, *size)[0].add(1).div(2).to(self.placement.device)  # [3, H, W]
            prompts = normalised(settings.prompts)
            stack = LayerStack(picture, torch.ones_like(picture[:1]), seed=settings.seed)
            return self.scenes.over_photo(self.subjects.named(stack, prompts, together=True), prompts)
        paths = [[(point.x, point.y) for point in track.points] for track in settings.tracks]
        prompts, firsts = normalised(settings.prompts), [path[0] for path in paths]
        return leading.headed(self.scenes.stage(prompts, size, settings.seed, firsts), paths)

    def first_latents(self, memory: LayerStack) -> None:
        """The context begins empty: the picture is in the layers."""
        return None

    @torch.inference_mode()
    def take_reference(
        self, memory: LayerStack, plan: ChunkPlan, clip: SourceClip | None = None, carried: Carried = ()
    ) -> TakenLayers:
        """A source is the ground behind the things, and a hand takes what it shows; `carried` is its last picture."""
        if clip is None and carried:
            memory, carried = live_ground.left(memory, carried[0]), ()
        rows = track_rows(plan, memory.size)
        gone = memory.hands - set(rows.hands.tolist())
        gone |= plan.fresh & memory.hands
        if plan.prompt != memory.prompt:  # "remove it", of what was thrown a moment ago
            gone |= plan.released & memory.hands
        memory = memory.let_go(gone)  # first: prompts spare what is held
        if clip is None and plan.prompt != memory.prompt:
            first = not any(text for text, _ in memory.prompt)
            memory = self.subjects.named(memory, plan.prompt, together=first)
        missed = self.subjects.missed(memory, plan)
        stack = self.scenes.turn(memory, plan)
        stack = facing(stack, passing(self.clauses, stack, plan))
        video = None
        if clip is not None:
            video = live_ground.frames(clip, stack.background.device)
            staged = self.acquirer.fill_on(stack)
            stack = live_ground.shown(stack, live_ground.mixed(stack, video[0], clip.strength))
        touches = touches_of(plan, rows, stack.size, plan.fresh)
        stack = self._take(stack, touches)
        stack, rows = self._with_scene(stack, rows)
        full = len(stack.layers) >= MOST
        understood = self.scenes.understood(plan, stack)
        notices = (
            *missed,
            *self.scenes.unheeded(plan, memory, stack),
            *unheld(plan, touches, stack.empty, full),
        )
        stack = leading.takes(stack, {track: touch.point for track, touch in touches.items()})
        stack, turning = leading.led(stack, rows)
        outlines = held_outlines(stack, list(touches)) + leading.outlines(
            stack, rows, turning - touches.keys()
        )
        if clip is None or video is None:
            moved = self._calmed(move(stack, rows), rows, plan)
            return TakenLayers(
                moved.stack,
                plan,
                notices,
                outlines,
                regions=self._regions(moved, plan),
                moved=moved,
                understood=understood,
            )
        moved = self._calmed(move(live_ground.behind(stack, staged), rows), rows, plan)
        moved = live_ground.put_behind(moved, video, clip.strength)
        return TakenLayers(
            moved.stack, plan, notices, outlines, strength=clip.strength,
            carried=(moved.reference.ground[0, -1].clone(),), regions=self._regions(moved, plan), moved=moved,
            understood=understood,
        )  # fmt: skip

    def _take(self, stack: LayerStack, touches: dict[int, Touch]) -> LayerStack:
        """The stack with what `touches` take, one step further to the ground behind what was taken."""
        for track, touch in touches.items():
            seek = len(touches) <= MANY and not is_followed(track)
            stack = self.acquirer.take(stack, track, touch, seek)
        return self.acquirer.fill_on(stack)

    def _with_scene(self, stack: LayerStack, rows: TrackRows) -> tuple[LayerStack, TrackRows]:
        """Tracks that hold nothing are points of the scene, if they are a source's or many; who goes through it is taken."""
        scene = frozenset(filter(is_followed, stack.empty))
        if len(stack.empty) > MANY:
            stack = with_movers(self.acquirer, stack, rows, stack.empty - stack.unfound - scene)
            scene = stack.empty - stack.unfound
            rows = steadied(rows, stack)
        return stack, as_scene(rows, scene)

    def _calmed(self, moved: Moved, rows: TrackRows, plan: ChunkPlan) -> Moved:
        return replace(moved, stack=calmed(moved.stack, rows, told(self.clauses, moved.stack, plan)))

    def _regions(self, moved: Moved, plan: ChunkPlan) -> Regions | None:
        return regions(self.clauses, moved, plan, self.card.student.patch)

    def lives(self, memory: LayerStack) -> bool:
        return bool(memory.layers)

    @torch.inference_mode()
    def condition(self, taken: Sequence[Taken], last: Sequence[Tensor | None]) -> Tensor:
        reference = stacked(taken)
        height, width = reference.held.shape[-2:]
        nothing = reference.held.new_zeros(self.card.student.latent_channels, height, width)
        past = torch.stack([nothing if latents is None else latents[:, -1] for latents in last])
        known = torch.tensor([latents is not None for latents in last], device=past.device)
        return with_past(reference_maps(self.model.codec, reference), past, known)[:, :, None]

    def guide(self, taken: Sequence[Taken], last: Sequence[Tensor | None], steps: int) -> Guide | None:
        return None

    def guidance(self, taken: Sequence[Taken]) -> Tensor | None:
        return guidance(self.card.student.latent_channels, of_photos(taken))

    def settle(self, latents: Tensor, taken: Sequence[Taken]) -> Tensor:
        made = bounded(latents, of_photos(taken))
        for row, moved in enumerate(moves(taken)):
            left = unrest(moved.stack, moved.own)
            if left is not None:
                for part in (THINGS, DRIVE):
                    made[row, part] *= to_device(left, made.device)
        return made

    @torch.inference_mode()
    def decode(
        self, latents: Tensor, taken: Sequence[Taken], last: Sequence[Tensor | None]
    ) -> tuple[Tensor, list[Memory]]:
        reference, made = stacked(taken), latents[:, :, 0].float()
        motion = drawn(made, of_photos(taken))
        after, meant, gone = self._driven(taken, motion.drive)
        things = [
            with_carriers(flows, moved.stack, moved.own)
            for flows, moved in zip(motion.things - meant, moves(taken), strict=True)
        ]
        now = Bends(torch.stack(things), *self._around(motion, taken))
        bends = gone_on(now, *self._before(now, taken, last), reference.velocity)
        frames = warp(reference.ground.flatten(0, 1), bends.ground.flatten(0, 1), "border")
        frames = frames.unflatten(0, reference.ground.shape[:2])
        for row, moved in enumerate(moves(taken)):
            paint_bent(frames[row], moved.ways, bends.things[row] + gone[row])
        frames = frames.add_(bends.light)
        for row, moved in enumerate(moves(taken)):
            frames[row] = _in_its_light(frames[row], moved, bends.things[row] + gone[row])
        frames = frames.mul_(255).round_().clamp_(0, 255).to(torch.uint8)  # [B, F, 3, H, W]
        memories = [replace(stack, bent=x[-1]) for stack, x in zip(after, bends.things, strict=True)]
        return frames.permute(0, 1, 3, 4, 2).contiguous(), memories

    def _before(
        self, now: Bends, taken: Sequence[Taken], last: Sequence[Tensor | None]
    ) -> tuple[Bends, Tensor]:
        """How the frame before a chunk was bent, and of which streams [B] that is known."""
        bent = [None if past is None else each.memory.bent for each, past in zip(taken, last, strict=True)]
        known = torch.tensor([x is not None for x in bent], device=now.things.device)
        things = [now.things[row, -1] if x is None else x for row, x in enumerate(bent)]
        channels = self.card.student.latent_channels
        nothing = now.things.new_zeros(channels, *now.things.shape[-2:])
        past = torch.stack([nothing if x is None else x[:, -1].float() for x in last])
        around = self._around(drawn(past, of_photos(taken)), taken, FRAMES - 1)
        return Bends(torch.stack(things)[:, None], *around), known

    def _around(self, motion: Motion, taken: Sequence[Taken], first: int = 0) -> tuple[Tensor, Tensor]:
        """Flows of the ground and light, from frame `first` on; where a source is followed, what that leaves of them."""
        ground, light = motion.ground[:, first:], lit(self.model.light, motion.light, first)
        if any(each.strength for each in taken):
            own = torch.tensor([1 - each.strength for each in taken], device=light.device)
            ground, light = (x * own.view(-1, 1, 1, 1, 1) for x in (ground, light))
        return ground, light

    def _driven(self, taken: Sequence[Taken], drives: Tensor) -> tuple[list[LayerStack], Tensor, Tensor]:
        """The memories after a chunk whose student said `drives` [B, 3, h, w], and flows [B, FRAMES, 2, h, w] of layers that go as
        it said, and as they did.
        """
        after, meant, gone = list[LayerStack](), list[Tensor](), list[Tensor]()
        for each, moved, gained in zip(taken, moves(taken), drives, strict=True):
            about = self.clauses, each.memory, each.plan
            afloat = floating(*about, self.scenes.ground(each.memory))
            driven = drive(
                each.memory,
                moved.own,
                gained,
                staying(*about),
                passing(*about),
                afloat,
                going_off(*about),
                upright(*about),
                chases(*about),
            )
            bases = bases_of(moved.stack, mean_gains(gained, moved.own))
            whose = shares(bases, (gained.shape[1], gained.shape[2]))
            calm = unrest(
                moved.stack, moved.own
            )  # as `settle` took it of the motion, of which this is a part
            meant.append(going(bases, bases.said, whose) * (1 if calm is None else calm))
            gone.append(going(bases, gains(moved.stack, driven, bases.said), whose))
            after.append(driven)
        said, made = (to_device(torch.stack(flows), drives.device) for flows in (meant, gone))
        return after, said, made

    def seen(self, memory: LayerStack, frames: Frames) -> LayerStack:
        """A copy of its own of what goes on is made here, where what the pictures needed is free again: before, each of them would
        hold half a megabyte of that for as long as the chunk can be gone back to.
        """
        assert memory.bent is not None
        return replace(memory, bent=memory.bent.clone())

    def probe(self, memory: LayerStack, point: tuple[float, float], add: Sequence[tuple[float, float]],
              remove: Sequence[tuple[float, float]], carried: Carried = ()) -> Outline:  # fmt: skip
        if carried:
            memory = live_ground.shown(memory, carried[0])
        height, width = memory.size
        inside = [tuple((x * width, y * height) for x, y in points) for points in ([point], add, remove)]
        region, label = self.acquirer.probe(memory, Touch(inside[0][0], inside[1], inside[2]))
        return Outline(point, region, label)

    def dump(self, memory: LayerStack) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return stack_file.dump(memory)

    def load(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> LayerStack:
        return stack_file.load(tensors, facts)


def _in_its_light(frames: Tensor, moved: Moved, flow: Tensor) -> Tensor:
    """Frames [F, 3, H, W] in the tones of their stack, but for what shines by itself."""
    toned_all = toned(frames, moved.tones)
    shines = None if toned_all is frames else shining(frames, moved.ways, flow)
    return toned_all if shines is None else torch.lerp(toned_all, frames, shines)


def moves(taken: Sequence[Taken]) -> list[Moved]:
    """How the stacks of streams move rigidly."""
    return [each.moved for each in taken if isinstance(each, TakenLayers)]


def of_photos(taken: Sequence[Taken]) -> list[bool]:
    """Whose scene is a photo."""
    return [not each.memory.label for each in taken]


def stacked(taken: Sequence[Taken]) -> Reference:
    """The references of streams of one size as one batch."""
    each = [moved.reference for moved in moves(taken)]
    if len(each) == 1:
        return each[0]  # nothing is copied
    return Reference(
        *(torch.cat([getattr(r, name) for r in each]) for name in Reference.__dataclass_fields__)
    )

"""The same drags three ways: by the rigid reference, by the last picture warped near the hand, by being told of the hand alone.

One thing of a world never trained on is held by a hand from its first frame on, and the student makes the clip. Given the
*reference* it is what is served. With the *warp* there are no layers: the last picture is carried along the hand's track near it,
as `drag: warp` carries the latents of students that know no layers. With *tracks* alone the layers stay where they are, and the
student is told how fast the hand goes and where it holds: what follows then is the student's. Both go on from what they have shown
themselves. Beside them stand the rigid reference without its student, and the first picture, held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.motion_channels import FRAMES
from flowbrush.models.motion_latent import drawn
from flowbrush.models.pocket import PocketModel
from flowbrush.models.schedule import levels
from flowbrush.pipelines.animation.bending import Bends, gone_on, lit
from flowbrush.pipelines.conditions.drag import HELD, RADIUS, mixed, warp_latents
from flowbrush.pipelines.conditions.motion import TrackWindow, motion_field
from flowbrush.pipelines.reference.maps import STRIDE, Reference, reference_maps
from flowbrush.pipelines.reference.render import OWN
from flowbrush.pipelines.reference.warp import warp
from flowbrush.training.composite import composite_frames
from flowbrush.training.evaluation.live import HELD_OUT, noise_of
from flowbrush.training.evaluation.locate import FOUND, locate
from flowbrush.training.evaluation.measures import gradient, live_pixels
from flowbrush.training.playback import batch_of, clip_frames, of_photos
from flowbrush.training.pool import reference_of
from flowbrush.training.rollout import AsStreamed, Rollout
from flowbrush.training.world.living import LivingClip, LivingWorld
from flowbrush.training.world.sprites import SpriteBook

LENGTH, LOOK = 48, 8  # frames of a clip, and from one look for the thing to the next
KINDS = ("reference", "warp", "tracks", "bypassed", "held", "truth")


class Way(Protocol):
    """How a hand reaches the student."""

    def reference(self, chunk: int) -> Reference:
        """What it is given of the next latent frame."""

    def shown(self, frames: Tensor, bends: Bends) -> None:
        """What was made of it: frames [FRAMES, 3, H, W] in 0..1."""


class Warped:
    """The last picture near the hand, carried along its track: no layers."""

    def __init__(self, clip: LivingClip) -> None:
        self._clip, self._picture = clip, clip.frames[0].float() / 255

    def reference(self, chunk: int) -> Reference:
        height, width = self._picture.shape[-2:]
        xy = torch.from_numpy(hand(self._clip, chunk)).float()[None, None]  # [1, 1, 1 + FRAMES, 2]
        window = TrackWindow(xy, torch.ones(xy.shape[:3], dtype=torch.bool))
        moved, near = motion_field(window, height, width, 1, RADIUS * width)
        mask = ((near - HELD[1]) / (HELD[0] - HELD[1])).clamp(0, 1)[:, None]  # [1, 1, F, H, W]
        ground = mixed(self._picture[None, :, None], warp_latents(self._picture[None], moved), mask)
        return Reference(
            torch.zeros(1, FRAMES, 4, height, width),
            ground.transpose(1, 2),
            torch.ones(1, 1, height, width),
            F.avg_pool2d((moved * mask.transpose(1, 2))[0], STRIDE)[None],
            F.avg_pool2d(mask[0, :, -1], STRIDE)[None],
        )

    def shown(self, frames: Tensor, bends: Bends) -> None:
        self._picture = frames[-1]


class Told:
    """The layers stay where they are, and the student is told how the hand goes."""

    def __init__(self, clip: LivingClip) -> None:
        self._clip, self._things = clip, clip.things_rgba[0].float() / 255

    def reference(self, chunk: int) -> Reference:
        frames = slice(FRAMES * chunk, FRAMES * (chunk + 1))
        mine = (F.avg_pool2d(self._things[None, 3:], STRIDE) > OWN).float()  # [1, 1, h, w]
        way = torch.from_numpy(hand(self._clip, chunk)).float()
        velocity = (way[1:] - way[:1])[None, :, :, None, None] * mine[:, None]
        height, width = self._things.shape[-2:]
        return Reference(
            self._things.expand(1, FRAMES, -1, -1, -1),
            self._clip.ground[frames].float()[None] / 255,
            torch.ones(1, 1, height, width),
            velocity,
            mine,
        )

    def shown(self, frames: Tensor, bends: Bends) -> None:
        self._things = warp(self._things[None], bends.things[0, -1:])[0]


def hand(clip: LivingClip, chunk: int) -> np.ndarray:
    """Where the hand has the thing at the end of the past and in each frame of a chunk: [1 + FRAMES, 2] pixels."""
    frames = np.arange(FRAMES * chunk - 1, FRAMES * (chunk + 1)).clip(0)
    made: np.ndarray = clip.things[0].pose[frames, :2]
    return made


@torch.no_grad()
def rolled(model: PocketModel, steps: int, clip: LivingClip, way: Way) -> Tensor:
    """What the student makes of a clip whose hand reaches it that `way`, each latent frame from its own past: [F, 3, H, W]."""
    batch = batch_of(clip, model.codec, model.text, model.student.spec.latent_channels)
    streamed = AsStreamed(of_photos(clip), model.text([""]))
    chunks = Rollout(model.student, batch, levels(steps), None, streamed).chunks()
    made, before = list[Tensor](), None
    for chunk in range(batch.maps.shape[1]):
        reference = way.reference(chunk)
        batch.maps[:, chunk] = reference_maps(model.codec, reference)
        motion = drawn(next(chunks), of_photos(clip))
        now = Bends(motion.things, motion.ground, lit(model.light, motion.light))
        last = before or now
        tail = Bends(last.things[:, -1:], last.ground[:, -1:], last.light[:, -1:])
        before = gone_on(now, tail, torch.tensor([before is not None]), reference.velocity)
        parts = reference.things, reference.ground, before.things, before.ground
        frames = composite_frames(*(part.flatten(0, 1) for part in parts)) + before.light[0]
        made.append(frames.clamp(0, 1))
        way.shown(made[-1], before)
    return torch.cat(made)


@dataclass
class Tally:
    """Of one kind, over clips: how far off the thing was in % of the width, the share of looks at which it was seen, the mean
    square on the pixels that the drag changed and on those that live, and how sharp those that changed are beside the truth's.
    """

    off: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    sharp: list[float] = field(default_factory=list)

    def report(self) -> dict[str, float]:
        """Means over the clips (of sharpness the median), PSNR in dB."""
        return {
            "off_percent": float(np.mean(self.off)),
            "seen": float(np.mean(self.seen)),
            "changed_psnr_db": _decibels(self.changed),
            "live_psnr_db": _decibels(self.live),
            "sharpness": float(np.median(self.sharp)),
        }


class DragClips:
    """Tallies of every kind over clips of `frames` frames."""

    def __init__(
        self, model: PocketModel, steps: int, size: tuple[int, int], book: SpriteBook, frames: int = LENGTH
    ) -> None:
        self.model, self.steps, self.book, self.frames = model, steps, book, frames
        self.world, self.width = LivingWorld(*size), size[0]
        self.tallies = {kind: Tally() for kind in KINDS}

    def clip(self, name: str, scene: str, seed: int) -> Tensor:
        """Counts one drag of a thing in a scene. Returns it by each of KINDS: [6, F, 3, H, W] in 0..1."""
        clip = self.world.dragged(np.random.default_rng([HELD_OUT, seed]), name, scene, self.frames)
        truth, rigid = clip.frames.float() / 255, reference_of(clip).frames.flatten(0, 1)
        made = []
        for way in (None, Warped(clip), Told(clip)):
            with noise_of(seed):
                codecs = self.model.codec, self.model.light
                made.append(
                    clip_frames(self.model.student, codecs, self.model.text, clip, self.steps)
                    if way is None
                    else rolled(self.model, self.steps, clip, way)
                )
        held = truth[:1].expand_as(truth)
        shown = torch.stack([*made, rigid, held, truth])
        changed, live = live_pixels(held, truth), live_pixels(rigid, truth)
        for tally, frames in zip(self.tallies.values(), shown, strict=True):
            off, seen = self._followed(frames, clip)
            square = (frames - truth).square().mean(1)
            tally.off.append(off)
            tally.seen.append(seen)
            tally.changed.append(float(square[changed].mean()))
            tally.live.append(float(square[live].mean()))
            tally.sharp.append(float(gradient(frames)[changed].mean() / gradient(truth)[changed].mean()))
        return shown

    def _followed(self, frames: Tensor, clip: LivingClip) -> tuple[float, float]:
        """How far from where the hand had it the thing is seen, in % of the width, and the share of looks at which it is seen."""
        (thing,) = clip.things
        poses = thing.pose[LOOK - 1 :: LOOK].tolist()
        looks = [
            locate(frame, self.book, thing.name, (x, y), size, angle)
            for frame, (x, y, size, angle) in zip(frames[LOOK - 1 :: LOOK], poses, strict=True)
        ]
        off = [math.hypot(look.x - x, look.y - y) for look, (x, y, _, _) in zip(looks, poses, strict=True)]
        return 100 * float(np.mean(off)) / self.width, float(
            np.mean([look.explained >= FOUND for look in looks])
        )

    def report(self) -> dict[str, dict[str, float]]:
        return {kind: tally.report() for kind, tally in self.tallies.items()}


def _decibels(errors: Sequence[float]) -> float:
    return -10 * math.log10(max(float(np.mean(errors)), 1e-10))

"""Clips that a student makes from a clip's references, as pictures: for contact sheets and for the evaluation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.motion_channels import FRAMES
from flowbrush.models.motion_latent import Motion, drawn
from flowbrush.models.schedule import levels
from flowbrush.models.text.pocket import PocketText
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.animation.bending import Bases, Bends, going, gone_on, lit, shares
from flowbrush.pipelines.animation.drive import mean_gains
from flowbrush.pipelines.reference.maps import Reference, reference_maps
from flowbrush.training.composite import composite_frames
from flowbrush.training.forcing import Batch
from flowbrush.training.pool import reference_of
from flowbrush.training.rollout import AsStreamed, Rollout
from flowbrush.training.world.casting import PHOTO
from flowbrush.training.world.living import LivingClip


def draw_made(clip: LivingClip, latents: Tensor, light: PocketCodec) -> Tensor:
    """Pictures [T * FRAMES, 3, H, W] in 0..1 as a stream shows them, of latents [T, C, h, w] that a network made of a clip's
    references: its motion enlarged.
    """
    return draw_motion(clip, drawn(latents, of_photos(clip) * len(latents)), light)


def draw_motion(clip: LivingClip, motion: Motion, light: PocketCodec) -> Tensor:
    """The same of motion as it is."""
    reference = reference_of(clip)
    meant = _ways(clip, motion.drive)
    now = Bends(motion.things - meant, motion.ground, lit(light, motion.light))
    before = Bends(*(torch.cat([x[:1], x[:-1]])[:, -1:] for x in (now.things, now.ground, now.light)))
    bends = gone_on(now, before, torch.arange(len(motion.drive)) > 0, reference.velocity)
    return _composite(reference, replace(bends, things=bends.things + meant))


def of_photos(clip: LivingClip) -> list[bool]:
    """Whether its scene is a photo, for a batch of one."""
    return [clip.scene == PHOTO]


def _composite(reference: Reference, bends: Bends) -> Tensor:
    flat = [part.flatten(0, 1) for part in (reference.things, reference.ground, bends.things, bends.ground)]
    return (composite_frames(*flat) + bends.light.flatten(0, 1)).clamp(0, 1)


def _ways(clip: LivingClip, drives: Tensor) -> Tensor:
    """Flows [T, FRAMES, 2, h, w] of a clip's things that go as `drives` [T, 3, h, w] say."""
    flows, grid = [], (drives.shape[2], drives.shape[3])
    last = np.array([thing.pose[FRAMES - 1 :: FRAMES] for thing in clip.things])  # [L, T, 4]
    for t, owner in enumerate(clip.owner):
        own = torch.stack([(owner == place).float() for place in range(len(clip.things))])
        middles = last[:, t, :2] - mean_gains(clip.drive[t], own)[:, :2]  # where the reference has them
        bases = Bases(middles, last[:, t, 2], mean_gains(drives[t], own))
        flows.append(going(bases, bases.said, shares(bases, grid)))
    return torch.stack(flows)


@torch.no_grad()
def batch_of(clip: LivingClip, codec: PocketCodec, text: PocketText, channels: int) -> Batch:
    """A clip's references as a batch of one, from its beginning on; its latents, of so many channels, are not known."""
    maps = reference_maps(codec, reference_of(clip))[None]  # [1, T, K, h, w]
    has_past = torch.ones(1, maps.shape[1])
    has_past[:, 0] = 0
    empty = torch.zeros(1, maps.shape[1], channels, *maps.shape[-2:])
    return Batch(empty, empty[:, 0], maps, has_past, text([clip.caption]), [clip.caption])


@torch.no_grad()
def roll_clip(
    student: CausalTransformer, codec: PocketCodec, text: PocketText, clip: LivingClip, steps: int
) -> Tensor:
    """The student's latents [T, C, h, w] for the clip's references, each made from its own past."""
    batch = batch_of(clip, codec, text, student.spec.latent_channels)
    streamed = AsStreamed(of_photos(clip), text([""]))
    rollout = Rollout(student, batch, levels(steps), None, streamed)
    return torch.cat(list(rollout.chunks()))


def clip_frames(
    student: CausalTransformer,
    codecs: tuple[PocketCodec, PocketCodec],
    text: PocketText,
    clip: LivingClip,
    steps: int,
) -> Tensor:
    """What the student makes of a clip's references: frames [F, 3, H, W] in 0..1."""
    latents = roll_clip(student, codecs[0], text, clip, steps)
    return draw_made(clip, latents, codecs[1])

"""Clips that a student makes from a clip's references, as pictures: for contact sheets and for the evaluation."""

from __future__ import annotations

import torch
from torch import Tensor

from flowbrush.models.codecs.deblock import deblocked
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.motion_latent import Motion, drawn
from flowbrush.models.text.pocket import PocketText
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.reference.condition import Reference, reference_maps
from flowbrush.pipelines.reference.warp import composite_frames
from flowbrush.pipelines.schedule import levels
from flowbrush.training.forcing import Batch
from flowbrush.training.pool import reference_of
from flowbrush.training.rollout import Rollout
from flowbrush.training.world.casting import PHOTO
from flowbrush.training.world.living import LivingClip


def draw_frames(reference: Reference, motion: Motion, light: PocketCodec, made: bool = False) -> Tensor:
    """Pictures [T * FRAMES, 3, H, W] in 0..1 of the motion of T latent frames on their references; of what a student `made`, as
    it is served.
    """
    flat = [part.flatten(0, 1) for part in (reference.things, reference.ground, motion.things, motion.ground)]
    glow = light.decode_linear(motion.light.transpose(0, 1)[None])[0].transpose(0, 1)  # [T * FRAMES, 3, H, W]
    if made:
        glow = deblocked(glow, light.spec.stride)
    return (composite_frames(*flat) + glow).clamp(0, 1)


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
    rollout = Rollout(student, batch, levels(steps), None, [clip.scene == PHOTO])
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
    return draw_frames(reference_of(clip), drawn(latents), codecs[1], made=True)

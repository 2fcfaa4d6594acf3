"""What pocket's student denoises: how the layers move in a latent frame, and the light that is new in it.

One latent frame has, for each cell of 8×8 pixels, in this order: the flow of the things in each of its four frames, the flow of
the ground in each, the drive, and latents of the light. A flow is backward: the picture at p shows the layer at p + flow. The drive
is what a thing's pose gains by itself until the end of the latent frame. Light is added to the picture, and coded linearly.
Flows instead of pictures, as in latent flow diffusion (arXiv 2303.13744) and Generative Image Dynamics (arXiv 2309.07906): what is
uncertain becomes a smaller motion and not a double image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from flowbrush.models.motion_channels import DRIVE, FRAMES, GROUND, LIGHT, THINGS

FLOW_UNIT = 4.0  # pixels that count as 1: the spread of flows that gaits have
DRIVE_UNITS = (4.0, 4.0, 0.2)  # pixels, pixels, radians a latent frame that count as 1

# Of a light's latent: 999 of 1,000 values of the world's light are less (2.1). Shadows of things larger than any that the student
# learned from else feed on themselves, and in five seconds black bars grow at their feet.
LIGHT_MOST = 2.0
# The same where the scene is a photo: when much more than 0.75 is shown (5 times 0.15) it is mostly dark stripes in ground filled
# in. It costs 0.15 dB on clips of the world over photos, where there is rain and snow, too.
LIGHT_ON_PHOTOS = 0.14

# Change of the ground's flow from frame to frame, root mean square over the picture, as the student says it: two and a half times
# that is shown, 0.06, the mean of the world's scenes (0.04 to 0.1). In deserts haze feeds on itself else.
GROUND_FASTEST = 0.0235
# How far the ground of a photo is from where it was, root mean square over the picture, as the student says it: 0.11 pixels are
# shown, twice what was shown of photos without a prompt. With one it takes what is at the top for clouds, and houses bend by
# ten pixels and more.
GROUND_FARTHEST_ON_PHOTOS = 0.011

# Few steps leave a scene's motion and light too small, and what words ask for most of all: on a beach a thirtieth of the world's.
# So both go that many times as far from what the student says without words. Of 24 prompts that nobody touches 92 % have half to
# twice the world's energy for the same prompt then; without it, each drawn as much larger as is best, 75 %, and clips are 0.04 dB
# worse. With 5 for both, skies have checks and glows; things that are guided are further from the truth (0.2 dB at 1.5).
GROUND_GUIDED = 5.0
LIGHT_GUIDED = 2.0

# Times what the student says, as its motion is too small still. What it says itself is what it sees next, so nothing adds up.
THINGS_DRAWN = 1.4
GROUND_DRAWN = 2.5
LIGHT_DRAWN = 3.5
LIGHT_DRAWN_ON_PHOTOS = 5.0  # which no words guide
# What a student of few steps makes too small is what it is not sure of: shimmer, drops, haze, whose latents are small. Of what is
# strong, as shadows, it is surer; three times as large they are black. A cell whose largest latent is LIGHT_SURE is half-way
# between the two: 12 clips are 0.08 dB nearer to the truth than with 3 for all. A cell's latents keep their shares, or its pattern
# would change.
LIGHT_SURE = 0.5
LIGHT_DRAWN_SURE = 1.5


@dataclass(frozen=True)
class Motion:
    """One latent frame of N streams, in pixels and radians; at latent resolution.

    `things` and `ground` [N, FRAMES, 2, h, w], `drive` [N, 3, h, w], `light` [N, L, h, w].
    """

    things: Tensor
    ground: Tensor
    drive: Tensor
    light: Tensor


def pack(motion: Motion) -> Tensor:
    """[N, 19 + L, h, w], of about unit spread."""
    units = torch.tensor(DRIVE_UNITS, device=motion.drive.device).view(1, 3, 1, 1)
    flows = [motion.things.flatten(1, 2) / FLOW_UNIT, motion.ground.flatten(1, 2) / FLOW_UNIT]
    return torch.cat([*flows, motion.drive / units, motion.light], 1)


def unpack(latent: Tensor) -> Motion:
    """The inverse of `pack`."""
    units = torch.tensor(DRIVE_UNITS, device=latent.device).view(1, 3, 1, 1)
    things, ground = (latent[:, part].unflatten(1, (FRAMES, 2)) * FLOW_UNIT for part in (THINGS, GROUND))
    return Motion(things, ground, latent[:, DRIVE] * units, latent[:, LIGHT:])


def guidance(channels: int, photos: Sequence[bool]) -> Tensor | None:
    """Weights [B, channels, 1, 1, 1] of classifier-free guidance for latents of that many channels; `photos` [B] says whose scene
    is a photo, which is not guided. None where none is.
    """
    if all(photos):
        return None
    weights = torch.ones(len(photos), channels)
    scenes = ~torch.tensor(photos)
    weights[scenes, GROUND] = GROUND_GUIDED
    weights[scenes, LIGHT:] = LIGHT_GUIDED
    return weights.view(len(photos), channels, 1, 1, 1)


def drawn(latent: Tensor, photos: Sequence[bool]) -> Motion:
    """The motion and light of students' latents [N, 19 + L, h, w] as they are shown; `photos` [N] says whose scene is a photo. The
    drive is enlarged as the flows are that have it in them: who ran two fifths as far again within a latent frame as its pose gains
    would jump back at its end, four times a second.
    """
    motion = unpack(latent)
    strong = motion.light.abs().amax(1, keepdim=True)  # [N, 1, h, w]
    unsure = 1 / (1 + (strong / LIGHT_SURE).square())
    least = [LIGHT_DRAWN_ON_PHOTOS if photo else LIGHT_DRAWN for photo in photos]
    gain = motion.light.new_tensor(least).view(-1, 1, 1, 1) - LIGHT_DRAWN_SURE
    light = motion.light * (LIGHT_DRAWN_SURE + gain * unsure)
    return Motion(
        motion.things * THINGS_DRAWN, motion.ground * GROUND_DRAWN, motion.drive * THINGS_DRAWN, light
    )


def bounded(latents: Tensor, photos: Sequence[bool]) -> Tensor:
    """Latents [B, 19 + L, ...] with no more light, and a ground no faster, than a scene has; `photos` [B] says whose scene is a
    photo, whose ground stays nearly where it is.
    """
    most = latents.new_tensor([LIGHT_ON_PHOTOS if photo else LIGHT_MOST for photo in photos])
    most = most.view(-1, *[1] * (latents.ndim - 1))
    ground = latents[:, GROUND]
    changes = ground.unflatten(1, (FRAMES, 2)).diff(dim=1)
    speed = changes.square().flatten(1).mean(1).sqrt().view_as(most)
    slower = ground * (GROUND_FASTEST / speed.clamp_min(GROUND_FASTEST))
    far = slower.square().flatten(1).mean(1).sqrt()  # [B]
    farthest = far.new_tensor([GROUND_FARTHEST_ON_PHOTOS if photo else torch.inf for photo in photos])
    slower = slower * (farthest / far.clamp_min(1e-6)).clamp_max(1).view_as(most)
    light = latents[:, LIGHT:].clamp(-most, most)
    return torch.cat([latents[:, : GROUND.start], slower, latents[:, GROUND.stop : LIGHT], light], 1)

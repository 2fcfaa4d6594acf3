"""A source as the ground of a layer stack: the client's video behind the things, as it comes. The camera does not move it.

What was staged stays in the stack and shows through as far as the source is not followed.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from flowbrush.pipelines.reference.acquire import seen
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.pose import STILL
from flowbrush.pipelines.reference.render import Moved
from flowbrush.pipelines.requests import SourceClip


def frames(clip: SourceClip, device: torch.device) -> Tensor:
    """Its frames [F, 3, H, W] in 0..1."""
    return torch.from_numpy(clip.frames).to(device).permute(0, 3, 1, 2).float().div(255)


def mixed(stack: LayerStack, picture: Tensor, strength: float) -> Tensor:
    """What is seen behind the things [3, H, W]: the source's `picture`, over what was staged by `strength`."""
    return torch.lerp(seen(stack), picture, strength)


def shown(stack: LayerStack, picture: Tensor) -> LayerStack:
    """The stack with `picture` [3, H, W] as its whole ground, for hands that take what is seen."""
    return replace(
        stack, background=picture, confidence=torch.ones_like(picture[:1]), camera=STILL, margin=(0, 0),
        next_background=None, hole=None, label="",
    )  # fmt: skip


def behind(stack: LayerStack, staged: LayerStack) -> LayerStack:
    """The layers of `stack` before what was `staged`: what a hand has cut from a source leaves no hole, for the source goes on."""
    return replace(
        stack, background=staged.background, confidence=staged.confidence, camera=staged.camera, margin=staged.margin,
        next_background=staged.next_background, hole=staged.hole, label=staged.label,
    )  # fmt: skip


def put_behind(moved: Moved, video: Tensor, strength: float) -> Moved:
    """What was moved, before the source's frames [F, 3, H, W]."""
    reference = moved.reference
    ground = torch.lerp(reference.ground, video[None], strength)
    sure = torch.lerp(reference.confidence, torch.ones_like(reference.confidence), strength)
    return replace(moved, reference=replace(reference, ground=ground, confidence=sure))


def left(stack: LayerStack, picture: Tensor) -> LayerStack:
    """The stack once its source has ended: the last picture is the ground from here on, as a photo is."""
    return replace(shown(stack, picture), next_label="")

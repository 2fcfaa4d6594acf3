"""What a chunk's rigid reference looks like, and as the maps that pocket's student sees along with its noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.motion_channels import FRAMES
from flowbrush.models.motion_latent import FLOW_UNIT
from flowbrush.pipelines.reference.warp import over

STRIDE = 8  # pixels of a cell
# Flow units a chunk: a faster hand than 0.8 picture widths a second is told as this fast, so that one number cannot drown
# the others.
FASTEST = 16.0
OPACITY = slice(-FRAMES - 12, -12)  # of the maps of a reference, counted from the end
VELOCITY = slice(-11, -3)


@dataclass(frozen=True)
class Reference:
    """What is known of the next latent frame of N streams: every layer where hands and camera put it, rigidly. Colours in 0..1.

    `things` [N, FRAMES, 4, H, W] premultiplied RGBA of all layers, `ground` [N, FRAMES, 3, H, W] what is behind them, `confidence`
    [N, 1, H, W] 1 where the ground was seen and less where it was filled in. On the latent grid: `velocity` [N, FRAMES, 2, h, w]
    pixels that the layer in a cell has gone since the end of the past, `held` [N, 1, h, w] 1 where a hand holds it.
    """

    things: Tensor
    ground: Tensor
    confidence: Tensor
    velocity: Tensor
    held: Tensor

    @property
    def frames(self) -> Tensor:
        """The rigid pictures [N, FRAMES, 3, H, W] in 0..1: the stream with its student bypassed."""
        made: Tensor = over(self.things.flatten(0, 1), self.ground.flatten(0, 1)).unflatten(
            0, self.things.shape[:2]
        )
        return made


def reference_maps(codec: PocketCodec, reference: Reference) -> Tensor:
    """The reference as maps [N, codec + HINTS, h, w]: as latents, and the hints."""
    stride = codec.spec.stride
    pictures = reference.frames.mul_(2).sub_(1).transpose(1, 2)  # [N, 3, FRAMES, H, W]
    latents = codec.encode(pictures)[:, :, 0]  # [N, codec, h, w]
    opacity = F.avg_pool2d(reference.things[:, :, 3], stride)  # [N, FRAMES, h, w]
    velocity = (reference.velocity / FLOW_UNIT).clamp(-FASTEST, FASTEST).flatten(1, 2)
    confidence = F.avg_pool2d(reference.confidence, stride)
    return torch.cat([latents, opacity, reference.held, velocity, confidence, place(latents)], 1)


def with_past(maps: Tensor, last: Tensor, has_past: Tensor) -> Tensor:
    """Maps of a reference and of the past: [N, condition_channels, h, w].

    `last` [N, C, h, w] is the student's own last latent, `has_past` [N] says where there is one. It is carried to where its layers
    stand at the end of the chunk.
    """
    past = has_past.to(maps).view(-1, 1, 1, 1)
    gone = maps[:, VELOCITY][:, -2:] * (FLOW_UNIT / STRIDE)
    return torch.cat([maps, past.expand(-1, -1, *maps.shape[-2:]), carried(last, gone) * past], 1)


def place(like: Tensor) -> Tensor:
    """Where each cell of `like` [N, …, h, w] is in the picture: [N, 2, h, w] in -1..1, x then y."""
    rows, columns = like.shape[-2:]
    x = torch.linspace(-1, 1, columns, device=like.device).expand(rows, -1)
    y = torch.linspace(-1, 1, rows, device=like.device)[:, None].expand(-1, columns)
    return torch.stack([x, y]).to(like.dtype).expand(len(like), -1, -1, -1)


def carried(last: Tensor, cells: Tensor) -> Tensor:
    """`last` [N, C, h, w] where its layers are now, which went `cells` [N, 2, h, w] cells."""
    rows, columns = last.shape[-2:]
    x = (torch.arange(columns, device=last.device) + 0.5 - cells[:, 0]) * (2 / columns) - 1
    y = (torch.arange(rows, device=last.device)[:, None] + 0.5 - cells[:, 1]) * (2 / rows) - 1
    return F.grid_sample(last, torch.stack([x, y], -1), "bilinear", "border", align_corners=False)

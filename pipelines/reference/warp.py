"""The one warp, and layers put over each other.

A flow is backward: the result at p shows the image at p + flow(p). Flows have one value a cell of the latent grid, in pixels, and
are interpolated in between, so that what a student says for a cell is what is drawn.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def dense(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """A flow [N, 2, h, w] in pixels, for every pixel of `size` (H, W): [N, 2, H, W]."""
    return F.interpolate(flow.float(), size, mode="bilinear", align_corners=False)


def warp(image: Tensor, flow: Tensor, padding: str = "zeros") -> Tensor:
    """`image` [N, C, H, W] seen through `flow` [N, 2, h, w] (x, y in pixels). Outside the image are zeros or, with "border",
    its rim.
    """
    height, width = image.shape[-2:]
    shift = dense(flow, (height, width))  # [N, 2, H, W]
    x = (torch.arange(width, device=image.device) + 0.5 + shift[:, 0]) * (2 / width) - 1
    y = (torch.arange(height, device=image.device)[:, None] + 0.5 + shift[:, 1]) * (2 / height) - 1
    return F.grid_sample(image, torch.stack([x, y], -1), "bilinear", padding, align_corners=False)


def over(things: Tensor, ground: Tensor) -> Tensor:
    """Premultiplied RGBA [N, 4, H, W] over RGB [N, 3, H, W], all in 0..1."""
    return things[:, :3] + ground * (1 - things[:, 3:])


def composite_frames(things: Tensor, ground: Tensor, thing_flow: Tensor, ground_flow: Tensor) -> Tensor:
    """Frames [N, 3, H, W] of premultiplied RGBA `things` [N, 4, H, W] over `ground` [N, 3, H, W], all in 0..1, each through its
    flow [N, 2, h, w].
    """
    return over(warp(things, thing_flow), warp(ground, ground_flow, "border"))

"""The one warp, and layers put over each other.

A flow is backward: the result at p shows the image at p + flow(p). Flows have one value a cell of the latent grid, in pixels, and
are interpolated in between, so that what a student says for a cell is what is drawn.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Box = tuple[slice, slice]  # rows, columns


def warp(image: Tensor, flow: Tensor, padding: str = "zeros", box: Box | None = None) -> Tensor:
    """`image` [N, C, H, W] seen through `flow` [N, 2, h, w] (x, y in pixels); of the result only `box`, where one is given.
    Outside the image are zeros or, with "border", its rim.
    """
    height, width = image.shape[-2:]
    rows, columns = (slice(0, height), slice(0, width)) if box is None else box
    size = torch.tensor([width, height], device=image.device)
    shift = F.interpolate(
        flow.float() * (2 / size[:, None, None]), (height, width), mode="bilinear", align_corners=False
    )
    x = torch.arange(columns.start, columns.stop, device=image.device) + 0.5
    y = torch.arange(rows.start, rows.stop, device=image.device)[:, None] + 0.5
    points = torch.stack(torch.broadcast_tensors(x, y), -1) * (2 / size) - 1  # [H, W, 2]
    shift = shift[:, :, rows, columns].permute(0, 2, 3, 1)
    grid = torch.add(points, shift, out=image.new_empty(shift.shape, dtype=shift.dtype))
    return F.grid_sample(image, grid, "bilinear", padding, align_corners=False)


def over(things: Tensor, ground: Tensor) -> Tensor:
    """Premultiplied RGBA [N, 4, H, W] over RGB [N, 3, H, W], all in 0..1."""
    return torch.addcmul(things[:, :3] + ground, ground, things[:, 3:], value=-1)

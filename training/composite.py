"""A clip's two layers, things over ground, as one picture."""

from __future__ import annotations

import math

from torch import Tensor

from flowbrush.pipelines.reference.warp import Box, over, warp


def composite_frames(things: Tensor, ground: Tensor, thing_flow: Tensor, ground_flow: Tensor) -> Tensor:
    """Frames [N, 3, H, W] of premultiplied RGBA `things` [N, 4, H, W] over `ground` [N, 3, H, W], all in 0..1, each through its
    flow [N, 2, h, w].
    """
    frames = warp(ground, ground_flow, "border")
    box = _shown_box(things, thing_flow)
    if box is not None:
        frames[..., *box] = over(warp(things, thing_flow, box=box), frames[..., *box])
    return frames


def _shown_box(things: Tensor, flow: Tensor) -> Box | None:
    """Rows and columns in which `things` [N, 4, H, W] may be seen through `flow`; None where there are none."""
    opaque = things[:, 3].amax(0) > 0  # [H, W]
    reach = float(flow.abs().amax()) + 1
    sides = []
    for line in (opaque.any(1), opaque.any(0)):
        places = line.nonzero()[:, 0]
        if not len(places):
            return None
        first, last = float(places[0]) - reach, float(places[-1]) + reach
        sides.append(slice(max(0, math.floor(first)), min(len(line), math.ceil(last) + 1)))
    return sides[0], sides[1]

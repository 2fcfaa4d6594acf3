"""The ground behind what was taken, filled in over two chunks.

What is taken still covers most of its hole in the chunk that takes it, and that chunk has to find the thing, too. So it fills the
hole smoothly, and the next one, while the thing moves off it, well: all in one chunk is a picture that stands still as the hand
comes down, and a chunk later a hand that is fast shows the smear for longer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from flowbrush.models.inpainting.inpainter import diffuse_fill
from flowbrush.pipelines.reference.layers import Hole, LayerStack

FILLED = 0.25  # how sure the ground is that was filled in: known, but the student rather makes its own of it


class Inpainter(Protocol):
    """Fills a `picture` [3, H, W] in -1..1 where `hole` [1, H, W] in 0..1 is, in two steps: what belongs there, and how it
    looks. Each gives [3, H, W].
    """

    def smooth(self, picture: Tensor, hole: Tensor) -> Tensor: ...

    def sharp(self, picture: Tensor, hole: Tensor) -> Tensor: ...


def opened(stack: LayerStack, mask: Tensor) -> LayerStack:
    """The stack with a hole where `mask` [1, H + 2 my, W + 2 mx] is 1, filled roughly from what is around it. One that is not
    yet filled well becomes one with it.
    """
    ground = diffuse_fill(stack.background[None], mask[None])[0]
    sure = torch.minimum(stack.confidence, 1 - mask * (1 - FILLED))
    both = mask if stack.hole is None else mask.maximum(stack.hole.mask)
    return replace(stack, background=ground, confidence=sure, hole=Hole(both))


@torch.inference_mode()
def fill_on(stack: LayerStack, inpainter: Inpainter | None) -> LayerStack:
    """The stack one step further to a ground without a hole; without an `inpainter` the rough fill stays."""
    hole = stack.hole
    if hole is None:
        return stack
    if inpainter is None:
        return replace(stack, hole=None)
    steps = (inpainter.smooth, inpainter.sharp)
    filled = steps[hole.done](stack.background * 2 - 1, hole.mask)
    rest = None if hole.done + 1 == len(steps) else Hole(hole.mask, hole.done + 1)
    return replace(stack, background=filled.add(1).div(2).clamp(0, 1), hole=rest)

"""What a person selected where layers are: it is taken of what is seen, and not of the ground behind it. Pure functions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from flowbrush.pipelines.reference.drawing import sample
from flowbrush.pipelines.reference.layers import MOST, Layer, LayerStack
from flowbrush.pipelines.reference.pose import Similarity

WHOLE = 0.8  # of a layer: a line that is drawn round a thing by hand cuts some of it off
MEANT = 0.3  # of what is selected: who draws a line loosely round a thing means that, and no small one that stands before it
MOSTLY = 0.4  # of what is selected: from here on it is a part of that layer
SEEN = 0.02  # opacity that is no mere rim


def selected(stack: LayerStack, region: Tensor, hands: frozenset[int], least: float) -> LayerStack | None:
    """The stack with `hands` holding the layer that `region` [H, W] is round, or the part of one that is in it, before all else;
    None where it is the ground that is selected, or a part that is less than `least` of the picture.
    """
    best = _most_selected(stack, region)
    if best is None:
        return None
    place, of_layer, of_region = best
    layer = stack.layers[place]
    if of_layer >= WHOLE and of_region >= MEANT:
        return stack.in_front(replace(layer, hands=layer.hands | hands, leaving=False, seat=None), place)
    too_small = of_region * float(region.mean()) < least
    if of_region < MOSTLY or too_small or len(stack.layers) >= MOST:
        return None
    piece, rest = parted(layer, region)
    return stack.with_layer(place, rest).in_front(replace(piece, hands=hands))


def bare(stack: LayerStack, region: Tensor) -> Tensor:
    """What of `region` [H, W] no layer covers."""
    for layer in stack.layers:
        region = region * (1 - shown(layer, stack.size) * layer.opacity)
    return region


def with_layers(stack: LayerStack, ground: Tensor) -> Tensor:
    """`ground` [3, H, W] with the stack's layers before it, as they stand."""
    height, width = stack.size
    for layer in stack.layers:
        drawn = sample(layer.rgba, [layer.pose], (0, 0, width, height))[0] * layer.opacity
        ground = ground * (1 - drawn[3:]) + drawn[:3]
    return ground


def shown(layer: Layer, size: tuple[int, int]) -> Tensor:
    """A layer's opacity [H, W] in a picture of `size` (H, W)."""
    height, width = size
    return sample(layer.rgba, [layer.pose], (0, 0, width, height))[0, 3]


def _most_selected(stack: LayerStack, region: Tensor) -> tuple[int, float, float] | None:
    """The place of the layer of which most is selected, how much of it that is, and of the region; of what is hidden behind others
    nothing is.
    """
    best, left = None, region
    whole = max(float(region.sum()), 1.0)
    for place in reversed(range(len(stack.layers))):
        layer = stack.layers[place]
        opacity = shown(layer, stack.size) * layer.opacity
        both = float((opacity * left).sum())
        left = left * (1 - opacity)
        if both > 0 and (best is None or both / whole > best[2]):
            best = place, both / float(opacity.sum()), both / whole
    return best


def parted(layer: Layer, region: Tensor) -> tuple[Layer, Layer]:
    """The part of a layer that is in `region` [H, W] of the picture, which has no name, and the rest of it."""
    height, width = layer.rgba.shape[-2:]
    rows, columns = region.shape
    to_layer = Similarity(x=width / 2, y=height / 2).after(layer.pose.inverse)
    there = to_layer.after(Similarity(x=columns / 2, y=rows / 2))
    inside = sample(region[None], [there], (0, 0, width, height))[0]  # [1, h, w]
    piece = layer.rgba * inside
    y, x = (piece[3] > SEEN).nonzero(as_tuple=True)
    top, bottom, left, right = int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1
    middle = np.array([(left + right - width) / 2, (top + bottom - height) / 2])
    at_x, at_y = layer.pose(middle).tolist()
    pose = Similarity(layer.pose.scale, layer.pose.angle, at_x, at_y)
    cut = Layer(piece[:, top:bottom, left:right].clone(), "", pose, depth=layer.depth, cut=True)
    return cut, replace(layer, rgba=layer.rgba * (1 - inside))

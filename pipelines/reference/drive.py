"""What things do by themselves becomes theirs: poses after the drive that the student said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from torch import Tensor

from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.pose import turned_about

LEAST_DRIVE = 0.25  # pixels a chunk, and a hundredth of that in radians: what rests must not creep by the student's small errors
KEEP_IN = 0.04  # of the picture: a thing that goes about by itself keeps its centre so far from the rim, where a hand can take it
# Of a thing's size: who has gone off one side but for so much comes in at the other with as much. With 0.16 the student does not
# see enough of some that come in, and they stay outside.
SEEN = 0.28
# Who is told to go has at least so much of the greatest pace that the student has said, which is forgotten by so much a chunk:
# behind another thing, and after half a minute, the student says nothing more, and it would stand there for good.
LEAST_PACE, PACE_KEPT = 0.6, 0.99
SIDES = {"left": -1, "right": 1}
NOBODY: Mapping[int, str] = MappingProxyType({})


def drive(
    stack: LayerStack,
    own: Tensor,
    gained: Tensor,
    staying: frozenset[int] = frozenset(),
    passing: Mapping[int, str] = NOBODY,
) -> LayerStack:
    """Poses after what the things did by themselves: `gained` [3, h, w] shift in pixels and turn, averaged over each thing's cells,
    `own` [layers, h, w].

    A hand rules where a thing is; its rotation (a ball that rolls) is its own. What was cut from a photo has no name, and
    stays where it was put. The layers at the places `staying` are not carried across the picture: where things meet, the student
    takes one along with the other. Those `passing` were told to go to a side ("left" or "right"): they go off it and come in at
    the other, so they have somewhere to go for as long as the stream lives.
    """
    for index, (layer, weight) in enumerate(zip(stack.layers, own, strict=True)):
        if layer.label:
            way = SIDES.get(passing.get(index, ""), 0)
            after = _driven(layer, _mean(gained, weight), index in staying, way, stack.size)
            stack = stack.with_layer(index, after)
    return stack


def _mean(gained: Tensor, weight: Tensor) -> tuple[float, float, float]:
    """Shift and turn in the cells of a thing; none where next to nothing of it is seen."""
    total = float(weight.sum())
    if total < 1.0:
        return 0.0, 0.0, 0.0
    dx, dy, turn = ((gained * weight).sum((1, 2)) / total).tolist()
    return dx, dy, turn


def _driven(
    layer: Layer, gained: tuple[float, float, float], stays: bool, way: int, size: tuple[int, int]
) -> Layer:
    """A layer after its drive; `way` is -1 or 1 where it was told to go to the left or to the right, else 0."""
    (height, width), (dx, dy, turn) = size, gained
    low, high = np.array([width, height]) * KEEP_IN, np.array([width, height]) * (1 - KEEP_IN)
    here, pace = np.array([layer.pose.x, layer.pose.y]), layer.pace if way else 0.0
    if way and not layer.held:
        dx, pace = kept_up(dx, pace, way)
    shift = np.zeros(2) if layer.held else settled(np.array([0.0 if stays else dx, dy]), LEAST_DRIVE)
    there = np.clip(here + shift, np.minimum(low, here), np.maximum(high, here))
    if way and not layer.held:
        there[0] = come_round(here[0] + shift[0], layer.rgba.shape[-1] * layer.pose.scale, width)
    turned = float(settled(np.array(turn), LEAST_DRIVE / 100))
    step = turned_about((here[0], here[1]), turned, tuple(there - here))
    return replace(layer, pose=step.after(layer.pose), pace=pace)


def kept_up(dx: float, pace: float, way: int) -> tuple[float, float]:
    """The shift of who is told to go, and its `pace` after it (pixels a chunk, along its `way`): not much less than it was."""
    pace = max(dx * way, pace * PACE_KEPT)
    return way * max(dx * way, LEAST_PACE * pace), pace


def come_round(x: float, size: float, width: int) -> float:
    """Where the middle of a thing of that size is when it is at `x` in a picture whose sides are joined outside of it; pixels."""
    out = (0.5 - SEEN) * size  # of its middle, when SEEN of it is still in the picture
    if x < -out:
        return width + out
    return -out if x > width + out else x


def settled(value: np.ndarray, least: float) -> np.ndarray:
    """Nothing below `least`, and no jump there."""
    return np.sign(value) * np.maximum(np.abs(value) - least, 0)

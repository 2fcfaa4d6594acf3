"""Which way it is to another thing, or away from it: a dog that runs to a house runs to where that is, also when a hand has put it
elsewhere, and is there when it is there. Pure functions.
"""

from __future__ import annotations

import numpy as np

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.parsing.wanted import ANYBODY, THERE, Goal
from flowbrush.pipelines.reference.layers import Layer, LayerStack

CLOSE = 0.8
"""Of half their sizes together: who is as near is there. At 1 two round things would stop with a gap between them."""
RIM = 0.06
"""Of the frame, from where on who goes away is as far as it can be: a chunk of the fastest gait takes it no further out."""
ACROSS, DOWN = ("left", "right"), ("up", "down")


def heading(stack: LayerStack, place: int, goal: Goal) -> str:
    """Which way the layer at `place` goes for its `goal`: "left", "right", or "up" and "down" for who rises; THERE for who has come
    there, and where that is in the picture no longer.
    """
    other = _nearest(stack, place, goal.label)
    if other is None:
        return THERE
    layer = stack.layers[place]
    way = _middle(other) - _middle(layer)  # [2]: (x, y) pixels
    if goal.away:
        return _away(layer, way, stack.size)
    near = CLOSE * (np.array(layer.extents) + other.extents) / 2
    if abs(way[0]) > near[0]:
        return ACROSS[int(way[0] > 0)]
    if goal.rises and abs(way[1]) > near[1]:
        return DOWN[int(way[1] > 0)]
    return THERE


def _away(layer: Layer, way: np.ndarray, size: tuple[int, int]) -> str:
    """The side on which the other is not; THERE at the picture's rim."""
    aside, edge, half = ACROSS[int(way[0] <= 0)], size[1], layer.extents[0] / 2
    room = layer.pose.x - half if aside == "left" else edge - half - layer.pose.x
    return aside if room > RIM * edge else THERE


def _nearest(stack: LayerStack, place: int, label: str) -> Layer | None:
    """The nearest other layer of that label that stays; of any that a prompt named where it is ANYBODY's."""
    layer = stack.layers[place]
    others = [
        each
        for at, each in enumerate(stack.layers)
        if at != place
        and each.label
        and not each.leaving
        and label in (ANYBODY, each.label, parted(each.label)[1])
    ]
    return min(others, key=lambda each: float(np.linalg.norm(_middle(each) - _middle(layer))), default=None)


def _middle(layer: Layer) -> np.ndarray:
    return np.array([layer.pose.x, layer.pose.y])

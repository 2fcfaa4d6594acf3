"""Which of the layers that are there a prompt means that calls them by no name: "the red one", "two of them". Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from flowbrush.models.text.colors import COLORS, parted
from flowbrush.models.text.ones import SMALL, Which
from flowbrush.pipelines.reference.layers import Layer, LayerStack

MUCH = 0.25
"""Of a thing's picture: a thing of which so much has a colour is one of that colour."""
SOLID = 0.5


def those_ones(stack: LayerStack, which: Which) -> list[int]:
    """The places of the layers that are meant, from back to front; of "two of them" those in front."""
    named = [place for place, layer in enumerate(stack.layers) if layer.label and not layer.leaving]
    if which.other:  # those that go on with what they were told before: the last prompt said nothing of them
        named = [place for place in named if stack.layers[place].told] or named
    if which.color:
        named = _colored(stack.layers, named, which.color)
    if which.size:
        named.sort(key=lambda place: _area(stack.layers[place]), reverse=which.size == SMALL)
    elif which.side:
        named.sort(key=lambda place: _nearness(stack, place, which.side))
    if which.size or which.side:
        return sorted(named[-(which.most or (len(named) + 1) // 2) :])
    return named[-which.most :]


def _colored(layers: Sequence[Layer], places: Sequence[int], hue: str) -> list[int]:
    """Those that were dyed so, or else those whose pictures are."""
    dyed = [place for place in places if parted(layers[place].label)[0] == hue]
    plain = [place for place in places if not parted(layers[place].label)[0]]
    return dyed or [place for place in plain if _share(layers[place], hue) >= MUCH]


def _share(layer: Layer, hue: str) -> float:
    """How much of a thing's picture comes nearer to that colour than to any other."""
    opacity = layer.rgba[3]
    solid = layer.rgba[:3, opacity > SOLID] / opacity[opacity > SOLID]
    known = torch.tensor(list(COLORS.values()), device=solid.device)
    nearest = torch.cdist(solid.T, known).argmin(1)
    return float((nearest == list(COLORS).index(hue)).float().mean())


def _area(layer: Layer) -> float:
    across, down = layer.extents
    return across * down


def _nearness(stack: LayerStack, place: int, side: str) -> float:
    """The greater the nearer a layer is to a side, or to the middle."""
    x = stack.layers[place].pose.x
    return {"left": -x, "right": x, "middle": -abs(x - stack.size[1] / 2)}[side]

"""Layers for the things that a prompt names, drawn from keyframes. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from torch import Tensor

from flowbrush.models.keyframes import Keyframes
from flowbrush.models.text.colors import COLORS, parted
from flowbrush.pipelines.parsing.wanted import LOOKS_RIGHT
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.recolor import recolored
from flowbrush.pipelines.staging.layout import Placed


def sprite(keyframes: Keyframes, called: str) -> Tensor:
    """The picture [4, s, s] of a thing, in its own colour or the one that its name begins with."""
    color, label = parted(called)
    rgba = keyframes.sprites([label])[0]
    return recolored(rgba, COLORS[color]) if color else rgba


def layer_of(keyframes: Keyframes, placed: Placed, size: tuple[int, int]) -> Layer:
    """The thing that was placed in pictures of `size` (W, H)."""
    rgba = sprite(keyframes, placed.label)
    rgba = rgba.flip(-1) if placed.mirrored else rgba
    looks = "right" if placed.mirrored != (parted(placed.label)[1] in LOOKS_RIGHT) else "left"
    pose = Similarity(placed.size / rgba.shape[-1], placed.angle, placed.x, placed.y)
    return Layer(rgba, placed.label, pose, depth=min(1.0, max(0.0, placed.y / size[1])), looks=looks)


def numbered(layers: Sequence[Layer], there: Sequence[Layer] = ()) -> tuple[Layer, ...]:
    """New layers with numbers that no other of their label has, the lowest first; those that leave need theirs no longer."""
    taken = {(layer.label, layer.number) for layer in there if not layer.leaving}
    made = list[Layer]()
    for layer in layers:
        number = next(each for each in count() if (layer.label, each) not in taken)
        taken.add((layer.label, number))
        made.append(replace(layer, number=number))
    return tuple(made)

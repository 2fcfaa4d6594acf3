"""Which layers a new prompt is said to; those of which it says nothing go on with what they were told before. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Told

Hears = Callable[[Layer], bool]


def everybody(layer: Layer) -> bool:
    return True


def nobody(layer: Layer) -> bool:
    return False


def names(things: Sequence[Wanted]) -> Hears:
    """Whether one of the things is meant by a layer's name; "the red car" is no blue one, though red is what a car is anyway."""
    called = {thing.called for thing in things}
    of_any_color = {thing.called for thing in things if not thing.own_color}
    return lambda layer: layer.label in called or parted(layer.label)[1] in of_any_color


def retold(stack: LayerStack, prompts: Told, hears: Hears) -> LayerStack:
    """The stack under new `prompts` (texts with weights); who does not hear them goes on with those of before."""
    layers = (
        replace(layer, told=() if hears(layer) else layer.told or stack.prompt) for layer in stack.layers
    )
    return replace(stack, prompt=prompts, layers=tuple(layers))

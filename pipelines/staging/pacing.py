"""What prompts change of how things go: faster, slower, the other way. Each goes on with a prompt of its own. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from flowbrush.pipelines.parsing.clauses import ClauseReader, goes, headed, sentence
from flowbrush.pipelines.parsing.wanted import OTHER, Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.staging.facing import mirrored

BACK = {**OTHER, "up": "down", "down": "up"}


def urged(stack: LayerStack, places: Collection[int], reader: ClauseReader, manner: str) -> LayerStack:
    """The stack in which the layers at `places` go on as they go, "fast" or "slow"; their pace of before does not count."""
    return _told(stack, places, reader, lambda thing: replace(thing, manner=manner))


def sent_back(stack: LayerStack, places: Collection[int], reader: ClauseReader) -> LayerStack:
    """The stack in which the layers at `places` go the other way; those that go nowhere turn round where they are."""
    standing = [place for place in places if going(stack.layers[place], reader) is None]
    for place in standing:
        layer = stack.layers[place]
        if (layer.looks or layer.cut) and not layer.held:
            stack = stack.with_layer(place, mirrored(layer))
    return _told(stack, places, reader, _back)


def going(layer: Layer, reader: ClauseReader) -> Wanted | None:
    """What a layer was told that it goes on with, whereto it goes now; None where it goes nowhere."""
    thing = reader.wanted(layer.told, layer.label, layer.number)
    if thing is None or not goes(thing):
        return None
    now = headed(thing, layer.looks if thing.own_way else "")
    return replace(now, label=layer.label, color="")


def _back(thing: Wanted) -> Wanted:
    if thing.goal is not None:
        return replace(thing, goal=replace(thing.goal, away=not thing.goal.away))
    return replace(thing, direction="", toward=BACK.get(thing.way, ""), own_way=False)


def _told(
    stack: LayerStack, places: Collection[int], reader: ClauseReader, change: Callable[[Wanted], Wanted]
) -> LayerStack:
    for place in places:
        layer = stack.layers[place]
        thing = going(layer, reader)
        if thing is not None:
            told = ((sentence(change(thing)), 1.0),)
            stack = stack.with_layer(place, replace(layer, told=told, pace=0.0))
    return stack

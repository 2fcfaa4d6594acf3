"""Which parts of the picture hear which prompt: a thing that words are said of hears these, everything else the whole prompt."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F

from flowbrush.models.device import to_device
from flowbrush.pipelines.animation.drive import PASSED
from flowbrush.pipelines.animation.goals import heading
from flowbrush.pipelines.conditions.controls import Blend, ChunkPlan
from flowbrush.pipelines.conditions.regions import Regions
from flowbrush.pipelines.parsing.clauses import ClauseReader
from flowbrush.pipelines.parsing.wanted import HERE, Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.render import Moved

NOTHING: Blend = (("", 1.0),)
JUMPS, RESTS = "hop", "rest"
TURNS = frozenset({"roll", "spin"})
COVERED = 0.1  # of a token's area: from where on it belongs to the thing there; tokens of 32 pixels hold few things whole


def staying(reader: ClauseReader, stack: LayerStack, plan: ChunkPlan) -> frozenset[int]:
    """The places of the layers that are to stay where they are while others go. What was cut from a photo stays unless it is told
    to go: the side to which it looks is not known, to which the student would have it jump.
    """
    return frozenset(
        place
        for place, layer in enumerate(stack.layers)
        if (reader.rests if layer.told or layer.cut else reader.stays)(
            *asked(reader, stack, place, plan.prompt)
        )
    )


def told(reader: ClauseReader, stack: LayerStack, plan: ChunkPlan) -> frozenset[int]:
    """The places of the layers that are told to do something, and be it to sway."""
    each_asked = (asked(reader, stack, place, plan.prompt) for place in range(len(stack.layers)))
    return frozenset(place for place, each in enumerate(each_asked) if _does(reader, *each))


def _does(reader: ClauseReader, heard: Blend, called: str, number: int, where: str) -> bool:
    thing = reader.wanted(heard, called, number)
    verb = thing.verb if thing else ""
    return verb not in ("", RESTS) or bool(reader.way(heard, called, number, where))


def passing(reader: ClauseReader, stack: LayerStack, plan: ChunkPlan) -> dict[int, str]:
    """The places of the layers that were told to go on and on, and which way: one of PASSED."""
    ways = {
        place: reader.way(*asked(reader, stack, place, plan.prompt))
        for place, layer in enumerate(stack.layers)
        if layer.label
    }
    return {place: way for place, way in ways.items() if way in PASSED}


def chases(reader: ClauseReader, stack: LayerStack, plan: ChunkPlan) -> dict[int, str]:
    """The places of the layers that go as others go, which they chase or meet, or which chase them, and the name of that chase."""
    wanted = {
        place: reader.wanted(*asked(reader, stack, place, plan.prompt)[:3])
        for place, layer in enumerate(stack.layers)
        if layer.label
    }
    return {place: thing.chase for place, thing in wanted.items() if thing is not None and thing.chase}


def going_off(reader: ClauseReader, stack: LayerStack, plan: ChunkPlan) -> frozenset[int]:
    """The places of the layers that were told to go off the picture, and not to come back."""
    wanted = {
        place: reader.wanted(layer.told or plan.prompt, layer.label, layer.number)
        for place, layer in enumerate(stack.layers)
        if layer.label
    }
    return frozenset(place for place, thing in wanted.items() if thing is not None and thing.goes_off)


def upright(reader: ClauseReader, stack: LayerStack, plan: ChunkPlan) -> frozenset[int]:
    """The places of the layers that were cut from a photo and are not told to turn over."""
    cut = [place for place, layer in enumerate(stack.layers) if layer.cut]
    wanted = {place: reader.wanted(*asked(reader, stack, place, plan.prompt)[:3]) for place in cut}
    return frozenset(place for place, thing in wanted.items() if thing is None or thing.verb not in TURNS)


def asked(reader: ClauseReader, stack: LayerStack, place: int, prompts: Blend) -> tuple[Blend, str, int, str]:
    """What the reader is asked of a layer: the prompts that it hears, its name and number, and where it goes now if they tell it
    to go to another, or no way. What was cut from a photo has no name: it hears what is said of nobody else who is there.
    """
    layer = stack.layers[place]
    heard = layer.told or (prompts if layer.label or not _is_of_others(reader, stack, prompts) else NOTHING)
    thing = reader.wanted(heard, layer.label, layer.number)
    own_way = _own_way(layer, thing) if thing and thing.own_way else ""
    where = heading(stack, place, thing.goal) if thing and thing.goal else own_way
    return heard, layer.label, layer.number, where


def _own_way(layer: Layer, thing: Wanted) -> str:
    """Which way it goes that is told none: to where it looks. Of what was cut from a photo nobody knows where it looks, and it
    jumps where it is.
    """
    return HERE if layer.cut and thing.verb == JUMPS else layer.looks


def _is_of_others(reader: ClauseReader, stack: LayerStack, prompts: Blend) -> bool:
    """Whether prompts name anything that is there."""
    named = (reader.wanted(prompts, each.label, each.number) for each in stack.layers if each.label)
    return any(thing is not None and thing.label for thing in named)


def regions(reader: ClauseReader, moved: Moved, plan: ChunkPlan, patch: int) -> Regions | None:
    """The regions of a chunk, whose tokens are `patch` x `patch` cells; None where all things hear the same. Who sits on another
    hears what that one is told: a horse whose rider is told of itself walks half as fast.
    """
    plans, own = [plan], list[int]()
    carriers = moved.stack.carriers()
    for place in range(len(moved.stack.layers)):
        hears = carriers.get(place, place)
        prompt, source = (
            reader.own(*asked(reader, moved.stack, hears, prompts)) for prompts in (plan.prompt, plan.source)
        )
        same = [at for at, each in enumerate(plans) if (each.prompt, each.source) == (prompt, source)]
        own.append(same[0] if same else len(plans))
        if not same:
            plans.append(replace(plan, prompt=prompt, source=source))
    if len(plans) == 1:
        return None
    opacity = F.avg_pool2d(moved.own[None], patch)[0].flatten(1)  # [layers, N]
    most, layer_at = opacity.max(0)
    said = to_device(torch.tensor(own), opacity.device)[layer_at]
    return Regions(tuple(plans), torch.where(most > COVERED, said, 0))

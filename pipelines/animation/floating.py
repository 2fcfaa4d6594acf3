"""Who floats on the water of a scene: the student, in whose world all else stands on the ground, has it sink to the shore else."""

from __future__ import annotations

from flowbrush.models.keyframes import Ground
from flowbrush.pipelines.animation.hearing import asked
from flowbrush.pipelines.conditions.controls import ChunkPlan
from flowbrush.pipelines.parsing.clauses import ClauseReader
from flowbrush.pipelines.parsing.wanted import IN_PLACE
from flowbrush.pipelines.parsing.waters import LEAPS
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.staging.layout import FLOATS

RISES_OR_SINKS = frozenset({"up", "down", IN_PLACE})


def floating(reader: ClauseReader, stack: LayerStack, plan: ChunkPlan, ground: Ground) -> frozenset[int]:
    """The places of the layers that are on the water of `ground` and come neither up nor down there: none where they are told to,
    or hang above it, where a hand has put them.
    """
    water, found = ground.water, set[int]()
    for place, layer in enumerate(stack.layers if water and water[0] > 0 else ()):
        prompts, called, number, _ = asked(reader, stack, place, plan.prompt)
        thing = reader.wanted(prompts, called, number)
        highest = water[0] * stack.size[0] - FLOATS * layer.extents[1] - 1 if water else 0.0
        if (
            thing is not None
            and thing.home == "afloat"
            and thing.verb not in LEAPS
            and not {thing.direction, thing.toward} & RISES_OR_SINKS
            and layer.pose.y >= highest
        ):
            found.add(place)
    return frozenset(found)

"""Who a prompt puts on water: what swims, or is said to be on a lake or in the sea. Pure functions.

Such things stand in the rows of a sea where the scene has one, and a prompt that names no scene has one for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbrush.models.text.pocket import Meaning
from flowbrush.models.text.scenes import WATERS
from flowbrush.pipelines.parsing.deeds import ROOTED
from flowbrush.pipelines.parsing.wanted import Wanted

SWIMS = frozenset({"swim", "sail"})
ONTO = frozenset("on in into onto across through".split())
LEAPS = frozenset({"hop", "bounce", "fly", "fall"})  # what is seen above the water
ADJECTIVES = 2  # words between "in the" and "sea": "in the deep blue sea"


def on_water(things: Sequence[Wanted], said: Sequence[Meaning]) -> list[Wanted]:
    """The things, those of the ground that a prompt puts on water afloat."""
    there = _in_waters(said)
    return [
        replace(thing, home="afloat")
        if thing.home == "ground"
        and thing.label not in ROOTED
        and (thing.verb in SWIMS or thing.label in there)
        else thing
        for thing in things
    ]


def scene_of(things: Sequence[Wanted]) -> str | None:
    """The scene for things that all live in water, or on it; None where some do neither. Who is on another is where that is."""
    homes = {thing.home for thing in things if not thing.on}
    if homes == {"water"} and not any(thing.on for thing in things):
        return "under water"
    return "beach" if homes and homes <= {"water", "afloat"} else None


def _in_waters(said: Sequence[Meaning]) -> frozenset[str]:
    """The names of the things that are said to be on or in waters: of those named before, the last."""
    there, last = set[str](), ""
    for place, meaning in enumerate(said):
        if meaning.kind == "thing":
            last = meaning.name
        elif meaning.word in ONTO and last:
            following = said[place + 1 : place + 3 + ADJECTIVES]
            near = [each.word for each in following if each.kind != "thing"]
            if near and near[0] in ("a", "the", "an") and not WATERS.isdisjoint(near):
                there.add(last)
    return frozenset(there)

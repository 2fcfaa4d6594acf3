"""Where a thing is as another tells: "a cat next to a dog", "a dog behind a tree", "put the ball in front of the house". Pure
functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.deeds import mentions_of
from flowbrush.pipelines.parsing.wanted import BEFORE, BEHIND, BESIDE, Wanted

_PLACES = re.compile(
    r"\b(?:(?P<beside>next to|beside|besides|near|close to|alongside|by the side of)|(?P<before>in front of)|(?P<behind>behind))"
    r"(?: (?:the|a|an|my|his|her|its|their|another|big|small|large|little|huge|tiny))*$"
)


def with_neighbours(things: Sequence[Wanted], said: Sequence[Meaning]) -> list[Wanted]:
    """The things, each of those that are said to be `near` another with that one's label. Who goes to it is on its way there, and
    several of a kind are everywhere.
    """
    placed = list(things)
    for one, other in pairwise(mentions_of(said)):
        between = said[one.last + 1 : other.first]
        found = _PLACES.search(" ".join(each.word for each in between))
        names = said[one.last].name, said[other.last].name
        place = next((at for at, thing in enumerate(placed) if thing.label == names[0]), None)
        if found is None or place is None or names[0] == names[1] or not all(each.joined for each in between):
            continue
        thing = placed[place]
        if thing.count == 1 and not (thing.way or thing.on or thing.goal or thing.side):
            where = BESIDE if found["beside"] else BEFORE if found["before"] else BEHIND
            placed[place] = replace(thing, near=(where, names[1]))
    return placed

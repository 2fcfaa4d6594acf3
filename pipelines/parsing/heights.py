"""Where things are that a prompt puts up or down: what its words say, and what can be shown of it. Pure functions.

What flies, swims or floats goes where it is said. What stands on the ground, or floats on a sea, stays there: at the bottom it is
near, at the top it cannot be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from flowbrush.models.text.places import PLACE, said_of
from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.phrases import put_together
from flowbrush.pipelines.parsing.wanted import BEFORE, Wanted

FREE = frozenset({"fly", "float", "fall"})
"""Deeds with which a thing is in the air."""

LEAP = "hop"
"""The deed whose "over" is a way, and no place: who jumps over a house comes down behind it."""

SHELTERS = frozenset({"tree", "pine tree", "palm tree", "umbrella"})
"""What others are under that stand on the ground before it."""


def marked(said: Sequence[Meaning]) -> list[Meaning]:
    """A prompt's words with those for places up or down put together: "in the top left corner" is a height and a side."""

    def place(found: re.Match[str], first: int, after: int) -> list[Meaning]:
        return [
            Meaning(found[0], kind, name, bool(number) or said[first].joined)
            for number, (kind, name) in enumerate(said_of(found))
        ]

    return put_together(said, PLACE, place)


def in_their_places(things: Sequence[Wanted]) -> list[Wanted]:
    """The things with the heights that are said of them or follow from what they are above or below; what cannot be is unheeded.

    Two things of which one is above the other stand in one line.
    """
    placed = list(things)
    for at, thing in enumerate(placed):
        relation, label = thing.relation
        others = [other for other, each in enumerate(placed) if each.label == label and other != at]
        if others:
            over, under = (at, others[0]) if relation == "above" else (others[0], at)
            if _can_rise(placed[over]):
                placed[over], placed[under] = _in_line(placed[over], placed[under])
            elif placed[over].home == "afloat" and placed[under].home == "water":
                placed[under] = replace(placed[under], height=placed[under].height or "bottom")
            elif relation == "below" and label in SHELTERS and thing.home == "ground" and thing.count == 1:
                placed[at] = replace(thing, near=(BEFORE, label))
            elif relation == "below" or thing.verb != LEAP:
                placed[at] = _stays(placed[at], f"{relation} the {label}")
    return _united([_stays(thing, "at the top") if _is_stuck(thing) else thing for thing in placed])


def _united(things: Sequence[Wanted]) -> list[Wanted]:
    """The things, those as one of which all is alike but what is left out: of "a panda overhead and a panda" there are two."""
    united: dict[Wanted, Wanted] = {}
    for thing in things:
        alike = replace(thing, count=1, unheeded=())
        one = united.get(alike, replace(alike, count=0))
        united[alike] = replace(
            one, count=one.count + thing.count, unheeded=tuple(dict.fromkeys(one.unheeded + thing.unheeded))
        )
    return list(united.values())


def _can_rise(thing: Wanted) -> bool:
    return thing.home in ("air", "water") or thing.verb in FREE


def _is_stuck(thing: Wanted) -> bool:
    return thing.height == "top" and not _can_rise(thing)


def _stays(thing: Wanted, place: str) -> Wanted:
    where = "the ground" if thing.home == "ground" else "the water"
    why = f"a {thing.called} stays on {where}: {place!r} is left out"
    return replace(thing, height="", unheeded=(*thing.unheeded, why))


def _in_line(over: Wanted, under: Wanted) -> tuple[Wanted, Wanted]:
    alone = over.count == under.count == 1
    side = over.side or under.side or ("middle" if alone else "")
    return (
        replace(over, height=over.height or "top", side=over.side or side),
        replace(under, height=under.height or "bottom", side=under.side or side),
    )

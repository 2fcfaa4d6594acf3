"""How many of each thing are to be there. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from flowbrush.pipelines.parsing.wanted import Wanted


def counted(things: Sequence[Wanted]) -> dict[str, int]:
    """How many there are to be of each thing, by its name with its colour."""
    counts: Counter[str] = Counter()
    for thing in things:
        counts[thing.called] += thing.count
    return dict(counts)


def of_counts(things: Sequence[Wanted], counts: Counter[str]) -> list[Wanted]:
    """As many of the things as there are to be of each name."""
    left, wanted = Counter(counts), list[Wanted]()
    for thing in things:
        count = min(thing.count, left[thing.called])
        left[thing.called] -= count
        if count:
            wanted.append(replace(thing, count=count))
    return wanted


def of_room(things: Sequence[Wanted], room: int) -> list[Wanted]:
    """The first of the things that there is room for."""
    wanted = list[Wanted]()
    for thing in things:
        if room > 0:
            wanted.append(replace(thing, count=min(thing.count, room)))
        room -= thing.count
    return wanted

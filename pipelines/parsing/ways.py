"""Which way things go of which a prompt says only that they go, or to whom: "a horse gallops", "a dog runs to a tree", "a cat
chases a dog". Pure functions.

Told no way, the student's own is the mean of all: most things hardly leave their place, and those that do stand at the rim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from flowbrush.models.text.colors import color
from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.deeds import BY, ENDS, Mention, mentions_of, said_of_next
from flowbrush.pipelines.parsing.wanted import LOOKS_RIGHT, OTHER, Goal, Wanted

TRAVELS = frozenset("walk run hop waddle crawl roll fly swim sail drive".split())
"""Deeds with which one goes from where one is, whether or not a way is said; what bounces or floats need not."""
TO = frozenset("to towards toward into at onto past for behind under".split())
AFTER = frozenset({"after"})
"""Who runs after another chases it."""
OVER = frozenset({"over"})
"""Where to one goes that jumps; what flies over something is above it."""
FROM = frozenset({"from"})
AWAY = frozenset("away off".split())
"""Where to one goes that floats: a balloon that floats, and no more, stays where it is."""
PAST = OVER | {"past"}
"""Who goes so to another goes on from there."""
LEVEL = frozenset({"fly", "swim"})
"""Deeds with which a thing goes to a side at the height at which it is, and up and down to others."""


class _Who(NamedTuple):
    """A thing as a prompt mentions it: its name, and its colour if that is said."""

    label: str
    color: str = ""


class _Named(NamedTuple):
    """That a prompt names the `doer` as going to the `other` thing, or `away` from it, or on `past` it, or as driving it before
    itself.
    """

    doer: _Who
    other: _Who
    away: bool = False
    past: bool = False
    driven: bool = False


def with_ways(things: Sequence[Wanted], said: Sequence[Meaning]) -> list[Wanted]:
    """The things with the ways that those go of which `said` names none: to where another is whose name follows, with that one
    where it is chased, else to where there is room on their side, or where such things look.
    """
    ways = _facing(list(things), said)
    for goal in _goals(said):
        pair = [_place(ways, who) for who in (goal.doer, goal.other)]
        if None not in pair and pair[0] != pair[1]:
            doer, other = (ways[place] for place in pair if place is not None)
            if _is_open(doer):
                doer, other = _towards(doer, other, goal)
                ways[pair[0]], ways[pair[1]] = doer, other  # type: ignore[index]
    away = any(each.word in AWAY for each in said)
    return [
        replace(each, toward=_own_way(each), own_way=True)
        if _is_open(each) or (away and _drifts(each))
        else each
        for each in ways
    ]


def _is_open(thing: Wanted) -> bool:
    return thing.verb in TRAVELS and not (thing.direction or thing.toward or thing.on)


def _drifts(thing: Wanted) -> bool:
    return thing.verb == "float" and not (thing.direction or thing.toward or thing.on)


def _own_way(thing: Wanted) -> str:
    return OTHER.get(thing.side) or ("right" if thing.label in LOOKS_RIGHT else "left")


def _towards(doer: Wanted, other: Wanted, goal: _Named) -> tuple[Wanted, Wanted]:
    """Both on their sides of the picture, which are those of their names in the prompt if it says no other."""
    other_side = other.side or OTHER.get(doer.side, "middle" if goal.driven else "right")
    own_side = doer.side or OTHER.get(other_side, "left")
    way = OTHER.get(own_side) or (other_side if other_side in OTHER else _own_way(doer))
    if goal.away:
        way = OTHER.get(way, way)
        own_side = doer.side or "middle"  # with room to run
    to = None if goal.driven or goal.past else goal_of(doer, other.called, goal.away)
    doer = replace(doer, side=own_side, toward=way, goal=to)
    if goal.driven:  # it flees, as such things go
        other = replace(
            other, verb=_gait(other), toward=other.toward if other.way else way, chase=other.label
        )
        doer = replace(doer, chase=other.label)
    return replace(doer, verb=_gait(doer) if goal.driven else doer.verb), replace(other, side=other_side)


def _gait(thing: Wanted) -> str:
    """What it does to get away: who lives in the air or in water does not run there."""
    return thing.gait if thing.home in ("air", "water") else thing.verb


def _goals(said: Sequence[Meaning]) -> list[_Named]:
    """What a prompt says of whom others go to; of each verb one for each of those that do it."""
    goals, doers, begin = list[_Named](), list[_Who](), 0
    for place, meaning in enumerate(said):
        if meaning.kind != "verb" or said_of_next(said, place) is not None:
            continue
        doers = [_who(said, each) for each in mentions_of(said) if begin <= each.first < place] or doers
        begin = place + 1
        to = TO | OVER if meaning.name == "hop" else TO
        found = (_goal(doer, said, place + 1, to) for doer in doers)
        goals += [goal for goal in found if goal is not None]
    return goals


def _who(said: Sequence[Meaning], mention: Mention) -> _Who:
    begin = next(
        place for place in range(mention.first, -1, -1) if not place or not _is_shade(said[place - 1])
    )
    colors = [color(each.word) for each in said[begin : mention.last + 1]]
    return _Who(said[mention.last].name, next(filter(None, colors), ""))


def _is_shade(meaning: Meaning) -> bool:
    """Whether a word before a name says what such a thing is like."""
    return bool(color(meaning.word)) or meaning.kind == "size"


def _goal(doer: _Who, said: Sequence[Meaning], begin: int, to: frozenset[str]) -> _Named | None:
    """Whom the words behind a verb, from `begin` on, name as the one that `doer` goes to, with one of the words `to`, or else from,
    or drives.
    """
    link, away = "", None
    mentions = {each.first: each for each in mentions_of(said)}
    for place in range(begin, len(said)):
        each = said[place]
        if each.word in to | FROM | AFTER:
            link = each.word
        elif (
            not each.joined
            or each.word in BY | ENDS
            or (each.kind not in ("", "size", "count", "manner", "thing") and not _tells_apart(each))
        ):
            break
        elif place in mentions and link in FROM:
            away = away or _Named(doer, _who(said, mentions[place]), away=True)
        elif place in mentions and (link or not away):
            other = _who(said, mentions[place])
            return _Named(doer, other, past=link in PAST, driven=not link or link in AFTER)
    return away


def _tells_apart(meaning: Meaning) -> bool:
    """Whether a word says which one is meant by what it does: "to a burning house"."""
    return meaning.kind == "verb" and meaning.word.endswith("ing")


def _facing(things: list[Wanted], said: Sequence[Meaning]) -> list[Wanted]:
    """Those that go to or from each other: the first two of what goes, or two of a kind."""
    way = each_other(said)
    going = [place for place, thing in enumerate(things) if _is_open(thing)]
    if not way or not going:
        return things
    if things[going[0]].count == 2:
        things.insert(going[0], replace(things[going[0]], count=1))
        things[going[0] + 1] = replace(things[going[0]])
        going = [going[0], going[0] + 1]
    pair = going[:2]
    others = [things[place].called for place in reversed(pair)]
    for place, side, other in zip(pair, OTHER, others, strict=False):
        toward = OTHER[side] if way == "to" else side
        to = goal_of(things[place], other, way == "from")
        side = side if way == "to" else things[place].side  # who part begin near each other, with room to go
        chase = things[pair[0]].label
        things[place] = replace(things[place], side=side, toward=toward, goal=to, chase=chase)
    return things


def goal_of_all(thing: Wanted, said: Sequence[Meaning]) -> Wanted:
    """What stands for all that there is, with the one that all go to: "they run to the house"."""
    verb = next((place for place, each in enumerate(said) if each.kind == "verb"), len(said))
    named = _goal(_Who(""), said, verb + 1, TO)
    if named is None or named.driven or named.past or not _is_open(thing):
        return thing
    return replace(thing, toward=OTHER["right"], goal=goal_of(thing, _called(named.other), named.away))


def _called(who: _Who) -> str:
    return f"{who.color} {who.label}".strip()


def goal_of(thing: Wanted, other: str, away: bool) -> Goal:
    """That the thing goes to the other one of that label, or away from it."""
    return Goal(other, away, thing.verb in LEVEL)


def each_other(said: Sequence[Meaning]) -> str:
    """ "to" where things go to each other, "from" where they part, "" where neither is said."""
    for place, meaning in enumerate(said):
        other = [each.word for each in said[place + 1 : place + 3]]
        if other in (["each", "other"], ["one", "another"]) and meaning.word in TO | FROM:
            return "from" if meaning.word in FROM else "to"
    return ""


def _place(things: Sequence[Wanted], who: _Who) -> int | None:
    """Which of the things is meant: the first of that colour (a red car that was learned so has none), or that is called so."""
    alike = [place for place, thing in enumerate(things) if thing.label == who.label]
    dyed = [place for place in alike if things[place].color == who.color]
    own = [place for place in alike if things[place].own_color]
    return next(iter(dyed or own or alike), None)

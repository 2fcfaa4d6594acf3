"""From prompts to what they name: which scene, which things, how many, how large, on which side, and what they do.

The text encoder says what each word names. Pure functions of their arguments.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from flowbrush.models.keyframes import Keyframes
from flowbrush.models.text.daytimes import is_by_day
from flowbrush.models.text.edits import ADD, GO, REMOVE, REPLACE, Edit, edited, first_asked
from flowbrush.models.text.lights import clears, skies
from flowbrush.models.text.ones import Which, which
from flowbrush.models.text.pocket import Meaning, PocketText
from flowbrush.models.text.scenery import is_of_scenery
from flowbrush.models.text.scenes import is_in_water, scene_near
from flowbrush.models.text.words import words
from flowbrush.pipelines.conditions.controls import Blend
from flowbrush.pipelines.parsing.departures import departed, goes_off, with_departures
from flowbrush.pipelines.parsing.heights import in_their_places
from flowbrush.pipelines.parsing.later import now_and_later
from flowbrush.pipelines.parsing.naming import things_named
from flowbrush.pipelines.parsing.neighbours import with_neighbours
from flowbrush.pipelines.parsing.seating import seated
from flowbrush.pipelines.parsing.skies import with_skies
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.parsing.waters import LEAPS, on_water, scene_of
from flowbrush.pipelines.parsing.ways import with_ways

HEARD = 0.15  # weight of a prompt from which on its things are there
THEM = frozenset("it its they them he him she her".split())
ONE = frozenset("it him her he she".split())
"""Words for a single one of them."""
WHOM = frozenset("it them him".split())
"""Words for those that are there in a prompt that names one new thing: "a bird flies over it"."""
_ABSENT = re.compile(r"\W*(?:there\s+(?:is|are)\s+)?no\s+(?!more\b)", re.IGNORECASE)
EMPTY = frozenset("empty deserted abandoned lonely bare nothing nobody".split())
"""Words for a scene in which nothing is to be; of any other that is named alone all that is there goes to it."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What prompts name together, what they say of it, and what they want changed."""

    scene: str | None = None
    """the scene they name, or that its things live in; None where there is none, or what comes is added to what is there"""
    placed: bool = False
    """whether their words name it"""
    things: tuple[Wanted, ...] = ()
    """in their order"""
    later: tuple[str, ...] = ()
    """the words with which they begin to say what is to be done next ("then", "add a"), which is left out"""

    edit: Edit | None = None
    """what they want changed of what is there, instead of saying what there is"""
    instead: tuple[Wanted, ...] = ()
    """the things that are to come in place of others"""

    of_what_is_there: bool = False
    """whether they name neither scene nor things: "it runs to the left", "heavy rain", or what is not known"""
    tells_deeds: bool = False
    """whether they say what anybody does"""
    of_them: bool = False
    """whether they say it of those that are there, before they name any ("it runs to the house")"""
    of_one: bool = False
    """whether they speak of a single one ("it", "him")"""
    which: Which | None = None
    """which ones are meant that they call by no name ("the red one")"""

    weather: tuple[str, ...] = ()
    """of "rain", "snow", "wind", "fog" and "clouds" what they say is there"""
    clears: bool = False
    """whether they say that a weather is over"""
    by_day: bool = False
    """whether they say that it is day, and no scene"""
    light: str | None = None
    """the time of day in whose light the scene is to be ("a road at night")"""
    of_scenery: bool = False
    """whether they say something of what is no thing, as the sky"""

    @property
    def of_known(self) -> bool:
        """Whether any of the things is named as one that is known: "the dog runs"."""
        return any(thing.definite for thing in self.things)


class _Said(NamedTuple):
    """What one prompt says; `placed` where its words name a scene and `empty` where nothing is to be in it."""

    scene: str | None
    things: list[Wanted]
    weather: list[str]
    later: str
    edit: Edit | None
    placed: bool
    empty: bool
    by_day: bool
    beside_them: bool
    tells_deeds: bool
    of_them: bool
    light: str | None
    of_one: bool


def describe(prompts: Blend, text: PocketText, keyframes: Keyframes) -> Description:
    """What weighted prompts name together: the things of all that are heard, those of heavier ones first, and the scene of the
    heaviest one that has one. An encoder that was trained without concepts names nothing.
    """
    if not text.concepts:
        return Description()
    heavier_first = sorted(prompts, key=lambda each: -each[1])
    heard = [_said(prompt, text, keyframes) for prompt, _ in heavier_first]
    things: list[Wanted] = []
    for each, (_, weight) in zip(heard, heavier_first, strict=True):
        things = _united(things, each.things) if weight >= HEARD else things
    first = [first_asked(prompt)[0] for prompt, _ in prompts]
    over = any(map(clears, first))
    scene = None if over else next((each.scene for each in heard if each.scene), None)
    placed = not over and any(each.placed for each in heard)
    edit = None if over and not things else next((each.edit for each in heard if each.edit), None)
    if edit is not None and edit.kind == REMOVE and not things and any(map(_ABSENT.match, first)):
        edit = None  # "no people": nobody knows whether there are any
    instead: list[Wanted] = []
    if edit is not None and edit.kind == REPLACE:
        instead, elsewhere = _instead(edit.instead, text, keyframes)
        if elsewhere and not instead:  # "turn it into a beach"
            edit, scene, placed = Edit(GO), elsewhere, True
    of_what_is_there = not scene and not things and (edit is None or edit.kind == GO)
    if edit is not None and edit.kind == GO and (things or not scene):
        edit = None  # "now a dog runs", "make it jump"
    if edit is None and scene and not things and not any(each.empty for each in heard):
        edit = Edit(GO)
    if edit is None and things and any(each.beside_them for each in heard):
        edit = Edit(ADD)
    return Description(
        scene=scene if placed or edit is None else None,  # what is added comes to where the others are
        placed=placed,
        things=tuple(things),
        later=tuple(each.later for each in heard if each.later),
        edit=edit,
        instead=tuple(instead),
        of_what_is_there=of_what_is_there,
        tells_deeds=any(each.tells_deeds for each in heard) and not (over and not things),
        of_them=any(each.of_them for each in heard),
        of_one=any(each.of_one for each in heard),
        weather=() if over else tuple(dict.fromkeys(name for each in heard for name in each.weather)),
        clears=over,
        by_day=not placed and any(each.by_day for each in heard),
        light=next((each.light for each in heard if each.scene), None),
        of_scenery=any(map(is_of_scenery, first)),
        which=None if things else next(filter(None, map(which, first)), None),
    )


def _said(prompt: str, text: PocketText, keyframes: Keyframes) -> _Said:
    prompt, second = first_asked(prompt)
    said, later = now_and_later(with_departures(with_skies(text.read(prompt))))
    written = text.written(prompt)
    named = [departed(thing) for thing in things_named(said, text)]
    things = with_neighbours(with_ways(_known(named, said, keyframes), said), said)
    if goes_off(prompt):
        things = [
            replace(each, goes_off=each.definite and bool(each.way) and not each.goal) for each in things
        ]
    return _Said(
        scene=_scene(written, things, keyframes),
        things=things,
        weather=[*(each.name for each in said if each.kind == "weather"), *skies(prompt)],
        later=later or second,
        edit=edited(prompt)[1],
        placed=scene_near(written) is not None,
        empty=any(each.word in EMPTY for each in said),
        by_day=is_by_day(prompt),
        beside_them=len(things) == 1 and not things[0].definite and any(each.word in WHOM for each in said),
        tells_deeds=any(each.kind in ("verb", "direction") for each in said),
        of_them=is_of_them(said),
        light=text.light(prompt),
        of_one=not ONE.isdisjoint(words(prompt)),
    )


def _instead(words: str, text: PocketText, keyframes: Keyframes) -> tuple[list[Wanted], str | None]:
    """The things that are to come in place of others, and the scene that the words for them name."""
    said = text.read(words)
    return _known(things_named(said, text), said, keyframes), scene_near(text.written(words))


def is_of_them(said: Sequence[Meaning]) -> bool:
    """Whether "it" or "they" do something before anything is named."""
    named = next((place for place, each in enumerate(said) if each.kind == "thing"), len(said))
    before = said[:named]
    return (
        before != said
        and any(each.word in THEM for each in before)
        and any(each.kind == "verb" for each in before)
    )


def _known(things: Sequence[Wanted], said: Sequence[Meaning], keyframes: Keyframes) -> list[Wanted]:
    """Those that there are sprites of, with their homes, and in the places that these leave them."""
    catalogue = keyframes.catalogue
    homes = dict(zip(catalogue.things, catalogue.homes, strict=True))
    known = [replace(thing, home=homes[thing.label]) for thing in things if thing.label in homes]
    placed = seated(on_water(known, said), said)
    return in_their_places([thing for thing in placed if thing.label in homes])


def _united(things: list[Wanted], more: Sequence[Wanted]) -> list[Wanted]:
    """`things`, and of `more` what they lack of each label."""
    there = Counter[str]()
    for thing in things:
        there[thing.called] += thing.count
    united = list(things)
    for thing in more:
        lacking = max(0, thing.count - there[thing.called])
        there[thing.called] -= thing.count - lacking
        if lacking:
            united.append(replace(thing, count=lacking))
    return united


def _scene(prompt: str, things: Sequence[Wanted], keyframes: Keyframes) -> str | None:
    """The scene that the prompt names, or one that it is near to, or that all its things live in: a fish in the sea is under water,
    unless it jumps.
    """
    scene, lived_in = scene_near(prompt), scene_of(things)
    dives = (
        lived_in == "under water" and is_in_water(prompt) and all(thing.verb not in LEAPS for thing in things)
    )
    scene = lived_in if dives else scene or lived_in
    return scene if scene in keyframes.catalogue.scenes else None

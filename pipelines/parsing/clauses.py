"""What prompts say of each thing, as a prompt of its own: in "a dog runs to the left, a cat sleeps" no dog is told to sleep."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from flowbrush.models.text.colors import parted
from flowbrush.models.text.pocket import Meaning, PocketText
from flowbrush.pipelines.conditions.controls import Blend
from flowbrush.pipelines.parsing.deeds import DEEDS, ROOTED, is_of_strangers, without_to_and_fro
from flowbrush.pipelines.parsing.departures import goes_off
from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.skies import SKY, with_skies
from flowbrush.pipelines.parsing.wanted import HERE, IN_PLACE, THERE, Wanted
from flowbrush.pipelines.parsing.ways import LEVEL, goal_of_all, with_ways

T = TypeVar("T")

KEPT = 64  # prompts whose clauses are remembered
WAYS = {"left": "to the left", "right": "to the right"}
HOW = {"slow": "slowly", "fast": "quickly"}
IRREGULAR = {"fly": "flies"}

GOES = frozenset("walk run hop waddle crawl roll bounce fly swim sail drive float".split())
"""Deeds with which a thing comes to another place across the picture."""

BY_NAME = frozenset({"drive"})
"""Deeds that the student knows of those whose name it hears: told "it drives to the left" a car stands still. All others it does
as well as "it", and walks and gallops even faster.
"""

RISES = frozenset("fly swim float".split())
"""Deeds with which it goes on upwards; what jumps up comes down again."""


class Clause(NamedTuple):
    """What is said of one thing, and whether it goes anywhere by it."""

    text: str
    goes: bool


Clauses = dict[str, tuple[Clause, ...]]
"""The name of things, as layers are labelled, and for each of them in their order what is said of it."""


class _Told(NamedTuple):
    """What a prompt tells each thing, which way it is to go on, and what it wants of it; `of_all`, `way_of_all` and `wanted_of_all`
    where it names none, and `named_of_all` what one of them hears behind its own name instead. Where
    `others_rest` it says nothing of those that it does not name: of "the cat jumps" the dog hears nothing.
    """

    clauses: Clauses
    ways: Mapping[str, tuple[str, ...]]
    of_all: Clause | None = None
    named_of_all: Clause | None = None
    way_of_all: str = ""
    others_rest: bool = False
    wanted: Mapping[str, tuple[Wanted | None, ...]] = MappingProxyType({})
    wanted_of_all: Wanted | None = None
    goes: Mapping[str, tuple[bool, ...]] = MappingProxyType({})
    all_go: bool = False


ROOTS: Clauses = {name: (Clause(f"a {name}", False),) for name in ROOTED}
"""What goes nowhere hears of no "it runs to the left"."""


class ClauseReader:
    """The clauses of prompts, the latest KEPT of them remembered.

    Who goes to another is asked for with a `heading`: where that other is now (see `goals.heading`), and who is told no way with
    the side to which it looks; "" for the way that the prompt puts it.
    """

    def __init__(self, text: PocketText, describe: Callable[[Blend], Description]) -> None:
        self.text, self.describe = text, describe
        self.known: OrderedDict[tuple[str, str], _Told] = OrderedDict()

    def clauses(self, prompt: str) -> Clauses:
        """What is said of each thing; nothing where all of a prompt is said of all of them."""
        return self._told(prompt).clauses

    def wanted(self, prompts: Blend, called: str, number: int) -> Wanted | None:
        """What is wanted of thing `number` of those `called` so, by the first prompt that says whereto, or at all."""
        told = [self._told(text) for text, _ in prompts]
        each = [_said_of(one.wanted, called, number, one.wanted_of_all) for one in told]
        named = [thing for thing in each if thing is not None]
        return next((thing for thing in named if thing.goal), next(iter(named), None))

    def way(self, prompts: Blend, called: str, number: int, heading: str = "") -> str:
        """Which way thing `number` of those `called` so is told to go, by the first prompt that says one; "" where none does."""
        for text, _ in prompts:
            told = self._told(text, heading)
            if way := _said_of(told.ways, called, number, told.way_of_all):
                return way
        return ""

    def own(self, prompts: Blend, called: str, number: int, heading: str = "") -> Blend:
        """The prompts as thing `number` of those `called` so hears them."""
        own = [(self._own(text, called, number, heading), text, weight) for text, weight in prompts]
        return tuple((clause.text if clause else text, weight) for clause, text, weight in own)

    def stays(self, prompts: Blend, called: str, number: int, heading: str = "") -> bool:
        """Whether the prompts say of others where they go, and nothing the like of thing `number` of those `called` so."""
        own = [self._own(text, called, number, heading) for text, _ in prompts]
        return bool(own) and all(clause is not None and not clause.goes for clause in own)

    def rests(self, prompts: Blend, called: str, number: int, heading: str = "") -> bool:
        """Whether no prompt says that thing `number` of those `called` so goes anywhere."""
        told = [self._told(text, heading) for text, _ in prompts]
        return not any(_said_of(each.goes, called, number, each.all_go) for each in told)

    def _own(self, prompt: str, called: str, number: int, heading: str) -> Clause | None:
        told, kind = self._told(prompt, heading), parted(called)[1]
        clause = _said_of(told.clauses, called, number, None)
        if clause is None and kind and told.others_rest:
            return Clause(f"a {kind}", False)
        if clause is None and kind and told.named_of_all:
            return Clause(f"a {kind} {told.named_of_all.text}", told.named_of_all.goes)
        return clause or told.of_all

    def _told(self, prompt: str, heading: str = "") -> _Told:
        key = prompt, heading
        if key not in self.known:
            self.known[key] = self._read(prompt, heading)
            if len(self.known) > KEPT:
                self.known.popitem(last=False)
        self.known.move_to_end(key)
        return self.known[key]

    def _read(self, prompt: str, heading: str) -> _Told:
        told = self.describe(((prompt, 1.0),))
        said = with_skies(self.text.read(prompt)) if told.things or told.of_what_is_there else []
        if (told.of_what_is_there and said) or (told.of_known and told.of_them):
            return _told_of_all(prompt, said, heading)
        things = [headed(thing, heading) for thing in told.things]
        own = is_shared(things) or is_of_strangers(said) or any(map(is_read_otherwise, told.things))
        told = replace(told, things=tuple(things))
        others_rest = told.of_known or told.edit is not None
        return _Told(
            clauses_of(told, said) if own or told.later or others_rest else {},
            listed(things, _goes_on),
            others_rest=others_rest,
            wanted=listed(things, lambda thing: thing),
            goes=listed(things, goes),
        )


def _said_of(by_name: Mapping[str, tuple[T, ...]], called: str, number: int, otherwise: T) -> T:
    """What is said of thing `number` of those `called` so, with or without their colour."""
    said = by_name.get(called) or by_name.get(parted(called)[1])
    return said[min(number, len(said) - 1)] if said else otherwise


def headed(thing: Wanted, heading: str) -> Wanted:
    """A thing that is told to go to another or away from it, or no way, as it is to go now."""
    if not heading or not (thing.goal or thing.own_way):
        return thing
    if heading == THERE:
        return replace(thing, verb="", manner="", toward="")
    if heading == HERE:
        return replace(thing, direction=IN_PLACE, toward="")
    return replace(thing, toward=heading)


def _told_of_all(prompt: str, said: Sequence[Meaning], heading: str) -> _Told:
    """What a prompt tells that names nothing, and is said of what is there: "it runs to the left"."""
    deed = {each.kind: each.name for each in without_to_and_fro(said) if each.kind in DEEDS}
    verb, direction, manner = (deed.get(kind, "") for kind in ("verb", "direction", "manner"))
    anybody = goal_of_all(Wanted("", verb=verb, direction=direction, manner=manner), said)
    (thing,) = with_ways([anybody], said)
    thing = replace(thing, goes_off=goes_off(prompt) and bool(thing.way) and not thing.goal)
    now = headed(thing, heading)
    of_all = Clause(" ".join(["it", *_deed(now)]), bool(now.way)) if is_read_otherwise(thing) else None
    named_of_all = Clause(" ".join(_deed(now)), goes(now)) if now.verb in BY_NAME else None
    clauses, still = dict(ROOTS), dict.fromkeys(ROOTED, ("",))
    nobody: dict[str, tuple[Wanted | None, ...]] = dict.fromkeys(ROOTED, (None,))
    if thing.goal and thing.goal.label:  # who the others go to stays where it is
        clauses[thing.goal.label], still[thing.goal.label] = (Clause(f"a {thing.goal.label}", False),), ("",)
        nobody[thing.goal.label] = (None,)
    return _Told(
        clauses, still, of_all, named_of_all, _goes_on(now), wanted=nobody, wanted_of_all=thing,
        goes=dict.fromkeys(clauses, (False,)), all_go=goes(now),
    )  # fmt: skip


def is_read_otherwise(thing: Wanted) -> bool:
    """Whether a thing goes another way than the prompt's own words say, or none."""
    return bool(thing.toward) or thing.direction == IN_PLACE


def is_shared(things: Sequence[Wanted]) -> bool:
    """Whether deeds are said that not all things can be told by the whole prompt: there are several, and some do something, or come
    down on others.
    """
    return len(things) > 1 and any(any(thing.deed) or thing.on for thing in things)


def clauses_of(told: Description, said: Sequence[Meaning]) -> Clauses:
    """The clause of each thing, with the scene and the weather of the prompt's words, which is all things'."""
    scene = f" {told.scene if told.scene == 'under water' else f'in the {told.scene}'}" if told.scene else ""
    sky = "".join(
        f", {words}" for words in [" ".join(each.word for each in said if each.kind in SKY)] if words
    )
    found: Clauses = {}
    for thing in told.things:
        text = f"a {' '.join([thing.label, *_deed(thing)])}{scene}{sky}"
        clause = Clause(text, goes(thing))
        found[thing.called] = (*found.get(thing.called, ()), *[clause] * thing.count)
    return found


def listed(things: Sequence[Wanted], of: Callable[[Wanted], T]) -> dict[str, tuple[T, ...]]:
    """Something of each thing, by its name."""
    ways: dict[str, tuple[T, ...]] = {}
    for thing in things:
        ways[thing.called] = (*ways.get(thing.called, ()), *[of(thing)] * thing.count)
    return ways


def sentence(thing: Wanted) -> str:
    """A prompt that says of a thing what it does, and to whom."""
    to = f"{'away from' if thing.goal.away else 'to'} the {thing.goal.label}" if thing.goal else ""
    said = replace(thing, direction="", toward="") if to else thing
    return " ".join(part for part in ("a", thing.called, *_deed(said), to) if part)


def goes(thing: Wanted) -> bool:
    """Whether it comes to another place by what it does."""
    return bool(thing.way) or (thing.verb in GOES and thing.direction != IN_PLACE)


def _goes_on(thing: Wanted) -> str:
    if thing.verb in LEVEL and thing.way in WAYS:
        return f"level {thing.way}"
    return thing.way if thing.way != "up" or thing.verb in RISES or not thing.verb else ""


def _deed(thing: Wanted) -> list[str]:
    verb = IRREGULAR.get(thing.verb, f"{thing.verb}s") if thing.verb else ""
    words = verb, WAYS.get(thing.way, thing.way), HOW.get(thing.manner, "")
    return [word for word in words if word]

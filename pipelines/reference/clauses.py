"""What prompts say of each thing, as a prompt of its own: in "a dog runs to the left, a cat sleeps" no dog is told to sleep."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowbrush.models.text.colors import parted
from flowbrush.models.text.pocket import Meaning, PocketText
from flowbrush.pipelines.controls import Blend
from flowbrush.pipelines.reference.deeds import DEEDS, ROOTED, is_of_strangers, without_to_and_fro
from flowbrush.pipelines.reference.description import Description
from flowbrush.pipelines.reference.wanted import IN_PLACE, Wanted
from flowbrush.pipelines.reference.ways import with_ways

KEPT = 64  # prompts whose clauses are remembered
WAYS = {"left": "to the left", "right": "to the right"}
HOW = {"slow": "slowly", "fast": "quickly"}
IRREGULAR = {"fly": "flies"}
SKY = frozenset({"weather", "strength"})

GOES = frozenset("walk run hop waddle crawl roll bounce fly swim sail drive float".split())
"""Deeds with which a thing comes to another place across the picture."""

RISES = frozenset("fly swim float".split())
"""Deeds with which it goes on upwards; what jumps up comes down again."""

LEVEL = frozenset({"fly", "swim"})
"""Deeds with which a thing goes to a side at the height at which it is."""


class Clause(NamedTuple):
    """What is said of one thing, and whether it goes anywhere by it."""

    text: str
    goes: bool


Clauses = dict[str, tuple[Clause, ...]]
"""The name of things, as layers are labelled, and for each of them in their order what is said of it."""


class _Told(NamedTuple):
    """What a prompt tells each thing, and which way it is to go on; `of_all` and `way_of_all` where it names none. Where
    `others_rest` it says nothing of those that it does not name: of "the cat jumps" the dog hears nothing.
    """

    clauses: Clauses
    ways: dict[str, tuple[str, ...]]
    of_all: Clause | None = None
    way_of_all: str = ""
    others_rest: bool = False


ROOTS: Clauses = {name: (Clause(f"a {name}", False),) for name in ROOTED}
"""What goes nowhere hears of no "it runs to the left"."""


class ClauseReader:
    """The clauses of prompts, the latest KEPT of them remembered."""

    def __init__(self, text: PocketText, describe: Callable[[Blend], Description]) -> None:
        self.text, self.describe = text, describe
        self.known: OrderedDict[str, _Told] = OrderedDict()

    def clauses(self, prompt: str) -> Clauses:
        """What is said of each thing; nothing where all of a prompt is said of all of them."""
        return self._told(prompt).clauses

    def way(self, prompts: Blend, called: str, number: int) -> str:
        """Which way thing `number` of those `called` so is told to go, by the first prompt that says one; "" where none does."""
        for text, _ in prompts:
            told = self._told(text)
            ways = told.ways.get(called) or told.ways.get(parted(called)[1], (told.way_of_all,))
            if way := ways[min(number, len(ways) - 1)]:
                return way
        return ""

    def _told(self, prompt: str) -> _Told:
        if prompt not in self.known:
            self.known[prompt] = self._read(prompt)
            if len(self.known) > KEPT:
                self.known.popitem(last=False)
        self.known.move_to_end(prompt)
        return self.known[prompt]

    def _read(self, prompt: str) -> _Told:
        told = self.describe(((prompt, 1.0),))
        said = self.text.read(prompt) if told.things or told.of_what_is_there else []
        if told.of_what_is_there:
            return _told_of_all(prompt, said)
        own = is_shared(told.things) or is_of_strangers(said) or any(map(is_read_otherwise, told.things))
        clauses = clauses_of(told, said) if own or told.of_known or told.later else {}
        return _Told(clauses, ways_of(told.things), others_rest=told.of_known)

    def own(self, prompts: Blend, called: str, number: int) -> Blend:
        """The prompts as thing `number` of those `called` so hears them."""
        own = [(self._own(text, called, number), text, weight) for text, weight in prompts]
        return tuple((clause.text if clause else text, weight) for clause, text, weight in own)

    def stays(self, prompts: Blend, called: str, number: int) -> bool:
        """Whether the prompts say of others where they go, and nothing the like of thing `number` of those `called` so."""
        own = [self._own(text, called, number) for text, _ in prompts]
        return bool(own) and all(clause is not None and not clause.goes for clause in own)

    def _own(self, prompt: str, called: str, number: int) -> Clause | None:
        told, kind = self._told(prompt), parted(called)[1]
        said = told.clauses.get(called) or told.clauses.get(kind)
        if said:
            return said[min(number, len(said) - 1)]
        return Clause(f"a {kind}", False) if told.others_rest and kind else told.of_all


def _told_of_all(prompt: str, said: Sequence[Meaning]) -> _Told:
    """What a prompt tells that names nothing, and is said of what is there: "it runs to the left"."""
    deed = {each.kind: each.name for each in without_to_and_fro(said) if each.kind in DEEDS}
    verb, direction, manner = (deed.get(kind, "") for kind in ("verb", "direction", "manner"))
    (thing,) = with_ways([Wanted("", verb=verb, direction=direction, manner=manner)], ())
    of_all = Clause(" ".join(["it", *_deed(thing)]), bool(thing.way)) if is_read_otherwise(thing) else None
    return _Told(ROOTS, {name: ("",) for name in ROOTED}, of_all, _goes_on(thing))


def is_read_otherwise(thing: Wanted) -> bool:
    """Whether a thing goes another way than the prompt's own words say, or none."""
    return bool(thing.toward) or thing.direction == IN_PLACE


def is_shared(things: Sequence[Wanted]) -> bool:
    """Whether deeds are said that not all things can be told by the whole prompt: there are several, and some do something."""
    return len(things) > 1 and any(any(thing.deed) for thing in things)


def clauses_of(told: Description, said: Sequence[Meaning]) -> Clauses:
    """The clause of each thing, with the scene and the weather of the prompt's words, which is all things'."""
    scene = f" {told.scene if told.scene == 'under water' else f'in the {told.scene}'}" if told.scene else ""
    sky = "".join(
        f", {words}" for words in [" ".join(each.word for each in said if each.kind in SKY)] if words
    )
    found: Clauses = {}
    for thing in told.things:
        text = f"a {' '.join([thing.label, *_deed(thing)])}{scene}{sky}"
        clause = Clause(text, bool(thing.way) or (thing.verb in GOES and thing.direction != IN_PLACE))
        found[thing.called] = (*found.get(thing.called, ()), *[clause] * thing.count)
    return found


def ways_of(things: Sequence[Wanted]) -> dict[str, tuple[str, ...]]:
    """Which way each thing is told to go on and on, by its name."""
    ways: dict[str, tuple[str, ...]] = {}
    for thing in things:
        ways[thing.called] = (*ways.get(thing.called, ()), *[_goes_on(thing)] * thing.count)
    return ways


def _goes_on(thing: Wanted) -> str:
    if thing.verb in LEVEL and thing.way in WAYS:
        return f"level {thing.way}"
    return thing.way if thing.way != "up" or thing.verb in RISES or not thing.verb else ""


def _deed(thing: Wanted) -> list[str]:
    verb = IRREGULAR.get(thing.verb, f"{thing.verb}s") if thing.verb else ""
    words = verb, WAYS.get(thing.way, thing.way), HOW.get(thing.manner, "")
    return [word for word in words if word]

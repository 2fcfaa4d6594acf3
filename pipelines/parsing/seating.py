"""Who is on another thing, or comes from it, as a prompt says: "a cat sits on a car", "a monkey rides a horse", "a bird in a tree",
"a house on fire", "an apple falls from a tree". Pure functions.

Of such two the first is the rider, which stands on the other and goes where that goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from flowbrush.models.text.pocket import RIDES, Meaning
from flowbrush.pipelines.parsing.deeds import AND, BY, ROOTED, Mention, mentions_of
from flowbrush.pipelines.parsing.wanted import IT, Wanted

ON = frozenset("on onto upon atop".split())
CLIMBS = frozenset("climb climbs climbing climbed mounts mounting boards boarding".split())
OFF = frozenset({"from", "off"})
NESTS = frozenset(
    "tree, pine tree, palm tree, sailboat, car, bus, taxi, gift, flying saucer, helicopter".split(", ")
)
"""What one can be in: there "in" is on."""
WORN = frozenset({"top hat", "crown"})
WEARS = frozenset("with in wearing wears has".split())
WHOSE = frozenset("it him her them his its their he she".split())
THE, ARTICLES = frozenset("the my this that".split()), frozenset({"a", "an"})
WEARING = frozenset({"wears", "wearing"})
PARTS = frozenset("head heads hair nose back shoulder shoulders arm arms hand hands lap ear ears".split())
"""Parts of somebody, by which that one is meant whom something is put on."""
PUT_DOWN = frozenset(
    "table desk floor ground chair sofa couch bench bed shelf roof wall fence plate counter".split()
)
"""What things are put down on, and who wears nothing: it is looked for in no picture."""
ON_ITS_OWN = frozenset({"fire"})
"""A house on fire has a fire on it."""
UP_AND_DOWN = frozenset({"up", "down"})
BETWEEN = frozenset({"", "size", "count", "manner", "verb"})
"""Kinds of words that may stand between "on" and the name of what one is on."""
GOES_ALONG = frozenset("walk run drive fly swim sail".split())
"""What is done by the horse where a prompt says it of its rider."""


def seated(things: Sequence[Wanted], said: Sequence[Meaning]) -> list[Wanted]:
    """The things, those that are said to be `on` another with its label. What is ridden goes, whoever rides it; what burns has a
    fire on it, and what falls from another thing is above that.
    """
    placed = list(things)
    for rider, carrier in _pairs(said):
        one, other = _place(placed, rider), _place(placed, carrier)
        if one is None or other is None or placed[one].on:
            continue
        if placed[other].on or not _is_free(placed, placed[one]):
            why = f"the {placed[one].called} cannot be on the {carrier}: that is left out"
            placed[one] = replace(placed[one], unheeded=(*placed[one].unheeded, why))
            continue
        placed[one], placed[other] = _together(placed[one], placed[other])
    if any(each.label in ON_ITS_OWN for each in placed) and _is_on_fire(said):
        placed = [
            replace(each, on=IT) if each.label in ON_ITS_OWN and not each.on else each for each in placed
        ]
    if _names_no_other(placed, said):
        on_it, worn = _is_put_on_it(said), _is_worn_by_it(said)
        placed = [
            _riding(each, IT) if _is_free(placed, each) and (on_it or (worn and each.label in WORN)) else each
            for each in placed
        ]
    if placed and not any(each.on for each in placed) and _climbs_nothing(said):
        why = f"nothing that is known is named for the {placed[0].called} to climb on or off: say what"
        placed[0] = replace(placed[0], unheeded=(*placed[0].unheeded, why))
    ridden, left = _ridden(said), _left(said)
    placed = [_walking(each) if each.label in ridden else each for each in placed]
    placed = [_off(each, left[each.label]) if each.label in left else each for each in placed]
    return placed + _flames(placed)


def _names_no_other(things: Sequence[Wanted], said: Sequence[Meaning]) -> bool:
    """Whether a single kind of thing is named, once: another one may be what it is put on."""
    return len(things) == 1 and sum(each.kind == "thing" for each in said) == 1 and not things[0].definite


def _is_put_on_it(said: Sequence[Meaning]) -> bool:
    """Whether something is put on somebody who is called by no name: "put a hat on her", "a butterfly on his nose"."""
    for at, each in enumerate(said[:-1]):
        whose, after = said[at + 1], said[at + 2] if at + 2 < len(said) else None
        is_end = after is None or not after.joined or after.word in AND
        if each.word in ON and whose.word in WHOSE | THE:
            part = after is not None and after.word in PARTS
            return part or (is_end and whose.word in WHOSE)
    return False


def _is_worn_by_it(said: Sequence[Meaning]) -> bool:
    """Whether somebody gets something to wear who is called by a name that is not known: "the woman wears a hat", "give him a
    crown", "put a hat on the man". What is put down is worn by nobody: "put a hat on the table".
    """
    pairs = list(pairwise(said))
    given = any(one.word in WHOSE and other.word in ARTICLES for one, other in pairs)
    named = any(
        one.word in THE and not other.kind and other.joined and other.word not in PUT_DOWN
        for one, other in pairs
    )
    left_out = bool(said) and said[-1].word in THE  # "the man", who is no word of the encoder's
    who = named or left_out or any(each.word in WHOSE for each in said)
    is_put_on = not (ON | WEARING).isdisjoint({each.word for each in said})
    down = not PUT_DOWN.isdisjoint({each.word for each in said})
    return given or (is_put_on and who and not down)


def _climbs_nothing(said: Sequence[Meaning]) -> bool:
    """Whether somebody climbs, and from nothing that is named."""
    climbs = any(each.word in CLIMBS for each in said)
    return climbs and not any(each.word in OFF for each in said)


def _is_on_fire(said: Sequence[Meaning]) -> bool:
    """Whether that burns which has no name here: "it is on fire", "set it on fire"."""
    alone = all(each.name in ON_ITS_OWN for each in said if each.kind == "thing")
    it = any(each.word in WHOSE for each in said)
    on_fire = any(one.word in ON and other.name in ON_ITS_OWN for one, other in pairwise(said))
    return alone and it and on_fire


def _place(things: Sequence[Wanted], label: str) -> int | None:
    return next((place for place, thing in enumerate(things) if thing.label == label), None)


def _is_free(things: Sequence[Wanted], thing: Wanted) -> bool:
    """Whether a thing can be on another: nobody is on it, and it is no fish and no tree."""
    alone = not thing.on and all(each.on != thing.label for each in things)
    return alone and thing.home != "water" and thing.label not in ROOTED - ON_ITS_OWN


def _together(rider: Wanted, carrier: Wanted) -> tuple[Wanted, Wanted]:
    """Both, the rider on the other. Who carries it does what the prompt says that the rider does, where that is going somewhere."""
    goes = rider.verb in GOES_ALONG
    if goes and not carrier.verb and carrier.label not in ROOTED:
        way = carrier.direction or rider.direction, carrier.manner or rider.manner
        carrier = replace(carrier, verb=rider.verb, direction=way[0], manner=way[1])
    return _riding(rider, carrier.label), carrier


def _riding(rider: Wanted, on: str) -> Wanted:
    """The thing on another, which goes where that goes."""
    verb = "" if rider.verb in GOES_ALONG else rider.verb
    return replace(rider, on=on, verb=verb, direction="", manner="", height="", relation=("", ""))


def _walking(thing: Wanted) -> Wanted:
    return thing if thing.verb or thing.label in ROOTED else replace(thing, verb=thing.gait)


def _pairs(said: Sequence[Meaning]) -> list[tuple[str, str]]:
    """Names of riders, and of what they are on."""
    pairs, mentions = list[tuple[str, str]](), mentions_of(said)
    for one, other in pairwise(mentions):
        names = said[one.last].name, said[other.last].name
        between = said[one.last + 1 : other.first + 1]
        before = _before_name(between)
        link = next((each.word for each in before if _links(each, names[1])), "")
        down = link in CLIMBS and not OFF.isdisjoint({each.word for each in before})
        if link and not down and names[0] != names[1] and all(each.joined for each in between):
            swapped = names[1] in ON_ITS_OWN or (names[1] in WORN and link in WEARS)
            pairs.append((names[1], names[0]) if swapped else names)
            if not swapped:
                pairs += [
                    (name, names[1]) for name in _along_with(said, mentions[: mentions.index(one)], one)
                ]
    return pairs


def _along_with(said: Sequence[Meaning], before: Sequence[Mention], one: Mention) -> list[str]:
    """The names of those who are counted up before `one`: the dog of "a dog and a cat on a tree", but no car."""
    names, following = list[str](), one
    for each in reversed(before):
        between = said[each.last + 1 : following.first]
        between_them = {word.word for word in between}
        listed = {word.kind for word in between} <= {"", "size", "count"} and BY.isdisjoint(between_them)
        last_of_all = following is one and AND.isdisjoint(between_them)
        if not listed or last_of_all or said[each.last].name in NESTS:
            break
        names.append(said[each.last].name)
        following = each
    return names


def _ridden(said: Sequence[Meaning]) -> frozenset[str]:
    """The names of what somebody rides."""
    names = {
        said[each.last].name
        for each in mentions_of(said)
        if any(word.word in RIDES for word in _before_name(said[: each.first + 1]))
        or _is_ridden_on(said, each)
    }
    return frozenset(names)


def _is_ridden_on(said: Sequence[Meaning], mention: Mention) -> bool:
    """Whether who is on it rides: "a boy on a horse rides" """
    on = any(word.word in ON for word in _before_name(said[: mention.first + 1]))
    following = [each for each in said[mention.last + 1 : mention.last + 3] if each.word not in ("is", "are")]
    return on and bool(following) and following[0].joined and following[0].word in RIDES


def _left(said: Sequence[Meaning]) -> dict[str, str]:
    """What things fall from or come down from, by their names: "an apple falls from a tree"."""
    left = dict[str, str]()
    for one, other in pairwise(mentions_of(said)):
        if any(word.word in OFF for word in _before_name(said[one.last + 1 : other.first + 1])):
            left[said[one.last].name] = said[other.last].name
    return left


def _off(thing: Wanted, other: str) -> Wanted:
    return replace(thing, relation=("above", other)) if thing.verb == "fall" else replace(thing, off=other)


def _flames(things: Sequence[Wanted]) -> list[Wanted]:
    """Fires for what burns and is none, where the prompt names none: a burning house looks like any other without."""
    if any(thing.label in ON_ITS_OWN for thing in things):
        return []
    (flame,) = ON_ITS_OWN
    return [Wanted(flame, thing.count, on=thing.label) for thing in things if thing.verb == "burn"]


def _before_name(words: Sequence[Meaning]) -> list[Meaning]:
    """The words before the last one, backwards, as far as they belong to what it names."""
    before = list[Meaning]()
    for place in range(len(words) - 2, -1, -1):
        each = words[place]
        between = each.kind in BETWEEN or each.word in UP_AND_DOWN
        if not words[place + 1].joined or not between or each.word in AND:
            break
        before.append(each)
    return before


def _links(meaning: Meaning, carrier: str) -> bool:
    """Whether a word says that the thing before it is on the `carrier` after it."""
    word = meaning.word
    return (
        word in ON | CLIMBS
        or word in RIDES
        or (word == "in" and carrier in NESTS)
        or (word in WEARS and carrier in WORN)
    )

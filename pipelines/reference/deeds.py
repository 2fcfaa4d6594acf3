"""Deeds that a prompt says of other things than the one just before them, spelled out: "a dog and a cat run" is a dog that runs and
a cat that runs, and in "a dog by a tree runs" it is the dog. Pure functions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from flowbrush.models.text.pocket import Meaning

DEEDS = frozenset({"verb", "direction", "manner"})
ROOTED = frozenset(
    "tree, pine tree, palm tree, cactus, mushroom, sunflower, rose, tulip, house, anchor, umbrella, fire".split(
        ", "
    )
)
"""Things that go nowhere: of "a tree and a dog running" it is the dog."""
AND = frozenset("and or plus".split())
BY = frozenset(
    "with by near beside at on in under over of behind above below from to around between past next opposite".split()
)
"""Words that hang a thing on the one before it: what follows is not done by it."""
WHICH = frozenset("that which who".split())
ALL = frozenset("they all both".split())
ENDS = AND | WHICH | ALL | frozenset("while as then but with it one another other others he she".split())
"""Words at which a deed is at its end."""
CHASED = "run"
"""The deed that is done by its object, too: "a dog chases a cat"."""
OTHERS = frozenset("one another other others".split())
LAST_WORDS = 3  # before a verb that may say how many do it: "are both slowly running"


class _Mention(NamedTuple):
    """A thing's name among a prompt's words: the places of its first and its last word."""

    first: int
    last: int


def spelled_out(said: Sequence[Meaning]) -> list[Meaning]:
    """A prompt's words with each deed (verb, direction, manner) right behind every thing that it is said of. A verb that is left
    out is said again: "a dog runs left and a cat [runs] right".
    """
    behind, gone = defaultdict[int, list[Meaning]](list), set[int]()
    before = dict[int, Meaning]()
    place, last = 0, None
    while place < len(said):
        meaning = said[place]
        if meaning.kind == "verb" and not _is_said_first(said, place):
            start, stop = _span(said, place)
            mentions = _mentions(said[:start])
            doers = _doers(said, mentions, place)
            deed = [each._replace(joined=True) for each in said[start:stop] if each.kind in DEEDS]
            chased = _object(said, stop) if meaning.name == CHASED else None
            if chased is not None:
                behind[chased] += deed
            if doers and doers != mentions[-1:]:
                gone |= set(range(start, stop))
                for doer in doers:
                    behind[doer.last] += deed
            last, place = place, stop
            continue
        if meaning.kind == "direction" and last is not None and _is_of_another(said[last + 1 : place]):
            before[place] = said[last]._replace(joined=True)
        place += 1
    return _put(said, behind, before, gone)


def _put(
    said: Sequence[Meaning], behind: dict[int, list[Meaning]], before: dict[int, Meaning], gone: set[int]
) -> list[Meaning]:
    made = list[Meaning]()
    for place, meaning in enumerate(said):
        if place in before:
            made.append(before[place])
        if place not in gone:
            made.append(meaning)
        made += behind.get(place, ())
    return made


def _is_said_first(said: Sequence[Meaning], place: int) -> bool:
    """Whether the verb at `place` is said of a thing right after it: "a running dog"."""
    return said[place].word.endswith("ing") and place + 1 < len(said) and said[place + 1].kind == "thing"


def _span(said: Sequence[Meaning], verb: int) -> tuple[int, int]:
    """Begin and end of the words of a deed."""
    start, stop = verb, verb + 1
    while start and said[start].joined and said[start - 1].kind == "manner":
        start -= 1
    for place in range(verb + 1, len(said)):
        each = said[place]
        if not each.joined or each.word in ENDS or each.kind not in ("", "direction", "manner"):
            break
        if each.kind:
            stop = place + 1
    return start, stop


def _object(said: Sequence[Meaning], place: int) -> int | None:
    """The last word of the thing that a verb before `place` has as its object: nothing but what it is like is between."""
    for at in range(place, len(said)):
        each = said[at]
        if not each.joined or each.word in ENDS | BY:
            return None
        if each.kind == "thing":
            return _mentions(said[at:])[0].last + at
    return None


def _mentions(said: Sequence[Meaning]) -> list[_Mention]:
    mentions = list[_Mention]()
    for place, each in enumerate(said):
        if each.kind != "thing":
            continue
        if mentions and mentions[-1].last == place - 1 and each.joined:
            mentions[-1] = mentions[-1]._replace(last=place)  # "soccer ball"
        else:
            mentions.append(_Mention(place, place))
    return mentions


def _doers(said: Sequence[Meaning], mentions: Sequence[_Mention], verb: int) -> list[_Mention]:
    """The things that do what the verb says, in their order; none where a word for one of them says which."""
    if not mentions:
        return []
    between = [each.word for each in said[mentions[-1].last + 1 : verb]]
    if not OTHERS.isdisjoint(between):
        return []
    if not WHICH.isdisjoint(between):
        return [mentions[-1]]
    links = ["", *(_link(said, *pair) for pair in pairwise(mentions))]
    together = _is_of_several(said, verb, between)
    bare = said[verb].word.endswith("ing") and {"is", "are"}.isdisjoint(between[-LAST_WORDS:])
    if bare and not together:
        return _group(said, mentions, links, len(mentions) - 1) if links[-1] == "and" else [mentions[-1]]
    head = _head(links, len(mentions) - 1)
    return _group(said, mentions, links, head) if together else [mentions[head]]


def _is_of_several(said: Sequence[Meaning], verb: int, between: Sequence[str]) -> bool:
    """Whether the verb's form, or a word before it, says that several do it."""
    if not ALL.isdisjoint(between) or "are" in between[-LAST_WORDS:]:
        return True
    word = said[verb].word
    return "is" not in between[-LAST_WORDS:] and not word.endswith(("s", "ing"))


def _link(said: Sequence[Meaning], one: _Mention, other: _Mention) -> str:
    """How the `other` thing hangs on the `one` before it: "and", "," or "by"; nothing where it begins anew."""
    between = said[one.last + 1 : other.first]
    if any(
        each.kind == "verb" and not _is_said_first(said, one.last + 1 + at) for at, each in enumerate(between)
    ):
        return ""
    apart = not said[other.first].joined
    for each in reversed(between):
        if each.word in AND:
            return "and"
        if apart:
            return ","
        if each.word in BY or each.kind == "relation":
            return "by"
        if each.kind == "side":  # "a cat, on the right two dogs": a place that another thing begins with
            return ""
        apart = not each.joined
    return "," if apart else ""


def _head(links: Sequence[str], place: int) -> int:
    """The thing that the one at `place` hangs on: of "a dog by a tree" the dog."""
    while place and links[place] == "by":
        place -= 1
    return place


def _group(
    said: Sequence[Meaning], mentions: Sequence[_Mention], links: Sequence[str], last: int
) -> list[_Mention]:
    """The things that are named together up to `last`; what goes nowhere only if all of them do."""
    group = [last]
    while links[group[0]] in ("and", ","):
        group.insert(0, _head(links, group[0] - 1))
    movers = [place for place in group if said[mentions[place].last].name not in ROOTED]
    return [mentions[place] for place in movers or group]


def _is_of_another(between: Sequence[Meaning]) -> bool:
    """Whether words between a verb and a direction name, or hint at, another thing that is to go that way."""
    linked = any(each.word in ENDS or not each.joined for each in between)
    other = any(each.kind == "thing" or each.word in OTHERS for each in between)
    return linked and other and not any(each.kind == "verb" for each in between)

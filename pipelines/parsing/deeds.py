"""Deeds that a prompt says of other things than the one just before them, spelled out: "a dog and a cat run" is a dog that runs and
a cat that runs, and in "a dog by a tree runs" it is the dog. Pure functions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from flowbrush.models.text.pocket import ORDINARY, Meaning
from flowbrush.pipelines.parsing.phrases import ONE
from flowbrush.pipelines.parsing.wanted import IN_PLACE

DEEDS = frozenset({"verb", "direction", "manner"})
ROOTED = frozenset(
    "tree, pine tree, palm tree, cactus, mushroom, sunflower, rose, tulip, house, anchor, umbrella, fire".split(
        ", "
    )
)
"""Things that go nowhere: of "a tree and a dog running" it is the dog."""
AND = frozenset("and or plus".split())
BY = frozenset(
    "with without by near beside at on onto off in into inside under over of behind above below from to towards toward around "
    "between past next opposite through across along against for like".split()
)
"""Words that hang a thing on the one before it: what follows is not done by it."""
WHICH = frozenset("that which who".split())
ALL = frozenset("they all both".split())
ENDS = AND | WHICH | ALL | frozenset("while as then but with it one another other others he she".split())
"""Words at which a deed is at its end."""
TO_AND_FRO = ({"up", "down"}, {"left", "right"})
THEN = frozenset("then but".split())
"""Words after which the same may do something else: "a rabbit jumps over a house and runs away"."""
CLAUSES = AND | THEN | frozenset("while as".split())
"""Words after which somebody else may do something."""
OTHERS = frozenset("one another other others".split())
LAST_WORDS = 3  # before a verb that may say how many do it: "are both slowly running"


class Mention(NamedTuple):
    """A thing's name among a prompt's words: the places of its first and its last word."""

    first: int
    last: int


class _Deed(NamedTuple):
    """The words of a deed from `start` to before `stop`, and who does it; None where nobody known does. `more` of what they do is
    said after something else that they do.
    """

    verb: int
    start: int
    stop: int
    doers: list[Mention] | None
    more: bool = False


def spelled_out(said: Sequence[Meaning]) -> list[Meaning]:
    """A prompt's words with each deed (verb, direction, manner) right behind every thing that it is said of. A verb that is left
    out is said again: "a dog runs left and a cat [runs] right". What is said of nobody known is left out.
    """
    said = without_to_and_fro(said)
    behind, gone = defaultdict[int, list[Meaning]](list), set[int]()
    last = -1  # the last word of a deed that stands where it was said
    for each in _deeds(said):
        deed = [word._replace(joined=True) for word in said[each.start : each.stop] if word.kind in DEEDS]
        doers = each.doers or []
        driven = _object(said, each)
        if driven is not None and doers != [driven]:
            behind[driven.last] += deed
            way = said[driven.last + 1 : _span(said, driven.last)[1]]  # "a dog chases a cat to the left"
            for doer in doers:
                behind[doer.last] += [word._replace(joined=True) for word in way if word.kind in DEEDS]
        if each.more and last >= 0:
            gone |= set(range(each.start, each.stop))
            besides = said[each.verb].name == "rest" and said[each.start - 1].word in AND  # "hops and eats"
            behind[last] += [] if besides else deed
        elif each.doers is None or doers != mentions_of(said[: each.start])[-1:]:
            gone |= set(range(each.start, each.stop))
            for doer in doers:
                behind[doer.last] += deed
            last = -1
        else:
            last = each.stop - 1
    return _put(said, behind, _said_again(said), gone)


def is_of_strangers(said: Sequence[Meaning]) -> bool:
    """Whether a deed is said of what is no thing that is known: "a man runs and a cat sleeps"."""
    return any(deed.doers is None and _object(said, deed) is None for deed in _deeds(said))


def _deeds(said: Sequence[Meaning]) -> list[_Deed]:
    deeds, place = list[_Deed](), 0
    while place < len(said):
        if said[place].kind != "verb":
            place += 1
            continue
        such = said_of_next(said, place)
        if such is not None:
            deeds.append(_Deed(place, place, place + 1, [such]))
        else:
            start, stop = _span(said, place)
            goes_on = bool(deeds) and said[start - 1].word in AND | THEN and said[start].joined
            doers = deeds[-1].doers if goes_on else _doers(said, mentions_of(said[:start]), place)
            deeds.append(_Deed(place, start, stop, doers, goes_on))
        place = deeds[-1].stop
    return deeds


def _said_again(said: Sequence[Meaning]) -> dict[int, Meaning]:
    """The verbs that are left out, by the place of the word before which they are meant."""
    again, deeds = dict[int, Meaning](), _deeds(said)
    for place, meaning in enumerate(said):
        last = max((deed.verb for deed in deeds if deed.stop <= place), default=None)
        if meaning.kind == "direction" and last is not None and _is_of_another(said[last + 1 : place]):
            again[place] = said[last]._replace(joined=True)
    return again


def without_to_and_fro(said: Sequence[Meaning]) -> list[Meaning]:
    """What goes up and down, or left and right, goes nowhere."""
    ways = list(said)
    for place in range(len(ways) - 2):
        one, link, other = ways[place : place + 3]
        if link.word in AND and {one.name, other.name} in TO_AND_FRO:
            ways[place] = one._replace(kind="direction", name=IN_PLACE)
            ways[place + 1 : place + 3] = [each._replace(kind="", name="") for each in (link, other)]
    return ways


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


def said_of_next(said: Sequence[Meaning], place: int) -> Mention | None:
    """The thing after the verb at `place` of which it says what such a thing does: "a running dog"."""
    if not said[place].word.endswith("ing") or not _is_begun(said, place):
        return None
    return _thing_after(said, place + 1, ENDS | BY | ONE)


def _is_begun(said: Sequence[Meaning], place: int) -> bool:
    """Whether something that is to be named was begun before `place`: "two big running dogs", or just "running dogs"."""
    if not place or not said[place].joined:
        return True
    before = said[place - 1]
    return before.word in ONE | CLAUSES or before.kind in ("count", "size")


def _span(said: Sequence[Meaning], verb: int) -> tuple[int, int]:
    """Begin and end of the words of a deed, or of what is said of it behind its object."""
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


def _object(said: Sequence[Meaning], deed: _Deed) -> Mention | None:
    """The thing that the deed is done to, and that does it, too: "a dog chases a cat", "a man drives a car"."""
    return _thing_after(said, deed.stop, ENDS | BY)


def _thing_after(said: Sequence[Meaning], place: int, ends: frozenset[str]) -> Mention | None:
    """The thing that is named from `place` on, before any of the words at which its name `ends`."""
    for at in range(place, len(said)):
        each = said[at]
        if not each.joined or each.word in ends or each.kind not in ("", "size", "count", "thing"):
            return None
        if each.kind == "thing":
            first, last = mentions_of(said[at:])[0]
            return Mention(first + at, last + at)
    return None


def mentions_of(said: Sequence[Meaning]) -> list[Mention]:
    mentions = list[Mention]()
    for place, each in enumerate(said):
        if each.kind != "thing":
            continue
        if mentions and mentions[-1].last == place - 1 and each.joined:
            mentions[-1] = mentions[-1]._replace(last=place)  # "soccer ball"
        else:
            mentions.append(Mention(place, place))
    return mentions


def _doers(said: Sequence[Meaning], mentions: Sequence[Mention], verb: int) -> list[Mention] | None:
    """The things that do what the verb says, in their order; the last one where a word for one of several says which. None where
    it is said of nobody known.
    """
    if not mentions:
        return None
    between = [each.word for each in said[mentions[-1].last + 1 : verb]]
    if not OTHERS.isdisjoint(between):
        return [mentions[-1]]
    together = _is_of_several(said, verb, between)
    stranger = _stranger(said, mentions[-1].last + 1, verb)
    if stranger is not None and (not together or said[stranger - 1].word not in AND):
        return None
    if not WHICH.isdisjoint(between):
        return [mentions[-1]]
    links = _links(said, mentions)
    bare = said[verb].word.endswith("ing") and {"is", "are"}.isdisjoint(between[-LAST_WORDS:])
    if bare and not together:
        return _group(said, mentions, links, len(mentions) - 1) if links[-1] == "and" else [mentions[-1]]
    head = _head(links, len(mentions) - 1)
    return _group(said, mentions, links, head) if together else [mentions[head]]


def _stranger(said: Sequence[Meaning], begin: int, verb: int) -> int | None:
    """Where the words from `begin` on name somebody unknown as the one who does what the verb says ("and a man runs"); None where
    they do not.
    """
    for place in range(begin, verb):
        before = said[place - 1].word
        begins = before in CLAUSES or not said[place].joined
        bare = before in CLAUSES - AND
        if begins and (bare or said[place].word in ONE or said[place].kind == "count"):
            named = said[place if bare else place + 1 : verb]
            unknown = [each for each in named if each.word not in ORDINARY and each.word[-2:] != "ly"]
            if (unknown or not (bare or named)) and all(
                each.kind in ("", "size", "manner") for each in named
            ):
                return place
    return None


def _is_of_several(said: Sequence[Meaning], verb: int, between: Sequence[str]) -> bool:
    """Whether the verb's form, or a word before it, says that several do it."""
    if not ALL.isdisjoint(between) or "are" in between[-LAST_WORDS:]:
        return True
    word = said[verb].word
    return "is" not in between[-LAST_WORDS:] and not word.endswith(("s", "ing"))


def _links(said: Sequence[Meaning], mentions: Sequence[Mention]) -> list[str]:
    """How each thing hangs on the one before it; one that is named again begins anew: "a dog and a cat, the dog runs"."""
    links, named = list[str](), set[str]()
    for place, mention in enumerate(mentions):
        link, name = _link(said, mentions[place - 1], mention) if place else "", said[mention.last].name
        links.append("" if name in named and link == "," else link)
        named.add(name)
    return links


def _link(said: Sequence[Meaning], one: Mention, other: Mention) -> str:
    """How the `other` thing hangs on the `one` before it: "and", "," or "by"; nothing where it begins anew."""
    between = said[one.last + 1 : other.first]
    begin, end = one.last + 1, other.first
    verbs = (
        place
        for place in range(begin, end)
        if said[place].kind == "verb" and said_of_next(said, place) is None
    )
    if any(_stranger(said, begin, place) is None for place in verbs):
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
    said: Sequence[Meaning], mentions: Sequence[Mention], links: Sequence[str], last: int
) -> list[Mention]:
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

"""Where a thing is as another tells: "a cat next to a dog", "a dog behind a tree", "put the ball in front of the house". Pure
functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from flowbrush.models.text.pocket import Meaning
from flowbrush.pipelines.parsing.deeds import Mention, mentions_of
from flowbrush.pipelines.parsing.wanted import ANYBODY, BEFORE, BEHIND, BESIDE, BETWEEN, Wanted

_ARTICLES = r"(?: (?:the|a|an|my|his|her|its|their|another|both|two|big|small|large|little|huge|tiny))*"
_PLACES = re.compile(
    r"\b(?:(?P<beside>next to|beside|besides|near|close to|alongside|by the side of)|(?P<before>in front of)|(?P<behind>behind))"
    rf"{_ARTICLES}$"
)
_BETWEEN = re.compile(rf"\bbetween{_ARTICLES}$")
_AND = re.compile(rf"^and{_ARTICLES}$")
_BETWEEN_THEM = re.compile(r"^(?:\w+ ){0,2}between (?:them|both|the two)\b(?: of them)?$")


def with_neighbours(things: Sequence[Wanted], said: Sequence[Meaning]) -> list[Wanted]:
    """The things, each of those that are said to be `near` another with that one's label, or with those of both that it is between.
    Who goes to it is on its way there, and several of a kind are everywhere.
    """
    placed = list(things)
    mentions = mentions_of(said)
    found_of = [(one, _near(said, mentions[index : index + 3], placed)) for index, one in enumerate(mentions)]
    for one, found in [*_before_it(said, mentions, placed), *found_of]:
        name = said[one.last].name
        place = next((at for at, thing in enumerate(placed) if thing.label == name), None)
        if place is None or found is None or name in (found[1], found[2]):
            continue
        thing = placed[place]
        if thing.count == 1 and not (thing.way or thing.on or thing.goal or thing.side):
            placed[place] = replace(thing, near=found[:2], near_too=found[2])
    return placed


def _near(
    said: Sequence[Meaning], mentions: Sequence[Mention], things: Sequence[Wanted]
) -> tuple[str, str, str] | None:
    """Where the first of up to three `mentions` is as the others tell, and the labels of one or two of these."""
    if len(mentions) == 1:
        behind = _words(said[mentions[0].last + 1 :])
        return (BETWEEN, ANYBODY, ANYBODY) if behind and _BETWEEN_THEM.search(behind) else None
    other = said[mentions[1].last].name
    words = _words(said[mentions[0].last + 1 : mentions[1].first])
    found = words and _PLACES.search(words)
    if found:
        return BESIDE if found["beside"] else BEFORE if found["before"] else BEHIND, other, ""
    if not words or not _BETWEEN.search(words):
        return None
    if len(mentions) > 2 and _AND.search(_words(said[mentions[1].last + 1 : mentions[2].first])):
        return BETWEEN, other, said[mentions[2].last].name
    return (BETWEEN, other, other) if _are_several(other, things) else None


def _before_it(
    said: Sequence[Meaning], mentions: Sequence[Mention], things: Sequence[Wanted]
) -> list[tuple[Mention, tuple[str, str, str]]]:
    """What is named after the two that it is between: "between two trees a house", "between a dog and a cat, a ball"."""
    if len(mentions) < 2 or not _BETWEEN.search(_words(said[: mentions[0].first])):
        return []
    one, other = (said[each.last].name for each in mentions[:2])
    if len(mentions) > 2 and _AND.search(_words(said[mentions[0].last + 1 : mentions[1].first])):
        return [(mentions[2], (BETWEEN, one, other))]
    return [(mentions[1], (BETWEEN, one, one))] if _are_several(one, things) else []


def _are_several(label: str, things: Sequence[Wanted]) -> bool:
    return any(thing.label == label and thing.count > 1 for thing in things)


def _words(said: Sequence[Meaning]) -> str:
    """The words as one text; none where something stands between them that parts what they say."""
    return " ".join(each.word for each in said) if all(each.joined for each in said) else ""

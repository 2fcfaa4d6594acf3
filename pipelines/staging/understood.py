"""Words that were never trained and mean something under a photo all the same: the name of what it shows, fog. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping

from flowbrush.models.text.lights import light_words
from flowbrush.models.text.words import words
from flowbrush.pipelines.parsing.description import THEM, Description
from flowbrush.pipelines.parsing.seating import PARTS
from flowbrush.pipelines.parsing.wanted import IT
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.staging.editing import TO


def understood(text: str, told: Description, stack: LayerStack, unknown: Mapping[str, str]) -> set[str]:
    """Of a prompt's `unknown` words (with what stands for each) those by which the `stack` has something: of "remove the cup" what
    a photo shows is gone, whatever a cup is.
    """
    if not stack.of_photo:
        return set()
    names = (
        _name(text, unknown)
        if is_said_of_it(told) and any(each.label == IT for each in stack.layers)
        else set[str]()
    )
    parts = PARTS & unknown.keys() if _is_on_it(told) else set[str]()  # "put a hat on her head"
    return names | parts | (light_words(text) & unknown.keys())


def _is_on_it(told: Description) -> bool:
    return any(thing.on == IT for thing in told.things)


def is_said_of_it(told: Description) -> bool:
    """Whether a prompt is said of what a photo shows, and calls it by no name that is known."""
    if _is_on_it(told):
        return True
    acts = told.tells_deeds if told.edit is None else told.edit.kind in TO
    return acts and not told.things and not told.of_scenery


def _name(text: str, unknown: Mapping[str, str]) -> set[str]:
    """The first words together of which nothing is known: the thing is named before all else. Who says "it" names nothing."""
    name = set[str]()
    for word in words(text):
        if word in THEM:
            break
        if unknown.get(word) == "":
            name.add(word)
        elif name:
            break
    return name

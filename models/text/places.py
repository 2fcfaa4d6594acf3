"""Words for where a thing is, up or down: at the top or at the bottom of the picture, above or below another thing."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PARTS = "corner|half|part|edge|side|area|third"
_WHOLE = "picture|image|frame|screen|video|scene|view|sky|sea|ocean|water"
PLACE = re.compile(
    r"(?<![\w'-])(?:"
    r"(?:(?:(?P<to>to|towards?)|at|near|in|on|along|by) (?:the )?(?:very )?(?P<row>top|upper|bottom|lower)"
    r"(?:[ -](?P<side>left|right))?|(?P<bare>top|upper|bottom|lower)[ -](?P<bare_side>left|right))"
    rf"(?:[ -]hand)?(?: (?:{_PARTS}))?(?: of the (?:{_WHOLE}))?(?! (?:of|hats?)\b)"
    r"|(?<!\ba )(?<!\ban )(?<!\bthe )(?P<level>high|low)(?: up)?(?= (?:in|above|over|on|at|and)\b|,|$)"
    r"|(?P<overhead>overhead|(?:up )?in the (?:blue |open )?sky)"
    r"|(?P<above>above|over)"
    r"|(?P<below>below|beneath|underneath|under)"
    r")(?![\w'-])"
)
"""Matches in lower-case words with single spaces, and commas where something sets them apart."""

_HEIGHTS = {
    "top": "top",
    "upper": "top",
    "high": "top",
    "bottom": "bottom",
    "lower": "bottom",
    "low": "bottom",
}


def said_of(found: re.Match[str]) -> list[tuple[str, str]]:
    """What a place says, as kinds and names: ("height", "top" or "bottom"), ("side", "left" or "right"), ("relation", "above" or
    "below"), or where something goes: ("direction", "up" or "down").
    """
    if found["above"] or found["below"]:
        return [("relation", "above" if found["above"] else "below")]
    height = "top" if found["overhead"] else _HEIGHTS[found["row"] or found["bare"] or found["level"]]
    if found["to"]:
        return [("direction", "up" if height == "top" else "down")]
    side = found["side"] or found["bare_side"]
    return [("height", height), *([("side", side)] if side else [])]


def place_words(text: str) -> set[str]:
    """The words of `text` that say where a thing is, up or down."""
    return {word for found in PLACE.finditer(" ".join(text.lower().split())) for word in found[0].split()}


def at_sides(heard: Sequence[str], named: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What each word names: "on the left" is a side, whatever else is said there, and no way to go."""
    names = list(named)
    for at in range(2, len(heard)):
        if heard[at] in ("left", "right") and heard[at - 1] == "the" and heard[at - 2] in ("on", "at"):
            names[at] = ("side", heard[at])
    return names

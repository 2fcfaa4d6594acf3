"""Colours of things: what they are called, and what they are."""

from __future__ import annotations

import re

COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.86, 0.16, 0.16),
    "orange": (0.96, 0.55, 0.12),
    "yellow": (0.98, 0.82, 0.20),
    "golden": (0.90, 0.70, 0.20),
    "green": (0.25, 0.66, 0.26),
    "turquoise": (0.20, 0.75, 0.75),
    "blue": (0.18, 0.40, 0.88),
    "purple": (0.55, 0.27, 0.76),
    "pink": (1.00, 0.56, 0.73),
    "brown": (0.48, 0.30, 0.17),
    "white": (0.96, 0.96, 0.95),
    "grey": (0.56, 0.58, 0.60),
    "black": (0.16, 0.16, 0.18),
}
"""Red, green and blue in 0..1."""

_ALSO = {
    "gold": "golden",
    "cyan": "turquoise",
    "teal": "turquoise",
    "violet": "purple",
    "gray": "grey",
    "silver": "grey",
}
NAMES = frozenset(COLORS) | frozenset(_ALSO)

HUE = rf"(?:(?:light|dark|bright|pale) )?(?:{'|'.join(sorted(NAMES))})"
_ONE = "a|an|one|two|three|four|five|six|another|the other|the others"
_ITEM = rf"(?:(?:{_ONE}) (?:is |are )?)?{HUE}(?: ones?\b)?"
_AND = "(?:, and |, | and | or |-and-)"
SHADES = re.compile(
    rf"(?<![\w'-])(?:(?:is|are|both|all) {HUE}(?:{_AND}{HUE})*|{_ITEM}(?:{_AND}{_ITEM})*)(?![\w'-])"
)
"""One colour or more in a row, in lower-case words: "red, white and blue", "a red and a blue", "one is red and two are blue"."""


def color(word: str) -> str:
    """What the colour that `word` names is called in `COLORS`; "" where it names none."""
    return word if word in COLORS else _ALSO.get(word, "")


def parted(label: str) -> tuple[str, str]:
    """A thing's colour, "" where it has its own, and its name: of "blue car" "blue" and "car"."""
    first, _, rest = label.partition(" ")
    return (first, rest) if rest and first in COLORS else ("", label)

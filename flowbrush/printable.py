"""Text that somebody else has written, on its way to a terminal or a log: it begins no line there, and moves no cursor."""

from __future__ import annotations

import re

MOST_LETTERS = 1000
"""What is longer is no sentence for a person."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def on_one_line(text: str) -> str:
    """The text with line ends and other control characters written out."""
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable(text: str) -> str:
    """The same, cut where it is very long."""
    cut = text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
    return on_one_line(cut)

"""Pictographs (emoji) in a prompt, as the words of their Unicode names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_OF_FORM = frozenset("face medium white black of symbol sign building shape".split())
"""Words of Unicode names that say how a sign is drawn, and not what it shows."""
VARIANTS = frozenset("\ufe0e\ufe0f\u200d")
"""Marks behind a pictograph that say in which form it is drawn, or join it to the next."""


def spelled(text: str, known: Callable[[str], bool], names: Callable[[str], bool]) -> str:
    """`text` with the words that are `known` of each pictograph's name in its place. One without any stays. Commas set it apart
    from other pictographs, and from a word before it that `names` something; from a verb ("🐶 chasing 🐱") nothing does.
    """
    made, before = "", ""
    for mark in text:
        said = _words(mark, known) if unicodedata.category(mark) == "So" else ""
        if said:
            apart = before == "," or names(_last_word(made))
            made, before = f"{made}{', ' if apart else ' '}{said} ", ","
        elif mark.isspace() or mark in VARIANTS:
            made += mark
        else:
            made, before = made + mark, ""
    return made


def _last_word(text: str) -> str:
    said = text.rstrip()
    found = re.search(r"[a-z0-9'-]+$", said.lower())
    return found[0] if found else ""


def _words(mark: str, known: Callable[[str], bool]) -> str:
    """The known words of a pictograph's name."""
    name = unicodedata.name(mark, "").lower().partition(" with ")[0].replace("-", " ")
    return " ".join(word for word in name.split() if word not in _OF_FORM and known(word))

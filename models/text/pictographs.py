"""Pictographs (emoji) in a prompt, as the words of their Unicode names."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_OF_FORM = frozenset("face medium white black of symbol sign building shape".split())
"""Words of Unicode names that say how a sign is drawn, and not what it shows."""


def spelled(text: str, known: Callable[[str], bool]) -> str:
    """`text` with the words that are `known` of each pictograph's name in its place, set apart by commas. One without any stays."""
    return "".join(_words(mark, known) if unicodedata.category(mark) == "So" else mark for mark in text)


def _words(mark: str, known: Callable[[str], bool]) -> str:
    name = unicodedata.name(mark, "").lower().partition(" with ")[0].replace("-", " ")
    words = [word for word in name.split() if word not in _OF_FORM and known(word)]
    return f", {' '.join(words)}, " if words else mark

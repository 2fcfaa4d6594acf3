"""Misspelt names: a word that nothing else explains, one slip away from a single name, is heard as that name.

A slip is a letter that is wrong, missing or too many, or two neighbours that are swapped (Damerau, 1964); an f for a ph is none.
Names and words of fewer than SHORTEST letters have too many neighbours: "cot", "bear" and "beer" are what they are. Longer words of
English that lie next to a name are left alone, too (`real_words`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from flowbrush.models.text.real_words import REAL_WORDS

SHORTEST = 5
"""Letters of a name that is looked for, and of a word that may be a slip of it. Slips in the 6,000 commonest words of English that
pocket does not know were taken for a name in 1.6 of 100 cases; with four letters most names have some other word next to them.
"""

_WORD = re.compile(rf"(?<![\w'-])[a-z]{{{SHORTEST},}}(?![\w'-])")


class Speller:
    """Puts right what is nearly one of `names`, and is not `known` as another word. Names are lower-case words."""

    def __init__(self, names: Iterable[str], known: Callable[[str], bool]) -> None:
        self.known = known
        self._near: dict[str, set[str]] = {}
        for name in {form for each in names for form in (each, _plural(each)) if len(each) >= SHORTEST}:
            for part in _parts(name) | _parts(_sound(name)):
                self._near.setdefault(part, set()).add(name)

    def corrected(self, text: str) -> tuple[str, dict[str, str]]:
        """`text` in lower case with names in the place of their misspellings, and which name stands for which word."""
        slips: dict[str, str] = {}

        def right(found: re.Match[str]) -> str:
            name = self._meant(found[0])
            if name:
                slips[found[0]] = name
            return name or found[0]

        return _WORD.sub(right, text.lower()), slips

    def _meant(self, word: str) -> str:
        """The one name that `word` is a slip of, or the singular of both that it is of; "" where there is none, or more."""
        if word in REAL_WORDS or self.known(word):
            return ""
        parts = _parts(word) | _parts(_sound(word))
        near = {name for part in parts for name in self._near.get(part, ())}
        meant = sorted((name for name in near if _is_slip(word, name)), key=len)
        return meant[0] if meant and all(name in (meant[0], _plural(meant[0])) for name in meant) else ""


def _plural(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _sound(word: str) -> str:
    return word.replace("ph", "f")


def _parts(word: str) -> set[str]:
    """`word`, and `word` without one of its letters: words that are one slip apart have one of these in common."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


def _is_slip(word: str, name: str) -> bool:
    return _at_most_one_slip(word, name) or _at_most_one_slip(_sound(word), _sound(name))


def _at_most_one_slip(word: str, name: str) -> bool:
    if len(word) != len(name):
        return min(word, name, key=len) in _parts(max(word, name, key=len))
    wrong = [at for at in range(len(word)) if word[at] != name[at]]
    if len(wrong) == 2:
        first, second = wrong
        return second == first + 1 and word[first] + word[second] == name[second] + name[first]
    return len(wrong) <= 1

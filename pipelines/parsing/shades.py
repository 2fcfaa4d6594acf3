"""Several colours that a prompt names in a row: for one thing, for several that share them out, or for one each. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from flowbrush.models.text.colors import NAMES, SHADES, color
from flowbrush.models.text.pocket import NEAR, Meaning
from flowbrush.pipelines.parsing.phrases import put_together
from flowbrush.pipelines.parsing.wanted import Wanted

HOW_MANY = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
LINKS = frozenset("and or is are with in on at of".split())
OWN = {
    "bee": {"yellow", "black"},
    "butterfly": {"orange", "black"},
    "cow": {"brown", "white"},
    "die": {"white", "black"},
    "dog": {"white", "brown"},
    "eagle": {"brown", "white"},
    "fish": {"yellow", "black"},
    "fox": {"orange", "white"},
    "ladybug": {"red", "black"},
    "mushroom": {"red", "white"},
    "panda": {"black", "white"},
    "penguin": {"black", "white"},
    "soccer ball": {"black", "white"},
    "tiger": {"orange", "black"},
    "watermelon": {"red", "green"},
}
"""Two colours that things have as they are."""


def with_shades(said: Sequence[Meaning]) -> list[Meaning]:
    """A prompt's words with colours in a row put together, as of the thing after them ("colors") or of the one before ("colors of
    the last"). "A red and a blue car" is spelled out: a red car and a blue car.
    """

    def shades(found: re.Match[str], first: int, after: int) -> list[Meaning] | None:
        words, thing = said[first:after], _thing_after(said, after)
        names = [name for each in words for name in _names(each)]
        last = next((each for each in reversed(said[:first]) if each.kind == "thing"), None)
        if len(names) > 1 and thing is not None:
            if any(_is_number(each) for each in words[1:]):
                return _spelled_out(words, thing)
            return [*words[: int(_is_number(words[0]))], _colors("colors", names, words[0].joined)]
        if len(names) > 1 and after < len(said) and said[after].kind == "scene" and said[after].joined:
            return [Meaning(found[0], "", "", words[0].joined)]  # "a red and orange sunset"
        if last is not None and len(names) == 1 and words[-1].word == "one":
            return _spelled_out(words[:-1], last, to_the_end=True)  # "and a blue one"
        if last is not None and _ends(said, after) and (len(names) > 1 or _is_said_after(said, first)):
            return [_colors("colors of the last", _repeated(words), words[0].joined)]
        return None

    return put_together(said, SHADES, shades)


def dealt(thing: Wanted) -> list[Wanted]:
    """The thing in its colours: several share them out in turn, one has the first. What is left out is unheeded."""
    shades = tuple(map(color, thing.colors))
    if not shades:
        return [thing]
    thing = replace(thing, colors=())
    if OWN.get(thing.label) == set(shades):
        return [replace(thing, own_color=True)]
    shares = Counter(shades[place % len(shades)] for place in range(thing.count))
    left_out = [repr(shade) for shade in dict.fromkeys(shades) if shade not in shares]
    if left_out:
        shown = f"one {thing.label} is" if thing.count == 1 else f"{thing.label}: {thing.count} are"
        each = "" if thing.count == 1 else ", each"
        why = f"{shown} shown{each} in one colour: {', '.join(left_out)} is left out"
        thing = replace(thing, unheeded=(*thing.unheeded, why))
    return [
        replace(thing, color=shade, count=count, unheeded=() if place else thing.unheeded)
        for place, (shade, count) in enumerate(shares.items())
    ]


def _is_number(meaning: Meaning) -> bool:
    return meaning.kind == "count" or meaning.word in ("a", "an", "one", "another", "the")


def _names(meaning: Meaning) -> list[str]:
    """The colours that a word is of: two in "black-and-white"."""
    return [name for name in meaning.word.split("-and-") if name in NAMES]


def _colors(kind: str, names: Sequence[str], joined: bool) -> Meaning:
    return Meaning(" ".join(names), kind, " ".join(names), joined)


def _thing_after(said: Sequence[Meaning], place: int) -> Meaning | None:
    """The thing that colours before `place` are said of: only more of what it is like is between."""
    for each in said[place : place + NEAR]:
        if not each.joined or each.word in LINKS or each.kind not in ("", "size", "thing", "verb"):
            return None
        if each.kind == "thing":
            return each
    return None


def _is_said_after(said: Sequence[Meaning], place: int) -> bool:
    """Whether one colour at `place` is said of the thing before it: "a car that is red", "two roses, both red"."""
    before = said[place - 1]
    is_so = said[place].word in ("is", "are") and (before.kind == "thing" or before.word in ("that", "which"))
    return is_so or said[place].word in ("both", "all")


def _ends(said: Sequence[Meaning], place: int) -> bool:
    """Whether what is said of a thing may end before `place`: no noun follows."""
    after = said[place] if place < len(said) else None
    return (
        after is None
        or not after.joined
        or after.word in LINKS
        or after.kind in ("verb", "height", "relation")
    )


def _repeated(words: Sequence[Meaning]) -> list[str]:
    """The colours, each as often as a number before it says."""
    names, times = list[str](), 1
    for each in words:
        names += _names(each) * times
        times = HOW_MANY.get(each.word, 1 if _names(each) else times)
    return names


def _spelled_out(words: Sequence[Meaning], thing: Meaning, to_the_end: bool = False) -> list[Meaning]:
    """Colours with the thing that they are said of after each but the last of them, or after that, too."""
    made = list[Meaning]()
    last = max(at for at, each in enumerate(words) if _names(each))
    for at, each in enumerate(words):
        names = _names(each)
        made.append(_colors("colors", names, each.joined) if names else each)
        if names and (at < last or to_the_end):
            made.append(Meaning(thing.name.split()[-1], "thing", thing.name))
    return made

"""How many of a thing a prompt asks for, in the few numbers that pocket was taught."""

from __future__ import annotations

import re

TAUGHT = ("two", "several", "many", "six")

_MANY = "lots|plenty|tons|loads|dozens|hundreds|thousands"
_SOME = "group|herd|flock|pack|school|swarm|colony|family|team|crowd|train|row|line"
_NUMBERS = (
    "seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|hundred|thousand|dozen|[7-9]|[1-9]\d{1,4}"
)
WORDS = frozenset(re.findall(r"[a-z]+", f"couple|pair|few|lot|{_MANY}|{_SOME}|{_NUMBERS}"))
_PHRASE = re.compile(
    r"(?<![\w'.:-])(?:"
    rf"(?P<two>(?:a )?(?:couple|pair) of)|(?P<some>(?:a |an )?(?:{_SOME}) of|a few)|(?P<many>(?:a )?(?:(?:{_MANY}|lot) of))"
    rf"|(?:a |one )?(?P<number>{_NUMBERS})(?= [a-z])"
    r")(?![\w'.:-])"
)


def counted(text: str) -> tuple[str, dict[str, str]]:
    """`text` in lower case with numbers that were taught in the place of others, and which stands for which where that is fewer."""
    stands: dict[str, str] = {}

    def taught(found: re.Match[str]) -> str:
        if found["number"]:
            stands[found["number"]] = "six"
            return "six"
        return "two" if found["two"] else "several" if found["some"] else "many"

    return _PHRASE.sub(taught, text.lower()), stands


_ABSENT = re.compile(
    r"(?<![\w'-])(?:no|without)\s+(?:(?:any|other|more|visible)\s+)*([a-z'-]+)(?:\s+or\s+([a-z'-]+))?"
)


def absent_words(text: str) -> set[str]:
    """The words of `text` for what it says is not to be there: "no people"."""
    return {word for found in _ABSENT.finditer(text.lower()) for word in found.groups() if word}

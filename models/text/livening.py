"""Words for making a picture move, in those for it that pocket was taught: who is brought to life sways."""

from __future__ import annotations

import re

_IT = r"(?:it|him|her|he|she|(?:the|my|this)\s+(?:picture|photo|image|scene|painting|drawing))"
_WHO = rf"(?P<who>{_IT}|them|they|everything|(?:the|my)\s+(?!camera\b)[a-z]+(?:\s+[a-z]+)?)"
_LIVES = r"(?:move|moving|alive|live|come\s+(?:alive|to\s+life))"
_END = r"(?:\s+(?:a\s+(?:bit|little)|please|now))*\W*$"
_ASKS = re.compile(
    r"^\W*(?:please\s+|now\s+)*(?:"
    rf"(?:make|let|get|have)\s+{_WHO}\s+{_LIVES}{_END}"
    rf"|(?:bring|wake)\s+{_WHO.replace('who', 'whom')}\s+(?:back\s+)?to\s+life{_END}"
    rf"|animate(?:\s+{_WHO.replace('who', 'what')})?{_END}"
    rf"|{_WHO.replace('who', 'name')}\s+(?:moves?|(?:is|are)\s+moving|comes?\s+(?:alive|to\s+life)){_END}"
    r")"
)
_IS_IT = re.compile(rf"{_IT}$")
_MANY = frozenset({"them", "they", "everything"})


def livening(text: str) -> str:
    """`text` in lower case with "it sways" where it asks that something moves, in whatever way: "make it move", "animate the
    photo".
    """
    text = text.lower()
    found = _ASKS.search(text)
    if found is None:
        return text
    who = next((each for each in found.groupdict().values() if each), "it")
    if who in _MANY:
        return "they sway"
    return "it sways" if _IS_IT.match(who) else f"{who} sways"

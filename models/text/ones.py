"""Words that tell some of those that are there from the others by no name: "the red one", "the bigger one", "two of them"."""

from __future__ import annotations

import re
from typing import NamedTuple

from flowbrush.models.text.colors import NAMES, color

LARGE, SMALL = "large", "small"
_SIZES = {
    **dict.fromkeys("big bigger biggest large larger largest huge tall taller tallest".split(), LARGE),
    **dict.fromkeys(
        "small smaller smallest little tiny tinier tiniest short shorter shortest".split(), SMALL
    ),
}
_SIDES = {"left": "left", "leftmost": "left", "right": "right", "rightmost": "right", "middle": "middle"}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_OPENING = r"please|now|then|and|also|just|suddenly"
_ASKING = (
    r"let|make|turn|paint|colou?r|dye|change|move|put|push|send|bring|remove|delete|erase|hide|replace|take|take\s+away|get\s+rid\s+of|only|"
    r"keep\s+only"
)


class Which(NamedTuple):
    """Those of the `color`, of the `size` (LARGE or SMALL), on the `side` ("left", "middle", "right") or, where `other`, those that
    were not spoken of last; no more than `most` of them, 0 for all.
    """

    color: str = ""
    size: str = ""
    side: str = ""
    other: bool = False
    most: int = 0


_TOLD_BY = rf"(?P<color>{'|'.join(sorted(NAMES))})|(?P<size>{'|'.join(_SIZES)})|(?P<side>{'|'.join(_SIDES)})|(?P<other>other)"
_ONES = re.compile(
    rf"^(?P<before>\W*(?:(?:{_OPENING})\s+)*(?P<asks>(?:(?:{_ASKING})\s+)*))"
    rf"(?:the\s+(?:{_TOLD_BY})\s+(?P<one>ones?|two)|the\s+(?P<others>others)"
    r"|the\s+(?P<there>ones?)\s+(?:on|at|in)\s+the\s+(?P<place>left|right|middle)(?:\s+side)?"
    rf"|(?P<count>{'|'.join(NUMBERS)})\s+of\s+(?:them|these|those))\b",
    re.IGNORECASE,
)


def which(text: str) -> Which | None:
    """Which of those that are there `text` begins to speak of, None where by no such words."""
    found = _ONES.match(text)
    if found is None:
        return None
    said = {name: (each or "").lower() for name, each in found.groupdict().items()}
    single = "one" in (said["one"], said["there"])
    return Which(
        color(said["color"]),
        _SIZES.get(said["size"], ""),
        _SIDES.get(said["side"] or said["place"], ""),
        bool(said["other"] or said["others"]),
        NUMBERS.get(said["count"], int(single)),
    )


def as_pronouns(text: str) -> str:
    """`text` with "it", "they" or "them" in the place of such words: what is said of these is said so of anybody."""
    found, those = _ONES.match(text), which(text)
    if found is None or those is None:
        return text
    several = "them" if found["asks"] else "they"
    return f"{found['before']}{'it' if those.most == 1 else several}{text[found.end() :]}"

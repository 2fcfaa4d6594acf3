"""Prompts that say what is to change of a picture, not what it shows: "add a dog", "remove the cat", "make the car blue", "make it
night". What they name is said without the words that ask for it, as it is learned.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from flowbrush.models.text.colors import HUE, color

ADD, REMOVE, DYE, GROW, GO = "add", "remove", "dye", "grow", "go"
"""Things come in addition to what is there; they leave; have another colour; another size; everything goes to another scene."""
LONGEST = 200  # letters: who asks for a change says it in a few words, and what is looked for in more of them, a chunk waits for
BIGGER, SMALLER = 1.4, 1 / 1.4
_SIZES = {
    **dict.fromkeys("bigger larger taller big large tall grows grow".split(), BIGGER),
    **dict.fromkeys("smaller tinier small tiny little shorter shrinks shrink".split(), SMALLER),
    **dict.fromkeys("huge giant gigantic enormous".split(), BIGGER**2),
}


class Edit(NamedTuple):
    """What a prompt wants changed: one of ADD, REMOVE, DYE, GROW, GO, by which `factor` things grow, and which `hue` they are to
    have. Of `everything` where it names nothing: "make it bigger".
    """

    kind: str
    factor: float = 1.0
    hue: str = ""
    everything: bool = False


_ASKED = r"(?:(?:please|now|then|ok|okay|and|also|just|can you|could you|would you|let's|lets|let us)[\s,]+)*"
_ALL = r"(?:it|them|him|her|everything|everyone|everybody|all|all of them)"
_THINGS = r"(?P<things>(?:the|my|this|that|both|all|his|her|its|their)\s+[a-z' -]+?|" + _ALL + ")"
_HOW = r"(?:(?:much|a bit|a little|a lot|even|very|really|now)\s+)*"
_SIZE = rf"(?P<size>{'|'.join(_SIZES)})"
_END = r"[\s.!]*$"

_BARE = re.compile(
    r"^(?:all (?:of )?(?:the )?|(?!(?:the|my|this|that|these|both|his|her|its|their|an?|one|two|three|four|five|six)\b))"
)
"""Where a name begins that no word before it says how many are meant of."""

_PATTERNS = {
    REMOVE: (
        rf"(?:remove|delete|erase|take away|get rid of|no more)\s+(?P<things>.+?){_END}",
        rf"take\s+(?P<things>.+?)\s+(?:away|out){_END}",
    ),
    ADD: (
        rf"(?:add|insert|place|put|bring in|bring|give)\s+(?P<things>.+?)(?:\s+too)?{_END}",
        r"(?P<more>another|one more)\s+(?P<things>.+)$",
        r"(?P<many>two|three|four|five|six|some)\s+more\s+(?P<things>.+)$",
        r"more\s+(?P<things>.+)$",
    ),
    DYE: (
        rf"(?:make|turn|paint|color|colour|dye|change)\s+{_THINGS}\s+(?:to\s+|into\s+)?(?P<hue>{HUE}){_END}",
        rf"{_THINGS}\s+(?:turns?|becomes?|gets?|(?:is|are) now)\s+(?P<hue>{HUE}){_END}",
    ),
    GROW: (
        rf"make\s+{_THINGS}\s+{_HOW}{_SIZE}{_END}",
        rf"{_THINGS}\s+(?:gets?|becomes?|grows?)\s+{_HOW}{_SIZE}{_END}",
        rf"{_THINGS}\s+(?P<size>grows?|shrinks?)(?:\s+(?:up|bigger|smaller))?{_END}",
    ),
    GO: (
        r"(?:change (?:the )?(?:scene|background|place|setting|world) (?:in)?to|switch to)\s+(?P<scene>.+)$",
        r"(?P<scene>(?:make it|(?:go|move|(?:go|move|take|put) (?:it|them|us|everything)) (?:in)?to|it is|it's)\s.+)$",
        r"(?P<scene>.+\snow)$",
        r"(?<=now )(?P<scene>.+)$",
    ),
}
LEAVES = r"(?:leaves?|leaving|disappears?|disappearing|vanish(?:es)?|vanishing|(?:is|are) gone)\b(?! \w+s\b)"
"""What is said of a thing that is to be there no longer; "leaves fall" is not."""
_LEAVES = re.compile(rf"\b(?:the|my|his|her|its|and|all)(?: \w+){{1,3}} {LEAVES}")
_EDITS = [
    (kind, re.compile(_ASKED + pattern)) for kind, patterns in _PATTERNS.items() for pattern in patterns
]


def edited(text: str) -> tuple[str, Edit | None]:
    """`text` in lower case without the words that ask for a change, and which that is; None where it asks for none."""
    text = " ".join(text.lower().split())
    if len(text) > LONGEST:
        return text, None
    for kind, pattern in _EDITS:
        found = pattern.match(text)
        if found:
            said = {name: each for name, each in found.groupdict().items() if each}
            things = said.get("things", "")
            everything = re.fullmatch(_ALL, things) is not None
            rest = "" if everything else _rest(kind, said, things)
            hue = color(said.get("hue", "").rpartition(" ")[2])
            return rest, Edit(kind, _SIZES.get(said.get("size", ""), 1.0), hue, everything)
    return text, None


def _rest(kind: str, said: dict[str, str], things: str) -> str:
    if "scene" in said:
        return said["scene"]
    if "hue" in said:
        return re.sub(r"^(the|my|this|that|both|all|his|her|its|their)\b", rf"\1 {said['hue']}", things)
    if kind == REMOVE:  # "no more dogs" are all that are there
        return _BARE.sub("the ", things)
    if "more" in said:
        return f"a {things}"
    return f"{said['many']} {things}" if "many" in said else things


def said_of_change(text: str) -> set[str]:
    """The words of `text` that say what is to change, and are no names."""
    plain = " ".join(text.lower().split())
    asking = set(plain.split()) - set(edited(plain)[0].split())
    leaving = {found[0].split()[-1] for found in _LEAVES.finditer(plain)}
    return asking | leaving

"""Prompts that say what is to change of a picture, not what it shows: "add a dog", "turn the cat into a tiger", "make the car
blue", "put it on the left", "faster". What they name is said without the words that ask for it, as it is learned.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from flowbrush.models.text.colors import HUE, color
from flowbrush.models.text.lights import without_look
from flowbrush.models.text.ones import NUMBERS, as_pronouns

ADD, REMOVE, ONLY, REPLACE = "add", "remove", "only", "replace"
"""Things come in addition to what is there; they leave; all others leave; others come in their place."""
DYE, GROW, PLACE, SWAP = "dye", "grow", "place", "swap"
"""Things have another colour; another size; come to another side; two of them change places."""
PACE, TURN, GO, CAMERA = "pace", "turn", "go", "camera"
"""Who goes does so faster or slower; the other way; everything goes to another scene; the camera is to move."""
LONGEST = 200  # letters: who asks for a change says it in a few words, and what is looked for in more of them, a chunk waits for
BIGGER, SMALLER = 1.4, 1 / 1.4
_SIZES = {
    **dict.fromkeys("bigger larger taller big large tall grows grow closer nearer".split(), BIGGER),
    **dict.fromkeys("smaller tinier small tiny little shorter shrinks shrink".split(), SMALLER),
    **dict.fromkeys("huge giant gigantic enormous".split(), BIGGER**2),
    **dict.fromkeys(("further away", "farther away", "into the distance"), SMALLER),
}


class Edit(NamedTuple):
    """What a prompt wants changed: one of the kinds above, by which `factor` things grow, which `hue` they are to have, how they
    are to go ("fast", "slow"), on which `side` ("left", "middle", "right") or at which `height` ("top", "bottom") they are to be,
    and in what words it says what comes `instead`. Of `everything` where it names nothing: "make it bigger". `more` is how many are
    to come of what is there: "another one".
    """

    kind: str
    factor: float = 1.0
    hue: str = ""
    everything: bool = False
    manner: str = ""
    side: str = ""
    height: str = ""
    instead: str = ""
    more: int = 0


_ASKED = (
    r"(?:(?:please|now|then|ok|okay|and|also|just|suddenly|meanwhile|after that|afterwards|later|finally|can you|could you|"
    r"would you|let's|lets|let us)[\s,]+)*"
)
_ALL = r"(?:it|them|him|her|they|he|she|both|everything|everyone|everybody|all|all of them)"
_THINGS = r"(?P<things>(?:the|my|this|that|both|all|his|her|its|their)\s+[a-z' -]+?|" + _ALL + ")"
_WHO = rf"(?:{_THINGS})"
_HOW = r"(?:(?:much|a bit|a little|a lot|even|very|really|now)\s+)*"
_SIZE = rf"(?P<size>{'|'.join(_SIZES)})"
_END = r"(?:\s+(?:please|now|too|again))*[\s.!]*$"
_SCENE = r"(?:the )?(?:scene|background|place|setting|world)\b"
_NEW = r"(?:an?|another|one|two|three|four|five|six|some|several|more)\s"
_SEVERAL = r"(?!(?:the|my|this|that|these|those|both|all|it|they)\b)[a-z]+(?:\s[a-z]+)?s"
_GOES = r"(?:go(?:es)?|runs?|moves?|walks?|swims?|flies|fly|drives?|gets?)"
_BY = r"(?:by|past|in|over|through|along|into view|into the (?:picture|scene|frame))"
_WHERE = (
    r"(?:(?:to|on|at|in|into|onto|towards?)\s+)?(?:the\s+)?(?:far\s+|very\s+)?"
    r"(?P<where>left|right|middle|cent(?:er|re)|top|bottom)(?:[- ](?:hand )?(?:side|edge|half))?"
    r"(?:\s+of\s+(?:the\s+|my\s+)?(?:picture|screen|frame|image|scene|video))?"
)
MIDDLE = ("middle", "center", "centre")
_SIDES = {"left": "left", "right": "right", **dict.fromkeys(MIDDLE, "middle")}
_FASTER = r"(?:more )?(?P<pace>faster|quicker|quickly|slower|slowly)"

_BARE = re.compile(
    r"^(?:all (?:of )?(?:the )?|(?!(?:the|my|this|that|these|both|his|her|its|their|an?|one|two|three|four|five|six)\b))"
)
"""Where a name begins that no word before it says how many are meant of."""

_PATTERNS = {
    CAMERA: (
        r"(?:the )?camera\b[^,;]*$",
        r"(?:zoom|pan|tilt|dolly)(?:s|ming|ning|ing)?\b(?:\s+(?:the camera|in|out|left|right|up|down|to)\b[^,;]*)?$",
    ),
    REPLACE: (
        r"(?:replace|exchange|substitute)\s+(?P<things>.+?)\s+(?:with|by|for)\s+(?P<instead>.+)$",
        rf"(?:swap|switch|trade)\s+{_THINGS}\s+(?:with|for)\s+(?P<instead>an?\s.+)$",
        rf"(?:make|turn|change|transform|convert|morph)\s+(?!{_SCENE}){_THINGS}\s+(?:into\s+(?P<instead>.+)|(?:to\s+)?(?P<new>{_NEW}.+))$",
        rf"{_THINGS}\s+(?:turns?|changes?|transforms?|morphs?)\s+into\s+(?P<instead>.+)$",
        rf"{_THINGS}\s+(?:becomes?|(?:is|are) now)\s+(?P<new>{_NEW}.+)$",
        r"(?P<instead>.+?)\s+instead of\s+(?P<things>.+)$",
    ),
    SWAP: (
        rf"(?P<things>.+\sand\s.+?|they|both|everyone)\s+"
        rf"(?:swap|switch|change|trade|exchange)\s+(?:places|positions|sides|seats){_END}",
        rf"(?:swap|switch|exchange)\s+(?P<things>.+\s(?:and|with)\s+the\s.+?|them|both){_END}",
        rf"(?:swap|switch|change|trade)\s+(?:places|positions|sides){_END}",
    ),
    PLACE: (
        rf"(?:move|put|place|set|push|shift|send|bring)\s+{_THINGS}\s+(?:over\s+|back\s+)?{_WHERE}{_END}",
        rf"{_THINGS}\s+(?:is|are)\s+(?:now\s+)?(?:on|at|in|to)\s+{_WHERE}{_END}",
    ),
    PACE: (
        rf"(?:(?:{_WHO}\s+)?(?:go(?:es)?|moves?|gets?)\s+)?{_HOW}{_FASTER}{_END}",
        rf"make\s+{_THINGS}\s+(?:go\s+|move\s+)?{_HOW}{_FASTER}{_END}",
        r"(?:in )?(?P<pace>slow) motion$",
        rf"(?:{_WHO}\s+)?(?P<pace>speeds?|slows?|hurry|hurries)\s*(?:up|down)?{_END}",
    ),
    TURN: (
        rf"(?:{_WHO}\s+)?turns?\s+(?:around|round|back){_END}",
        rf"(?:{_WHO}\s+)?{_GOES}\s+back(?:wards?)?{_END}",
        rf"(?:{_WHO}\s+)?(?:(?:turns?|faces?|looks?|{_GOES})\s+)?(?:in\s+)?the (?:other|opposite) (?:way|direction){_END}",
        rf"(?:{_WHO}\s+)?(?:reverses?|changes? directions?){_END}",
        rf"(?:flip|mirror)\s+{_THINGS}(?:\s+(?:over|around|round|horizontally))?{_END}",
    ),
    ONLY: (rf"(?:only|nothing but|keep only|leave only)\s+(?P<things>.+?){_END}",),
    REMOVE: (
        rf"(?:remove|delete|erase|take away|get rid of|hide|no more)\s+(?P<things>.+?){_END}",
        rf"without\s+(?P<things>[^,.]+?){_END}",
        rf"(?:there\s+(?:is|are)\s+)?no\s+(?P<things>(?!more\b|.*\b(?:and|but|with|or)\b)[a-z' -]+?){_END}",
        rf"take\s+(?P<things>.+?)\s+(?:away|out|off){_END}",
        rf"(?:all|{_ALL} (?:is|are))\s+gone{_END}",
        rf"{_ALL}\s+(?:(?:all )?disappears?|vanish(?:es)?|leaves?|go(?:es)? away){_END}",
        rf"nothing{_END}",
        rf"(?:clear|empty)(?:\s+(?:everything|all|the (?:scene|picture|screen|stage)))?{_END}",
    ),
    ADD: (
        rf"(?P<things>{_NEW}[^,.]+?)\s+(?:appears?|arrives?|shows? up|pops? up|comes? along|grows?)(?P<at>\s[^,]+)?{_END}",
        rf"(?P<things>{_NEW}[^,.]+?)\s+comes?{_END}",
        rf"(?P<things>{_SEVERAL})\s+(?:appear|arrive|show up|pop up|come(?: along| by)?|fly {_BY}|swim {_BY}){_END}",
        rf"(?P<things>{_NEW}[^,.]+?)\s+joins?(?: in| them| us| it| him| her)?{_END}",
        rf"(?P<things>{_NEW}[^,.]+?\s+(?:{_GOES}|comes?|enters?|sails?|floats?|hops?|rolls?)\s+{_BY}){_END}",
        rf"(?P<things>{_NEW}[^,.]+?)\s+(?:enters?(?: the (?:scene|picture|frame))?){_END}",
        r"(?:with|plus)\s+(?P<things>.+)$",
        rf"(?:(?<=and )|(?<=also ))(?P<things>{_NEW}.+)$",
        r"there (?:is|are) (?:also|now)\s+(?P<things>.+)$",
        r"(?:move|set|push|send)\s+(?P<things>the\s.+?\s(?:next to|beside|near|close to|behind|in front of)\s.+)$",
        rf"(?:add|insert|place|put|bring in|bring|give)\s+(?!.*\sto\s+life\b)(?P<things>.+?)(?:\s+too)?{_END}",
        rf"(?P<again>another|(?:one|two|three|four|five) more|a second)(?: ones?| of (?:them|those|these))?{_END}",
        r"(?P<more>another|one more)\s+(?P<things>.+)$",
        r"(?P<many>two|three|four|five|six|some)\s+more\s+(?P<things>.+)$",
        r"more\s+(?P<things>.+)$",
    ),
    DYE: (
        rf"(?:make|turn|paint|color|colour|dye|change)\s+{_THINGS}\s+(?:to\s+|into\s+)?(?P<hue>{HUE}){_END}",
        rf"{_THINGS}\s+(?:turns?|becomes?|gets?|(?:is|are) now)\s+(?P<hue>{HUE}){_END}",
        rf"(?P<things>everything|everyone|all)\s+(?:in\s+)?(?P<hue>{HUE}){_END}",
    ),
    GROW: (
        rf"make\s+{_THINGS}\s+{_HOW}{_SIZE}{_END}",
        rf"{_HOW}(?P<size>bigger|larger|smaller|tinier){_END}",
        rf"{_THINGS}\s+(?:gets?|becomes?|grows?)\s+{_HOW}{_SIZE}{_END}",
        rf"{_THINGS}\s+(?P<size>grows?|shrinks?)(?:\s+(?:up|bigger|smaller))?{_END}",
        rf"{_THINGS}\s+(?:comes?|gets?|moves?)\s+{_HOW}(?P<size>closer|nearer){_END}",
        rf"{_THINGS}\s+(?:goes|go|gets?|moves?)\s+{_HOW}(?P<size>(?:further|farther) away|into the distance){_END}",
    ),
    GO: (
        rf"(?:change {_SCENE} (?:in)?to|switch to)\s+(?P<scene>.+)$",
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

_SECOND = re.compile(
    r"(?<=\w)(?:\s*[,;.]\s*(?:and\s+)?|\s+and\s+|\s+(?=then\b))(?:(?:then|also|please)\s+)*"
    r"(?=(?:add|remove|delete|erase|make|turn|replace|change|put|move)\s+"
    r"(?:the|an?|it|them|him|her|my|another|some|two|three|everything|all)\b)"
)


def first_asked(text: str) -> tuple[str, str]:
    """`text` up to a second change that it asks for, and the words with which that begins, "" where there is none: of "remove the
    cat and add a dog" the first is done.
    """
    found = _SECOND.search(text.lower()[:LONGEST])
    return (text[: found.start()], " ".join(text[found.end() :].split()[:2])) if found else (text, "")


def edited(text: str) -> tuple[str, Edit | None]:
    """`text` in lower case without the words that ask for a change, and which that is; None where it asks for none."""
    text = as_pronouns(" ".join(first_asked(text)[0].lower().split()))
    if len(text) > LONGEST:
        return text, None
    text = without_look(text)
    for kind, pattern in _EDITS:
        found = pattern.match(text)
        if found:
            said = {name: each for name, each in found.groupdict().items() if each}
            things = said.get("things", "")
            everything = re.fullmatch(_ALL, things) is not None
            rest = "" if everything else _rest(kind, said, things)
            return rest, _edit(kind, said, everything or not (rest or "scene" in said))
    return text, None


def _edit(kind: str, said: dict[str, str], everything: bool) -> Edit:
    where = said.get("where", "")
    return Edit(
        kind,
        _SIZES.get(said.get("size", ""), 1.0),
        color(said.get("hue", "").rpartition(" ")[2]),
        everything,
        ("slow" if said["pace"].startswith("slow") else "fast") if "pace" in said else "",
        _SIDES.get(where, ""),
        where if where in ("top", "bottom") else "",
        said.get("instead") or said.get("new", ""),
        NUMBERS.get(said["again"].split()[0], 1) if "again" in said else 0,
    )


def _rest(kind: str, said: dict[str, str], things: str) -> str:
    if "scene" in said:
        return said["scene"]
    if "where" in said:
        return f"{things} {'in' if said['where'] in MIDDLE else 'at'} the {said['where']}"
    if kind in (REMOVE, ONLY) and things:  # "no more dogs" are all that are there
        return _BARE.sub("the ", things)
    if "more" in said:
        return f"a {things}"
    things += said.get("at", "")
    return f"{said['many']} {things}" if "many" in said else things


def said_of_change(text: str) -> set[str]:
    """The words of `text` that say what is to change, and are no names."""
    plain = " ".join(text.lower().split())
    asking = set(plain.split()) - set(edited(plain)[0].split())
    leaving = {found[0].split()[-1] for found in _LEAVES.finditer(plain)}
    return asking | leaving

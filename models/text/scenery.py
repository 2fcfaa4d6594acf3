"""Words for what is no thing that stands out of a picture: who says of them what they do speaks of the picture as a whole."""

from __future__ import annotations

import re

_SCENERY = (
    "air background beach breeze bush camera city cloud coast crowd dust everything field flag flame foam fog forest fountain "
    "grass ground haze hill lake leaf leaves light lightning meadow mist moon mountain ocean petal picture pond rain river road "
    "sand scene sea shadow sky smoke snow snowflake star steam storm stream street sun surf tide tree view water waterfall wave "
    "weather wind woods"
)
_ASKED = r"\W*(?:(?:now|then|and|please|let|make)\W+)*"
_WHICH = r"(?:(?:the|a|an|some|all|its|my|this|that|these|those|big|tall|high|dark|white|blue|green)\s+)*"
_SAID = re.compile(_ASKED + _WHICH + r"(?:" + "|".join(_SCENERY.split()) + r")s?\b")
_AROUND = re.compile(
    r"\W*(?:(?:now|then|and|please)\W+)*"
    r"(?:make|turn|paint|colou?r|dye|change|remove|delete|erase|hide|replace|move|take away|get rid of)\s+"
    r"(?:the|my|this|all)\s+(?:(?:the|whole|entire)\s+)*"
    r"(?:sky|background|scene|scenery|picture|photo|image|weather|light|lighting|air|ground)\b"
)
_PLACES = frozenset("and at by in near next of on or over to under with without".split())


def is_of_scenery(text: str) -> bool:
    """Whether `text` begins with scenery, and says of that what it does, waves, clouds, the camera, or wants what is no thing to be
    another: "make the sky blue", "remove the background".
    """
    text = text.lower()
    return _SAID.match(text) is not None or _AROUND.match(text) is not None


def tells_of_scenery(text: str) -> bool:
    """Whether `text` says of scenery what it does or is, with whatever verb: "the water flows", "clouds gather", and not "the beach
    at night".
    """
    said = _SAID.match(text.lower())
    if said is None:
        return False
    verb = re.match(r"\s+([a-z]+)", text.lower()[said.end() :])
    many = said[0].endswith("s") or said[0].endswith("leaves")
    return (
        verb is not None
        and verb[1] not in _PLACES
        and (many or verb[1] in ("is", "are") or verb[1].endswith("s"))
    )

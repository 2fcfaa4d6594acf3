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


def is_of_scenery(text: str) -> bool:
    """Whether `text` begins with scenery, and says of that what it does: waves, clouds, the camera."""
    return _SAID.match(text.lower()) is not None

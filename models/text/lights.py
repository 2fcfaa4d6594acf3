"""What is said of fog, clouds, the weather's end, and of a picture in black and white: there is a light for it, and no word that
was taught.
"""

from __future__ import annotations

import re

FOG, CLOUDS = "fog", "clouds"
GREY, SEPIA = "grey", "sepia"
_FOG = re.compile(r"\b(?:fog|foggy|mist|misty|haze|hazy|smog)\b")
_CLOUDS = re.compile(r"\b(?:cloudy|overcast)\b")
_WEATHER = r"(?:fog|mist|haze|smog|rain|snow|snowfall|storm|thunderstorm|clouds?|bad weather)"
_BESIDE = re.compile(
    r"\b(?:morning|afternoon|evening|day|weather|thick|dense|light|some|very|becomes?|gets?|rolls?|comes?|in)\b"
)
"""Words that stand with these and change nothing of it."""
_CLEARS = re.compile(
    rf"\b(?:(?:no(?:\s+more)?|without|remove|stop|clear|take\s+away)\s+(?:the\s+|all\s+)?{_WEATHER}\b"
    rf"|{_WEATHER}\s+(?:(?:has\s+|is\s+)?(?:lift|clear|stopp?|end|pass|vanish|disappear)(?:s|es|ed|ing)?\b"
    r"|(?:is\s+|are\s+)?(?:over|gone|goes\s+away))"
    r"|stops?\s+(?:raining|snowing)\b"
    r"|clear\s+(?:sky|skies|weather)\b|good\s+weather\b)"
)
_LOOKS = {
    GREY: r"(?:black[- ](?:and|&|n)[- ]white|b\s?&\s?w|monochrome|gr[ae]y[- ]?scale|desaturated?)",
    SEPIA: r"(?:sepia(?: tones?)?|vintage|old[- ]fashioned)",
}
_PICTURE = r"(?:photo(?:graph)?s?|pictures?|images?|films?|movies?|videos?|shot|scene|style|look|filter|effect|tones?)"
_OF_ALL = (
    r"^(?:(?:please|now|then|and|make|turn|show|convert|change|colou?r|paint|put|add|use|apply|it|this|that|everything|all|is|becomes?|goes"
    rf"|an?|the|my|whole|entire|in|into|to|as|look|looks?|like|{_PICTURE})[\s,:]+)*"
)
_ENDS = rf"(?:\s+{_PICTURE})?(?:[\s,]+(?:please|now|again|too))*\W*$"
_LOOK = {
    name: re.compile(
        rf"{_OF_ALL}{look}{_ENDS}|\s*\b(?:in|as)\s+(?:an?\s+)?{look}(?:\s+{_PICTURE})?(?=\s*(?:$|[.,;!]))"
        rf"|(?:\b(?:an?|the)\s+)?{look}\s+{_PICTURE}(?:\s+of\b)?"
    )
    for name, look in _LOOKS.items()
}
"""What says so of all that is seen, and of no cat: "make it black and white", "a dog in black and white", "a sepia photo"."""
_COLORS = re.compile(
    rf"{_OF_ALL}(?:(?:in|back\s+to|full|with)\s+)*(?:colou?rs?|colou?rful)(?:\s+(?:photo|picture|again|back))*\W*$"
    rf"|\b(?:no(?:\s+more)?|without|remove|stop)\s+(?:the\s+)?(?:{'|'.join(_LOOKS.values())}){_ENDS}"
)


def without_look(text: str) -> str:
    """`text` in lower case with single spaces, without what it says of the look of all that is seen."""
    plain = " ".join(text.lower().split())
    if _COLORS.search(plain):
        return _COLORS.sub("", plain).strip()
    for look in _LOOK.values():
        plain = look.sub(" ", plain)
    return " ".join(plain.split())


def skies(text: str) -> list[str]:
    """What `text` says of the sky, and of the look of all that is seen, that is no scene and no weather of pocket's world: GREY,
    SEPIA, FOG, CLOUDS.
    """
    plain = " ".join(text.lower().split())
    said = {**({} if _COLORS.search(plain) else _LOOK), FOG: _FOG, CLOUDS: _CLOUDS}
    return [name for name, words in said.items() if words.search(plain)]


def clears(text: str) -> bool:
    """Whether `text` says that a weather is over, or that there is to be none, or that there are to be colours again."""
    plain = " ".join(text.lower().split())
    return any(over.search(plain) for over in (_CLEARS, _COLORS))


def light_words(text: str) -> set[str]:
    """The words of `text` that say something of this kind."""
    plain = " ".join(text.lower().split())
    said = (found[0] for pattern in (_FOG, _CLOUDS, _CLEARS) for found in pattern.finditer(plain))
    heard = {word for words in said for word in words.split()}
    return heard | set(_BESIDE.findall(plain)) if heard else set()

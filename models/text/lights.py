"""What is said of fog, clouds and the weather's end: a photo has a light for it, pocket's world has not."""

from __future__ import annotations

import re

FOG, CLOUDS = "fog", "clouds"
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


def skies(text: str) -> list[str]:
    """What `text` says of the sky that is no scene and no weather of pocket's world: FOG, CLOUDS."""
    plain = text.lower()
    return [name for name, said in ((FOG, _FOG), (CLOUDS, _CLOUDS)) if said.search(plain)]


def clears(text: str) -> bool:
    """Whether `text` says that a weather is over, or that there is to be none."""
    return _CLEARS.search(" ".join(text.lower().split())) is not None


def light_words(text: str) -> set[str]:
    """The words of `text` that say something of this kind."""
    plain = " ".join(text.lower().split())
    said = (found[0] for pattern in (_FOG, _CLOUDS, _CLEARS) for found in pattern.finditer(plain))
    heard = {word for words in said for word in words.split()}
    return heard | set(_BESIDE.findall(plain)) if heard else set()

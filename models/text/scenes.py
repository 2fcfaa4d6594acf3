"""The scenes of pocket's world and what they are called; a picture shows one of them."""

from __future__ import annotations

import re

SCENES: dict[str, tuple[str, ...]] = {
    "meadow": ("meadow", "grass", "field", "green hills"),
    "beach": ("beach", "sandy beach", "shore", "seaside"),
    "night": ("night", "night sky", "starry night", "at night"),
    "snow": ("snow", "winter", "snowy field", "snowy hills"),
    "desert": ("desert", "dunes", "sand dunes"),
    "under water": ("under water", "underwater", "sea floor", "deep sea"),
    "sunset": ("sunset", "dusk", "evening sky"),
    "road": ("road", "street", "highway"),
}

NEAR: dict[str, tuple[str, ...]] = {
    "meadow": (
        "park",
        "garden",
        "farm",
        "forest",
        "woods",
        "hill",
        "hills",
        "valley",
        "lawn",
        "countryside",
        "jungle",
        "mountain",
        "mountains",
        "pasture",
        "savanna",
        "zoo",
        "yard",
        "backyard",
    ),
    "beach": (
        "sea",
        "ocean",
        "coast",
        "island",
        "sand",
        "lake",
        "pond",
        "river",
        "bay",
        "water",
        "harbour",
        "harbor",
        "waves",
        "pool",
    ),
    "night": ("space", "moonlight", "midnight", "galaxy", "moon", "dark"),
    "snow": ("snowy", "ice", "icy", "arctic", "antarctica", "christmas", "snowing", "snowfall", "snowflakes"),
    "desert": ("dune", "sahara", "canyon"),
    "under water": (
        "under the water",
        "under the sea",
        "under the ocean",
        "aquarium",
        "reef",
        "coral",
        "seabed",
        "submarine",
    ),
    "sunset": ("sunrise", "evening", "dawn", "twilight"),
    "road": ("city", "town", "village", "parking lot", "motorway", "lane", "avenue"),
}
"""Words for what there is no picture of, by the scene that comes nearest."""

WATERS = frozenset("sea ocean lake pond river water waves pool".split())
_IN_WATER = re.compile(
    r"\b(?:in|into|through|across|inside|below|beneath) (?:[a-z]+ ){0,3}?(?:"
    + "|".join(sorted(WATERS))
    + r")\b"
)

WORDS = frozenset(
    word for scene in SCENES for name in (*SCENES[scene], *NEAR[scene]) for word in name.split()
)
_OTHERS = ("night owls", "night owl", "snow man", "snow men")  # things called after a scene
_NAMES = sorted((name for names in SCENES.values() for name in names), key=len, reverse=True)
_NAMED = re.compile(r"\b(?:" + "|".join([*_OTHERS, *_NAMES]) + r")\b")


_NEAR = {
    scene: re.compile(r"\b(?:" + "|".join(names) + r")\b(?! creams?\b)") for scene, names in NEAR.items()
}
LIGHTS: dict[str, tuple[str, ...]] = {
    "night": (*SCENES["night"], "moonlight", "moonlit", "midnight", "moon"),
    "sunset": (*SCENES["sunset"], "sunrise", "evening", "dawn", "twilight"),
}
"""Times of day, which a place may have the light of, and the words for them."""
_LIGHT = re.compile(
    r"\b(?:"
    + "|".join(sorted((*LIGHTS["night"], *LIGHTS["sunset"]), key=len, reverse=True))
    + r")\b(?! owls?)"
)
_SEEN = re.compile(
    r"\b(?:sunset|sunrise|dawn|dusk|moon|night sky|starry night|evening sky)\s+(?:over|above|behind|beyond)\b"
)
"""What is looked at itself: the pictures of places have no sun that sets, and no moon."""
_THERE = re.compile(
    r"\b(?:in|into|on|onto|at|by|over|across|through|along|near|of|from|above|below|around|under|past)\s+(?:the|an?)\s+"
    r"(?=((?:\w+\s+){0,2}\w+)\b)"
    r"|\b(?:at|on|in|into)\s+(?=((?:open\s+|high\s+)?(?:sea|sand|ice|water|town)\b))"
    r"|^\W*(?:the|an?)\s+(?=((?:\w+\s+)?\w+)\s+(?:at|by|during)\s+(?!the (?:left|right|top|bottom)))"
)
"""Words that say where something is; others are what is there: "night, a river"."""
_WAVES = re.compile(r"\bwaves\b")
_OF_WATER = frozenset(
    "the these those some big huge high tall great small gentle calm rough wild stormy rolling crashing breaking foaming dark blue "
    "ocean sea in on over of by with".split()
)
"""Words before waves of water; after any other "waves" is what somebody does."""


def one_scene(text: str) -> tuple[str, list[str]]:
    """`text` in lower case without the names of all scenes but the one that it is set in, and those of them that no picture of it
    shows: a beach "at night" is a beach in the light of one.
    """
    text = text.lower()
    found = [match for match in _NAMED.finditer(text) if match[0] not in _OTHERS]
    scene, light = scene_near(text), light_near(text)
    others = [match for match in found if _scene(match[0]) != scene]
    shown = {light, "meadow"} if scene in LIGHTS else {light}  # hills are in their pictures, too
    for match in reversed(others):
        text = text[: match.start()] + text[match.end() :]
    return text, [match[0] for match in others if _scene(match[0]) not in shown]


def scene_near(text: str) -> str | None:
    """The scene that `text` is set in: the first place that it names; where that is a meadow, or none, the time of day that it
    names; else the nearest to a word of it. None where no word is near to one.
    """
    text = _WAVES.sub(_of_water, text.lower())
    named = _named(text)
    places = [scene for scene in named if scene not in LIGHTS]
    if not (light := _light(text)):
        return next(iter([*named, *_near(text)]), None)
    places += [
        scene
        for found in _THERE.finditer(text)
        for scene in _near(next(filter(None, found.groups())))
        if scene not in LIGHTS
    ]
    place = next(iter(places), "meadow")
    return light if place == "meadow" or _SEEN.search(text) else place


def light_near(text: str) -> str | None:
    """The time of day, "night" or "sunset", whose light `text` asks for in a place that has another picture: "a road at night"."""
    light = _light(text.lower())
    return light if light and scene_near(text) not in LIGHTS else None


def _light(text: str) -> str | None:
    found = _LIGHT.search(text)
    return next((light for light, names in LIGHTS.items() if found[0] in names), None) if found else None


def _near(text: str) -> list[str]:
    """The scenes that words of `text` are near to, in their order."""
    found = [(match.start(), scene) for scene, names in _NEAR.items() if (match := names.search(text))]
    return [scene for _, scene in sorted(found)]


def _named(text: str) -> list[str]:
    return [_scene(match[0]) for match in _NAMED.finditer(text) if match[0] not in _OTHERS]


def is_in_water(text: str) -> bool:
    """Whether `text` puts something into a sea or a lake, and names no scene."""
    text = text.lower()
    return not _named(text) and _IN_WATER.search(text) is not None


def _of_water(waves: re.Match[str]) -> str:
    """ "waves", but not what somebody does with a hand: "an alien waves"."""
    before = waves.string[: waves.start()].split()
    return waves[0] if not before or before[-1] in _OF_WATER else ""


def _scene(name: str) -> str:
    return next(scene for scene, names in SCENES.items() if name in names)

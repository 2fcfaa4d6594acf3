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


_NEAR = {scene: re.compile(r"\b(?:" + "|".join(names) + r")\b") for scene, names in NEAR.items()}
_WAVES = re.compile(r"\bwaves\b")
_OF_WATER = frozenset(
    "the these those some big huge high tall great small gentle calm rough wild stormy rolling crashing breaking foaming dark blue "
    "ocean sea in on over of by with".split()
)
"""Words before waves of water; after any other "waves" is what somebody does."""


def one_scene(text: str) -> tuple[str, list[str]]:
    """`text` in lower case without the names of all scenes but the first, and those names."""
    text = text.lower()
    found = [match for match in _NAMED.finditer(text) if match[0] not in _OTHERS]
    first = _scene(found[0][0]) if found else None
    left_out = [match for match in found if _scene(match[0]) != first]
    for match in reversed(left_out):
        text = text[: match.start()] + text[match.end() :]
    return text, [match[0] for match in left_out]


def scene_near(text: str) -> str | None:
    """The scene that `text` names first, else the one that is nearest to a word of it; None where no word is near to one."""
    text = _WAVES.sub(_of_water, text.lower())
    named = [match[0] for match in _NAMED.finditer(text) if match[0] not in _OTHERS]
    if named:
        return _scene(named[0])
    near = [(match.start(), scene) for scene, names in _NEAR.items() if (match := names.search(text))]
    return min(near)[1] if near else None


def is_in_water(text: str) -> bool:
    """Whether `text` puts something into a sea or a lake, and names no scene."""
    text = text.lower()
    named = any(match[0] not in _OTHERS for match in _NAMED.finditer(text))
    return not named and _IN_WATER.search(text) is not None


def _of_water(waves: re.Match[str]) -> str:
    """ "waves", but not what somebody does with a hand: "an alien waves"."""
    before = waves.string[: waves.start()].split()
    return waves[0] if not before or before[-1] in _OF_WATER else ""


def _scene(name: str) -> str:
    return next(scene for scene, names in SCENES.items() if name in names)

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

WORDS = frozenset(
    word for scene in SCENES for name in (*SCENES[scene], *NEAR[scene]) for word in name.split()
)
_OTHERS = ("night owls", "night owl", "snow man", "snow men")  # things called after a scene
_NAMES = sorted((name for names in SCENES.values() for name in names), key=len, reverse=True)
_NAMED = re.compile(r"\b(?:" + "|".join([*_OTHERS, *_NAMES]) + r")\b")


_NEAR = {scene: re.compile(r"\b(?:" + "|".join(names) + r")\b") for scene, names in NEAR.items()}


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
    text = text.lower()
    named = [match[0] for match in _NAMED.finditer(text) if match[0] not in _OTHERS]
    if named:
        return _scene(named[0])
    near = [(match.start(), scene) for scene, names in _NEAR.items() if (match := names.search(text))]
    return min(near)[1] if near else None


def _scene(name: str) -> str:
    return next(scene for scene, names in SCENES.items() if name in names)

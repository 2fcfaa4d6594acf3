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

_OTHERS = ("night owl", "snow man")  # things called after a scene
_NAMES = sorted((name for names in SCENES.values() for name in names), key=len, reverse=True)
_NAMED = re.compile(r"\b(?:" + "|".join([*_OTHERS, *_NAMES]) + r")\b")


def one_scene(text: str) -> tuple[str, list[str]]:
    """`text` in lower case without the names of all scenes but the first, and those names."""
    text = text.lower()
    found = [match for match in _NAMED.finditer(text) if match[0] not in _OTHERS]
    first = _scene(found[0][0]) if found else None
    left_out = [match for match in found if _scene(match[0]) != first]
    for match in reversed(left_out):
        text = text[: match.start()] + text[match.end() :]
    return text, [match[0] for match in left_out]


def _scene(name: str) -> str:
    return next(scene for scene, names in SCENES.items() if name in names)

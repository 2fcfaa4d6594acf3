"""Words that pocket was not taught, and the taught word whose picture comes nearest.

Who asks for a bird would rather see an eagle than an empty meadow, as long as it is said. Where nothing is near there is no entry:
nobody who asks for a woman means a robot.
"""

from __future__ import annotations

import re

NEAREST: dict[str, tuple[str, ...]] = {
    "eagle": (
        "bird",
        "hawk",
        "falcon",
        "crow",
        "raven",
        "pigeon",
        "dove",
        "seagull",
        "gull",
        "sparrow",
        "parrot",
    ),
    "duck": ("goose", "swan"),
    "chicken": ("rooster", "turkey"),
    "dog": ("wolf", "doggy", "poodle", "dachshund", "terrier", "corgi", "husky"),
    "cat": ("lynx", "tabby"),
    "tiger": ("leopard", "cheetah", "panther", "jaguar"),
    "lion": ("lioness",),
    "bear": ("grizzly",),
    "horse": ("pony", "donkey", "mule", "zebra", "foal"),
    "cow": ("bull", "ox", "buffalo", "calf"),
    "mouse": ("rat",),
    "monkey": ("gorilla", "chimpanzee"),
    "dolphin": ("porpoise",),
    "whale": ("orca",),
    "fish": ("goldfish", "salmon", "trout", "carp", "koi", "tuna", "clownfish"),
    "bee": ("wasp", "hornet"),
    "butterfly": ("dragonfly",),
    "snail": ("slug",),
    "tree": ("maple", "birch", "beech", "willow", "elm"),
    "fir": ("spruce", "conifer"),
    "sunflower": ("daisy",),
    "tulip": ("lily", "daffodil"),
    "strawberry": ("raspberry",),
    "car": ("van", "jeep", "sedan", "convertible", "vehicle"),
    "fire engine": ("lorry",),
    "scooter": ("moped", "motorcycle", "motorbike"),
    "sailboat": ("ship", "ferry", "vessel", "canoe", "kayak"),
    "rocket": ("spacecraft", "missile"),
    "helicopter": ("chopper",),
    "house": ("hut", "cabin", "villa", "mansion", "bungalow", "barn"),
    "campfire": ("bonfire",),
    "robot": ("cyborg", "droid"),
    "ghost": ("phantom",),
    "guitar": ("ukulele", "banjo"),
    "alien": ("martian",),
}
NOTHING = ("man", "men")  # by itself: it was taught as a part of "snow man" alone
PARTS = ("snow", "rocket", "space")  # what makes a name of the word after it: "snow man", "rocket ship"

_STANDS_FOR = {word: taught for taught, near in NEAREST.items() for word in near} | dict.fromkeys(NOTHING, "")
_WORD = re.compile(
    r"(?<![\w'-])(?P<part>(?:"
    + "|".join(PARTS)
    + r")\s+)?(?P<word>"
    + "|".join(sorted(_STANDS_FOR, key=len, reverse=True))
    + r")"
    r"(?P<many>e?s)?(?![\w'-])"
)


def nearest(text: str) -> tuple[str, dict[str, str]]:
    """`text` in lower case with taught words in the place of those that they come nearest to, and which word stands for which; ""
    where a word is left out.
    """
    stands = {}

    def taught(found: re.Match[str]) -> str:
        if found["part"]:
            return found[0]
        word, many = _STANDS_FOR[found["word"]], found["many"] or ""
        stands[found["word"] + many] = word
        return word + ("s" if word and many else "")

    return _WORD.sub(taught, text.lower()), stands

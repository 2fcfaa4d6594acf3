"""Words that pocket was not taught, and the taught word whose picture, or motion, comes nearest.

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
    "pig": ("boar",),
    "chicken": ("rooster", "turkey", "ostrich", "peacock"),
    "dog": (
        "wolf",
        "doggy",
        "doggie",
        "poodle",
        "dachshund",
        "terrier",
        "corgi",
        "husky",
        "retriever",
        "labrador",
        "bulldog",
        "beagle",
        "collie",
        "spaniel",
        "chihuahua",
        "dalmatian",
    ),
    "cat": ("lynx", "tabby"),
    "tiger": ("leopard", "cheetah", "panther", "jaguar"),
    "lion": ("lioness",),
    "bear": ("grizzly",),
    "horse": (
        "pony",
        "stallion",
        "mare",
        "donkey",
        "mule",
        "zebra",
        "deer",
        "reindeer",
        "moose",
        "camel",
        "llama",
    ),
    "cow": ("bull", "ox", "buffalo", "bison", "goat", "sheep"),
    "mouse": ("rat",),
    "monkey": ("gorilla", "chimpanzee", "baboon"),
    "koala": ("sloth",),
    "dolphin": ("porpoise",),
    "whale": ("orca",),
    "elephant": ("mammoth", "hippo", "hippopotamus", "rhino", "rhinoceros"),
    "fish": ("goldfish", "salmon", "trout", "carp", "koi", "tuna", "clownfish"),
    "bee": ("wasp", "hornet"),
    "butterfly": ("dragonfly",),
    "snail": ("slug",),
    "tree": ("maple", "birch", "beech", "willow", "elm", "branch", "twig"),
    "fir": ("spruce", "conifer"),
    "sunflower": ("daisy",),
    "tulip": ("daffodil",),
    "strawberry": ("raspberry",),
    "car": ("van", "minivan", "jeep", "sedan", "convertible", "limousine", "pickup", "vehicle"),
    "fire engine": ("lorry",),
    "scooter": ("moped", "motorcycle", "motorbike", "skateboard"),
    "sailboat": (
        "ship",
        "ferry",
        "vessel",
        "canoe",
        "kayak",
        "raft",
        "gondola",
        "rowboat",
        "motorboat",
        "catamaran",
    ),
    "balloon": ("hot air balloon", "blimp", "airship", "zeppelin"),
    "star": ("shooting star", "comet", "meteor", "starfish"),
    "rocket": ("spacecraft", "missile"),
    "helicopter": ("chopper", "plane", "airplane", "aeroplane", "aircraft", "jet"),
    "house": (
        "hut",
        "cabin",
        "villa",
        "mansion",
        "bungalow",
        "barn",
        "castle",
        "church",
        "palace",
        "building",
    ),
    "campfire": ("bonfire",),
    "robot": ("cyborg", "droid"),
    "ghost": ("phantom",),
    "guitar": ("ukulele", "banjo"),
    "bus": (
        "train",
        "tram",
    ),
    "gift": (
        "box",
        "parcel",
        "package",
    ),
    "hamster": ("squirrel", "chipmunk", "hedgehog", "guinea pig", "gerbil", "beaver", "weasel"),
    "fox": (
        "raccoon",
        "coyote",
        "jackal",
    ),
    "caterpillar": (
        "worm",
        "snake",
        "centipede",
    ),
    "ladybug": (
        "ant",
        "spider",
    ),
    "octopus": ("jellyfish",),
    "alien": ("martian",),
}
VERBS: dict[str, tuple[str, ...]] = {
    "walking": (
        "strut",
        "explore",
        "march",
        "wander",
        "crossing",
        "crosses",
        "marching",
        "wandering",
        "stalking",
        "hiking",
        "strutting",
        "stepping",
        "exploring",
        "explores",
        "hunting",
    ),
    "running": (
        "jog",
        "rush",
        "gallop",
        "galloping",
        "trot",
        "trotting",
        "sprint",
        "sprinting",
        "dashing",
        "dashes",
        "chasing",
        "chases",
        "jogging",
        "jogs",
        "rushing",
        "rushes",
    ),
    "hopping": ("skip", "play", "prance", "skipping", "skips", "playing", "plays", "prancing"),
    "crawling": ("slide", "slither", "slithering", "sliding", "slides"),
    "flying": ("soar", "soaring", "glide", "gliding"),
    "floating": ("hover", "hovering", "hovers"),
    "swimming": ("paddle", "dive", "paddling", "diving", "dives", "snorkeling", "snorkelling"),
    "falling": ("sink", "tumble", "plunging", "sinking", "sinks", "tumbling"),
    "spinning": ("twirl", "whirl", "rotating", "rotates", "twirling", "whirling", "pirouetting"),
    "swaying": ("dancing", "dances", "swinging", "swings", "bending", "singing", "sings"),
    "shaking": ("shiver", "trembling", "trembles", "shivering", "shivers", "quivering", "vibrating"),
    "growing": ("bloom", "sprout", "blooming", "blooms", "sprouting"),
    "burning": ("blazing",),
    "resting": (
        "sit",
        "stand",
        "nap",
        "doze",
        "relax",
        "eat",
        "drink",
        "look",
        "listen",
        "hide",
        "pose",
        "sitting",
        "sits",
        "sat",
        "lying",
        "standing",
        "stands",
        "napping",
        "dozing",
        "waiting",
        "relaxing",
        "eating",
        "eats",
        "drinking",
        "drinks",
        "looking",
        "looks",
        "watching",
        "watches",
        "listening",
        "listens",
        "hiding",
        "hides",
        "posing",
    ),
}
OTHERS: dict[str, tuple[str, ...]] = {
    "slowly": ("slow", "slower", "leisurely", "calmly"),
    "quickly": ("quick", "quicker", "faster", "swift", "swiftly", "rapidly"),
    "rain": ("rainy", "raindrops"),
    "heavy rain": ("storm", "stormy", "thunderstorm", "downpour"),
    "light rain": ("drizzle",),
    "heavy snow": ("blizzard", "snowstorm"),
    "strong wind": ("gale", "hurricane"),
    "light wind": ("breeze", "breezy"),
}
ALIKE = frozenset(
    "sit sits sitting sat gallop gallops galloping sprint sprints sprinting soar soars soaring glide glides gliding slow quick "
    "swift swiftly rapidly giant gigantic enormous massive ocean".split()
)
"""Words that mean what stands for them, or all but: nobody wants to be told."""
SIZES = {
    **dict.fromkeys(("giant", "gigantic", "massive", "enormous", "colossal", "tall"), "big"),
    **dict.fromkeys(("baby", "mini", "miniature", "teeny"), "small"),
}
"""Words for sizes, before another word: a giant by himself is somebody whom nothing is near to."""
_IS_THERE = r"(?=\s+(?:fly|flies)\s+(?:on|in|and|sits?|rests?|is|are|walks?|crawls?)\b)"
_FLY = re.compile(
    rf"(?<![\w'-])(?P<which>an?|one|this|another|(?:the|my|two|three|four|five){_IS_THERE})\s+(?P<fly>fly|flies)(?![\w'-])"
)
"""A fly is no deed."""
NOTHING = ("man", "men")  # by itself: it was taught as a part of "snow man" alone
YOUNG = {
    "duckling": "small duck",
    "calf": "small cow",
    "lamb": "small cow",
    "foal": "small horse",
    "calves": "small cows",
}
"""Young ones that were taught as no thing of their own."""
PARTS = ("snow", "rocket", "space")  # what makes a name of the word after it: "snow man", "rocket ship"
BEGINNINGS = {
    "american": ("", "football"),
    "birthday": ("", "cakes?"),
    "police": ("", "cars?"),
    "tropical": ("", "fish(?:es)?"),
    "ice": ("snow", "creams?"),
}
"""First words of taught names that mean something else before other words: what is heard then, and what makes the name. An American
flag is no ball, and penguins stand on ice without cream.
"""

_NEAR = {
    word: taught for near in (NEAREST, VERBS, OTHERS) for taught, words in near.items() for word in words
}
_STANDS_FOR = (
    _NEAR
    | YOUNG
    | SIZES
    | dict.fromkeys(NOTHING, "")
    | {word: heard for word, (heard, _) in BEGINNINGS.items()}
)
WORDS = frozenset(_STANDS_FOR)
_WORD = re.compile(
    r"(?<![\w'-])(?P<part>(?:"
    + "|".join(PARTS)
    + r")\s+)?(?P<word>"
    + "|".join(
        [
            *sorted([*_NEAR, *YOUNG, *NOTHING], key=len, reverse=True),
            *(rf"{word}(?=\s+[a-z])" for word in SIZES),
            *(rf"{word}(?!\s+{rest}\b)" for word, (_, rest) in BEGINNINGS.items()),
        ]
    )
    + r")"
    r"(?P<many>e?s)?(?![\w'-])"
)


def nearest(text: str) -> tuple[str, dict[str, str]]:
    """`text` in lower case with taught words in the place of those that they come nearest to, and which word stands for which; ""
    where a word is left out.
    """
    stands = dict[str, str]()

    def taught(found: re.Match[str]) -> str:
        if found["part"]:
            return found[0]
        word, many = _STANDS_FOR[found["word"]], found["many"] or ""
        stands[found["word"] + many] = word
        return word + ("s" if many and word.removeprefix("small ") in NEAREST else "")

    def insect(found: re.Match[str]) -> str:
        stands[found["fly"]] = "bee"
        return f"{found['which']} {'bee' if found['fly'] == 'fly' else 'bees'}"

    return _WORD.sub(taught, _FLY.sub(insect, text.lower())), stands

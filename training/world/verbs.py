"""What the things of the world do, and the words for it: kinds of bodies, actions, directions, manners, weather.

One table an idea. Whatever is said here is shown by the living world: a caption with a verb is true of its clip.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Rng = np.random.Generator


class Verb(NamedTuple):
    """One way to say what is done: it runs, they run, running."""

    third: str
    base: str
    progressive: str


def _verbs(table: str) -> dict[str, tuple[Verb, ...]]:
    rows = (line.split("|") for line in table.strip().splitlines())
    return {name.strip(): tuple(Verb(*word.split()) for word in ways.split(",")) for name, ways in rows}


ACTIONS = _verbs("""
walk|walks walk walking, strolls stroll strolling
run|runs run running, races race racing
hop|hops hop hopping, jumps jump jumping, leaps leap leaping
waddle|waddles waddle waddling
crawl|crawls crawl crawling, creeps creep creeping
roll|rolls roll rolling
bounce|bounces bounce bouncing
fly|flies fly flying, flaps flap flapping, flutters flutter fluttering
swim|swims swim swimming
sail|sails sail sailing
rock|rocks rock rocking
drive|drives drive driving
float|floats float floating, drifts drift drifting
sway|sways sway swaying, waves wave waving
grow|grows grow growing
wobble|wobbles wobble wobbling, shakes shake shaking
spin|spins spin spinning, turns turn turning
fall|falls fall falling, drops drop dropping
burn|burns burn burning
rest|rests rest resting, sleeps sleep sleeping
""")
"""Action → its words; they all mean the same."""

TRAVELS = frozenset("walk run hop waddle crawl roll bounce fly swim sail drive float fall".split())
"""Actions that go somewhere: they take a direction."""


def _kinds(table: str) -> dict[str, tuple[str, ...]]:
    rows = (line.split("|") for line in table.strip().splitlines())
    kinds: dict[str, tuple[str, ...]] = {}
    for kind, names in rows:
        kinds[kind.strip()] = (*kinds.get(kind.strip(), ()), *(name.strip() for name in names.split(",")))
    return kinds


KINDS = _kinds("""
ball|soccer ball, basketball, tennis ball
round|apple, watermelon, donut, pumpkin, orange, lemon, peach, kiwi, cookie, american football
soft|banana, strawberry, pizza, burger, cake, grapes, cherries, pineapple, avocado, eggplant, corn, carrot
soft|bread, cheese, ice cream, cupcake, teddy bear, gift, top hat
plant|mushroom, sunflower, rose, cactus, tree, tulip, pine tree, palm tree
walker|dog, cat, fox, bear, panda, pig, monkey, mouse, hamster, koala, tiger, lion, cow, horse, unicorn
walker|elephant, giraffe, robot, alien
hopper|rabbit, frog
waddler|penguin, duck, chicken, chick
crawler|turtle, crab, ladybug, caterpillar, snail
flyer|owl, butterfly, bee, eagle
swimmer|fish, octopus, dolphin, whale, shark
boat|sailboat
vehicle|car, bus, taxi, police car, ambulance, fire engine, tractor, bicycle, scooter
rocket|rocket, helicopter, flying saucer
balloon|balloon, ghost
star|star, diamond, light bulb
stiff|snowman, house, anchor, guitar, trumpet, drum, trophy, crown, bell, key, clock, umbrella, die, bowling
flame|fire
""")
"""Kind of body → the things that have it. Every thing has one."""

CAN = {
    "ball": ("roll", "bounce", "spin", "fall"),
    "round": ("roll", "spin", "fall"),
    "soft": ("wobble", "spin", "fall"),
    "plant": ("sway", "grow"),
    "walker": ("walk", "run", "hop", "rest"),
    "hopper": ("hop", "rest"),
    "waddler": ("waddle", "walk", "hop", "rest"),
    "crawler": ("crawl", "walk", "rest"),
    "flyer": ("fly", "rest"),
    "swimmer": ("swim", "float"),
    "boat": ("sail", "rock", "float"),
    "vehicle": ("drive",),
    "rocket": ("fly",),
    "balloon": ("float", "sway"),
    "star": ("spin", "float"),
    "stiff": ("wobble", "rock", "fall"),
    "flame": ("burn",),
}
"""Kind of body → what it can do."""

IN_WATER = {"turtle": "swimmer", "crab": "crawler", "duck": "waddler"}
"""What is of another kind under water."""

PLURALS = frozenset("penguins bananas cacti grapes cherries flames".split())
"""What things are called that takes "run" instead of "runs"."""

DIRECTIONS = {
    "left": ("to the left", "left", "leftwards"),
    "right": ("to the right", "right", "rightwards"),
    "up": ("up", "upwards"),
    "down": ("down", "downwards"),
}
"""Where a thing goes; up and down are for what flies, swims, floats or falls."""

UPWARD = frozenset({"fly", "swim", "float"})
MANNERS = {"slow": ("slowly", "gently"), "fast": ("fast", "quickly")}
"""Half as fast, and nearly twice as fast, as without a word."""


class Sky(NamedTuple):
    """A weather: the nouns for it, sentences that say it, and the scenes where it can be."""

    nouns: tuple[str, ...]
    sentences: tuple[str, ...]
    scenes: tuple[str, ...]


WEATHER = {
    "snow": Sky(
        ("snowfall", "snowflakes"),
        ("it is snowing", "snowflakes fall"),
        ("snow", "night", "road", "meadow", "photo"),
    ),
    "rain": Sky(("rain",), ("it is raining", "rain falls"), ("meadow", "road", "beach", "night", "photo")),
    "wind": Sky(
        ("wind",), ("it is windy", "the wind blows"), ("meadow", "beach", "desert", "sunset", "snow", "road")
    ),
}
"""What comes down or blows. In the scene of that name alone "snow" says the weather, too: elsewhere it would name the scene."""

STRENGTHS = {"light": ("light", "gentle"), "heavy": ("heavy", "strong")}
"""Few or many flakes and drops; a little or a lot of wind."""


class Doing(NamedTuple):
    """What a thing does in a clip; empty words are not said."""

    action: str
    direction: str = ""  # of DIRECTIONS
    manner: str = ""  # of MANNERS


class Weather(NamedTuple):
    kind: str  # of WEATHER
    strength: str = ""  # of STRENGTHS


def kind_of(name: str, scene: str = "") -> str:
    """The kind of body of the thing called `name` in `scene`. Raises KeyError for what the world does not have."""
    if scene == "under water" and name in IN_WATER:
        return IN_WATER[name]
    return _KIND[name]


_KIND = {name: kind for kind, names in KINDS.items() for name in names}


def deeds(name: str, scene: str = "") -> tuple[str, ...]:
    """The actions that the thing called `name` can do in `scene`."""
    return CAN[kind_of(name, scene)]


def draw_doing(rng: Rng, name: str, scene: str = "") -> Doing:
    """Something that the thing called `name` can do, at random."""
    action = str(rng.choice(deeds(name, scene)))
    direction = ""
    if action == "fall":
        direction = "down" if rng.random() < 0.3 else ""
    elif action in TRAVELS and rng.random() < 0.65:
        ways = list(DIRECTIONS) if action in UPWARD else ["left", "right"]
        direction = str(rng.choice(ways))
    manner = str(rng.choice(list(MANNERS))) if action not in ("rest", "fall") and rng.random() < 0.3 else ""
    return Doing(action, direction, manner)


def draw_weather(rng: Rng, scene: str) -> Weather | None:
    """A weather that `scene` can have, at random; None where there is none, as under water."""
    kinds = [kind for kind, sky in WEATHER.items() if scene in sky.scenes]
    if not kinds:
        return None
    kind = "snow" if scene == "snow" and rng.random() < 0.7 else str(rng.choice(kinds))
    return Weather(kind, str(rng.choice(list(STRENGTHS))) if rng.random() < 0.6 else "")


def say_doing(rng: Rng, subject: str, doing: Doing) -> str:
    """A clause: "a dog runs to the left". `subject` is a thing with its article and adjective, or without."""
    verb = ACTIONS[doing.action][int(rng.integers(len(ACTIONS[doing.action])))]
    many = subject.split()[-1] in PLURALS
    forms = [
        verb.base if many else verb.third,
        f"{'are' if many else 'is'} {verb.progressive}",
        verb.progressive,
    ]
    words = [subject, str(rng.choice(forms, p=[0.6, 0.2, 0.2]))]
    if doing.direction:
        words.append(str(rng.choice(DIRECTIONS[doing.direction])))
    if doing.manner:
        words.insert(int(rng.integers(2, len(words) + 1)), str(rng.choice(MANNERS[doing.manner])))
    return " ".join(words)


def say_weather(rng: Rng, weather: Weather, scene: str) -> str:
    """A clause or noun: "heavy snow", "it is raining", "light rain"."""
    sky = WEATHER[weather.kind]
    if weather.strength:
        nouns = (*sky.nouns, "snow") if weather.kind == scene == "snow" else sky.nouns
        return f"{rng.choice(STRENGTHS[weather.strength])} {rng.choice(nouns)}"
    return str(rng.choice(sky.sentences))


def verb_words() -> list[str]:
    """Every word that the tables above use, sorted; a text encoder must know them all."""
    said = [form for verbs in ACTIONS.values() for verb in verbs for form in verb]
    said += [way for ways in (*DIRECTIONS.values(), *MANNERS.values(), *STRENGTHS.values()) for way in ways]
    said += [text for sky in WEATHER.values() for text in (*sky.nouns, *sky.sentences)]
    return sorted({word for text in said for word in text.split()} | {"snow"})

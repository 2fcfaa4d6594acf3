"""Sentences from which a text encoder learns what words name: every word comes with its concept.

They say more than the world's captions do (counts up to six, sides, colours, unheard-of words, verbs of things that cannot do
that), because people will.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowbrush.models.text.scenes import SCENES
from flowbrush.models.text.words import words
from flowbrush.training.world import lexicon, verbs
from flowbrush.training.world.clip import call
from flowbrush.training.world.words import plural, strange

Rng = np.random.Generator
SIZES = {"big": ("big", "large", "huge"), "small": ("small", "little", "tiny")}
COUNTS = {
    "2": ("two", "2", "both"),
    "3": ("three", "3", "some", "several", "many"),
    "4": ("four", "4"),
    "5": ("five", "5"),
    "6": ("six", "6"),
}
SIDES = {
    "left": ("on the left", "at the left", "on the left side"),
    "right": ("on the right", "at the right", "on the right side"),
    "middle": ("in the middle", "in the center", "in the centre"),
}
RELATIVE_SIDES = {
    "left": ("left of", "to the left of"),
    "right": ("right of", "to the right of"),
}
"""Where a thing is, seen from the next one."""

PAST = {
    "run": "ran", "fly": "flew", "swim": "swam", "fall": "fell", "grow": "grew", "wobble": "shook", "rest": "slept",
    "drive": "drove", "crawl": "crept", "spin": "spun", "burn": "burnt",
}  # fmt: skip
"""Forms that no rule makes."""

COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "brown",
    "blue",
    "black",
    "white",
    "pink",
    "cute",
    "happy",
    "old",
)
OPENINGS = ("a picture of", "a video of", "please show me", "there is", "a scene with")
PLACES = (", {}", " in the {}", " on the {}", " at {}", " at the {}", " and a {}", " {}", " by the {}")
GRAMMAR = (
    "a",
    "an",
    "and",
    "are",
    "at",
    "by",
    "in",
    "is",
    "it",
    "of",
    "on",
    "the",
    "there",
    "to",
    "while",
    "with",
)
NOTHING = -1  # the clause of what belongs to no thing


class Piece(NamedTuple):
    """Words of one meaning, "kind:name" or "" for none, and the number of the clause that they are part of."""

    said: str
    concept: str = ""
    clause: int = NOTHING


class Sentence(NamedTuple):
    """A caption, the concept of each of its words, and the clause of each."""

    text: str
    concepts: tuple[str, ...]
    clauses: tuple[int, ...]


def concepts() -> list[str]:
    """All that a word can name, as "kind:name"."""
    kinds: dict[str, list[str]] = {
        "thing": [noun.name for noun in lexicon.CORE + lexicon.EXTRA],
        "scene": list(SCENES),
        "verb": list(verbs.ACTIONS),
        "direction": list(verbs.DIRECTIONS),
        "manner": list(verbs.MANNERS),
        "weather": list(verbs.WEATHER),
        "strength": list(verbs.STRENGTHS),
        "count": list(COUNTS),
        "size": list(SIZES),
        "side": list(SIDES),
    }
    return [f"{kind}:{name}" for kind, names in kinds.items() for name in names]


def vocabulary() -> list[str]:
    """All words that have a concept, sorted, then those of mere grammar."""
    said = [name for noun in lexicon.CORE + lexicon.EXTRA for name in (noun.name, *noun.synonyms)]
    said += [name for names in SCENES.values() for name in names]
    said += [
        way for table in (SIZES, COUNTS, SIDES, RELATIVE_SIDES) for ways in table.values() for way in ways
    ]
    known = {word for text in said for word in words(text)} | set(verbs.verb_words()) | set(PAST.values())
    return [*sorted(known - set(GRAMMAR)), *GRAMMAR]


def draw_sentence(rng: Rng) -> Sentence:
    """A caption of up to three things, in a scene, with a weather; or of less."""
    scene = str(rng.choice(list(SCENES)))
    things = int(rng.choice([0, 1, 2, 3], p=[0.06, 0.4, 0.34, 0.2]))
    pieces = [Piece(str(rng.choice(OPENINGS)))] if things and rng.random() < 0.06 else []
    for number in range(things):
        if number:
            pieces.append(_between(rng, number, things, pieces))
        pieces += _clause(rng, number, scene, last=number == things - 1)
    if not things or rng.random() < 0.8:
        _put_place(rng, pieces, scene)
    sky = verbs.draw_weather(rng, scene) if rng.random() < 0.25 else None
    if sky:
        said = [Piece(word, _sky(word, sky)) for word in verbs.say_weather(rng, sky, scene).split()]
        pieces = [*said, Piece(","), *pieces] if rng.random() < 0.4 else [*pieces, Piece(","), *said]
    return _sentence(pieces)


def _between(rng: Rng, number: int, things: int, before: list[Piece]) -> Piece:
    """What stands between two things: perhaps on which side of the second the first is."""
    if before[-1].concept.startswith("thing:") and rng.random() < 0.12:
        side = str(rng.choice(list(RELATIVE_SIDES)))
        return Piece(str(rng.choice(RELATIVE_SIDES[side])), f"side:{side}", number - 1)
    return Piece(str(rng.choice([",", "and", ", and", "while", "with"], p=[0.35, 0.45, 0.1, 0.05, 0.05])))


def _clause(rng: Rng, number: int, scene: str, last: bool) -> list[Piece]:
    """One thing, or several alike: how many, how large, what they do and where."""
    noun = (lexicon.CORE + lexicon.EXTRA)[int(rng.integers(len(lexicon.CORE) + len(lexicon.EXTRA)))]
    count = str(rng.choice(list(COUNTS), p=[0.4, 0.3, 0.1, 0.1, 0.1])) if rng.random() < 0.25 else ""
    name, concept = call(rng, noun.name, noun.synonyms), f"thing:{noun.name}"
    if rng.random() < 0.08:
        name, concept = strange(rng), ""
    pieces = []
    if rng.random() < 0.35:
        size = str(rng.choice(list(SIZES)))
        pieces.append(Piece(str(rng.choice(SIZES[size])), f"size:{size}", number))
    if rng.random() < 0.1:
        pieces.append(Piece(str(rng.choice(COLOURS))))
    pieces.append(Piece(plural(name) if count else name, concept, number))
    if count:
        pieces.insert(0, Piece(str(rng.choice(COUNTS[count])), f"count:{count}", number))
    elif rng.random() < 0.75:
        an = "an" if pieces[0].said[0] in "aeiou" else "a"
        pieces.insert(0, Piece(str(rng.choice([an, "the"], p=[0.85, 0.15]))))
    side = str(rng.choice(list(SIDES)))
    where = [Piece(str(rng.choice(SIDES[side])), f"side:{side}", number)] if rng.random() < 0.14 else []
    done = _deed(rng, noun.name, scene, number, bool(count)) if rng.random() < 0.55 else []
    return [*pieces, *where, *done] if rng.random() < 0.5 else [*pieces, *done, *where]


def _deed(rng: Rng, name: str, scene: str, number: int, several: bool) -> list[Piece]:
    """What is done, where to, and how; now and then what that thing cannot do."""
    doing = verbs.draw_doing(rng, name, scene)
    if rng.random() < 0.3:
        action = str(rng.choice(list(verbs.ACTIONS)))
        way = (
            str(rng.choice(list(verbs.DIRECTIONS))) if action in verbs.TRAVELS and rng.random() < 0.6 else ""
        )
        doing = verbs.Doing(action, way, doing.manner)
    verb = verbs.ACTIONS[doing.action][int(rng.integers(len(verbs.ACTIONS[doing.action])))]
    be, present = ("are", verb.base) if several else ("is", verb.third)
    forms = [present, verb.progressive, f"{be} {verb.progressive}", verb.base]
    said = PAST[doing.action] if doing.action in PAST and rng.random() < 0.08 else str(rng.choice(forms))
    pieces = [Piece(said, f"verb:{doing.action}", number)]
    if doing.direction:
        ways = verbs.DIRECTIONS[doing.direction]
        pieces.append(Piece(str(rng.choice(ways)), f"direction:{doing.direction}", number))
    if doing.manner:
        how = Piece(str(rng.choice(verbs.MANNERS[doing.manner])), f"manner:{doing.manner}", number)
        pieces.insert(int(rng.integers(len(pieces) + 1)), how)
    return pieces


def _put_place(rng: Rng, pieces: list[Piece], scene: str) -> None:
    """Says the scene, behind the things or before them."""
    name = call(rng, scene, SCENES[scene])
    if not pieces or rng.random() < 0.15:
        pieces[:0] = [Piece(name, f"scene:{scene}"), Piece(",")]
        return
    before = str(rng.choice(PLACES)).format("")
    pieces += [Piece(before), Piece(name, f"scene:{scene}")]


def _sky(word: str, sky: verbs.Weather) -> str:
    strong = word in verbs.STRENGTHS.get(sky.strength, ())
    return f"strength:{sky.strength}" if strong else f"weather:{sky.kind}"


def _sentence(pieces: list[Piece]) -> Sentence:
    """The pieces as text. Words of mere grammar name nothing, whatever they are part of."""
    text, named, clauses = "", [], []
    for said, concept, clause in pieces:
        text += said if said.startswith(",") else f" {said.strip()}" if said.strip() else ""
        for word in words(said):
            names = concept and word not in GRAMMAR
            named.append(concept if names else "")
            clauses.append(clause if names else NOTHING)
    return Sentence(text.strip(" ,"), tuple(named), tuple(clauses))

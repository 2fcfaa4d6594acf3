"""Prompts that models are asked in the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flowbrush.training.world import lexicon, verbs

_SCENES = list(lexicon.SCENES)
ALONE = tuple(
    (f"a {noun.name} {'under water' if scene == 'under water' else f'in the {scene}'}", noun.name, scene)
    for noun, scene in zip(lexicon.CORE[:24], _SCENES * 3, strict=True)
)
"""Prompts of a thing in a scene, three of each scene, with the thing and the scene."""

LASTING = ALONE[::3]
"""A third of them, one of each scene, which run for minutes."""

THINGS = tuple(
    (noun.name, _SCENES[(3 * place) % len(_SCENES)]) for place, noun in enumerate(lexicon.CORE[16:40])
)
"""Things and scenes of which paths are followed."""


def _verb_prompts(count: int = 56) -> tuple[tuple[str, str, str], ...]:
    """Sentences with a verb and a direction, what moves and which way."""
    found = []
    for noun in (*lexicon.CORE, *lexicon.EXTRA):
        for action in verbs.deeds(noun.name):
            if action in verbs.TRAVELS and action != "fall":
                for direction in ("left", "right"):
                    third = verbs.ACTIONS[action][0].third
                    way = verbs.DIRECTIONS[direction][0]
                    found.append((f"a {noun.name} {third} {way}", noun.name, direction))
    return tuple(found[:: max(1, len(found) // count)][:count])


def _open_prompts(count: int = 36) -> tuple[tuple[str, str], ...]:
    """Sentences with a verb of going and no way, and what goes."""
    movers = [noun.name for noun in (*lexicon.CORE, *lexicon.EXTRA) if _travels(noun.name)]
    found = [(f"{_a(name)} {verbs.ACTIONS[_travels(name)[0]][0].third}", name) for name in movers]
    return tuple(found[:: max(1, len(found) // count)][:count])


class Pair(NamedTuple):
    """A prompt of two things, and where each was told to go: "left", "right", "up", "down", or nowhere."""

    prompt: str
    told: tuple[tuple[str, str], tuple[str, str]]


def _pairs(count: int = 12) -> tuple[Pair, ...]:
    """`count` prompts each where one thing goes and one stays, where two go to different sides, and where they go together."""
    names = [noun.name for noun in lexicon.CORE]
    movers = [name for name in names if _goes(name)]
    found = []
    for place in range(count):
        way, other_way = ("left", "right") if place % 2 else ("right", "left")
        one, stays = movers[3 * place % len(movers)], names[(7 * place + 5) % len(names)]
        clause = f"{_a(one)} {_third(one)} to the {way}"
        said = (f"{_a(stays)} and {clause}", f"{clause} and {_a(stays)}")[place % 3 > 0]
        found.append(Pair(said, ((one, way), (stays, ""))))
        other = movers[(3 * place + 4) % len(movers)]
        said = f"{clause} and {_a(other)} {_third(other)} to the {other_way}"
        found.append(Pair(said, ((one, way), (other, other_way))))
        action, friend = _company(one, movers[place:] + movers[:place])
        base = verbs.ACTIONS[action][0].base
        found.append(Pair(f"{_a(one)} and {_a(friend)} {base} to the {way}", ((one, way), (friend, way))))
    return tuple(found)


def _goes(name: str) -> list[str]:
    """The actions with which the thing called `name` goes to a side."""
    return [action for action in verbs.deeds(name) if action in verbs.TRAVELS and action != "fall"]


def _travels(name: str) -> list[str]:
    """Those of them that leave the place without a word for where to."""
    return [action for action in _goes(name) if action not in ("bounce", "float")]


def _company(name: str, others: Sequence[str]) -> tuple[str, str]:
    """Something that `name` and the first of the others that can do it with it do."""
    return next(
        (action, other)
        for other in others
        if other != name
        for action in _goes(name)
        if action in _goes(other)
    )


def _named(prompt: str, place: int, way: str) -> tuple[str, str]:
    return prompt.split(" and ")[place].split()[1], way


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _third(name: str) -> str:
    return verbs.ACTIONS[_goes(name)[0]][0].third


VERBS = _verb_prompts()
OPEN = _open_prompts()
PAIRS = _pairs()
"""Two things on the ground, most of them: one goes and one stays, they part, or they go together."""

_UP_AND_ACROSS = """
an apple falls and a balloon floats up|down up
a bee flies up and a banana falls|up down
a rocket flies up and a star falls|up down
a fish swims up and an octopus swims down|up down
a butterfly flies up and an owl flies down|up down
a balloon floats up and a bee flies to the left|up left
a cake falls and a dog runs to the right|down right
a rocket flies up and a car drives to the left|up left
an owl flies down and a rabbit hops to the right|down right
a whale swims up and a fish swims to the right|up right
a ghost floats up and a pumpkin rolls to the left|up left
a watermelon falls and a bee flies to the right|down right
a dolphin swims down and a shark swims to the left|down left
a star floats up and a cat walks to the left|up left
"""
UNLIKE = tuple(
    Pair(said, (_named(said, 0, way.split()[0]), _named(said, 1, way.split()[1])))
    for said, way in (line.split("|") for line in _UP_AND_ACROSS.strip().splitlines())
)
"""Two things that do what is unlike: up and down, or up and to a side."""

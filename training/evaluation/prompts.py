"""Prompts that models are asked in the evaluation."""

from __future__ import annotations

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


VERBS = _verb_prompts()

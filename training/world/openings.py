"""What a caption alone can say: pictures with one plain layout, and pictures before and after a change of the caption.

A caption names things and a scene, not places. Openings therefore stand in one place for each number of things, upright, over one
of a few pictures of the scene: little is left to chance, and a small model can learn what every word looks like.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from training.world import lexicon
from training.world.clip import Clip, World, WorldObject, call, caption

Rng = np.random.Generator
PLACES = {
    1: ((0.5, 0.58),),
    2: ((0.3, 0.6), (0.7, 0.6)),
    3: ((0.2, 0.62), (0.5, 0.54), (0.8, 0.62)),
}  # in frame sizes, in the order in which the caption names the things
SIZES = {"": 74.0, "small ": 54.0, "big ": 84.0}  # pixels
VARIANTS = 2  # pictures of each scene
PLANNED = 24  # frames of the clip whose last one a change begins with


@dataclass
class Opening:
    """One picture `after` [3, H, W] uint8 and its caption; `before` is the picture that the caption changes, if any."""

    caption: str
    after: Tensor
    before: Tensor | None = None


def opening(world: World, rng: Rng) -> Opening:
    """What a stream begins with that has only a caption."""
    count = int(rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
    scene = str(rng.choice(list(lexicon.SCENES)))
    things, words = [], []
    for x, y in PLACES[count]:
        noun = world.pick(rng)
        adjective = str(rng.choice(list(SIZES), p=[0.7, 0.15, 0.15]))
        things.append(_thing(noun.name, (x * world.width, y * world.height), SIZES[adjective]))
        words.append(adjective + call(rng, noun.name, noun.synonyms))
    said = caption(rng, words, call(rng, scene, lexicon.SCENES[scene]))
    return Opening(said, _picture(world, scene, things, int(rng.integers(VARIANTS))))


def change(world: World, rng: Rng) -> Opening:
    """A picture and what a new caption makes of it: another scene, or another thing in place of one."""
    clip = world.plan(rng, PLANNED)
    before_scene, variant = clip.scene, int(rng.integers(10**6))
    things = [_thing(o.name, tuple(o.centre[-1]), float(o.size[-1])) for o in clip.objects]
    before = _picture(world, before_scene, things, variant)
    scene, after_variant = before_scene, variant
    nouns = {noun.name: noun for noun in world.everything}
    if rng.random() < 0.5:
        scene = str(rng.choice([other for other in lexicon.SCENES if other != before_scene]))
        after_variant = int(rng.integers(VARIANTS))
    else:
        changed = things[int(rng.integers(len(things)))]
        changed.name = world.pick(rng).name
    words = [call(rng, o.name, nouns[o.name].synonyms) for o in things]
    said = caption(rng, words, call(rng, scene, lexicon.SCENES[scene]))
    return Opening(said, _picture(world, scene, things, after_variant), before)


def _thing(name: str, at: tuple[float, float], size: float) -> WorldObject:
    still = np.zeros(1)
    return WorldObject(name, np.array([at]), still + size, still, still.astype(bool))


def _picture(world: World, scene: str, things: list[WorldObject], variant: int) -> Tensor:
    clip = Clip("", scene, things, np.eye(2, 3)[None])
    return world.render(clip, np.random.default_rng([list(lexicon.SCENES).index(scene), variant]))[0]

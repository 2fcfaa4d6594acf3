"""Pictures that a caption alone describes, and pictures before and after a change of the caption.

A caption names things and a scene, not places. Openings therefore stand in one place for each number of things, upright, over one
of a few pictures of the scene: little is left to chance, and a small model can learn what every word looks like.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.world import lexicon
from training.world.clip import WINDOW, Clip, World, WorldObject, call, caption, named

Rng = np.random.Generator
PLACES = {
    1: (0.5,),
    2: (0.3, 0.7),
    3: (0.2, 0.5, 0.8),
}  # across, in the order in which the caption names the things
LEVEL = 7 / 12  # of the frame's height, at which they stand
SIZES = {"": 74.0, "small ": 54.0, "big ": 84.0}  # pixels
VARIANTS = 3  # pictures of each scene
NOWHERE = 0.08  # of the captions name no scene, or one that there is not: then it is the first one
ALIKE = 0.08  # of the captions name several of one kind
STRANGE = 0.08  # of the things are none that there are: nothing is seen in their place
PLANNED = 24  # frames of the clip whose last one a change begins with


@dataclass(frozen=True)
class Opening:
    """What is to be seen: a scene, which picture of it, and things as (noun, adjective) from left to right, the noun empty where
    there is nothing; and its caption.
    """

    caption: str
    scene: str
    variant: int
    things: tuple[tuple[str, str], ...]


@dataclass
class Change:
    """A picture `before` and what the `caption` makes of it, `after`: [3, H, W] uint8."""

    caption: str
    before: Tensor
    after: Tensor


def opening(world: World, rng: Rng) -> Opening:
    """What a stream begins with that has only a caption."""
    count = int(rng.choice([0, 1, 2, 3], p=[0.03, 0.32, 0.45, 0.2]))
    somewhere = count > 0 and rng.random() < NOWHERE
    scene = next(iter(lexicon.SCENES)) if somewhere else str(rng.choice(list(lexicon.SCENES)))
    things, words = (
        _alike(world, rng, count) if count > 1 and rng.random() < ALIKE else _several(world, rng, count)
    )
    place = call(rng, scene, lexicon.SCENES[scene])
    if somewhere and rng.random() < 0.5:
        place, somewhere = strange(rng), False
    said = named(rng, words) if somewhere else caption(rng, words, place) if words else place
    return Opening(said, scene, int(rng.integers(VARIANTS)), tuple(things))


def _several(world: World, rng: Rng, count: int) -> tuple[list[tuple[str, str]], list[str]]:
    """`count` things as (noun, adjective), and what they are called."""
    things, words = [], []
    for _ in range(count):
        adjective = str(rng.choice(list(SIZES), p=[0.7, 0.15, 0.15]))
        if rng.random() < STRANGE:
            things.append(("", adjective))
            words.append(adjective + strange(rng))
            continue
        noun = world.pick(rng)
        things.append((noun.name, adjective))
        words.append(adjective + call(rng, noun.name, noun.synonyms))
    return things, words


def _alike(world: World, rng: Rng, count: int) -> tuple[list[tuple[str, str]], list[str]]:
    """`count` of one kind."""
    name = world.pick(rng).name
    return [(name, "")] * count, [f"{lexicon.COUNTS[count]} {plural(name)}"]


def plural(name: str) -> str:
    """More than one of them, as English mostly says it."""
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    if name.endswith("man"):
        return name[:-3] + "men"
    return name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")


def strange(rng: Rng) -> str:
    """A word for something that there is not, often one that nobody has heard of."""
    if rng.random() < 0.5:
        return str(rng.choice(lexicon.STRANGE))
    return "".join(
        str(rng.choice(list("bcdfghjklmnprstvwz"))) + str(rng.choice(list("aeiou")))
        for _ in range(int(rng.integers(1, 5)))
    ) + str(rng.choice(["", *"nrstlmd"]))


def picture(world: World, shown: Opening) -> Tensor:
    """The opening's picture [3, H, W] uint8."""
    places = PLACES.get(len(shown.things), ())
    things = [
        _thing(name, (x * world.width, LEVEL * world.height), SIZES[adjective])
        for x, (name, adjective) in zip(places, shown.things, strict=True)
        if name
    ]
    return _picture(world, shown.scene, things, shown.variant)


def stand(world: World, ground: Tensor, scene: str, name: str, x: float, size: float) -> Tensor:
    """The picture `ground` [3, H, W] uint8 of a scene with one thing at `x` (frame widths), `size` pixels large."""
    canvas = F.pad(ground[None].float() / 255, (WINDOW,) * 4)
    world.paint(
        canvas, _thing(name, (x * world.width, LEVEL * world.height), size), scene not in lexicon.SHADOWLESS
    )
    whole = canvas[0, :, WINDOW:-WINDOW, WINDOW:-WINDOW]
    return whole.mul(255).round().clamp(0, 255).to(torch.uint8)


def change(world: World, rng: Rng) -> Change:
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
    return Change(said, before, _picture(world, scene, things, after_variant))


def _thing(name: str, at: tuple[float, float], size: float) -> WorldObject:
    still = np.zeros(1)
    return WorldObject(name, np.array([at]), still + size, still, still.astype(bool))


def _picture(world: World, scene: str, things: list[WorldObject], variant: int) -> Tensor:
    """Of things over a scene, which looks the same for the same `variant`."""
    clip = Clip("", scene, things, np.eye(2, 3)[None])
    return world.render(clip, np.random.default_rng([list(lexicon.SCENES).index(scene), variant]))[0]

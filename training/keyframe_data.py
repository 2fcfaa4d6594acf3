"""What keyframes are to look like: every sprite, and a few pictures of every scene for frames of every size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from flowbrush.models.cards.spec import KeyframesSpec
from flowbrush.models.keyframes import Catalogue
from flowbrush.training.world import lexicon, verbs
from flowbrush.training.world.scenes import PAINTERS, SUPERSAMPLE, Layout
from flowbrush.training.world.sprites import SIZES, SpriteBook

HOMES = {
    "flyer": "air",
    "rocket": "air",
    "balloon": "air",
    "star": "air",
    "swimmer": "water",
    "boat": "afloat",
}
"""Kind of body → what it lives in; all others stand on the ground."""


@dataclass(frozen=True)
class KeyframeData:
    """`sprites` [things, 4, edge, edge] premultiplied; `scenes`, for each of the spec's sizes, [scenes * variants, 3, H, W] with
    margins; all uint8. `facts` [scenes, variants, 7] as `Keyframes` keeps them.
    """

    sprites: Tensor
    scenes: list[Tensor]
    facts: Tensor


def catalogue() -> Catalogue:
    """What the world has, in the lexicon's order."""
    things = tuple(noun.name for noun in lexicon.CORE + lexicon.EXTRA)
    homes = tuple(HOMES.get(verbs.kind_of(name), "ground") for name in things)
    return Catalogue(things, homes, tuple(lexicon.SCENES))


def render(spec: KeyframesSpec) -> KeyframeData:
    """Everything, always the same. Raises MissingFont."""
    nouns, names = lexicon.CORE + lexicon.EXTRA, tuple(lexicon.SCENES)
    book = SpriteBook({noun.name: noun.glyph for noun in nouns})
    sprites = torch.stack([book.levels[noun.name][SIZES[-1]] for noun in nouns])
    if spec.edge != SIZES[-1]:
        sprites = F.interpolate(sprites, (spec.edge, spec.edge), mode="bilinear", antialias=True)
    scenes = []
    for size in spec.sizes:
        width, height = (side + 2 * margin for side, margin in zip(size, spec.margin, strict=True))
        painted = [_scene(name, v, width, height)[0] for name in names for v in range(spec.variants)]
        scenes.append(torch.stack(painted))
    facts = [[_facts(_scene(name, v, 64, 64)[1]) for v in range(spec.variants)] for name in names]
    return KeyframeData(sprites.mul(255).round().clamp(0, 255).to(torch.uint8), scenes, torch.tensor(facts))


def _scene(name: str, variant: int, width: int, height: int) -> tuple[Tensor, Layout]:
    """A picture [3, height, width] uint8, sharp and in plain light; the same composition at every size."""
    rng = np.random.default_rng([list(lexicon.SCENES).index(name), variant])
    picture, layout = PAINTERS[name](rng, (width * SUPERSAMPLE, height * SUPERSAMPLE))
    picture = picture.resize((width, height), Image.Resampling.BOX)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous(), layout


def _facts(layout: Layout) -> tuple[float, ...]:
    nowhere = (math.nan,) * 3
    return (layout.horizon, layout.ground, *(layout.water or nowhere[:2]), *(layout.sun or nowhere))

"""Openings put together from pieces: latents of every scene, and of what every thing in every place adds to it.

The codec's encoding is linear and things in an opening do not touch, so the latent of a picture is that of its scene plus what each
thing changes. Millions of different openings then cost nothing to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from training.pool import to_model_range
from training.run import write_whole
from training.world import lexicon
from training.world.clip import World
from training.world.openings import LEVEL, PLACES, SIZES, VARIANTS, Opening, picture, stand

REACH = 64  # pixels: a thing and its shadow are within this distance of its place
ACROSS = sorted({x for places in PLACES.values() for x in places})


@dataclass
class Pieces:
    """`scenes` [scenes, variants, C, h, w]; `things` [scenes, variants, nouns, sizes, places, C, cells, cells] fp16, the
    difference that each makes around its place; `names` the nouns.
    """

    scenes: Tensor
    things: Tensor
    names: list[str]

    def __post_init__(self) -> None:
        self.index = {name: number for number, name in enumerate(self.names)}

    def latent(self, shown: Opening) -> tuple[Tensor, Tensor]:
        """The latent frame [C, h, w] of an opening, and where its things are [h, w]."""
        scene = list(lexicon.SCENES).index(shown.scene)
        out = self.scenes[scene, shown.variant].float()
        where = torch.zeros(out.shape[1:], dtype=torch.bool)
        cells = self.things.shape[-1]
        for x, (name, adjective) in zip(PLACES.get(len(shown.things), ()), shown.things, strict=True):
            if not name:
                continue
            size = list(SIZES).index(adjective)
            piece = self.things[scene, shown.variant, self.index[name], size, ACROSS.index(x)].float()
            left, top = corner(x, out.shape[-1], cells), corner(LEVEL, out.shape[-2], cells)
            out[:, top : top + cells, left : left + cells] += piece
            where[top : top + cells, left : left + cells] |= piece.abs().amax(0) > 0
        return out, where


def corner(place: float, length: int, cells: int) -> int:
    """The first of `cells` latent cells around `place` (frame sizes) of an axis of `length` cells."""
    return min(max(round(place * length - cells / 2), 0), length - cells)


@torch.inference_mode()
def make_pieces(world: World, codec: PocketCodec) -> Pieces:
    """Renders everything once; some minutes."""
    names = [noun.name for noun in world.everything]
    stride, size = codec.spec.stride, 2 * REACH // codec.spec.stride
    grid = (codec.spec.channels, world.height // stride, world.width // stride)
    count = (len(lexicon.SCENES), VARIANTS)
    # Made whole: many small tensors that stay, between large ones that go, would leave the memory full of holes.
    scenes = torch.empty(*count, *grid, dtype=torch.half)
    things = torch.empty(*count, len(names), len(SIZES), len(ACROSS), grid[0], size, size, dtype=torch.half)
    top = corner(LEVEL, grid[1], size) * stride
    for (number, scene), variant in product(enumerate(lexicon.SCENES), range(VARIANTS)):
        empty = picture(world, Opening("", scene, variant, ()))
        scenes[number, variant] = codec.still(to_model_range(empty)[None])[0]
        for (noun, name), (kind, edge), (place, x) in product(
            enumerate(names), enumerate(SIZES.values()), enumerate(ACROSS)
        ):
            left = corner(x, grid[2], size) * stride
            both = torch.stack([stand(world, empty, scene, name, x, edge), empty])
            one, other = codec.still(
                to_model_range(both[:, :, top : top + 2 * REACH, left : left + 2 * REACH])
            )
            things[number, variant, noun, kind, place] = one - other
    return Pieces(scenes, things, names)


def load_pieces(path: Path, world: World, codec: PocketCodec) -> Pieces:
    """The pieces kept at `path`, made if they are not there."""
    if path.is_file():
        kept: dict[str, Any] = torch.load(path, weights_only=True)
        return Pieces(**kept)
    made = make_pieces(world, codec)
    write_whole(path, {"scenes": made.scenes, "things": made.things, "names": made.names})
    return made

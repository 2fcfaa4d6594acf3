"""Keyframes: labels in, sprites and backgrounds out, at every size; files that are whole or refused."""

from __future__ import annotations

import json

import pytest
import torch

from flowbrush.models.cards.spec import KeyframesSpec
from flowbrush.models.keyframes import Catalogue, Keyframes
from flowbrush.models.loading.checkpoint import BadWeights, random_like

SPEC = KeyframesSpec(
    edge=32, thing_channels=4, thing_widths=(8, 8), variants=2, sizes=((64, 32), (32, 64)), margin=(16, 16),
    scene_plain=2, scene_fine=4, scene_details=9,
)  # fmt: skip
CATALOGUE = Catalogue(("cat", "fish"), ("ground", "water"), ("meadow", "beach"))


@pytest.fixture()
def keyframes() -> Keyframes:
    made = Keyframes(SPEC, CATALOGUE)
    random_like(made, 5)
    made.facts.copy_(torch.tensor([0.4, 0.5, 0.4, 0.6, 0.25, 0.2, 0.1]))
    made.facts[0, :, 2:] = torch.nan  # a meadow has no water
    return made.eval().requires_grad_(False)


def test_a_word_gives_a_premultiplied_sprite(keyframes: Keyframes) -> None:
    sprites = keyframes.sprites(["fish", "cat", "fish"])
    assert sprites.shape == (3, 4, 32, 32) and sprites.dtype == torch.float32
    assert sprites.min() >= 0 and bool((sprites[:, :3] <= sprites[:, 3:]).all()) and sprites.max() <= 1
    assert torch.equal(sprites[0], sprites[2]) and not torch.equal(sprites[0], sprites[1])


@pytest.mark.parametrize("ask", [lambda k: k.sprites(["dragon"]), lambda k: k.backdrop("moon", 0, (64, 32))])
def test_what_is_not_in_the_catalogue_is_named(keyframes: Keyframes, ask) -> None:
    with pytest.raises(KeyError, match=r"dragon|moon"):
        ask(keyframes)


@pytest.mark.parametrize("size", [(64, 32), (32, 64), (48, 48), (100, 50)])
def test_a_scene_fills_the_frame_and_its_margins(keyframes: Keyframes, size: tuple[int, int]) -> None:
    drop = keyframes.backdrop("meadow", 3, size)
    assert drop.picture.shape == (3, size[1] + 32, size[0] + 32) and drop.margin == (16, 16)
    assert drop.picture.min() >= 0 and drop.picture.max() <= 1
    assert drop.ground.water is None


def test_seeds_choose_among_pictures_and_their_mirror_images(keyframes: Keyframes) -> None:
    drops = [keyframes.backdrop("beach", seed, (64, 32)) for seed in range(2 * SPEC.variants)]
    assert len({drop.picture.numpy().tobytes() for drop in drops}) == 2 * SPEC.variants
    assert torch.equal(drops[0].picture, keyframes.backdrop("beach", 4 * SPEC.variants, (64, 32)).picture)
    plain, mirrored = drops[0], drops[SPEC.variants]
    assert torch.equal(plain.picture.flip(-1), mirrored.picture)


def test_facts_are_told_in_parts_of_the_frame(keyframes: Keyframes) -> None:
    """A canvas of 96 x 64 around a frame of 64 x 32 that begins at (16, 16)."""
    ground = keyframes.backdrop("beach", 0, (64, 32)).ground
    assert ground.level == pytest.approx((0.5 * 64 - 16) / 32)
    assert ground.water == pytest.approx(((0.4 * 64 - 16) / 32, (0.6 * 64 - 16) / 32))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"things": []}', json.dumps({"things": ["a"], "homes": [], "scenes": []})]
)
def test_a_broken_catalogue_is_refused(text: str) -> None:
    with pytest.raises(BadWeights, match="catalogue"):
        Catalogue.parse(text)


@pytest.mark.parametrize(
    "wrong", [{"edge": 30}, {"scene_stride": 24}, {"sizes": ((60, 32),)}, {"margin": (10, 16)}]
)
def test_a_spec_that_cannot_be_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="multiple"):
        KeyframesSpec(**{**SPEC.__dict__, **wrong})

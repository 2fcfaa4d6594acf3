"""Crowds and touches: what the cutter learns from is what was painted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_training import need_font

from models.spec import OpenerSpec
from training.world.clip import World
from training.world.openings import LEVEL, PLACES
from training.world.touches import OPAQUE, SEEN, Crowd, Scenes, crowd, touch

need_font()
WIDTH, HEIGHT = 320, 192


@pytest.fixture(scope="module")
def world() -> World:
    return World(WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def scenes(world: World) -> Scenes:
    return Scenes.paint(world, 3, np.random.default_rng(0))


def crowds(world: World, scenes: Scenes, count: int) -> list[Crowd]:
    names = [noun.name for noun in world.everything]
    return [crowd(world, names, scenes, np.random.default_rng(seed)) for seed in range(count)]


def test_a_pixel_belongs_to_one_thing_at_most(world: World, scenes: Scenes) -> None:
    covered = 0
    for picture, opacities, gone, bare in crowds(world, scenes, 12):
        assert picture.shape == (3, HEIGHT, WIDTH) and 0 <= float(picture.min()) <= float(picture.max()) <= 1
        assert opacities.shape[1:] == (1, HEIGHT, WIDTH)
        assert float(opacities.sum(0).max()) < 1.001
        beside = F.max_pool2d(opacities[gone][None], 121, 1, 60)[0] < 0.01  # its shadow is near
        assert torch.equal((picture * beside), (bare * beside))
        if float(opacities[gone].sum()) > 200:
            assert not torch.equal(picture, bare)
        covered += int(((opacities > 0.02).sum(0) > 1).any())
    assert covered > 3  # things do stand before each other


def test_a_hand_is_on_what_it_is_said_to_touch(world: World, scenes: Scenes) -> None:
    on, bare = 0, 0
    for seed, (_, opacities, _, _) in enumerate(crowds(world, scenes, 40)):
        touched = touch(opacities, np.random.default_rng(seed))
        if touched is None:
            continue
        x, y = touched.points.long().unbind(1)
        if not touched.opacity.any():
            assert float(opacities.amax(0)[0, y, x].max()) < 0.05
            bare += 1
            continue
        assert int((touched.opacity > OPAQUE).sum()) >= SEEN
        others = opacities.sum(0) - touched.opacity
        assert float(others[0, y.clamp(0, HEIGHT - 1), x.clamp(0, WIDTH - 1)].max()) < 0.5
        near = F.max_pool2d(touched.opacity[None], 25, 1, 12)[0, 0]  # MISSED: a little beside
        assert bool((near[y.clamp(0, HEIGHT - 1), x.clamp(0, WIDTH - 1)] > 0.1).all())
        on += 1
    assert on > 20 and bare > 0


def test_the_card_knows_where_openings_have_their_things() -> None:
    assert {x for places in PLACES.values() for x in places} == {x for x, _ in OpenerSpec().places}
    assert {y for _, y in OpenerSpec().places} == {LEVEL}

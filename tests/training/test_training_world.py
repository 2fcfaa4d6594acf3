"""The toy world's facts are exact: what is said to be at a place is what is painted there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_training import need_font

from flowbrush.training.evaluation.locate import locate
from flowbrush.training.world import lexicon, paths
from flowbrush.training.world.clip import Clip, World, WorldObject
from flowbrush.training.world.sprites import SIZES

need_font()
FRAMES = 12


@pytest.fixture(scope="module")
def world() -> World:
    world = World()
    disc = {}
    for size in SIZES:  # a disc, red on its left half and blue on its right
        y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
        alpha = ((x - size / 2) ** 2 + (y - size / 2) ** 2 < (0.4 * size) ** 2).float()
        left = (x < size / 2).float()
        disc[size] = torch.stack([alpha * left, 0 * alpha, alpha * (1 - left), alpha])
    world.book.levels = {**world.book.levels, "disc": disc}
    return world


def disc_clip(size: float, angle: float, still: bool = True) -> Clip:
    t = np.arange(FRAMES)
    centre = np.stack([80.3 + 9.1 * t, 60.7 + 3.3 * t], 1)
    thing = WorldObject(
        "disc", centre, np.full(FRAMES, size), np.full(FRAMES, angle) + 0.1 * t, np.ones(FRAMES, bool)
    )
    rng = np.random.default_rng(1)
    camera = np.tile(np.eye(2, 3), (FRAMES, 1, 1)) if still else paths.camera(rng, FRAMES, 320, 192)
    return Clip("a disc at night", "night", [thing], camera)


@pytest.mark.parametrize(("size", "angle"), [(50.0, 0.0), (70.0, 0.7), (84.0, -1.9)])
def test_an_object_is_painted_where_it_is_said_to_be(world: World, size: float, angle: float) -> None:
    made = disc_clip(size, angle)
    frames = world.render(made, np.random.default_rng(0)).float()
    empty = world.render(Clip("", "night", [], made.camera), np.random.default_rng(0)).float()
    weight = (frames - empty).abs().sum(1)
    y, x = torch.meshgrid(torch.arange(192) + 0.5, torch.arange(320) + 0.5, indexing="ij")
    covered = (weight > 60).float()
    found = (
        torch.stack([(covered * x).sum((1, 2)), (covered * y).sum((1, 2))], 1) / covered.sum((1, 2))[:, None]
    )
    assert np.abs(found.numpy() - made.objects[0].centre).max() < 0.3
    radius = (covered.sum((1, 2)) / torch.pi).sqrt()
    assert (radius / size - 0.4).abs().max() < 0.02


def moving_camera() -> np.ndarray:
    for seed in range(50):
        camera = paths.camera(np.random.default_rng(seed), FRAMES, 320, 192)
        if np.abs(camera - camera[:1]).max() > 8:
            return camera
    raise AssertionError("no camera moved")


def test_captions_name_what_is_there() -> None:
    world = World()
    for seed in range(20):
        made = world.plan(np.random.default_rng(seed), 8)
        for thing in made.objects:
            noun = next(n for n in lexicon.CORE + lexicon.EXTRA if n.name == thing.name)
            assert any(name in made.caption for name in (noun.name, *noun.synonyms))
        assert any(name in made.caption for name in lexicon.SCENES[made.scene])


def test_clips_depend_on_their_seed_alone() -> None:
    first, second = World(), World()
    a, b = first.make(np.random.default_rng([5, 1]), 8), second.make(np.random.default_rng([5, 1]), 8)
    assert a.caption == b.caption and torch.equal(a.frames, b.frames)  # type: ignore[arg-type]
    other = first.make(np.random.default_rng([5, 2]), 8)
    assert not torch.equal(a.frames, other.frames)  # type: ignore[arg-type]


def test_the_measure_finds_true_objects_to_half_a_pixel(world: World) -> None:
    made = disc_clip(60.0, 0.0)
    made.objects[0].name, made.objects[0].angle[:] = "apple", 0.0
    frames = world.render(made, np.random.default_rng(0)).float() / 255
    for frame in (0, 5, 11):
        x, y = made.objects[0].centre[frame]
        found = locate(frames[frame], world.book, "apple", (x + 6, y - 4), 60.0, 0.0)
        assert abs(found[0] - x) < 0.5 and abs(found[1] - y) < 0.5
        assert found[2] > 0.8


def test_a_crowded_frame_gets_fewer_objects_and_ends() -> None:
    tiny = World(96, 64)
    assert all(1 <= len(tiny.plan(np.random.default_rng(seed), 4).objects) <= 3 for seed in range(8))

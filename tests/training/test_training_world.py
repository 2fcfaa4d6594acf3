"""The toy world's facts are exact: what is said to be at a place is what is painted there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_training import need_font

from training.measure import locate
from training.tracks import TrackSampler, _carried, _followed
from training.world import clip as clips
from training.world import lexicon, paths
from training.world.clip import MARGIN_X, MARGIN_Y, Clip, World, WorldObject
from training.world.sprites import SIZES

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


def test_a_track_stays_on_the_point_that_was_touched(world: World) -> None:
    """Each track has the colour of the half that it was set on, in every frame of an object that turns."""
    made = disc_clip(80.0, 0.4)
    frames = world.render(made, np.random.default_rng(0))
    spots = np.array([[-0.25, 0.0], [-0.2, 0.15], [0.25, 0.0], [0.2, -0.15]])
    checked = 0
    for spot in spots:
        sampler = TrackSampler({"disc": spot[None]}, 320, 192)
        for seed in range(4):
            window = sampler.sample(made.objects, made.camera, np.random.default_rng(seed))
            shown = window.visible[:, 0, 1:].flatten()
            for frame, (x, y) in enumerate(window.xy[:, 0, 1:].flatten(0, 1).tolist()):
                if shown[frame]:
                    red, _, blue = frames[frame, :, int(y), int(x)].tolist()
                    assert (red > 200) == (spot[0] < 0) and (blue > 200) == (spot[0] > 0)
                    checked += 1
    assert checked > 50


def test_a_place_before_a_chunk_is_the_end_of_the_one_before(world: World) -> None:
    sampler = TrackSampler({"disc": np.zeros((1, 2))}, 320, 192)
    window = sampler.sample(
        disc_clip(60.0, 0.0).objects, disc_clip(60.0, 0.0).camera, np.random.default_rng(2)
    )
    assert torch.equal(
        window.xy[1:, :, 0][window.visible[1:, :, 0]], window.xy[:-1, :, -1][window.visible[1:, :, 0]]
    )


def moving_camera() -> np.ndarray:
    for seed in range(50):
        camera = paths.camera(np.random.default_rng(seed), FRAMES, 320, 192)
        if np.abs(camera - camera[:1]).max() > 8:
            return camera
    raise AssertionError("no camera moved")


def test_the_scene_moves_as_the_camera_and_its_tracks_say(world: World, monkeypatch) -> None:
    place = np.array([150.0, 90.0])

    def dot(name: str, rng: np.random.Generator, width: int, height: int) -> np.ndarray:
        y, x = np.mgrid[0:height, 0:width] + 0.5
        near = np.exp(-((x - MARGIN_X - place[0]) ** 2 + (y - MARGIN_Y - place[1]) ** 2) / (2 * 5.0**2))
        return np.repeat((255 * near)[..., None], 3, 2).astype(np.uint8)

    monkeypatch.setattr(clips, "paint_scene", dot)
    camera = moving_camera()
    frames = world.render(Clip("", "night", [], camera), np.random.default_rng(0)).float().mean(1)
    y, x = torch.meshgrid(torch.arange(192) + 0.5, torch.arange(320) + 0.5, indexing="ij")
    found = torch.stack([(frames * x).sum((1, 2)), (frames * y).sum((1, 2))], 1) / frames.sum((1, 2))[:, None]
    followed = _followed(place, camera)
    assert np.abs(found.numpy() - followed).max() < 0.35
    carried = _carried(followed[3], camera)  # set where the dot is at the end of the first latent frame
    assert np.abs(carried[4:8] - followed[4:8]).max() < 1e-6


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

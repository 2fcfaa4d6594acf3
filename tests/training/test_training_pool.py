"""The pool gives back what was rendered into it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from tiny_training import need_font

from models.codecs.pocket import PocketCodec
from models.spec import PocketCodecSpec
from models.text.pocket import PocketText
from training.change_pool import load_changes
from training.data import Source, ahead
from training.parallel import spread
from training.pool import Pool, StalePool, build_pool, cut, mark_pool, to_model_range
from training.text import vocabulary
from training.tracks import TrackSampler
from training.world.clip import World

need_font()
WIDTH, HEIGHT, FRAMES = 192, 128, 16


@pytest.fixture(scope="module")
def world() -> World:
    return World(WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def codec() -> PocketCodec:
    return PocketCodec(PocketCodecSpec(channels=12, width=16, blocks=1)).requires_grad_(False)


@pytest.fixture(scope="module")
def pool(tmp_path_factory, world, codec) -> Pool:
    folder = tmp_path_factory.mktemp("pool")
    build_pool(folder, codec, 2, 2, FRAMES, 7, make_world=lambda: world)
    return Pool(folder)


@pytest.fixture(scope="module")
def source(pool, world) -> Source:
    from models.spec import PocketTextSpec

    points = {name: world.book.alpha_points(name).numpy() for name in world.book.levels}
    text = PocketText(PocketTextSpec(dim=32, layers=1, heads=2, buckets=64), vocabulary()).eval()
    return Source(
        pool, load_changes(pool.folder), TrackSampler(points, WIDTH, HEIGHT), text, torch.device("cpu")
    )


def test_a_clip_comes_back_as_it_was_rendered(pool: Pool, world: World, codec: PocketCodec) -> None:
    assert len(pool.samples) == 4
    clip = world.make(np.random.default_rng([8, 1]), FRAMES)  # the second clip of the second shard
    sample = pool.samples[3]
    assert clip.frames is not None
    latents = codec.encode(to_model_range(clip.frames).transpose(0, 1)[None])[0]
    assert torch.equal(sample.latents, latents.to(torch.bfloat16))
    assert (sample.caption, sample.scene) == (clip.caption, clip.scene)
    for stored, made in zip(sample.objects, clip.objects, strict=True):
        assert stored.name == made.name and np.array_equal(stored.centre, made.centre)


def test_shards_that_are_there_are_kept(pool: Pool, codec: PocketCodec, world: World) -> None:
    path = pool.folder / "shard_0000.pt"
    before = path.stat().st_mtime_ns
    (pool.folder / "shard_0001.pt").rename(pool.folder / "aside")
    build_pool(pool.folder, codec, 2, 2, FRAMES, 7, make_world=lambda: world)
    assert path.stat().st_mtime_ns == before
    again = torch.load(pool.folder / "shard_0001.pt", weights_only=False)
    assert torch.equal(again[1].latents, pool.samples[3].latents)


def test_a_cut_keeps_facts_with_their_frames(pool: Pool) -> None:
    whole = pool.samples[0]
    part = cut(whole, 1, 2)
    assert torch.equal(part.latents, whole.latents[:, 1:3])
    assert np.array_equal(part.objects[0].centre, whole.objects[0].centre[4:12])
    assert np.array_equal(part.camera, whole.camera[4:12])


def test_a_draw_has_latents_and_tracks_of_the_same_stretch(source: Source) -> None:
    draw = source.draw(np.random.default_rng(3), 5, 8)
    batch = source.batch(draw)
    assert batch.latents.shape == (5, 12, 2, HEIGHT // 8, WIDTH // 8)
    for row, (clip, start) in enumerate(zip(draw.clips, draw.starts, strict=True)):
        assert torch.equal(batch.latents[row], source.samples[clip].latents[:, start : start + 2].float())
    assert batch.windows.xy.shape[:2] == (10, 48)
    blank = source.draw(np.random.default_rng(3), 20, 8, blank=1.0)
    assert set(blank.captions) == {""}


def test_draws_ahead_are_the_same_in_any_number_of_processes(source: Source) -> None:
    def draws(step: int) -> list:
        return [source.draw(np.random.default_rng([1, step]), 2, 8)]

    here, there = ahead(draws, 4, 0), ahead(draws, 4, 2)
    for _ in range(3):
        a, b = next(here)[0], next(there)[0]
        assert (a.clips, a.starts, a.captions) == (b.clips, b.starts, b.captions)
        assert np.array_equal(a.xy, b.xy) and np.array_equal(a.ids, b.ids)


def test_a_pool_of_another_codec_is_refused(tmp_path) -> None:
    mark_pool(tmp_path, torch.eye(4))
    mark_pool(tmp_path, torch.eye(4))
    with pytest.raises(StalePool, match="another codec"):
        mark_pool(tmp_path, torch.eye(4) * 2)


def test_work_is_spread_in_order() -> None:
    offset = 10
    assert spread(lambda index: np.array(index + offset), 5, 2) == [10, 11, 12, 13, 14]
    with pytest.raises(ZeroDivisionError):
        spread(partial(lambda one, index: one // index, 1), 2, 2)

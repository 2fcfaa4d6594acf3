"""Openings and changes: what a caption alone can say, and what a new caption changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_training import need_font

from models.codecs.pocket import PocketCodec
from models.spec import PocketCodecSpec
from training.opening_pool import OpeningPool, build_openings
from training.world.clip import World
from training.world.openings import change, opening

need_font()


@pytest.fixture
def world() -> World:
    return World(192, 128, core_share=1.0)


def test_the_same_words_give_nearly_the_same_picture(world: World) -> None:
    world.core = world.core[:1]
    seen: dict[str, list[torch.Tensor]] = {}
    for seed in range(150):
        made = opening(world, np.random.default_rng(seed))
        assert made.after.shape == (3, 128, 192) and made.before is None
        seen.setdefault(made.caption, []).append(made.after.float())
    twice = [pictures for pictures in seen.values() if len(pictures) > 1]
    assert twice, "no caption came twice"
    for one, other, *_ in twice:
        assert float((one - other).abs().mean()) < 40  # another picture of the same scene at most


def test_a_change_keeps_the_places_of_things(world: World) -> None:
    shares = []
    for seed in range(12):
        made = change(world, np.random.default_rng(seed))
        assert made.before is not None and not torch.equal(made.before, made.after)
        shares.append(float((made.before.int() - made.after.int()).abs().amax(0).gt(30).float().mean()))
    assert min(shares) < 0.25 < max(shares)  # a thing changes little of the picture, a scene much


def test_openings_are_kept_as_latents(tmp_path, world: World) -> None:
    codec = PocketCodec(PocketCodecSpec(channels=12, width=16, blocks=1)).requires_grad_(False)
    build_openings(tmp_path, codec, 2, 12, 5, make_world=lambda: world)
    pool = OpeningPool(tmp_path)
    assert len(pool.openings) + len(pool.changes) == 24 and pool.openings and pool.changes
    assert pool.openings[0].after.shape == (12, 16, 24) and pool.openings[0].before is None
    before = pool.changes[0].before
    assert before is not None and not torch.equal(before, pool.changes[0].after)

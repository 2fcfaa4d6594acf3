"""Openings and changes: what a caption alone can say, and what a new caption changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_training import need_font

from models.codecs.pocket import PocketCodec
from models.spec import PocketCodecSpec
from training.change_pool import build_changes, load_changes
from training.pieces import load_pieces
from training.pool import to_model_range
from training.world import lexicon
from training.world.clip import World
from training.world.openings import PLACES, Opening, change, opening, picture, plural

need_font()
WIDTH, HEIGHT = 320, 192


@pytest.fixture
def world() -> World:
    made = World(WIDTH, HEIGHT, core_share=1.0)
    made.core = made.core[:2]
    made.everything = made.core
    return made


@pytest.fixture
def codec() -> PocketCodec:
    return PocketCodec(PocketCodecSpec(channels=12, width=16, blocks=1)).requires_grad_(False)


def test_a_caption_and_its_variant_decide_the_picture(world: World) -> None:
    shown = opening(world, np.random.default_rng(4))
    assert torch.equal(picture(world, shown), picture(world, shown))
    other = Opening(shown.caption, shown.scene, shown.variant + 1, shown.things)
    assert not torch.equal(picture(world, shown), picture(world, other))


def test_an_opening_names_what_it_shows_and_where(world: World) -> None:
    for seed in range(120):
        shown = opening(world, np.random.default_rng(seed))
        words = {word for noun in world.core for word in (noun.name, *noun.synonyms)}
        assert any(word in shown.caption for word in words) == any(name for name, _ in shown.things)
        named = [
            scene for scene, calls in lexicon.SCENES.items() if any(call in shown.caption for call in calls)
        ]
        assert shown.scene in (named or ["meadow"])
        assert len(shown.things) in (0, *PLACES)
    bare = picture(world, Opening("", "meadow", 0, ()))
    one = picture(world, Opening("", "meadow", 0, ((world.core[0].name, ""),)))
    changed = (bare.int() - one.int()).abs().amax(0) > 20
    y, x = torch.nonzero(changed, as_tuple=True)
    assert (
        abs(float(x.float().mean()) - WIDTH / 2) < 8 and abs(float(y.float().mean()) - HEIGHT * 7 / 12) < 20
    )


def test_pieces_put_together_are_the_picture(tmp_path, world: World, codec: PocketCodec, monkeypatch) -> None:
    monkeypatch.setattr(lexicon, "SCENES", {name: lexicon.SCENES[name] for name in ("meadow", "night")})
    monkeypatch.setattr("training.pieces.VARIANTS", 1)
    monkeypatch.setattr("training.world.openings.VARIANTS", 1)
    pieces = load_pieces(tmp_path / "pieces.pt", world, codec)
    again = load_pieces(tmp_path / "pieces.pt", world, codec)
    assert torch.equal(pieces.things, again.things)
    for seed in range(6):
        shown = opening(world, np.random.default_rng(seed))
        wanted = codec.still(to_model_range(picture(world, shown))[None])[0]
        made, where = pieces.latent(shown)
        assert torch.allclose(made, wanted, atol=0.02)
        assert 0 < int(where.sum()) < where.numel()


def test_a_change_keeps_the_places_of_things() -> None:
    world = World(192, 128, core_share=1.0)
    shares = []
    for seed in range(12):
        made = change(world, np.random.default_rng(seed))
        assert not torch.equal(made.before, made.after)
        shares.append(float((made.before.int() - made.after.int()).abs().amax(0).gt(30).float().mean()))
    assert min(shares) < 0.25 < max(shares)  # a thing changes little of the picture, a scene much


def test_changes_are_kept_as_latents(tmp_path, world: World, codec: PocketCodec) -> None:
    build_changes(tmp_path, codec, 2, 3, 5, make_world=lambda: world)
    kept = load_changes(tmp_path)
    assert len(kept) == 6 and kept[0].after.shape == (12, HEIGHT // 8, WIDTH // 8)
    assert not torch.equal(kept[0].before, kept[0].after)


def test_what_nobody_knows_leaves_its_place_empty(world: World) -> None:
    rng, drawn = np.random.default_rng(2), []
    while not drawn:
        shown = opening(world, rng)
        drawn = [shown] if [bool(name) for name, _ in shown.things] == [False, True] else []
    alone = Opening("", drawn[0].scene, drawn[0].variant, ())
    changed = (picture(world, drawn[0]).int() - picture(world, alone).int()).abs().amax(0) > 20
    x = torch.nonzero(changed)[:, 1]
    assert int(x.min()) > WIDTH / 2
    trained = {word for noun in lexicon.CORE + lexicon.EXTRA for word in (noun.name, *noun.synonyms)}
    assert not trained & set(lexicon.STRANGE)


def test_several_of_a_kind_are_counted(world: World) -> None:
    rng = np.random.default_rng(3)
    drawn = [opening(world, rng) for _ in range(400)]
    counted = [one for one in drawn if any(word in one.caption for word in lexicon.COUNTS.values())]
    assert counted
    for one in counted:
        assert lexicon.COUNTS[len(one.things)] in one.caption and len(set(one.things)) == 1
    assert [plural(name) for name in ("fox", "butterfly", "monkey", "snowman")] == [
        "foxes", "butterflies", "monkeys", "snowmen",
    ]  # fmt: skip

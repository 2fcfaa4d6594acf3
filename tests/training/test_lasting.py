"""Whether things of untouched streams are recognised, and whether all still moves, is read from the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.training.evaluation import lasting, streams
from flowbrush.training.evaluation.lasting import LOST, Look, Spell, figures, look
from flowbrush.training.world.clip import World
from flowbrush.training.world.sprites import MissingFont, SpriteBook, find_font

try:
    find_font()
except MissingFont as error:
    pytest.skip(str(error), allow_module_level=True)

AT, SIZE = (150.0, 100.0), 60.0


@pytest.fixture(scope="module")
def book() -> SpriteBook:
    return SpriteBook(streams.glyphs())


@pytest.fixture(scope="module")
def picture() -> Tensor:
    """An apple of SIZE at AT."""
    world, rng = World(), np.random.default_rng(6)
    clip = world.plan(rng, 4)
    thing = clip.objects[0]
    thing.name, thing.centre[:], thing.size[:], thing.angle[:] = "apple", AT, SIZE, 0.0
    clip.objects = [thing]
    return world.render(clip, rng)[0].float() / 255


def layer_at(x: float, y: float) -> Layer:
    return Layer(torch.zeros(4, 30, 30), "apple", Similarity(SIZE / 30, 0.0, x, y))


def spell(*looks: Look, energy: float = 0.0) -> Spell:
    frames = torch.zeros(2, 3, 8, 8)
    frames[1] = 255 * energy
    return Spell([frames], list(looks))


def test_a_thing_is_recognised_where_its_layer_is(picture: Tensor, book: SpriteBook) -> None:
    seen = look(picture, layer_at(*AT), "apple", book)
    assert seen.explained > 0.9 and seen.away < 0.02
    assert spell(seen).recognised


def test_a_thing_is_not_recognised_where_its_layer_is_not(picture: Tensor, book: SpriteBook) -> None:
    off_place = look(picture, layer_at(AT[0] + 36, AT[1]), "apple", book)
    assert off_place.away == pytest.approx(0.6, abs=0.02)
    assert not spell(off_place).recognised
    assert not spell(look(picture, layer_at(40, 40), "apple", book)).recognised
    assert look(picture, layer_at(-3, 40), "apple", book) == LOST
    assert look(picture, None, "apple", book) == LOST


def test_another_thing_is_not_taken_for_it_and_wear_is_measured(picture: Tensor, book: SpriteBook) -> None:
    seen = look(picture, layer_at(*AT), "apple", book)
    assert not spell(look(picture, layer_at(*AT), "panda", book)).recognised
    worn = look(picture.lerp(torch.full_like(picture, 0.5), 0.5), layer_at(*AT), "apple", book)
    assert worn.difference > seen.difference + 0.1


def test_shares_count_streams() -> None:
    known, lost = Look(0.9, 0.1, 0.05), Look(0.2, 0.1, 0.4)
    found = figures(
        [
            spell(known, energy=0.10),
            spell(known, energy=0.01),
            spell(lost, energy=0.12),
            spell(LOST, energy=0.5),
        ],
        [0.1, 0.1, 0.1, 0.1],
    )
    assert (found["recognised"], found["alive"], found["both"]) == (0.5, 0.5, 0.25)
    assert found["median_of_world"] == pytest.approx(1.1)


def test_streams_are_looked_at_early_and_late(monkeypatch: pytest.MonkeyPatch, book: SpriteBook) -> None:
    monkeypatch.setattr(lasting, "ALONE_FRAMES", 8)
    generator = Generator.load("pocket", seats=2)
    prompts = [(0, "an apple in the night", "apple"), (1, "a panda in the snow", "panda")]
    told: list[int] = []
    spells = lasting.lasting(generator, prompts, 12, book, told.append)
    assert told == [4, 8, 12, 16, 20]
    assert len(generator.free) == 2, "the seats are given back"
    for early, late in spells:
        assert early.recognised and late.recognised
        assert sum(len(frames) for frames in late.frames) == 8 and len(late.looks) == 2
        assert not torch.equal(torch.cat(early.frames), torch.cat(late.frames))
        assert late.energy > 0

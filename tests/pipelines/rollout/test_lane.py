"""Sizes of one model: a lane each, made when it is first used, and one cache for sizes of equally many tokens."""

import numpy as np
import pytest

from flowbrush.controls import Point, TrackBegin
from flowbrush.models.cards.needs import needs
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.conditions.controls import fold
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings, size_of
from flowbrush.pipelines.rollout.lane import Lanes

WAN = [card for card in CARDS.values() if card.family == "wan"]


@pytest.fixture(scope="module")
def wan():
    return Generator.load(reduced(CARDS["wan-1.3b"]), device="cpu", dtype="fp32", seats=2)


def begin(generator, size, image=None):
    return generator.start(
        StreamSettings(generator.card.name, (("a", 1.0),), *size, generator.card.fps, image=image)
    )


def test_portrait_and_landscape_are_made_side_by_side_in_one_cache(wan):
    assert isinstance(wan.lanes, Lanes) and not wan.lanes, "none before it is used"
    states = [begin(wan, size) for size in wan.card.sizes]
    for _ in range(2):
        results = wan.step(states, [(), ()])
    assert [result.frames.shape[1:3] for result in results] == [(64, 128), (128, 64)]
    caches = {id(lane.past.cache) for lane in wan.lanes.values()}
    assert len(wan.lanes) == 2 and len(caches) == 1
    for state in states:
        wan.release(state)


def test_a_stream_is_the_same_next_to_one_of_another_size(wan):
    alone = begin(wan, (64, 128))
    expected = [wan.step([alone], [()])[0].frames for _ in range(3)]
    wan.release(alone)
    wide, tall = begin(wan, (128, 64)), begin(wan, (64, 128))
    for frames in expected:
        assert np.abs(wan.step([wide, tall], [(), ()])[1].frames.astype(int) - frames).max() <= 1
    for state in (wide, tall):
        wan.release(state)


def test_a_picture_s_shape_chooses_the_size_and_every_size_needs_the_same(wan):
    tall = np.zeros((300, 200, 3), np.uint8)
    assert size_of(wan.card, None, None, tall) == (64, 128)
    state = begin(wan, (64, 128), tall)
    assert wan.step([state], [()])[0].frames.shape[1:3] == (128, 64)
    wan.release(state)
    for card in WAN:
        stride = card.codec.stride * card.student.patch
        assert all(width % stride == height % stride == 0 for width, height in card.sizes)
        assert len({(w // stride) * (h // stride) for w, h in card.sizes}) == 1, card.name
        assert needs(card).stream > 0 and any(height > width for width, height in card.sizes)


def test_a_hand_finds_its_place_in_a_portrait(wan):
    state = begin(wan, (64, 128))
    wan.step([state], [()])
    points = tuple(Point(t=t, x=0.5, y=y) for t, y in ((0.75, 0.8), (1.5, 0.8)))
    folded = fold(state.controls, [TrackBegin(track=1, kind="drag", points=points)], 12, 12, 16.0, 2.0)
    taken = wan._inputs(state, folded, None).taken
    mask = wan.family.guide([taken], [state.latents], 4).mask[0, 0, 0]  # [16, 8]
    row, column = divmod(int(mask.argmax()), mask.shape[1])
    assert abs(row - 12.5) <= 1 and abs(column - 3.5) <= 1
    wan.release(state)

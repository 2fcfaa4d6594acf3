"""Dragging a Wan student by an encoded reference: less noise where it is sure, kept from chunk to chunk and put away with it."""

import numpy as np
import pytest
import torch

from flowbrush.controls import CameraSet, Point, TrackBegin, TrackEnd
from flowbrush.models.cards.card import REFERENCED, WARPED
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.conditions.controls import fold
from flowbrush.pipelines.families.wan import TakenRigid
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.touches import MANY
from flowbrush.pipelines.requests import StreamSettings


@pytest.fixture(scope="module")
def wan():
    return Generator.load(reduced(CARDS["wan-1.3b"]), device="cpu", dtype="fp32", seats=3)


@pytest.fixture(autouse=True)
def seats(wan):
    wan.free[:] = range(wan.seats)


def begin(generator, **more):
    card = generator.card
    return generator.start(
        StreamSettings(card.name, (("a red fox", 1.0),), card.width, card.height, card.fps, seed=1, **more)
    )


def drag(t, seconds=0.7):
    return TrackBegin(
        id=2, track=1, kind="drag", points=(Point(t=t, x=0.3, y=0.5), Point(t=t + seconds, x=0.6, y=0.5))
    )


def drag_from(t):
    """A hand that stands until `t`."""
    points = (Point(t=0.0, x=0.3, y=0.5), Point(t=t, x=0.3, y=0.5), Point(t=t + 0.5, x=0.6, y=0.5))
    return TrackBegin(track=1, kind="drag", points=points)


def test_cards_of_wan_start_from_references_and_warp_where_that_is_asked_for(wan):
    assert {card.drag for card in CARDS.values() if card.family == "wan"} == {REFERENCED}
    light = Generator.load(reduced(CARDS["wan-1.3b"]), device="cpu", dtype="fp32", seats=1, drag="warp")
    assert (
        light.card.drag == WARPED and not light.card.capabilities["probe"] and wan.card.capabilities["probe"]
    )
    state = begin(light)
    light.step([state], [()])
    taken = light.family.take_reference(
        state.memory, light._inputs(state, fold_of(light, state, [drag(0.75)]), None).plan
    )
    assert (
        not isinstance(taken, TakenRigid) and light.family.guide([taken], [state.latents], 4).mask.amax() > 0
    )


def fold_of(generator, state, controls):
    card = generator.card
    return fold(state.controls, controls, state.chunk * card.chunk_frames, card.chunk_frames, card.fps, 0.5)


def test_the_guide_is_the_reference_encoded_where_it_is_sure(wan):
    state = begin(wan)
    wan.step([state], [()])
    inputs = wan._inputs(state, fold_of(wan, state, [drag(0.75)]), None)
    guide = wan.family.guide([inputs.taken], [state.latents], 4)
    assert (
        guide.reference.shape == (1, *state.latents.shape) and guide.mask.shape[2:] == state.latents.shape[1:]
    )
    assert 0.3 < float(guide.mask.amax()) <= 1 and float(guide.mask.mean()) < 0.2
    columns = guide.mask[0, 0].amax(1).argmax(1).tolist()  # of each latent frame
    assert columns == sorted(columns) and columns[-1] > columns[0], "it goes with the hand"
    assert (
        wan.family.guide([wan._inputs(state, fold_of(wan, state, ()), None).taken], [state.latents], 4)
        is None
    )


def test_the_reference_of_what_stands_still_is_the_picture(wan):
    state = begin(wan)
    wan.step([state], [()])
    pin = TrackBegin(track=3, kind="pin", points=(Point(t=0.75, x=0.5, y=0.5),))
    inputs = wan._inputs(state, fold_of(wan, state, [pin]), None)
    guide = wan.family.guide([inputs.taken], [state.latents], 4)
    picture = torch.from_numpy(state.memory.picture).permute(2, 0, 1)[None, :, None] / 127.5 - 1
    with torch.inference_mode():
        clip = picture.expand(-1, -1, 4 + wan.card.chunk_frames, -1, -1)
        expected = wan.model.codec.encode(clip, [()])[0][:, :, 1:]
    assert float(guide.mask.amax()) > 0.3
    # At the rim of what is held the picture is put together anew, and that costs some rounding.
    torch.testing.assert_close(guide.reference, guide.mask * expected, atol=1e-2, rtol=1e-2)


def test_what_is_held_stays_held_and_is_put_away_with_the_stream(wan):
    state = begin(wan)
    wan.step([state], [()])
    first = wan.step([state], [[drag(0.75, 1.5)]])[0]
    assert [track for track, _ in first.held] == [1] and len(state.memory.layers) == 1
    copy = wan.restore(wan.snapshot(state))
    assert torch.equal(copy.memory.layers[0].rgba, state.memory.layers[0].rgba)
    one, other = (wan.step([stream], [()])[0].frames for stream in (state, copy))
    assert np.array_equal(one, other)
    wan.step([state], [[TrackEnd(track=1)]])  # the hand has all of its way to go yet
    wan.step([state], [()])
    assert state.memory.layers == ()


def test_many_tracks_are_the_motion_of_the_picture_and_hold_nothing(wan):
    """They go through the student with a stream that has a hand in it, each as it does alone."""
    states = [begin(wan) for _ in range(2)]
    wan.step(states, [(), ()])
    many = [
        TrackBegin(
            track=number,
            kind="path",
            points=(Point(t=0.75, x=0.1 * number, y=0.5), Point(t=1.4, x=0.1, y=0.1)),
        )
        for number in range(1, MANY + 2)
    ]
    taken = [
        wan._inputs(state, fold_of(wan, state, controls), None).taken
        for state, controls in zip(states, (many, [drag(0.75)]), strict=True)
    ]
    assert not isinstance(taken[0], TakenRigid) and isinstance(taken[1], TakenRigid)
    last = [state.latents for state in states]
    both = wan.family.guide(taken, last, 4)
    assert both.mask.amax((1, 2, 3, 4)).min() > 0.3
    for row in range(2):
        alone = wan.family.guide(taken[row : row + 1], last[row : row + 1], 4)
        assert torch.equal(alone.mask[0], both.mask[row])
        torch.testing.assert_close(alone.reference[0], both.reference[row], atol=1e-4, rtol=1e-4)


def test_a_start_image_can_be_dragged_in_its_first_chunk_and_a_camera_moves_it(wan):
    image = np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)
    still, dragged, panned = (begin(wan, image=image) for _ in range(3))
    camera = CameraSet(mode="velocity", pan=(0.3, 0.0))
    frames = [
        wan.step([state], [controls])[0].frames
        for state, controls in ((still, ()), (dragged, [drag(0.0)]), (panned, [camera]))
    ]
    assert not np.array_equal(frames[0], frames[1]) and not np.array_equal(frames[0], frames[2])
    assert len(dragged.memory.layers) == 1


@pytest.mark.parametrize("way", ["auto", "warp"])
def test_what_moves_in_a_start_image_moves_from_its_first_frame_on(wan, way):
    """The rest of the picture is the start image, through the codec."""
    made = (
        wan
        if way == "auto"
        else Generator.load(reduced(CARDS["wan-1.3b"]), device="cpu", dtype="fp32", seats=1, drag=way)
    )
    state = begin(made, image=np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8))
    given = state.memory.given
    inputs = made._inputs(state, fold_of(made, state, [drag(0.0)]), None)
    guide = made.family.guide([inputs.taken], [state.latents], 4)
    assert given.shape[1] == 1 and float(guide.mask[0, :, 0].min()) == 1
    off = (guide.reference[0, :, 0] - given[:, 0]).abs().amax(0)  # [h, w]
    assert float(off.amax()) > 0.01 and float((off == 0).float().mean()) > 0.5
    made.step([state], [[drag(0.0)]])
    assert state.memory.given is None


def held(kind):
    pin = TrackBegin(track=3, kind="pin", points=(Point(t=0.0, x=0.2, y=0.5),))
    return {
        "pin": [pin],
        "drag": [drag(0.0)],
        "later": [drag(0.4, 0.3)],
        "right after": [drag_from(3 / 16)],
        "camera": [CameraSet(mode="velocity", pan=(0.3, 0.0))],
    }[kind]


@pytest.mark.parametrize("kind", ["pin", "drag", "later", "right after", "camera"])
@pytest.mark.parametrize("way", ["auto", "warp"])
def test_a_start_image_is_the_first_frame_whatever_is_held(wan, way, kind):
    """Through the codec; and all of its latent frame where nothing moves in that."""
    made = (
        wan
        if way == "auto"
        else Generator.load(reduced(CARDS["wan-1.3b"]), device="cpu", dtype="fp32", seats=1, drag=way)
    )
    image = np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)
    state = begin(made, image=image)
    given, decoder = state.memory.given, state.memory.decoder
    expected = made.model.codec.stream(given[None], [decoder])[0][0].add(1).mul(127.5)  # [3, 4, H, W]
    frames = made.step([state], [held(kind)])[0].frames
    off = np.abs(frames[:4] - expected.permute(1, 2, 3, 0).numpy()).max((1, 2, 3))
    assert off[0] <= 1
    assert (off.max() <= 1) == (kind in ("pin", "later", "right after"))
    still = (state.latents[:, 0] == given[:, 0]).all(0).float().mean()
    if kind == "drag":
        assert 0.3 < still < 1, "what is far from the hand is the picture's"


def test_streams_with_and_without_a_reference_share_a_pass(wan):
    states = [begin(wan) for _ in range(2)]
    wan.step(states, [(), ()])
    alone = wan.restore(wan.snapshot(states[1]))
    expected = wan.step([alone], [()])[0].frames
    together = wan.step(states, [[drag(0.75)], ()])
    assert np.abs(together[1].frames.astype(int) - expected).max() <= 1


def test_what_a_hand_would_take_is_a_disc_where_nobody_says_what_a_thing_is(wan):
    state = begin(wan)
    assert wan.probe(state, (0.5, 0.5)).region == ()
    wan.step([state], [()])
    (polygon,) = wan.probe(state, (0.5, 0.5)).region
    assert np.mean(polygon, 0) == pytest.approx((0.5, 0.5), abs=0.01)

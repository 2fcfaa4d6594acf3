"""A prompt switch: what both prompts name stays, what only one names goes or comes, and the scene dissolves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from stacks import BLUE, RED, background, disc, rows, stack

from flowbrush.pipelines.reference.acquire import Acquirer, Touch
from flowbrush.pipelines.reference.layers import Layer, Seat
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.staging.figures import numbered
from flowbrush.pipelines.staging.transition import advance, begin, dissolve_to

KNOWN = frozenset({"cat", "dog"})


def named(label: str, **more: object) -> Layer:
    return disc(RED, 30, 30, **more) if label == "disc" else replace(disc(BLUE, 60, 30, **more), label=label)


def test_what_is_still_named_stays_and_what_is_new_is_counted() -> None:
    now, missing = begin(stack(named("cat"), named("dog")), Counter(cat=2), KNOWN)
    assert [layer.leaving for layer in now.layers] == [False, True]
    assert missing == Counter(cat=1)


def test_things_alike_have_numbers_of_their_own() -> None:
    there = (replace(named("cat"), number=1), named("dog"), replace(named("dog"), number=1, leaving=True))
    made = numbered([named("cat"), named("cat"), named("dog"), named("dog")], there)
    assert [(layer.label, layer.number) for layer in made] == [("cat", 0), ("cat", 2), ("dog", 1), ("dog", 2)]


def test_photo_layers_and_what_a_hand_holds_stay_whatever_is_said() -> None:
    held = named("dog", hands=frozenset({3}))
    now, _ = begin(stack(replace(named("cat"), label=""), held), Counter(), KNOWN)
    assert not any(layer.leaving for layer in now.layers)


def test_a_hand_that_takes_what_is_leaving_keeps_it() -> None:
    now, _ = begin(stack(named("dog")), Counter(), KNOWN)
    taken = Acquirer(None, None).take(advance(now, 0.4), 7, Touch((60.0, 30.0)))
    (dog,) = advance(advance(taken, 0.8), 1.0).layers
    assert dog.hands == {7} and dog.opacity == 1


def test_of_several_alike_those_behind_leave_first() -> None:
    now, _ = begin(stack(named("cat"), named("cat"), named("cat")), Counter(cat=1), KNOWN)
    assert [layer.leaving for layer in now.layers] == [True, True, False]


def test_what_leaves_fades_and_is_gone_at_the_end() -> None:
    now, _ = begin(stack(named("cat"), named("dog")), Counter(cat=1), KNOWN)
    shares = [0.25, 0.5, 0.75]
    faded = []
    for share in shares:
        now = advance(now, share)
        faded.append(now.layers[1].opacity)
    assert faded == pytest.approx([0.75, 0.5, 0.25]) and now.layers[0].opacity == 1
    assert [layer.label for layer in advance(now, 1.0).arrived().layers] == ["cat"]


def test_what_was_half_there_does_not_flash_when_it_leaves() -> None:
    arriving = replace(named("dog"), opacity=0.4)
    now, _ = begin(stack(arriving), Counter(), KNOWN)
    assert advance(now, 0.1).layers[0].opacity == pytest.approx(0.4)


def test_a_scene_dissolves_and_takes_its_name_at_the_end() -> None:
    other = background(5)
    now = dissolve_to(stack(), other, (0, 0), "beach")
    half = advance(now, 0.5)
    assert (half.next_label, half.share) == ("beach", 0.5)
    assert half.arrived().next_label == "beach", "it is not there yet"
    done = advance(half, 1.0).arrived()
    assert torch.equal(done.background, other) and done.label == "beach"
    assert done.next_background is None and done.next_label == "" and done.share == 0.0


@pytest.mark.parametrize("camera", [0.0, 3.0])
def test_it_is_under_way_in_every_frame_of_a_chunk(camera: float) -> None:
    """In steps of a chunk each it was seen to jump, four times a second."""
    now, _ = begin(stack(named("dog")), Counter(), KNOWN)
    now = replace(
        dissolve_to(now, torch.ones_like(background()), (0, 0), "beach"), background=background() * 0
    )
    ground, things = [], []
    for share in (0.5, 1.0):
        moved = move(advance(now, share), rows((-1, (40.0, 30.0), (40.0 + camera, 30.0))))
        ground += moved.reference.ground[0, :, 0, 5, 5].tolist()
        things += moved.reference.things[0, :, 3, 30, 60].tolist()
        now = moved.stack
    assert ground == pytest.approx([step / 8 for step in range(1, 9)], abs=1e-5)
    if not camera:
        assert things == pytest.approx([1 - step / 8 for step in range(1, 9)], abs=0.02)
    assert not now.layers and now.label == "beach" and len(moved.own) == 0
    (still,) = move(now, rows()).reference.ground[:, :, 0, 5, 5]
    assert still.tolist() == pytest.approx([1.0] * 4)


def test_a_photo_gets_a_mirrored_margin_and_shows_the_same() -> None:
    photo, (across, down) = stack(), (16, 8)
    wide = torch.nn.functional.pad(background(5)[None], (across, across, down, down), "reflect")[0]
    now = dissolve_to(photo, wide, (across, down), "beach")
    assert now.size == photo.size
    assert torch.equal(now.background[:, down:-down, across:-across], photo.background)


def test_a_dissolve_that_is_turned_away_from_does_not_jump() -> None:
    first, then = background(5), background(6)
    half = advance(dissolve_to(stack(), first, (0, 0), "beach"), 0.5)
    now = dissolve_to(half, then, (0, 0), "snow")
    assert torch.allclose(now.background, (background() + first) / 2, atol=1e-6) and now.share == 0.0


def test_a_car_of_another_colour_is_another_car_and_a_car_of_any_is_a_car() -> None:
    blue, known = stack(named("blue car")), frozenset({"car"})
    kept, missing = begin(blue, Counter({"car": 1}), known, frozenset({"car"}))
    assert not kept.layers[0].leaving and not missing
    for other in ("red car", "car"):  # the latter is red by itself, and was called so
        changed, missing = begin(blue, Counter({other: 1}), known)
        assert changed.layers[0].leaving and missing == Counter({other: 1})


def test_what_comes_is_behind_what_a_hand_holds() -> None:
    """A ship that a prompt brings would sail over it, and nobody sees what they hold."""
    held = named("cat", hands=frozenset({1}))
    rider = named("bee", seat=Seat("cat", 0, (0.0, 0.0)))
    before = stack(held, rider, named("dog"))
    now = before.with_all([*before.layers, named("ship"), named("hat", seat=Seat("cat", 0, (0.0, 0.0)))])
    assert [layer.label for layer in now.layers] == ["dog", "ship", "cat", "bee", "hat"]
    on_the_way = named("bee", seat=Seat("", 0, (0.0, 0.0)))
    photo = stack(replace(held, label=""), on_the_way)
    photo = photo.with_all([*photo.layers, named("ship")])
    assert [layer.label for layer in photo.layers] == ["bee", "ship", ""]

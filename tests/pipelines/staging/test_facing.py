"""Who is told to go to a side looks to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from stacks import BLUE, RED, disc, stack

from flowbrush.controls import Prompt, PromptSet
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.layers import Layer, Seat
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.staging.facing import facing, mirrored


def looking(side: str, **more: object) -> Layer:
    """A disc with a mark at the side to which it looks."""
    layer = disc(RED, 40, 30, looks=side, **more)
    rgba = layer.rgba.clone()
    rgba[:3, 9:11, slice(2, 5) if side == "left" else slice(15, 18)] = torch.tensor(BLUE)[:, None, None]
    return replace(layer, rgba=rgba)


@pytest.mark.parametrize(
    ("side", "way", "after"),
    [
        ("left", "right", "right"),
        ("left", "level right", "right"),
        ("right", "left", "left"),
        ("left", "left", "left"),
        ("left", "up", "left"),
        ("left", "", "left"),
        ("", "right", ""),
        ("", "", ""),
    ],
)
def test_who_goes_to_a_side_looks_to_it(side: str, way: str, after: str) -> None:
    """What was cut from a photo looks to no side that is known."""
    before = stack(looking("left") if not side else looking(side))
    before = before.with_layer(0, replace(before.layers[0], looks=side))
    layer = facing(before, {0: way}).layers[0]
    assert layer.looks == after
    assert torch.equal(layer.rgba, looking(after or "left").rgba)


def test_nobody_turns_in_a_hand_or_where_nobody_is_told_to_go() -> None:
    held, told = looking("left", hands=frozenset({1})), looking("left")
    after = facing(stack(held, told), {0: "right"})
    assert [layer.looks for layer in after.layers] == ["left", "left"]


def test_a_mirror_shows_a_leaning_thing_leaning_to_the_other_side() -> None:
    layer = replace(looking("left"), pose=Similarity(1.5, 0.3, 40.0, 30.0))
    point = np.array([5.0, -3.0])
    x, y = layer.pose(point)
    assert mirrored(layer).pose(np.array([-5.0, -3.0])) == pytest.approx([80.0 - x, y])


def test_who_sits_on_what_turns_turns_with_it_where_it_sits() -> None:
    carrier = replace(looking("left"), number=1)
    rider = looking("left", seat=Seat("disc", 1, (6.0, -4.0), (2.0, -5.0, 1.0), 2.0))
    after = facing(stack(carrier, rider), {0: "right", 1: "left"})
    seat = after.layers[1].seat
    assert after.layers[1].looks == "right" and seat is not None
    assert seat.at == (-6.0, -4.0) and seat.goal == (-2.0, -5.0, 1.0)


def test_a_horse_that_is_told_to_run_back_runs_head_first() -> None:
    generator = Generator.load("pocket", seats=1)
    stream = generator.start(StreamSettings("pocket", (("a horse runs to the left", 1.0),), 320, 192, 16, 5))
    for _ in range(2):
        generator.step([stream], [()])
    assert stream.memory.layers[0].looks == "left"
    generator.step([stream], [(PromptSet(prompts=(Prompt(text="the horse runs to the right"),)),)])
    assert stream.memory.layers[0].looks == "right"

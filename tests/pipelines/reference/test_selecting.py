"""What is selected where things lie before the ground is taken of these."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import BLUE, HEIGHT, RED, WIDTH, background, disc, rows, stack

from flowbrush.pipelines.reference.acquire import Acquirer, Touch
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.outline import Polygons, outline
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.reference.selecting import parted, shown

BALL = disc(RED, 60, 30)


def box(left: float, top: float, right: float, bottom: float) -> Polygons:
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return (tuple((x / WIDTH, y / HEIGHT) for x, y in corners),)


def taken(there: LayerStack, region: Polygons) -> LayerStack:
    return Acquirer(None, None).take(there, 7, Touch((60, 30), region=region))


@pytest.mark.parametrize(
    "region",
    [outline(shown(BALL, (HEIGHT, WIDTH))), box(48, 18, 72, 42), box(52, 18, 72, 42)],
    ids=["its outline", "a line round it", "most of it"],
)
def test_a_layer_that_is_selected_is_taken_and_the_ground_stays(region: Polygons) -> None:
    before = stack(BALL, disc(BLUE, 20, 50))
    after = taken(before, region)
    assert [layer.label for layer in after.layers] == ["disc", "disc"] and after.layers[1].hands == {7}
    assert torch.equal(after.layers[1].rgba, BALL.rgba) and torch.equal(after.background, before.background)


def test_a_part_of_a_layer_that_is_selected_comes_off_it_and_nothing_else_changes() -> None:
    before = stack(BALL)
    after = taken(before, box(60, 18, 72, 42))
    rest, piece = after.layers
    assert piece.hands == {7} and piece.label == "" and piece.cut and not rest.held
    assert torch.equal(after.background, before.background)
    one, other = (move(each, rows()).reference.frames[0, 0] for each in (before, after))
    assert float((one - other).abs().max()) < 0.02, "it is all where it was"
    gone = move(after, rows((7, (60, 30), (60, 60)))).reference.frames[0, -1]
    assert torch.allclose(gone[:, 25:35, 53:58], one[:, 25:35, 53:58], atol=0.02), "the other half stays"
    assert torch.allclose(gone[:, 25:35, 62:68], background()[:, 25:35, 62:68], atol=0.02), (
        "and the ground is behind it"
    )


def test_of_what_lies_partly_before_the_ground_the_ground_alone_is_taken() -> None:
    """A piece of ground that was hidden came before the thing that hid it, and bit it off."""
    before = stack(BALL)
    after = taken(before, box(20, 10, 60, 50))
    piece = after.layers[-1]
    assert (
        piece.hands == {7}
        and float((shown(piece, (HEIGHT, WIDTH)) * shown(BALL, (HEIGHT, WIDTH))).sum()) < 12
    )
    frame = move(after, rows()).reference.frames[0, -1]
    assert torch.allclose(frame[:, 26:34, 52:58], torch.tensor(RED).view(3, 1, 1).expand(3, 8, 6), atol=0.02)


def test_what_is_hidden_behind_another_is_not_meant() -> None:
    after = taken(stack(replace(BALL, label="behind"), replace(BALL, label="before")), box(48, 18, 72, 42))
    assert after.layers[-1].label == "before" and [layer.held for layer in after.layers] == [False, True]


def test_a_small_thing_before_what_is_selected_is_not_meant() -> None:
    after = taken(stack(disc(BLUE, 60, 30, radius=4)), box(20, 6, 90, 56))
    assert len(after.layers) == 2 and not after.layers[0].held and after.layers[1].held


def test_a_piece_of_what_was_turned_and_enlarged_is_where_it_is_seen() -> None:
    layer = replace(BALL, pose=Similarity(scale=1.5, angle=0.7, x=50, y=34))
    region = torch.zeros(HEIGHT, WIDTH)
    region[:, 50:] = 1
    piece, rest = parted(layer, region)
    whole = shown(layer, (HEIGHT, WIDTH))
    assert torch.allclose(shown(piece, (HEIGHT, WIDTH))[:, 53:], whole[:, 53:], atol=0.1)
    assert torch.allclose(shown(rest, (HEIGHT, WIDTH))[:, :47], whole[:, :47], atol=0.1)
    assert float(shown(piece, (HEIGHT, WIDTH))[:, :47].max()) < 0.1

"""What a hand takes: a layer that is there, a painted region, what a segmenter sees; and the ground behind it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from stacks import HEIGHT, RED, WIDTH, disc, stack
from torch import Tensor

from flowbrush.pipelines.reference.acquire import Acquirer, Box, Touch
from flowbrush.pipelines.reference.filling import FILLED
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.outline import filled

SQUARE = (((0.5, 0.25), (0.75, 0.25), (0.75, 0.75), (0.5, 0.75)),)


class DiscAt:
    """Sees one thing in every picture: a disc, `radius` pixels wide."""

    def __init__(self, x: float, y: float, radius: float) -> None:
        across, down = torch.arange(WIDTH)[None] + 0.5 - x, torch.arange(HEIGHT)[:, None] + 0.5 - y
        self.opacity = ((across.square() + down.square()).sqrt() < radius).float()[None]
        self.asked: list[tuple[Tensor, Tensor]] = []
        self.pictures: list[Tensor] = []

    def segment(
        self, picture: Tensor, add: Tensor, remove: Tensor, region: Tensor | None, within: Box | None = None
    ) -> Tensor:
        self.asked.append((add, remove))
        self.pictures.append(picture)
        return self.opacity


def test_a_press_takes_what_the_segmenter_sees_and_fills_behind_it() -> None:
    before = stack()
    after = Acquirer(DiscAt(40, 30, 12), None).take(before, 7, Touch((42, 31)))
    (layer,) = after.layers
    assert layer.hands == {7} and layer.label == "" and (layer.pose.x, layer.pose.y) == (40, 30)
    opacity = layer.rgba[3]
    assert torch.allclose(layer.rgba[:3], before.background[:, 18:42, 28:52] * opacity)
    changed = (after.background != before.background).any(0)
    assert changed[25:35, 35:45].all()
    assert not changed[:12].any() and not changed[:, :22].any() and not changed[:, 58:].any()
    assert after.confidence[0, 30, 40] == pytest.approx(FILLED) and after.confidence[0, 0, 0] == 1


def test_a_picture_of_sixty_four_pieces_is_cut_no_further() -> None:
    """Each piece costs every chunk of the stream from then on, and those of its neighbours."""
    pieces = [disc(RED, 70, 30, radius=3) for _ in range(63)]
    acquirer = Acquirer(DiscAt(20, 30, 12), None)
    last = acquirer.take(stack(*pieces), 7, Touch((22, 31)))
    assert len(last.layers) == 64 and last.layers[-1].hands == {7}
    full = acquirer.take(last, 8, Touch((22, 31), region=SQUARE))
    assert len(full.layers) == 64 and full.empty == {8}
    assert acquirer.take(last, 8, Touch((70, 30))).layers[-1].hands == {8}, "what is a piece already is taken"


def test_in_a_scene_of_a_prompt_only_things_and_what_is_painted_are_taken() -> None:
    """Its backdrop is no photo: a press beside a thing took a piece of sky, which then stood in the next scene."""
    segmenter, scene = DiscAt(40, 30, 12), replace(stack(disc(RED, 70, 30)), label="meadow")
    acquirer = Acquirer(segmenter, None)
    missed = acquirer.take(scene, 7, Touch((42, 31)))
    assert missed.empty == {7} and missed.background is scene.background and not segmenter.asked
    assert acquirer.probe(scene, Touch((42, 31))) == ((), "")
    assert acquirer.take(scene, 7, Touch((72, 31))).layers[0].hands == {7}
    assert len(acquirer.take(scene, 7, Touch((42, 31), add=((40.0, 30.0),))).layers) == 2, (
        "who says it twice means it"
    )
    assert len(acquirer.take(scene, 7, Touch((42, 31), region=SQUARE)).layers) == 2


def test_doubts_far_from_the_thing_are_neither_taken_nor_filled() -> None:
    """What a person saw outlined is what moves, however much else the segmenter thinks possible."""
    before, sure, doubtful = stack(), DiscAt(40, 30, 12), DiscAt(40, 30, 12)
    doubtful.opacity = doubtful.opacity.clamp(min=0.3)
    clean, after = (Acquirer(each, None).take(before, 7, Touch((42, 31))) for each in (sure, doubtful))
    changed = (after.background != before.background).any(0)
    assert not changed[:8].any() and not changed[:, :18].any() and not changed[:, 62:].any()
    assert after.layers[0].rgba.shape[1] <= clean.layers[0].rgba.shape[1] + 4, "the thing and its rim"


def test_a_layer_that_is_there_is_taken_without_asking() -> None:
    segmenter = DiscAt(70, 30, 12)
    after = Acquirer(segmenter, None).take(stack(disc(RED, 30, 30)), 1, Touch((32, 30)))
    assert after.layers[0].hands == {1} and not segmenter.asked


def test_what_the_person_painted_wins() -> None:
    segmenter = DiscAt(20, 20, 8)
    after = Acquirer(segmenter, None).take(stack(disc(RED, 30, 30)), 2, Touch((30, 30), region=SQUARE))
    assert not segmenter.asked and not after.layers[0].hands
    taken = after.layers[1]
    assert taken.hands == {2} and (taken.pose.x, taken.pose.y) == pytest.approx((60, 32), abs=1)
    assert float(taken.rgba[3].sum()) == pytest.approx(float(filled(SQUARE, (HEIGHT, WIDTH)).sum()))


@pytest.mark.parametrize("radius", [0.5, 200.0], ids=["speck", "all of it"])
def test_nothing_is_taken_where_there_is_no_thing(radius: float) -> None:
    before = stack()
    after = Acquirer(DiscAt(40, 30, radius), None).take(before, 3, Touch((40, 30)))
    assert after.layers == () and after.empty == {3} and after.background is before.background


def test_a_find_that_misses_the_point_is_not_taken() -> None:
    after = Acquirer(DiscAt(70, 30, 12), None).take(stack(), 3, Touch((20, 30)))
    assert after.layers == () and after.empty == {3}


def test_a_press_after_a_probe_asks_once() -> None:
    segmenter = DiscAt(40, 30, 12)
    acquirer, now = Acquirer(segmenter, None), stack()
    place = 0.3
    region, label = acquirer.probe(now, Touch((place * WIDTH + 12, 30.0)))
    pressed = float(np.float32(place)) * WIDTH + 12  # tracks are kept in single precision
    after = acquirer.take(now, 1, Touch((pressed, 30.0)))
    assert label == "" and len(region) == 1 and len(after.layers) == 1
    assert len(segmenter.asked) == 1
    acquirer.take(after, 2, Touch((pressed, 30.0), remove=((50.0, 30.0),)))
    assert len(segmenter.asked) == 2, "another background, and another point"


def test_a_probe_of_a_layer_tells_its_outline_and_name() -> None:
    region, label = Acquirer(None, None).probe(stack(disc(RED, 30, 30)), Touch((30, 30)))
    assert label == "disc"
    assert float(filled(region, (HEIGHT, WIDTH)).sum()) == pytest.approx(np.pi * 100, rel=0.12)
    assert Acquirer(None, None).probe(stack(), Touch((30, 30))) == ((), "")


@pytest.mark.parametrize("line", [((0.1, 0.1), (0.9, 0.1), (0.5, 0.1)), ((0.2, 0.2), (0.8, 0.8), (0.5, 0.5))])
def test_a_region_without_an_inside_takes_nothing(line: tuple[tuple[float, float], ...]) -> None:
    after = Acquirer(None, None).take(stack(disc(RED, 30, 30)), 2, Touch((30, 30), region=(line,)))
    assert after.empty == {2}
    assert Acquirer(None, None).probe(stack(disc(RED, 30, 30)), Touch((30, 30), region=(line,))) == ((), "")


@pytest.mark.parametrize(("middle", "radius", "things"), [((40, 30), 1.0, 0), ((40.5, 30.5), 1.2, 1)])
def test_a_button_is_a_thing_and_a_speck_is_none(
    middle: tuple[float, float], radius: float, things: int
) -> None:
    """Four pixels of six thousand, and five."""
    assert len(Acquirer(DiscAt(*middle, radius), None).take(stack(), 3, Touch((40, 30))).layers) == things


def test_a_narrow_region_is_no_line() -> None:
    strip = ((0.2, 0.5), (0.8, 0.5), (0.8, 0.57), (0.2, 0.57))  # four pixels
    assert len(Acquirer(None, None).take(stack(), 2, Touch((48, 34), region=(strip,))).layers) == 1


def test_no_fringe_of_a_thing_stays_in_the_ground_that_it_left() -> None:
    """The rim of a cut-out is where it covers half: what shows through beyond would colour all of the fill."""
    y, x = torch.meshgrid(torch.arange(192) + 0.5, torch.arange(320) + 0.5, indexing="ij")
    off = ((x - 160).square() + (y - 96).square()).sqrt() - 30
    red = torch.stack([torch.sigmoid(-off / 0.8), torch.zeros(192, 320), torch.zeros(192, 320)])
    found = DiscAt(0, 0, 1)
    found.opacity = (off < 0).float()[None]
    before = LayerStack(red, torch.ones(1, 192, 320))
    after = Acquirer(found, None).take(before, 3, Touch((160, 96)))
    assert float(after.background[0].max()) < 0.1
    changed = (after.background != before.background).any(0)
    assert float(off[changed].max()) < 5, "and what is seen beside it is not made up"


def test_ground_that_was_filled_in_is_known_and_not_sure() -> None:
    """The student may make something else of it, and rather does."""
    after = Acquirer(DiscAt(40, 30, 12), None).take(stack(), 7, Touch((42, 31)))
    assert 0 < float(after.confidence.min()) < 0.5


def test_where_the_hand_hovered_lately_a_press_asks_nothing_and_memory_is_bounded() -> None:
    segmenter = DiscAt(40, 30, 12)
    acquirer, now = Acquirer(segmenter, None), stack()
    for x in range(30, 50):
        acquirer.probe(now, Touch((x, 30)))
    asked = len(segmenter.asked)
    acquirer.take(now, 1, Touch((45, 30)))
    assert asked == 20 and len(segmenter.asked) == asked
    assert len(acquirer.found) < 20


def test_a_hand_may_come_back_to_eight_places_and_no_more_are_kept() -> None:
    """Each is a mask as large as the picture. A hand that hovers along a thing asks some times a second."""
    segmenter = DiscAt(40, 30, 12)
    acquirer, now = Acquirer(segmenter, None), stack()
    for x in range(36, 45):
        acquirer.probe(now, Touch((x, 30)))
    acquirer.probe(now, Touch((37, 30)))
    assert len(segmenter.asked) == 9, "the eighth from the end is kept"
    acquirer.probe(now, Touch((36, 30)))
    assert len(segmenter.asked) == 10, "the ninth is not"


def test_clicks_that_add_and_take_away_are_said_of_what_is_seen() -> None:
    """They were said of the ground alone: of what was pulled off before nothing could be added or taken away."""
    segmenter = DiscAt(60, 30, 10)
    acquirer, there = Acquirer(segmenter, None), stack(disc(RED, 60, 30))
    touch = Touch((60, 30), add=((66, 30),))
    region, _ = acquirer.probe(there, touch)
    assert region, "what the segmenter sees is outlined"
    assert torch.allclose(segmenter.pictures[0][:, 30, 60], torch.tensor(RED) * 2 - 1), "it sees the layer"
    after = acquirer.take(there, 7, touch)
    assert (
        len(after.layers) == 1
        and after.layers[0].hands == {7}
        and torch.equal(after.background, there.background)
    )
    beside = acquirer.take(there, 7, Touch((20, 30), add=((24, 30),)))
    assert torch.allclose(segmenter.pictures[-1], there.background * 2 - 1), "elsewhere it is the ground"
    assert not beside.layers[0].held

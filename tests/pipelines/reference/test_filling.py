"""The ground behind what was taken: roughly at once, well in two steps."""

from __future__ import annotations

import torch
from stacks import HEIGHT, WIDTH, background, stack
from torch import Tensor

from flowbrush.models.cards.spec import InpainterSpec
from flowbrush.models.inpainting.inpainter import Inpainter
from flowbrush.pipelines.reference.filling import FILLED, fill_on, opened
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.staging import transition


class Paint:
    """Fills holes with 0 first (grey), and with 1 then (white); remembers the share of the picture that each hole had."""

    def __init__(self) -> None:
        self.smoothed: list[float] = []
        self.sharpened: list[float] = []

    def smooth(self, picture: Tensor, hole: Tensor) -> Tensor:
        self.smoothed.append(float(hole.mean()))
        return picture * (1 - hole)

    def sharp(self, picture: Tensor, hole: Tensor) -> Tensor:
        self.sharpened.append(float(hole.mean()))
        return torch.where(hole > 0, 1.0, picture)


def square(left: int, top: int, side: int = 20) -> Tensor:
    mask = torch.zeros(1, HEIGHT, WIDTH)
    mask[:, top : top + side, left : left + side] = 1
    return mask


def inside(now: LayerStack, mask: Tensor) -> Tensor:
    return now.background[:, mask[0] > 0]


def test_a_hole_is_filled_inside_alone_and_known_not_to_be_sure() -> None:
    hole = square(30, 20)
    after = opened(stack(), hole)
    assert torch.equal(after.background * (1 - hole), background() * (1 - hole))
    assert not torch.allclose(inside(after, hole), inside(stack(), hole), atol=0.02)
    assert float(after.confidence.min()) == FILLED and float(after.confidence.max()) == 1


def test_who_cuts_out_asks_no_network_and_each_step_after_that_asks_one() -> None:
    paint, hole = Paint(), square(30, 20)
    taken = opened(stack(), hole)
    assert not paint.smoothed
    first = fill_on(taken, paint)
    assert torch.allclose(inside(first, hole), torch.tensor(0.5)) and not paint.sharpened
    second = fill_on(first, paint)
    assert torch.equal(inside(second, hole), torch.ones(3, 400))
    assert second.hole is None and fill_on(second, paint) is second
    assert len(paint.smoothed) == len(paint.sharpened) == 1
    kept = (1 - hole).expand(3, -1, -1) > 0
    assert torch.allclose(second.background[kept], background()[kept], atol=1e-6)


def test_two_holes_become_one_and_what_was_well_filled_stays_so_until_then() -> None:
    paint, one, other = Paint(), square(10, 10), square(60, 30)
    half = fill_on(opened(stack(), one), paint)
    both = opened(half, other)
    assert torch.allclose(inside(both, one), torch.tensor(0.5)), "no step back to the rough fill"
    done = fill_on(fill_on(both, paint), paint)
    assert paint.smoothed[-1] == paint.sharpened[-1] == float((one + other).mean())
    assert float(inside(done, one).min()) == float(inside(done, other).min()) == 1 and done.hole is None


def test_without_an_inpainter_the_rough_fill_stays() -> None:
    taken = opened(stack(), square(30, 20))
    after = fill_on(taken, None)
    assert after.hole is None and torch.equal(after.background, taken.background)


def test_a_hole_goes_on_being_filled_while_the_scene_dissolves_and_is_none_of_the_next() -> None:
    paint, taken = Paint(), opened(stack(), square(30, 20))
    margin = (16, 8)
    following = torch.zeros(3, HEIGHT + 16, WIDTH + 32)
    going = transition.advance(transition.dissolve_to(taken, following, margin, "beach"), 0.5)
    filled = fill_on(going, paint)
    assert torch.allclose(filled.background[:, 38, 56], torch.tensor(0.5)), "the hole moved with the margin"
    there = transition.advance(filled, 1.0).arrived()
    assert there.hole is None and torch.equal(there.background, following)


def test_the_network_sees_the_ground_as_it_was_around_the_hole() -> None:
    """The rough fill is none of the evidence: it changes nothing of what is filled in then."""

    torch.manual_seed(0)
    inpainter, hole = Inpainter(InpainterSpec(widths=(8, 16))), square(30, 20)
    with torch.no_grad():
        inpainter.net.out.weight.normal_()
    at_once = inpainter.fill(background() * 2 - 1, hole) / 2 + 0.5
    taken = opened(stack(), hole)
    late = fill_on(fill_on(taken, inpainter), inpainter)
    assert torch.allclose(late.background, at_once.clamp(0, 1), atol=1e-5)

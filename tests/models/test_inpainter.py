"""The inpainter: changes pictures where things were, and nowhere else."""

from __future__ import annotations

import pytest
import torch

from models.inpainter import SIDES, Inpainter, nearest_known
from models.spec import InpainterSpec

SPEC = InpainterSpec(widths=(8, 16))


def masks() -> tuple[torch.Tensor, torch.Tensor]:
    core, hole = torch.zeros(2, 1, 32, 48), torch.zeros(2, 1, 32, 48)
    core[:, :, 12:20, 16:28] = 1
    hole[:, :, 8:24, 12:32] = 1
    return core, hole


def test_colours_are_those_known_nearest_on_every_side() -> None:
    """Each side of the hole has a colour of its own."""
    picture, (_, hole) = torch.zeros(2, 3, 32, 48), masks()
    picture[:, :, :8], picture[:, :, 24:] = 0.1, 0.2  # above, below
    picture[:, :, 8:24, :12], picture[:, :, 8:24, 32:] = 0.3, 0.4  # left, right
    around = nearest_known(picture, hole)
    assert around.shape == (2, SIDES, 3, 32, 48)
    assert around[0, :, 0, 16, 20].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert torch.equal((around * (1 - hole)[:, None]), (picture * (1 - hole))[:, None].expand_as(around))


def test_where_nothing_is_known_on_a_side_the_picture_stays() -> None:
    picture, hole = torch.full((1, 3, 32, 48), 0.5), torch.zeros(1, 1, 32, 48)
    hole[:, :, :, :20] = 1  # to the edges
    around = nearest_known(picture, hole)
    assert torch.allclose(around, torch.full_like(around, 0.5))


def test_what_it_makes_lies_between_the_colours_that_it_sees() -> None:
    torch.manual_seed(0)
    rough, (core, hole) = torch.rand(2, 3, 32, 48), masks()
    made = Inpainter(SPEC)(rough, core, hole)
    seen = torch.cat([nearest_known(rough, hole), rough[:, None]], 1)
    assert bool((made >= seen.amin(1) - 1e-5).all() and (made <= seen.amax(1) + 1e-5).all())


def test_outside_the_hole_it_changes_nothing() -> None:
    torch.manual_seed(0)
    inpainter, rough, (core, hole) = Inpainter(SPEC), torch.rand(2, 3, 32, 48), masks()
    torch.nn.init.normal_(inpainter.net.out.weight)
    made = inpainter(rough, core, hole)
    assert torch.equal(made * (1 - hole), rough * (1 - hole))
    assert float(((made.detach() - rough).abs() * hole).mean()) > 0.01


def test_it_learns_to_go_on_with_what_is_beside() -> None:
    """Sky above ground: the colours beside the hole are those within."""
    torch.manual_seed(0)
    inpainter, (core, hole) = Inpainter(SPEC), masks()
    adam = torch.optim.Adam(inpainter.parameters(), 0.003)
    errors = []
    wanted = (torch.rand(2, 3, 2, 1) * 2 - 1).repeat_interleave(16, 2).expand(-1, -1, -1, 48)
    for _ in range(100):
        made = inpainter(wanted * (1 - core), core, hole)
        loss = ((made - wanted).square() * hole).sum() / hole.sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        errors.append(float(loss.detach()))
    assert sum(errors[-10:]) < 0.5 * sum(errors[:10])

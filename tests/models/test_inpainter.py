"""The inpainter: changes pictures where things were, and nowhere else."""

from __future__ import annotations

import torch

from models.inpainter import Inpainter
from models.spec import InpainterSpec

SPEC = InpainterSpec(widths=(8, 16))


def masks() -> tuple[torch.Tensor, torch.Tensor]:
    core, hole = torch.zeros(2, 1, 32, 48), torch.zeros(2, 1, 32, 48)
    core[:, :, 12:20, 16:28] = 1
    hole[:, :, 8:24, 12:32] = 1
    return core, hole


def test_untrained_it_changes_nothing() -> None:
    rough = torch.rand(2, 3, 32, 48)
    assert torch.equal(Inpainter(SPEC)(rough, *masks()), rough)


def test_outside_the_hole_it_changes_nothing() -> None:
    torch.manual_seed(0)
    inpainter, rough, (core, hole) = Inpainter(SPEC), torch.rand(2, 3, 32, 48), masks()
    torch.nn.init.normal_(inpainter.net.out.weight)
    made = inpainter(rough, core, hole)
    assert torch.equal(made * (1 - hole), rough * (1 - hole))
    assert float(((made - rough).abs() * hole).mean()) > 0.01


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

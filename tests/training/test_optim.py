"""The optimiser: orthogonal updates, fp32 masters, averages, exact resuming."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from flowbrush.training.optim import MasterOptimiser, orthogonalise


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(24, 32), nn.GELU(), nn.Linear(32, 24)).to(dtype)


def train(module: nn.Module, optimiser: MasterOptimiser, steps: int, first: int = 0) -> list[float]:
    """Fits a fixed linear map; batches depend on the step alone. Returns the losses."""
    target = torch.randn(24, 24, generator=torch.Generator().manual_seed(9))
    losses = []
    for step in range(first, first + steps):
        x = torch.randn(64, 24, generator=torch.Generator().manual_seed(step)).to(
            next(module.parameters()).dtype
        )
        loss = (module(x).float() - x.float() @ target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("shape", [(2, 16, 16), (1, 16, 48), (3, 48, 16)])
def test_updates_are_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    out = orthogonalise(torch.randn(shape, generator=torch.Generator().manual_seed(1)))
    assert out.shape == shape
    singular = torch.linalg.svdvals(out.float())
    assert 0.5 < float(singular.min()) and float(singular.max()) < 1.4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("muon", [True, False])
def test_it_learns(dtype: torch.dtype, muon: bool) -> None:
    module = network(dtype)
    losses = train(module, MasterOptimiser(module, 0.02 if muon else 0.05, muon=muon), 150)
    assert sum(losses[-10:]) < 0.6 * sum(losses[:10])


def test_masters_keep_what_bf16_would_round_away() -> None:
    module = network(torch.bfloat16)
    optimiser = MasterOptimiser(module, 1e-5)
    before = {name: value.clone() for name, value in optimiser.masters.items()}
    train(module, optimiser, 3)
    assert all(value.dtype is torch.float32 for value in optimiser.masters.values())
    assert any(not torch.equal(value, before[name]) for name, value in optimiser.masters.items())
    for name, parameter in module.named_parameters():
        assert torch.equal(parameter, optimiser.masters[name].to(torch.bfloat16))


def test_the_average_trails_the_weights() -> None:
    module = network()
    optimiser = MasterOptimiser(module, 0.02)
    start = {name: value.clone() for name, value in optimiser.masters.items()}
    train(module, optimiser, 20)
    for name, average in optimiser.averages.items():
        moved = (optimiser.masters[name] - start[name]).norm()
        assert 0 < float((average - start[name]).norm()) < float(moved)


def test_a_resumed_training_is_the_uninterrupted_one() -> None:
    whole, halved, later = network(), network(), network()
    optimiser = MasterOptimiser(whole, 0.02)
    train(whole, optimiser, 10)
    first = MasterOptimiser(halved, 0.02)
    train(halved, first, 6)
    second = MasterOptimiser(later, 0.02)
    second.load_state_dict(first.state_dict())
    train(later, second, 4, first=6)
    for one, other in zip(whole.parameters(), later.parameters(), strict=True):
        assert torch.equal(one, other)
    assert all(torch.equal(optimiser.averages[name], second.averages[name]) for name in optimiser.averages)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_broken_gradient_changes_nothing(broken: float) -> None:
    module = network()
    optimiser = MasterOptimiser(module, 0.02)
    before = {name: value.clone() for name, value in optimiser.masters.items()}
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, broken)
    optimiser.step()
    assert optimiser.steps == 0
    assert all(torch.equal(value, before[name]) for name, value in optimiser.masters.items())
    assert all(parameter.grad is None for parameter in module.parameters())

"""Muon for matrices, AdamW for the rest, on fp32 masters of bf16 weights, with an exponential moving average."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn


def orthogonalise(matrices: Tensor, steps: int = 5) -> Tensor:
    """The nearest orthogonal matrices of [n, rows, columns], by a quintic Newton–Schulz iteration (Muon, Jordan 2024)."""
    x = matrices.to(torch.bfloat16)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class MasterOptimiser:
    """Updates `module` (any number type) through fp32 masters and keeps their moving average.

    Weights of two and more axes inside `blocks` and convolutions go to Muon at `rate`; the rest to AdamW at `rate` / 10.
    """

    def __init__(self, module: nn.Module, rate: float, ema: float = 0.999, momentum: float = 0.95) -> None:
        self.parameters = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self.masters = {n: p.detach().float().clone() for n, p in self.parameters.items()}
        self.averages = {n: m.clone() for n, m in self.masters.items()}
        self.rate, self.ema, self.momentum, self.steps = rate, ema, momentum, 0
        self.first = {n: torch.zeros_like(m) for n, m in self.masters.items()}
        self.second = {n: torch.zeros_like(m) for n, m in self.masters.items() if not _is_matrix(n, m)}

    @torch.no_grad()
    def step(self, factor: float = 1.0, clip: float = 1.0) -> float:
        """One update at `rate` × `factor`. Returns the norm of the gradient before clipping."""
        grads = {n: p.grad.float() for n, p in self.parameters.items() if p.grad is not None}
        norm = float(torch.stack([g.norm() for g in grads.values()]).norm())
        if not norm < float("inf"):  # a broken step is skipped, not averaged in
            self._clear()
            return norm
        shrink = min(1.0, clip / (norm + 1e-6))
        self.steps += 1
        decay = min(self.ema, (1 + self.steps) / (10 + self.steps))
        by_shape: dict[tuple[int, int], list[str]] = defaultdict(list)
        for name, grad in grads.items():
            if name in self.second:
                self._adam(name, grad * shrink, self.rate * factor)
            else:
                self.first[name].mul_(self.momentum).add_(grad, alpha=shrink)
                grads[name] = grad * shrink + self.momentum * self.first[name]
                by_shape[(len(grad), grad[0].numel())].append(name)
        for names in by_shape.values():
            self._muon(names, torch.stack([grads[n].flatten(1) for n in names]), self.rate * factor)
        for name in grads:
            self.averages[name].lerp_(self.masters[name], 1 - decay)
            self.parameters[name].copy_(self.masters[name])
        self._clear()
        return norm

    def _clear(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad = None

    def _adam(self, name: str, grad: Tensor, rate: float) -> None:
        first, second = self.first[name], self.second[name]
        first.lerp_(grad, 0.1)
        second.lerp_(grad.square(), 0.02)
        correct1, correct2 = 1 - 0.9**self.steps, 1 - 0.98**self.steps
        self.masters[name].sub_(rate * 0.1 * (first / correct1) / ((second / correct2).sqrt() + 1e-8))

    def _muon(self, names: list[str], directions: Tensor, rate: float) -> None:
        stretch = max(1.0, directions.shape[1] / directions.shape[2]) ** 0.5
        for name, update in zip(names, orthogonalise(directions), strict=True):
            master = self.masters[name]
            master.mul_(1 - rate * 0.01).sub_(update.view_as(master), alpha=rate * stretch)

    def state_dict(self) -> dict[str, Any]:
        return {"masters": self.masters, "averages": self.averages, "first": self.first, "second": self.second, "steps": self.steps}  # fmt: skip

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        for own in ("masters", "averages", "first", "second"):
            for name, value in getattr(self, own).items():
                value.copy_(state[own][name])
        self.steps = state["steps"]
        for name, parameter in self.parameters.items():
            parameter.copy_(self.masters[name])


def _is_matrix(name: str, value: Tensor) -> bool:
    return value.ndim >= 2 and min(value.shape[0], value[0].numel()) >= 16 and not name.endswith(("modulation", "position"))

"""Muon for matrices, AdamW for the rest, on fp32 masters of bf16 weights, with an exponential moving
average.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

ITERATIONS = 5  # singular values are near enough to 1 then


def orthogonalise(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrices of [n, rows, columns], by a quintic Newton–Schulz iteration (Muon,
    Jordan 2024).
    """
    # The iteration needs no precision, but bf16 is emulated, many times slower, on CPUs without instructions for it.
    x = matrices.to(torch.bfloat16 if matrices.is_cuda else torch.float32)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    made: Tensor = (x.mT if tall else x).to(matrices.dtype)
    return made


class MasterOptimiser:
    """Updates `module` (any number type) through fp32 masters and keeps their moving average.

    With `muon`, weights of two and more axes go to Muon at `rate`; the rest to AdamW at `rate` / 10. Tensors
    are updated in lists, so that a step costs few calls however many there are.
    """

    def __init__(
        self, module: nn.Module, rate: float, ema: float = 0.999, momentum: float = 0.95, muon: bool = True
    ) -> None:
        self.parameters = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self.masters = {n: p.detach().float().clone() for n, p in self.parameters.items()}
        self.averages = {n: m.clone() for n, m in self.masters.items()}
        self.rate, self.ema, self.momentum, self.steps = rate, ema, momentum, 0
        self.first = {n: torch.zeros_like(m) for n, m in self.masters.items()}
        self.second = {
            n: torch.zeros_like(m) for n, m in self.masters.items() if not (muon and _is_matrix(n, m))
        }

    @torch.no_grad()
    def step(self, factor: float = 1.0, clip: float = 1.0) -> float:
        """One update at `rate` × `factor`. Returns the norm of the gradient before clipping."""
        grads = {n: p.grad.float() for n, p in self.parameters.items() if p.grad is not None}
        norm = float(torch.stack(torch._foreach_norm(list(grads.values()))).norm())
        if not norm < float("inf"):  # a broken step is skipped, not averaged in
            self._clear()
            return norm
        torch._foreach_mul_(list(grads.values()), min(1.0, clip / (norm + 1e-6)))
        self.steps += 1
        plain = [n for n in grads if n in self.second]
        matrices = [n for n in grads if n not in self.second]
        if plain:
            self._adam(plain, [grads[n] for n in plain], self.rate * factor)
        if matrices:
            self._muon(matrices, [grads[n] for n in matrices], self.rate * factor)
        masters = [self.masters[n] for n in grads]
        decay = min(self.ema, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_([self.averages[n] for n in grads], masters, 1 - decay)
        torch._foreach_copy_([self.parameters[n] for n in grads], masters)
        self._clear()
        return norm

    def _clear(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad = None

    def _adam(self, names: list[str], grads: list[Tensor], rate: float) -> None:
        first, second = [self.first[n] for n in names], [self.second[n] for n in names]
        torch._foreach_lerp_(first, grads, 0.1)
        torch._foreach_lerp_(second, torch._foreach_mul(grads, grads), 0.02)
        spread = torch._foreach_div(second, 1 - 0.98**self.steps)
        torch._foreach_sqrt_(spread)
        torch._foreach_add_(spread, 1e-8)
        update = torch._foreach_div(first, 1 - 0.9**self.steps)
        torch._foreach_div_(update, spread)
        torch._foreach_add_([self.masters[n] for n in names], update, alpha=-0.1 * rate)

    def _muon(self, names: list[str], grads: list[Tensor], rate: float) -> None:
        first = [self.first[n] for n in names]
        torch._foreach_mul_(first, self.momentum)
        torch._foreach_add_(first, grads)
        torch._foreach_add_(grads, first, alpha=self.momentum)  # Nesterov's look ahead
        by_shape: dict[tuple[int, int], list[tuple[str, Tensor]]] = defaultdict(list)
        for name, direction in zip(names, grads, strict=True):
            by_shape[(len(direction), direction[0].numel())].append((name, direction))
        for (rows, columns), group in by_shape.items():
            updates = orthogonalise(torch.stack([direction.flatten(1) for _, direction in group]))
            masters = [self.masters[name] for name, _ in group]
            torch._foreach_mul_(masters, 1 - rate * 0.01)
            shaped = [update.view_as(master) for update, master in zip(updates, masters, strict=True)]
            torch._foreach_add_(masters, shaped, alpha=-rate * max(1.0, rows / columns) ** 0.5)

    def state_dict(self) -> dict[str, Any]:
        return {
            "masters": self.masters,
            "averages": self.averages,
            "first": self.first,
            "second": self.second,
            "steps": self.steps,
        }

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        for own in ("masters", "averages", "first", "second"):
            for name, value in getattr(self, own).items():
                value.copy_(state[own][name])
        self.steps = state["steps"]
        for name, parameter in self.parameters.items():
            parameter.copy_(self.masters[name])


def _is_matrix(name: str, value: Tensor) -> bool:
    return (
        value.ndim >= 2
        and min(value.shape[0], value[0].numel()) >= 16
        and not name.endswith(("modulation", "position"))
    )

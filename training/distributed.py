"""Data-parallel training under torchrun: every process draws its own data, gradients are averaged. Alone
it is a no-op.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

PATIENCE = timedelta(hours=6)  # the first process renders and fits alone while the others wait


@dataclass(frozen=True)
class Workers:
    """This process among `count`, working on `device`."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def average_gradients(self, module: nn.Module) -> None:
        """Replaces gradients by their mean over all processes."""
        if self.count == 1:
            return
        parameters = [p for p in module.parameters() if p.requires_grad]
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([g.flatten().float() for g in grads])
        dist.all_reduce(flat)
        flat /= self.count
        for parameter, part in zip(parameters, flat.split([g.numel() for g in grads]), strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.dtype)

    def agree(self, stop: bool) -> bool:
        """Whether any process wants to stop: all get the same answer."""
        if self.count == 1:
            return stop
        flag = torch.tensor([float(stop)], device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())

    def share(self, value: float) -> float:
        """The first process's `value`, in all of them."""
        if self.count == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float32, device=self.device)
        dist.broadcast(tensor, 0)
        return float(tensor.item())

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            self.agree(False)

    def close(self) -> None:
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


def join(device: torch.device) -> Workers:
    """Joins the processes that torchrun started, if it did; each takes its own GPU where there are GPUs."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Workers(0, 1, device)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return Workers(dist.get_rank(), count, device)


def generator(*key: int) -> np.random.Generator:
    """Random numbers that depend on nothing but the key, so that a resumed step draws what it would have
    drawn.
    """
    return np.random.default_rng(key)


def seed_torch(*key: int) -> None:
    """The same for PyTorch's own generators."""
    torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))


def to_cpu(value: object) -> object:
    """Nested dicts with their tensors copied to main memory."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    return {k: to_cpu(v) for k, v in value.items()} if isinstance(value, dict) else value

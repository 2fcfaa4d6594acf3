"""A generator on a device that is not there: tensors with shapes and without memory, and every operation counted.

What a chunk costs in arithmetic, traffic, launches and memory follows from the shapes alone. So the full size can be looked at on
any machine, in seconds: by `flowbrush bench --estimate`, and by tests of what must not happen on a GPU.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count as numbers
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.library import custom_op
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry

from flowbrush.models.attention import sdpa
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.spec import Umt5Spec
from flowbrush.models.device import Placement
from flowbrush.models.schedule import noise_steps
from flowbrush.models.text.umt5 import RandomText
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.load import WanModel, anchored, codec_of
from flowbrush.pipelines.generator import Generator

HEAVY = ("mm", "addmm", "bmm", "baddbmm", "convolution", "attention")
NOTHING = ("empty", "empty_strided", "empty_like", "new_empty", "detach", "lift_fresh")


@custom_op("flowbrush::attention", mutates_args=())
def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Dense attention [B, L, H, D] as one operation, whatever its back end."""
    return sdpa(q, k, v).contiguous()


@attention.register_fake
def _(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return torch.empty_like(q, memory_format=torch.contiguous_format)


@dataclass
class Operation:
    """One operation: what it is, where it is asked for, its arithmetic and the bytes that it reads and writes; of attention how
    many `keys` there are.
    """

    name: str
    part: str
    flops: float
    bytes: int
    fused: int | None = None  # the run of small operations that a compiler makes one of; None for a large one
    keys: int = 0


@dataclass
class Run:
    """Small operations between two large ones: what enters from outside, and what is made here, by the number of its memory."""

    number: int = 0
    read: dict[int, int] = field(default_factory=dict)
    made: dict[int, tuple[weakref.ref[Any], int]] = field(default_factory=dict)


class Counter(TorchDispatchMode):
    """Counts every operation that launches work, and the memory that is alive on `device`.

    `runs` are, for each run of small operations, the bytes that have to pass in and out if it is one kernel.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no annotations there
        self.device, self.part = device, "student"
        self.operations: list[Operation] = []
        self.runs: dict[int, int] = {}
        self.alive = self.peak = 0
        self._known: set[int] = set()
        self._numbers: dict[int, int] = {}
        self._next = numbers()
        self._run = Run()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not torch.ops.prim.device.default:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        for tensor in made:
            self._hold(tensor)
        name = func._schema.name.partition("::")[2].rstrip("_")
        if not func.is_view and name not in NOTHING and any(self._here(tensor) for tensor in made):
            self._count(func, name, args, kwargs, out, given, made)
        return out

    def hold(self, *tensors: Tensor) -> None:
        """Counts the memory of what was made before."""
        for tensor in tensors:
            self._hold(tensor)

    def finish(self) -> None:
        """Ends the last run of small operations."""
        read = sum(self._run.read.values())
        written = sum(size for alive, size in self._run.made.values() if alive() is not None)
        if self._run.read or self._run.made:
            self.runs[self._run.number] = read + written
        self._run = Run(self._run.number + 1)

    def _here(self, tensor: Tensor) -> bool:
        return tensor.device.type == self.device.type

    def _count(self, func: Any, name: str, args: Any, kwargs: Any, out: Any, given: list[Tensor],
               made: list[Tensor]) -> None:  # fmt: skip
        size = sum({id(x): _bytes(x) for x in (*given, *made)}.values())
        if name in HEAVY:
            self.finish()
            keys = args[1].shape[1] if name == "attention" else 0
            flops = 4.0 * args[0].numel() * keys if keys else _flops(func, args, kwargs, out)
            self.operations.append(Operation(name, self.part, flops, size, keys=keys))
            return
        for tensor in given:
            number = self._number(tensor)
            if number not in self._run.made:
                self._run.read[number] = max(self._run.read.get(number, 0), _bytes(tensor))
        for tensor in made:
            self._run.made.setdefault(self._number(tensor), (weakref.ref(_storage(tensor)), _bytes(tensor)))
        self.operations.append(Operation(name, self.part, 0.0, size, self._run.number))

    def _number(self, tensor: Tensor) -> int:
        """Of the tensor's memory. Its address does not tell it from others: what is made next may get that of what is gone."""
        storage = _storage(tensor)
        key = storage._cdata
        if key not in self._numbers:
            self._numbers[key] = next(self._next)
            weakref.finalize(storage, self._numbers.pop, key)
        return self._numbers[key]

    def _hold(self, tensor: Tensor) -> None:
        if not self._here(tensor):
            return
        storage = _storage(tensor)
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._freed, key, size)

    def _freed(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size


class _RealHost(TorchDispatchMode):
    """What is in main memory and stays there is worked on as ever. Of what goes to the device the values are forgotten: the fake
    mode keeps those of small tensors, and would work with them on a device that is not there.
    """

    def __init__(self, fake: FakeTensorMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no annotations there
        self.fake = fake

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        where = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.device)]
        if all(device.type == "cpu" for device in where) and all(_is_here(tensor) for tensor in given):
            with _real():
                return func(*args, **kwargs)
        args, kwargs = tree_map_only(Tensor, self._without_values, (args, kwargs))
        out = func(*args, **kwargs)
        for leaf in tree_leaves(out):
            if isinstance(leaf, FakeTensor):
                leaf.constant = None
        return out

    def _without_values(self, tensor: Tensor) -> Tensor:
        return self.fake.from_tensor(tensor) if _is_here(tensor) else tensor


def _is_here(tensor: Tensor) -> bool:
    return not isinstance(tensor, FakeTensor) and tensor.device.type == "cpu"


@contextmanager
def no_memory() -> Iterator[None]:
    """Inside, tensors on a device have shapes and no contents. Frames that are read from there come as zeros; nothing is pinned."""
    numpy = Tensor.numpy

    def zeros(tensor: Tensor, *given: Any, **more: Any) -> Any:
        if isinstance(tensor, FakeTensor):
            return np.zeros(tuple(tensor.shape), np.uint8)
        return numpy(tensor, *given, **more)

    with (
        patch.object(Tensor, "numpy", zeros),
        patch.object(Tensor, "pin_memory", lambda tensor: tensor),
        FakeTensorMode(allow_non_fake_inputs=True) as fake,
        _RealHost(fake),
    ):
        yield


def nowhere() -> torch.device:
    """A device of its own kind, without memory, that is not the processor: work on both at once is an error."""
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    if not hasattr(torch, "nothing"):
        _setup_privateuseone_for_python_backend("nothing")
    return torch.device("nothing", 0)


def shapes_of(card: ModelCard, device: torch.device) -> Generator:
    """A generator of a Wan card in bf16 on `device`; only inside `no_memory`."""
    assert isinstance(card.text, Umt5Spec)
    with _real(), torch.device("meta"):
        student = CausalTransformer(card.student, attention)
        codec, text = codec_of(card), RandomText(card.text)
    with _real():  # values that the roll-out asks for, and that are remembered
        for steps in {card.steps, card.start_steps}:
            noise_steps(card.rollout, steps)
    for module in (student, codec, text):
        _place(module, device)
    model = WanModel(student, anchored(codec, card), text).ready()
    return Generator(
        replace(card, random=True), model, Placement(device, torch.bfloat16, "no memory"), seats=1
    )


@contextmanager
def _real() -> Iterator[None]:
    """Out of the fake mode for a while: modules are laid out on the meta device."""
    from torch._subclasses.fake_tensor import unset_fake_temporarily

    with unset_fake_temporarily():
        yield


def _place(module: nn.Module, device: torch.device) -> None:
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                like = torch.empty(value.shape, dtype=torch.bfloat16, device=device)
                part._parameters[name] = nn.Parameter(like, requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=device)


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _flops(func: Any, args: Any, kwargs: Any, out: Any) -> float:
    count = flop_registry.get(func._overloadpacket)
    return float(count(*args, **kwargs, out_val=out)) if count else 0.0

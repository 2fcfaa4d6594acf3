"""Weights from and to safetensors files. Nothing else is ever loaded: a pickle is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn


class BadWeights(ValueError):
    """A weights file that is missing, broken, or of another model."""


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file. Raises BadWeights."""
    if not path.is_file():
        raise BadWeights(f"no weights at {path}: expected a .safetensors file")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except SafetensorError as error:
        raise BadWeights(
            f"{path} is not a whole safetensors file ({error}): it may be truncated; fetch or make it again"
        ) from error


def fill(module: nn.Module, tensors: dict[str, Tensor], prefix: str, source: str) -> None:
    """Puts `tensors` named `prefix`… into `module`. A missing, unexpected or mis-shaped one, or one that is not finite, is an error
    that names it.

    A module on the meta device takes the tensors themselves, in its own number type; any other gets copies.
    """
    given = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    wanted = module.state_dict()
    missing, extra = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or extra:
        raise BadWeights(
            f"{source} does not fit: missing {_some(missing, prefix)}; unexpected {_some(extra, prefix)}"
        )
    for name, value in wanted.items():
        if given[name].shape != value.shape:
            raise BadWeights(
                f"{source}: {prefix}{name} has shape {tuple(given[name].shape)}, expected {tuple(value.shape)}"
            )
    typed = {name: given[name].to(value.dtype) for name, value in wanted.items()}
    weights = {
        name: typed[name] for name, _ in module.named_parameters()
    }  # NaN in keyframes' facts means unknown
    check_finite(weights, source, prefix)
    module.load_state_dict(typed, assign=any(value.is_meta for value in wanted.values()))


def check_finite(tensors: Mapping[str, Tensor], source: str, prefix: str = "") -> None:
    """Raises BadWeights where a tensor has NaN or infinity in it, of which one makes every picture black."""
    for name, value in tensors.items():
        if (
            value.is_floating_point() and value.numel() and not value.is_meta
        ):  # a meta tensor holds no numbers
            known = value if value.dtype.itemsize > 1 else value.float()  # torch orders no numbers of 8 bits
            ends = torch.stack(
                torch.aminmax(known)
            )  # both are NaN where any is; a tenth of the time of isfinite
            if not ends.isfinite().all():
                raise BadWeights(
                    f"{source}: {prefix}{name} has numbers that are not finite in {str(value.dtype).removeprefix('torch.')} "
                    "(NaN or infinity): the file is broken, or was made by a training that failed; get another"
                )


def save(path: Path, parts: dict[str, nn.Module], metadata: dict[str, object]) -> None:
    """Writes modules as `name.parameter`, floating matrices as they are; the file appears whole or not at
    all.
    """
    tensors = {
        f"{part}.{name}": value.detach().contiguous()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, {key: json.dumps(value) for key, value in metadata.items()})
    os.replace(temporary, path)


def _some(names: list[str], prefix: str) -> str:
    if not names:
        return "none"
    shown = ", ".join(prefix + name for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def random_like(module: nn.Module, seed: int) -> None:
    """Deterministic random weights, for tests of everything but the picture."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif parameter.ndim > 1:
                bound = (3 / parameter[0].numel()) ** 0.5
                parameter.copy_((torch.rand(parameter.shape, generator=generator) * 2 - 1) * bound)

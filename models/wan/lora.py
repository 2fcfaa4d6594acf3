"""Adapters merged into the weights, worked out in fp32: low-rank ones, W + scale × B A, and plain differences.

Published adapters are often both: pairs for the linear layers, and differences for biases (`diff_b`), norms
(`diff`) and modulations (`diff_m`).
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict

import torch
from torch import Tensor

from flowbrush.models.loading.checkpoint import check_finite
from flowbrush.models.wan.names import clean, from_diffusers

PART = re.compile(
    r"(.+?)\.(?:(?:lora_)?(?P<pair>A|B|down|up)(?:\.default)?(?:\.(?P<of>weight|bias))?|(?P<alpha>alpha)|"
    r"(?P<difference>diff_b|diff_m|diff))$"
)
SUFFIXES = {"diff": ".weight", "diff_b": ".bias", "diff_m": ".modulation", "bias": ".bias"}
PEFT = "base_model.model."
KOHYA = "lora_unet_"  # underscores in place of dots
TOLD = 3  # names in a warning


def merge(tensors: dict[str, Tensor], lora: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """`tensors` (our names) with the adapter `lora` merged in; the type of each weight stays.

    Reads PEFT's lora_A/lora_B (a bias of B, too), lora_down/lora_up with alpha, diff, diff_b and diff_m, with
    `lora_unet_` names and diffusers' names. Without an alpha the scale is 1. What the checkpoint has no place
    for, as an adapter of a larger relative brings, is left out with a warning. Raises ValueError where nothing
    has a place, and naming an adapter that has no partner, another shape, another form, or is not finite.
    """
    check_finite(lora, source)
    by_flat = {_flat(name): name for name in tensors}
    adapters: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, value in lora.items():
        target, part = _target(name, by_flat, source)
        adapters[target][part] = value
    homeless = sorted(target for target in adapters if target not in tensors)
    if homeless and len(homeless) == len(adapters):
        raise ValueError(
            f"{source} adapts {_some(homeless)}, of which the checkpoint has none: it is for another model"
        )
    if homeless:
        warnings.warn(
            f"{source} also adapts {_some(homeless)}, which the checkpoint does not have: left out",
            stacklevel=2,
        )
    merged = dict(tensors)
    for target, parts in adapters.items():
        if target in merged:
            merged[target] = _added(merged[target], parts, target, source)
    return merged


def _target(name: str, by_flat: dict[str, str], source: str) -> tuple[str, str]:
    """The tensor that an adapter's tensor belongs to, and which part of it this is: A, B, alpha or difference."""
    found = PART.fullmatch(name)
    if not found:
        raise ValueError(
            f"{source}: {name} is no part of an adapter that can be merged "
            "(lora_A, lora_B, lora_down, lora_up, alpha, diff, diff_b, diff_m)"
        )
    module, pair, of = found[1].removeprefix(PEFT), found["pair"], found["of"]
    part = {"down": "A", "up": "B"}.get(pair, pair) if pair else found["alpha"] or "difference"
    suffix = SUFFIXES.get(found["difference"] or of or "", ".weight")
    if of == "bias":
        part = "difference"
    if module.startswith(KOHYA):
        flat = module.removeprefix(KOHYA)
        return by_flat.get(flat + _flat(suffix), flat + suffix), part
    return from_diffusers(clean(module) + suffix), part


def _added(weight: Tensor, parts: dict[str, Tensor], target: str, source: str) -> Tensor:
    """One tensor of the checkpoint with what adapts it."""
    out = weight.float()
    if "difference" in parts:
        change = parts["difference"].float()
        if change.shape != weight.shape:
            raise ValueError(
                f"{source}: the difference of {target} has shape {tuple(change.shape)}, expected {tuple(weight.shape)}"
            )
        out = out + change
    if "A" in parts or "B" in parts:
        out = _with_pair(out, parts, target, source)
    elif "alpha" in parts and "difference" not in parts:
        raise ValueError(f"{source}: {target} has an alpha and nothing that it scales")
    return out.to(weight.dtype)


def _with_pair(weight: Tensor, parts: dict[str, Tensor], target: str, source: str) -> Tensor:
    if "A" not in parts or "B" not in parts:
        raise ValueError(
            f"{source}: the adapter of {target} is half there (lora_A and lora_B belong together)"
        )
    down, up = parts["A"].float().flatten(1), parts["B"].float().flatten(1)
    if (up.shape[0], down.shape[1]) != tuple(weight.flatten(1).shape) or up.shape[1] != down.shape[0]:
        shapes = f"{tuple(up.shape)} × {tuple(down.shape)}"
        raise ValueError(
            f"{source}: the adapter of {target} has shape {shapes}, which does not make {tuple(weight.shape)}"
        )
    scale = float(parts["alpha"]) / down.shape[0] if "alpha" in parts else 1.0
    return torch.add(weight, (up @ down).view_as(weight), alpha=scale)


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:TOLD])
    return shown if len(names) <= TOLD else f"{shown} and {len(names) - TOLD} more"

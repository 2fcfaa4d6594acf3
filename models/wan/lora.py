"""Low-rank adapters merged into the weights: W + scale × B A, worked out in fp32."""

from __future__ import annotations

import re
from collections import defaultdict

import torch
from torch import Tensor

from models.wan.names import clean, from_diffusers

PART = re.compile(r"(.+?)\.(?:lora_)?(A|B|down|up|alpha)(?:\.default)?(?:\.weight)?$")
PEFT = "base_model.model."
KOHYA = "lora_unet_"  # underscores in place of dots


def merge(tensors: dict[str, Tensor], lora: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """`tensors` (our names) with the adapter `lora` merged in; the type of each weight stays.

    Reads PEFT's lora_A/lora_B, lora_down/lora_up with alpha, `lora_unet_` names and diffusers names. Without
    an alpha the scale is 1. Raises ValueError naming an adapter that has no weight, no partner, or another
    shape.
    """
    by_flat = {
        name.removesuffix(".weight").replace(".", "_"): name for name in tensors if name.endswith(".weight")
    }
    adapters: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, value in lora.items():
        target, part = _target(name, by_flat, source)
        adapters[target][part] = value
    merged = dict(tensors)
    for target, parts in adapters.items():
        if target not in merged:
            raise ValueError(f"{source} adapts {target}, which the checkpoint does not have")
        merged[target] = _added(merged[target], parts, target, source)
    return merged


def _target(name: str, by_flat: dict[str, str], source: str) -> tuple[str, str]:
    """The weight that an adapter's tensor belongs to, and which part of it this is: A, B or alpha."""
    found = PART.fullmatch(name)
    if not found:
        raise ValueError(f"{source}: {name} is no part of a LoRA (lora_A, lora_B, lora_down, lora_up, alpha)")
    module, part = found.groups()
    part = {"down": "A", "up": "B"}.get(part, part)
    module = module.removeprefix(PEFT)
    if module.startswith(KOHYA):
        flat = module.removeprefix(KOHYA)
        return by_flat.get(flat, flat), part
    return from_diffusers(clean(module)) + ".weight", part


def _added(weight: Tensor, parts: dict[str, Tensor], target: str, source: str) -> Tensor:
    if "A" not in parts or "B" not in parts:
        raise ValueError(
            f"{source}: the adapter of {target} is half there (lora_A and lora_B belong together)"
        )
    down, up = parts["A"].float(), parts["B"].float()
    if (up.shape[0], down.shape[1]) != tuple(weight.shape) or up.shape[1] != down.shape[0]:
        shapes = f"{tuple(up.shape)} × {tuple(down.shape)}"
        raise ValueError(
            f"{source}: the adapter of {target} has shape {shapes}, which does not make {tuple(weight.shape)}"
        )
    scale = float(parts["alpha"]) / down.shape[0] if "alpha" in parts else 1.0
    return torch.add(weight.float(), up @ down, alpha=scale).to(weight.dtype)

"""Names of parameters: those of published checkpoints, diffusers' too, to ours, which are Wan 2.1's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")

WRAPPERS = ("_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod.")
LEADING = ("model.diffusion_model.", "diffusion_model.", "transformer.", "model.")

# Pairs (ours, diffusers'); the first that matches a name's beginning (after `blocks.N.`) is used.
TOP = (
    ("time_embedding.0", "condition_embedder.time_embedder.linear_1"),
    ("time_embedding.2", "condition_embedder.time_embedder.linear_2"),
    ("text_embedding.0", "condition_embedder.text_embedder.linear_1"),
    ("text_embedding.2", "condition_embedder.text_embedder.linear_2"),
    ("time_projection.1", "condition_embedder.time_proj"),
    ("head.modulation", "scale_shift_table"),
    ("head.head", "proj_out"),
    ("patch_embedding", "patch_embedding"),
)
ATTENTION = (
    ("q", "to_q"),
    ("k", "to_k"),
    ("v", "to_v"),
    ("o", "to_out.0"),
    ("norm_q", "norm_q"),
    ("norm_k", "norm_k"),
)
BLOCK = (
    *(
        (f"{ours}.{a}", f"{theirs}.{b}")
        for ours, theirs in (("self_attn", "attn1"), ("cross_attn", "attn2"))
        for a, b in ATTENTION
    ),
    ("ffn.0", "ffn.net.0.proj"),
    ("ffn.2", "ffn.net.2"),
    ("norm3", "norm2"),
    ("modulation", "scale_shift_table"),
)
IN_BLOCK = re.compile(r"(blocks\.\d+\.)(.*)", re.DOTALL)


def clean(name: str) -> str:
    """A parameter's name without what training wrappers and tools put before and into it."""
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    changed = True
    while changed:
        changed = False
        for prefix in LEADING:
            if name.startswith(prefix):
                name, changed = name[len(prefix) :], True
    return name


def is_diffusers(names: Mapping[str, object]) -> bool:
    """Whether cleaned names are those of diffusers' WanTransformer3DModel."""
    return any(name.startswith("condition_embedder.") for name in names)


def from_diffusers(name: str) -> str:
    """diffusers' name → ours; a name that it does not know stays as it is."""
    inside = IN_BLOCK.fullmatch(name)
    before, rest = inside.groups() if inside else ("", name)
    for ours, theirs in BLOCK if inside else TOP:
        if rest == theirs or rest.startswith(theirs + "."):
            return before + ours + rest[len(theirs) :]
    return name


def cleaned(tensors: Mapping[str, Value]) -> dict[str, Value]:
    """Any known layout → our names. Raises ValueError where two tensors would take one name."""
    renamed = {name: clean(name) for name in tensors}
    if is_diffusers(dict.fromkeys(renamed.values())):
        renamed = {name: from_diffusers(new) for name, new in renamed.items()}
    result: dict[str, Value] = {}
    for name, new in renamed.items():
        if new in result:
            raise ValueError(
                f"two tensors of the checkpoint are both {new!r} once wrappers are taken off; one is {name!r}"
            )
        result[new] = tensors[name]
    return result

"""Our names of a Wan student's parameters → those of diffusers' WanTransformer3DModel."""

from __future__ import annotations

from flowbrush.models.wan.names import BLOCK, IN_BLOCK, TOP


def to_diffusers(name: str) -> str:
    """The inverse of `from_diffusers`."""
    inside = IN_BLOCK.fullmatch(name)
    before, rest = inside.groups() if inside else ("", name)
    ours, theirs = next(
        pair for pair in (BLOCK if inside else TOP) if rest == pair[0] or rest.startswith(pair[0] + ".")
    )
    return before + theirs + rest[len(ours) :]

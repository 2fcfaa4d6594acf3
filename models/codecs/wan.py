"""Wan's own autoencoder, by diffusers, decoded a chunk at a time.

Its causal convolutions keep the last two frames that each of them saw. Here those belong to the stream and
not to the network, so that streams can share one decoder, be put away, and be taken back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch import Tensor, nn

from models.codecs.base import State, hold_first
from models.spec import VaeSpec

REPEAT = "Rep"  # the decoder's own mark of a convolution that has seen one frame
NEVER, ONCE = torch.empty(0), torch.empty(0, 0)  # how a slot that is unused, or so marked, is kept


class WanCodec(nn.Module):
    """Latents [B, C, T, h, w] → frames. `spec.config` are the arguments of diffusers' class; empty for Wan
    2.1's.
    """

    def __init__(self, spec: VaeSpec, vae: AutoencoderKLWan | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.vae = cast(Any, vae or AutoencoderKLWan(**dict(spec.config)))
        self.slots = self.vae._cached_conv_counts["decoder"]

    @torch.inference_mode()
    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `models.codecs.base.Codec`. Streams that have just begun are decoded apart from the others."""
        groups: dict[tuple[torch.Size, ...], list[int]] = defaultdict(list)
        for row, state in enumerate(states):
            groups[tuple(slot.shape for slot in state)].append(row)
        after: list[State] = [()] * len(states)
        parts: dict[int, Tensor] = {}
        for rows in groups.values():
            frames, slots = self._decode(latents[rows], [states[row] for row in rows])
            for place, row in enumerate(rows):
                parts[row] = frames[place]
                after[row] = tuple(slot[place] if slot.numel() else slot for slot in slots)
        frames = torch.stack([parts[row] for row in range(len(states))])
        return hold_first(frames.float(), states, 0), after

    def _decode(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[Tensor]]:
        """Frames [B, 3, 4 T, H, W] in -1..1 of streams in like states, and every slot of the decoder, [B, …]
        each.
        """
        slots: list[Tensor | str | None] = [None] * self.slots
        begun = bool(states[0])
        if begun:
            slots = [
                _opened(torch.stack(slot) if slot[0].numel() else slot[0])
                for slot in zip(*states, strict=True)
            ]
        x = self.vae.post_quant_conv(self._scaled(latents))
        frames = []
        for index in range(x.shape[2]):
            first = not begun and index == 0
            out = self.vae.decoder(
                x[:, :, index : index + 1], feat_cache=slots, feat_idx=[0], first_chunk=first
            )
            frames.append(out.expand(-1, -1, 4, -1, -1) if first else out)
        made = torch.cat(frames, 2)
        if self.vae.config.patch_size is not None:
            made = unpatchify(made, patch_size=self.vae.config.patch_size)
        return made.clamp(-1, 1), [_closed(slot) for slot in slots]

    def _scaled(self, latents: Tensor) -> Tensor:
        """The student's normalised latents as the decoder knows them, worked out in its own number type."""
        weight = self.vae.post_quant_conv.weight
        mean, std = (
            torch.tensor(values, dtype=weight.dtype).view(1, -1, 1, 1, 1).to(weight.device)
            for values in (self.vae.config.latents_mean, self.vae.config.latents_std)
        )
        return latents.to(weight) / (1 / std) + mean


def _opened(slot: Tensor) -> Tensor | str | None:
    if slot.numel():
        return slot
    return None if slot.ndim == 1 else REPEAT


def _closed(slot: Tensor | str | None) -> Tensor:
    if isinstance(slot, Tensor):
        return slot
    return NEVER if slot is None else ONCE

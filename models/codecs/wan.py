"""Wan's own autoencoder, by diffusers, a chunk at a time in both directions.

Its causal convolutions keep the last two frames that each of them saw. Here those belong to the stream and
not to the network, so that streams can share one network, be put away, and be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import patchify, unpatchify
from torch import Tensor, nn

from flowbrush.models.cards.spec import VaeSpec
from flowbrush.models.codecs.base import FRAMES, State, alike, hold_first

Slots = list[Tensor | str | None]  # what the convolutions of one direction keep, in the order of their calls
REPEAT = "Rep"  # the decoder's own mark of a convolution that has seen one frame
NEVER, ONCE = torch.empty(0), torch.empty(0, 0)  # how a slot that is unused, or so marked, is kept


class WanCodec(nn.Module):
    """Latents [B, C, T, h, w] ↔ frames. `spec.config` are the arguments of diffusers' class; empty for Wan
    2.1's.
    """

    def __init__(self, spec: VaeSpec, vae: AutoencoderKLWan | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.vae = cast(Any, vae or AutoencoderKLWan(**dict(spec.config)))

    @torch.inference_mode()
    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `flowbrush.models.codecs.base.Codec`. Streams that have just begun are decoded apart from the others."""
        frames, after = _in_groups(self._decode, latents, states, self.vae._cached_conv_counts["decoder"])
        return hold_first(frames.float(), states, 0), after

    @torch.inference_mode()
    def encode(self, frames: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `flowbrush.models.codecs.base.EncodingCodec`. Streams that have just begun are encoded apart from the others."""
        latents, after = _in_groups(self._encode, frames, states, self.vae._cached_conv_counts["encoder"])
        return latents.float(), after

    @torch.inference_mode()
    def encode_still(self, pictures: Tensor) -> Tensor:
        """See `flowbrush.models.codecs.base.EncodingCodec`."""
        slots: Slots = [None] * self.vae._cached_conv_counts["encoder"]
        held = pictures[:, :, None].expand(-1, -1, FRAMES, -1, -1)
        return self._encode(held, slots, True)[:, :, 0].float()

    def _decode(self, latents: Tensor, slots: Slots, fresh: bool) -> Tensor:
        """Frames [B, 3, 4 T, H, W] in -1..1; `slots` are changed in place."""
        x = self.vae.post_quant_conv(self._scaled(latents))
        frames = []
        for index in range(x.shape[2]):
            first = fresh and index == 0
            out = self.vae.decoder(
                x[:, :, index : index + 1], feat_cache=slots, feat_idx=[0], first_chunk=first
            )
            frames.append(out.expand(-1, -1, FRAMES, -1, -1) if first else out)
        made = torch.cat(frames, 2)
        if self.vae.config.patch_size is not None:
            made = unpatchify(made, patch_size=self.vae.config.patch_size)
        return made.clamp(-1, 1)

    def _encode(self, frames: Tensor, slots: Slots, fresh: bool) -> Tensor:
        """Normalised latents [B, C, T, h, w]; `slots` are changed in place."""
        x = frames.to(self.vae.quant_conv.weight)
        if self.vae.config.patch_size is not None:
            x = patchify(x, patch_size=self.vae.config.patch_size)
        made = []
        for start in range(0, x.shape[2], FRAMES):
            part = x[:, :, start : start + FRAMES]
            if fresh and start == 0:
                part = part[:, :, -1:]
            made.append(self.vae.encoder(part, feat_cache=slots, feat_idx=[0]))
        mean = self.vae.quant_conv(torch.cat(made, 2)).chunk(2, 1)[0]
        middle, spread = self._statistics(mean)
        found: Tensor = (mean - middle) / spread
        return found

    def _scaled(self, latents: Tensor) -> Tensor:
        """The student's normalised latents as the decoder knows them, worked out in its own number type."""
        mean, std = self._statistics(self.vae.post_quant_conv.weight)
        return latents.to(mean) / (1 / std) + mean

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each latent channel, [1, C, 1, 1, 1]."""
        mean, std = (
            torch.tensor(values, dtype=like.dtype).view(1, -1, 1, 1, 1).to(like.device)
            for values in (self.vae.config.latents_mean, self.vae.config.latents_std)
        )
        return mean, std


def _in_groups(
    work: Callable[[Tensor, Slots, bool], Tensor], rows: Tensor, states: Sequence[State], count: int
) -> tuple[Tensor, list[State]]:
    """`work` done on the `rows` [B, …] of streams in like states together, and the states after it.

    `count` is how many slots a stream has.
    """
    after: list[State] = [()] * len(states)
    parts: dict[int, Tensor] = {}
    for group in alike(states):
        begun = bool(states[group[0]])
        slots: Slots = [None] * count
        if begun:
            each = zip(*(states[row] for row in group), strict=True)
            slots = [_opened(torch.stack(slot) if slot[0].numel() else slot[0]) for slot in each]
        made = work(torch.stack([rows[row] for row in group]), slots, not begun)
        kept = [_closed(slot) for slot in slots]
        for place, row in enumerate(group):
            parts[row] = made[place]
            after[row] = tuple(slot[place] if slot.numel() else slot for slot in kept)
    return torch.stack([parts[row] for row in range(len(states))]), after


def _opened(slot: Tensor) -> Tensor | str | None:
    if slot.numel():
        return slot
    return None if slot.ndim == 1 else REPEAT


def _closed(slot: Tensor | str | None) -> Tensor:
    if isinstance(slot, Tensor):
        return slot
    return NEVER if slot is None else ONCE

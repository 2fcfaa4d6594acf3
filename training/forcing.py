"""The first stage of the student: chunks of a clip denoised together, each at its own noise level,
causally.

Every chunk sees those before it as they are in the batch, clean or noisy (diffusion forcing), so one pass
trains all of them and the context is never assumed perfect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.text.pocket import PocketText
from models.transformer import CausalTransformer, MotionInput
from pipelines.holds import EMPTY, Grip
from pipelines.motion import TrackWindow, motion_input, take_holds
from pipelines.picture_tools import PLAIN, PictureTools


@dataclass
class Batch:
    """`latents` [B, C, T, h, w] fp32, `text` [B, L, D], `windows` of B * T rows, `begins` [B, T]: has no
    past.
    """

    latents: Tensor
    text: Tensor
    windows: TrackWindow
    begins: Tensor
    captions: list[str]


def assemble(latents: Tensor, windows: TrackWindow, captions: list[str], text: PocketText) -> Batch:
    """A batch of `latents` [B, C, T, h, w], its windows on the same device; captions are encoded here."""
    latents = latents.float()
    begins = torch.zeros(latents.shape[0], latents.shape[2], dtype=torch.bool, device=latents.device)
    begins[:, 0] = True
    with torch.no_grad():
        tokens = text(captions)
    return Batch(latents, tokens.to(latents.device), windows, begins, captions)


def still_start(batch: Batch, codec: PocketCodec, rng: np.random.Generator, share: float) -> Tensor:
    """Turns the first latent frame of some clips into a still picture, as a start image gives it. Returns
    which [B].
    """
    chosen = torch.from_numpy(rng.random(len(batch.latents)) < share).to(batch.latents.device)
    if chosen.any():
        batch.latents[chosen, :, 0] = codec.still(codec.end_frame(batch.latents[chosen, :, 0]))
    return chosen


def conditions(
    codec: PocketCodec, batch: Batch, id_dim: int, past_noise: Tensor, tools: PictureTools = PLAIN
) -> MotionInput:
    """Motion input of all chunks at once, [B, channels, T, h, w]; `past_noise` [B, T] roughens the past."""
    size, frames = batch.latents.shape[0], batch.latents.shape[2]
    past = torch.cat([batch.latents[:, :, :1], batch.latents[:, :, :-1]], 2).transpose(
        1, 2
    )  # [B, T, C, h, w]
    past = past + torch.randn_like(past) * past_noise[..., None, None, None]
    rows, columns = batch.latents.shape[-2:]
    has_past = (~batch.begins).flatten()
    grips = _held(codec, batch.windows, past, tools)
    flat = motion_input(codec, batch.windows, past.flatten(0, 1), id_dim, rows, columns, has_past, grips)

    def back(x: Tensor) -> Tensor:
        return x[:, :, 0].unflatten(0, (size, frames)).transpose(1, 2)

    return MotionInput(back(flat.code), back(flat.guide), back(flat.plain), back(flat.moved))


def _held(codec: PocketCodec, windows: TrackWindow, past: Tensor, tools: PictureTools) -> list[Grip]:
    """What the hands hold in each chunk of each clip, row by row of B * T; `past` [B, T, C, h, w]."""
    size, count = past.shape[:2]
    now = [EMPTY for _ in range(size)]
    chunks = [now]
    for index in range(1, count):
        window = windows.at(torch.arange(size, device=past.device) * count + index)
        now = take_holds(codec, now, past[:, index], window, tools)
        chunks.append(now)
    return [chunks[index][clip] for clip in range(size) for index in range(count)]


def draw_timesteps(shape: tuple[int, int], still: Tensor) -> Tensor:
    """Noise levels 0..1 a chunk: a third nearly clean (they serve as context), the rest uniform with
    weight on pure noise.
    """
    t = torch.rand(shape)
    t = torch.where(torch.rand(shape) < 0.2, torch.ones(()), t)
    clean = torch.rand(shape) < 0.35
    clean[:, -1] = False
    clean[:, 0] = still  # a start image is given; a text start is always to be made
    return torch.where(clean, torch.rand(shape) * 0.04, t)


def cast(motion: MotionInput, dtype: torch.dtype, device: torch.device) -> MotionInput:
    return MotionInput(
        *(x.to(device, dtype) for x in (motion.code, motion.guide, motion.plain, motion.moved))
    )


def forcing_loss(
    student: CausalTransformer,
    codec: PocketCodec,
    batch: Batch,
    still: Tensor,
    channel_weight: Tensor,
    tools: PictureTools = PLAIN,
) -> tuple[Tensor, dict[str, float]]:
    """Weighted error of the predicted clean latents, and its parts for the log."""
    device, dtype = student.reference.device, student.reference.dtype
    latents, count = batch.latents, batch.latents.shape[2]
    t = draw_timesteps((len(latents), count), still.cpu()).to(latents.device)
    level = t[:, None, :, None, None]
    noisy = (1 - level) * latents + level * torch.randn_like(latents)
    roughness = torch.rand_like(t).square() * 0.3
    assert student.spec.motion is not None
    motion = conditions(codec, batch, student.spec.motion.id_dim, roughness, tools)
    rows, columns = latents.shape[-2:]
    rope = student.rope_table(count, rows, columns)
    text = student.text_keys_values(batch.text.to(device, dtype))
    predicted, _ = student(
        noisy.to(device, dtype), t.to(device) * 1000, text, rope, motion=cast(motion, dtype, device)
    )
    error = (predicted.float() - latents.to(device)).square() * channel_weight.view(1, -1, 1, 1, 1)
    per_chunk = error.mean((1, 3, 4))  # [B, T]
    counted = (t > 0.05).to(device)
    weight = counted / (t.to(device) + 0.15)
    loss = (per_chunk * weight).sum() / counted.sum().clamp_min(1)
    begins = batch.begins.to(device) & counted
    later = ~batch.begins.to(device) & counted
    parts = {
        "start": float(per_chunk.detach()[begins].mean()) if begins.any() else float("nan"),
        "continue": float(per_chunk.detach()[later].mean()),
        "continue_t1": float(per_chunk.detach()[later & (t.to(device) > 0.95)].mean()),
    }
    return loss, parts

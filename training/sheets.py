"""Contact sheets: what a model makes, beside what truly was. Sampled as the streaming pipeline samples."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.kv_cache import KVCache
from models.layers import KeyValue
from models.track_encoder import PACKED
from models.transformer import CausalTransformer, MotionInput
from pipelines.holds import EMPTY
from pipelines.motion import motion_input, take_holds
from pipelines.picture_tools import PictureTools
from pipelines.schedule import chunk_noise, clean_from, euler, levels
from training.distributed import generator
from training.forcing import Batch, cast
from training.pool import to_model_range
from training.teacher import Guided

if TYPE_CHECKING:
    from training.stages.base import Context

CLIPS = 2
TEACHER_STEPS = 12
EDGE = 160  # width of a picture on the sheet


def codec_sheet(path: Path, codec: PocketCodec, clips: list[Tensor], device: torch.device) -> None:
    """Three rows a clip [F, 3, H, W] uint8: true, by components alone, corrected."""
    rows = []
    for clip in clips:
        frames = to_model_range(clip[: 6 * PACKED]).transpose(0, 1)[None].to(device)
        with torch.no_grad():
            latents = codec.analyse(frames)
            made = (frames, codec.synthesise(latents), codec.decode(latents)[0])
        rows += [video[0].transpose(0, 1)[PACKED - 1 :: PACKED] for video in made]
    write_sheet(path, rows)


def sheet_batch(context: Context, frames: int, persistent: bool = False) -> Batch:
    """The same few clips for every sheet of a training."""
    rng = generator(context.recipe.seed, 2**31)
    return context.source.batch(context.source.draw(rng, CLIPS, frames, blank=0.0, persistent=persistent))


def student_sheet(path: Path, student: torch.nn.Module, context: Context) -> None:
    """Rows of a clip: true, continued from its first latent frame and, where there is an opener, from what that makes of the
    caption, along the same tracks.
    """
    assert isinstance(student, CausalTransformer)
    batch = sheet_batch(context, max(context.recipe.rollout.long_frames))
    how = (student, context.codec, context.tools, context.recipe.rollout.levels)
    rows = [batch.latents, continue_clips(*how, batch, batch.latents[:, :, 0])]
    if context.opener is not None:
        variant = torch.zeros(CLIPS, dtype=torch.long, device=batch.latents.device)
        first = context.opener.to(batch.latents.device)(batch.text, variant).float()
        rows.append(continue_clips(*how, batch, first))
    _clip_sheet(path, context.codec, rows)


def teacher_sheet(path: Path, teacher: CausalTransformer, context: Context) -> None:
    """Two rows a clip: true, and made by the guided teacher."""
    batch = sheet_batch(context, context.recipe.teacher.frames, persistent=True)
    distill = context.recipe.distill
    guided = Guided.of(
        teacher, context.codec, batch, context.text([""]), distill.text_weight, distill.motion_weight
    )
    _clip_sheet(path, context.codec, [batch.latents, guided.sample(TEACHER_STEPS)])


@torch.no_grad()
def continue_clips(
    student: CausalTransformer,
    codec: PocketCodec,
    tools: PictureTools,
    steps: int,
    batch: Batch,
    first: Tensor,
) -> Tensor:
    """Latents [B, C, T, h, w] made chunk by chunk, in `steps` steps each, along the batch's tracks from the latent frame `first`
    [B, C, h, w] on, as a stream is made.
    """
    streams = _Streams(student, codec, batch, tools)
    made: list[Tensor] = []
    for index in range(batch.latents.shape[2]):
        motion = streams.motion(index, made[-1][:, :, 0] if made else None)
        latents = first[:, :, None] if index == 0 else streams.denoise(motion, index, steps)
        streams.remember(latents, motion, index)
        made.append(latents)
    return torch.cat(made, 2)


class _Streams:
    """A student's roll-out over one batch: the rolling cache and single chunks.

    The arithmetic is that of `pipelines.denoise`, which is built around live streams and their controls.
    """

    def __init__(
        self, student: CausalTransformer, codec: PocketCodec, batch: Batch, tools: PictureTools
    ) -> None:
        self.student, self.codec, self.batch, self.tools = student, codec, batch, tools
        self.weight = student.reference
        spec, self.grid = student.spec, batch.latents.shape[-2:]
        tokens = (self.grid[0] // spec.patch) * (self.grid[1] // spec.patch)
        self.seats = list(range(len(batch.latents)))
        self.grips = [EMPTY for _ in self.seats]
        self.cache = KVCache(spec, tokens, len(self.seats), self.weight.device, self.weight.dtype)
        self.rope = student.rope_table((spec.sink + spec.window + 1) * spec.chunk, *self.grid)

    def motion(self, index: int, last: Tensor | None) -> MotionInput:
        spec, windows = self.student.spec.motion, self.batch.windows
        assert spec is not None
        places = (
            torch.arange(len(self.seats), device=self.weight.device) * self.batch.latents.shape[2] + index
        )
        window = windows.at(places)
        if last is not None:
            self.grips = take_holds(self.codec, self.grips, last, window, self.tools)
        rows, columns = self.grid
        made = motion_input(self.codec, window, last, spec.id_dim, rows, columns, grips=self.grips)
        return cast(made, self.weight.dtype, self.weight.device)

    def run(
        self, latents: Tensor, level: float, text: Tensor, motion: MotionInput, index: int
    ) -> tuple[Tensor, list[KeyValue]]:
        timestep = torch.full((len(self.seats), 1), 1000 * level, device=self.weight.device)
        context = self.cache.read(self.seats, [index] * len(self.seats), self.rope)
        words = self.student.text_keys_values(text.to(self.weight))
        place = self.cache.context_frames(index)
        return self.student(
            latents.to(self.weight.dtype),
            timestep,
            words,
            self.rope,
            motion=motion,
            context=context,
            first_frame=place,
        )

    def denoise(self, motion: MotionInput, index: int, steps: int) -> Tensor:
        kind, text = self.student.spec.prediction, self.batch.text
        shape = (self.student.spec.latent_channels, 1, *self.grid)
        noisy = torch.stack([chunk_noise(seat, index, 0, shape) for seat in self.seats]).to(
            self.weight.device
        )
        ladder = levels(steps)
        clean = noisy
        for level, following in zip(ladder, [*ladder[1:], 0.0], strict=True):
            clean = clean_from(self.run(noisy, level, text, motion, index)[0].float(), noisy, level, kind)
            noisy = euler(noisy, clean, level, following)
        return clean

    def remember(self, latents: Tensor, motion: MotionInput, index: int) -> None:
        new = self.run(latents, 0.0, self.batch.text, motion, index)[1]
        self.cache.write(self.seats, [index] * len(self.seats), new)


@torch.no_grad()
def _clip_sheet(path: Path, codec: PocketCodec, versions: list[Tensor]) -> None:
    """`versions` of the same clips as latents [B, C, T, h, w]; a row each, a picture for every latent
    frame.
    """
    videos = [codec.decode(latents.float())[0].transpose(1, 2) for latents in versions]  # [B, F, 3, H, W]
    write_sheet(
        path, [video[clip, PACKED - 1 :: PACKED] for clip in range(len(versions[0])) for video in videos]
    )


def write_sheet(path: Path, rows: list[Tensor]) -> None:
    """Rows of pictures [n, 3, H, W] in -1..1 as one PNG, which appears whole or not at all."""
    height, width = rows[0].shape[-2:]
    size = (EDGE, round(EDGE * height / width))
    sheet = Image.new("RGB", (max(len(row) for row in rows) * size[0], len(rows) * size[1]))
    for y, row in enumerate(rows):
        pixels = (
            row.float()
            .add(1)
            .mul(127.5)
            .round()
            .clamp(0, 255)
            .to(torch.uint8)
            .permute(0, 2, 3, 1)
            .cpu()
            .numpy()
        )
        for x, picture in enumerate(pixels):
            small = Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.BOX)
            sheet.paste(small, (x * size[0], y * size[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    sheet.save(temporary, "PNG")
    os.replace(temporary, path)

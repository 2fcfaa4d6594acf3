"""The second stage of the student: it rolls out on its own pictures with the rolling cache and is pulled
back to the truth.

As in Self Forcing the context is what the student made, the gradient goes through one sampled denoising
step, and keys and values are detached. The toy world knows what should have come, so the target is the true
continuation: every error that the student would feed back into itself is corrected where it arises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.kv_cache import KVCache
from models.transformer import CausalTransformer, MotionInput
from pipelines.holds import EMPTY
from pipelines.motion import motion_input, take_holds
from pipelines.picture_tools import PLAIN, PictureTools
from pipelines.schedule import euler
from training.forcing import Batch, cast


@dataclass
class Rollout:
    """A cohort of clips that the student continues together, from their first latent frame on."""

    student: CausalTransformer
    codec: PocketCodec
    batch: Batch
    levels: list[float]
    hold: int  # latent frames for which the world stands still at the end
    generator: np.random.Generator
    roughness: float = 0.3  # the first latent frame gets up to this much noise, as an imperfect start
    tools: PictureTools = PLAIN

    def __post_init__(self) -> None:
        weight = self.student.reference
        self.device, self.dtype = weight.device, weight.dtype
        spec, size = self.student.spec, len(self.batch.latents)
        self.rows, self.columns = self.batch.latents.shape[-2:]
        tokens = (self.rows // spec.patch) * (self.columns // spec.patch)
        self.cache = KVCache(spec, tokens, size, self.device, self.dtype)
        self.rope = self.student.rope_table(
            (spec.sink + spec.window + 1) * spec.chunk, self.rows, self.columns
        )
        self.seats = list(range(size))
        self.text_tokens = self.batch.text.to(self.device, self.dtype)
        self.grips = [EMPTY for _ in range(size)]

    def chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """(predicted, true) latents [B, C, 1, h, w] of one chunk after the other; the prediction carries
        the gradient.
        """
        truth = self.batch.latents.to(self.device)
        count = truth.shape[2]
        rough = torch.rand(len(truth), 1, 1, 1, device=self.device).square() * self.roughness
        made = truth[:, :, 0] + rough * torch.randn_like(truth[:, :, 0])
        self._remember(made[:, :, None], self._motion(0, None), 0)
        for index in range(1, count + self.hold):
            target = (
                truth[:, :, index]
                if index < count
                else self.codec.still(self.codec.end_frame(truth[:, :, -1]))
            )
            motion = self._motion(min(index, count), made)
            predicted = self._make(motion, index)
            yield predicted, target[:, :, None]
            made = predicted.detach()[:, :, 0]
            self._remember(made[:, :, None], motion, index)

    def _motion(self, index: int, last: Tensor | None) -> MotionInput:
        """Conditions of latent frame `index`; past the end of the clip whatever was held is pinned where
        it stopped.
        """
        spec = self.student.spec.motion
        assert spec is not None
        windows, count = self.batch.windows, self.batch.latents.shape[2]
        rows = torch.arange(len(self.batch.latents)) * count + min(index, count - 1)
        window = windows.at(rows)
        if index >= count:
            still = (
                window.xy[:, :, -1:].expand_as(window.xy),
                window.visible[:, :, -1:].expand_as(window.visible),
            )
            window = replace(window, xy=still[0], visible=still[1])
        window = window.to(self.device)
        if last is not None:
            self.grips = take_holds(self.codec, self.grips, last, window, self.tools)
        return motion_input(self.codec, window, last, spec.id_dim, self.rows, self.columns, grips=self.grips)

    def _run(
        self, latents: Tensor, level: float, motion: MotionInput, index: int
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        size = len(latents)
        context = self.cache.read(self.seats, [index] * size, self.rope)
        timestep = torch.full((size, 1), 1000 * level, device=self.device)
        text = self.student.text_keys_values(self.text_tokens)
        return self.student(
            latents.to(self.dtype),
            timestep,
            text,
            self.rope,
            motion=motion,
            context=context,
            first_frame=self.cache.context_frames(index),
        )

    def _make(self, motion: MotionInput, index: int) -> Tensor:
        motion = cast(motion, self.dtype, self.device)
        stop = int(self.generator.integers(len(self.levels)))
        noisy = torch.randn(
            len(self.seats), self.student.spec.latent_channels, 1, self.rows, self.columns, device=self.device
        )
        with torch.no_grad():
            for level, following in zip(self.levels[:stop], self.levels[1:], strict=False):
                clean = self._run(noisy, level, motion, index)[0].float()
                noisy = euler(noisy, clean, level, following)
        return self._run(noisy, self.levels[stop], motion, index)[0].float()

    @torch.no_grad()
    def _remember(self, latents: Tensor, motion: MotionInput, index: int) -> None:
        new = self._run(latents, 0.0, cast(motion, self.dtype, self.device), index)[1]
        self.cache.write(self.seats, [index] * len(self.seats), new)

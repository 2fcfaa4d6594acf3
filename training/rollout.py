"""The second stage of the student: it rolls out on its own pasts with the rolling cache and is pulled back to the truth.

As in Self Forcing (arXiv 2506.08009) the context is what the student made, the gradient goes through one sampled denoising
step, and keys and values are detached. The world knows what should have come, so every error that the student would feed
back into itself is corrected where it arises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.kv_cache import KVCache
from flowbrush.models.motion_latent import bounded, guidance
from flowbrush.models.schedule import euler
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.reference.maps import with_past
from flowbrush.training.forcing import Batch


@dataclass(frozen=True)
class AsStreamed:
    """What streams do beside: `photos` [B] says whose scene is a photo, `blank` [B, L, D] are the text tokens of no words."""

    photos: Sequence[bool]
    blank: Tensor


@dataclass
class Rollout:
    """A cohort of clips that the student makes together, from their first latent frame on."""

    student: CausalTransformer
    batch: Batch
    levels: list[float]
    # Draws the step that is learned from; None: all steps, as a stream makes them.
    generator: np.random.Generator | None
    # Guides and bounds latents as streams do; None neither.
    streamed: AsStreamed | None = None
    made: list[Tensor] = field(default_factory=list)  # [B, C, h, w] each, detached

    def __post_init__(self) -> None:
        weight = self.student.reference
        self.device, self.dtype = weight.device, weight.dtype
        spec, (rows, columns) = self.student.spec, self.batch.latents.shape[-2:]
        size = len(self.batch.latents)
        tokens = (rows // spec.patch) * (columns // spec.patch)
        self.cache = KVCache(spec, tokens, size, self.device, self.dtype)
        self.rope = self.student.rope_table(spec.sink + spec.window + 1, rows, columns)
        self.seats = list(range(size))
        self.text = self.batch.text.to(self.device, self.dtype)

    def chunks(self) -> Iterator[Tensor]:
        """Latents [B, C, h, w] of one latent frame after the other; each carries the gradient of one step."""
        last = self.batch.before
        for index in range(self.batch.latents.shape[1]):
            given = with_past(self.batch.maps[:, index], last, self.batch.has_past[:, index])
            given = given[:, :, None].to(self.dtype)
            predicted = self._make(given, index)
            if self.streamed is not None:
                predicted = bounded(predicted, self.streamed.photos)
            yield predicted
            last = predicted.detach()
            self.made.append(last)
            self._remember(last, given, index)

    def _run(self, network: Callable[..., Any], latents: Tensor, level: float, given: Tensor, index: int,
             text: Tensor | None = None) -> Any:  # fmt: skip
        """What the student, or its `keys_values`, makes of latents [B, C, h, w] behind the past; `text` [B, L, D] in the place of
        the clips' own.
        """
        size = len(latents)
        context = self.cache.read(self.seats, [index] * size, self.rope)
        timestep = torch.full((size, 1), 1000 * level, device=self.device)
        return network(
            latents[:, :, None].to(self.dtype),
            timestep,
            # Anew: every latent frame has a gradient of its own.
            self.student.text_keys_values(self.text if text is None else text),
            self.rope,
            condition=given,
            context=context,
            first_frame=self.cache.context_frames(index),
        )

    def _make(self, given: Tensor, index: int) -> Tensor:
        stop = len(self.levels) - 1
        if self.generator is not None:
            stop = int(self.generator.integers(len(self.levels)))
        noisy = torch.randn_like(self.batch.latents[:, index])
        with torch.no_grad():
            for level, following in zip(self.levels[:stop], self.levels[1:], strict=False):
                clean = self._run(self.student, noisy, level, given, index).float()[:, :, 0]
                noisy = euler(noisy, clean, level, following)
        last: Tensor = self._run(self.student, noisy, self.levels[stop], given, index).float()[:, :, 0]
        return self._guided(last, noisy, self.levels[stop], given, index)

    def _guided(self, clean: Tensor, noisy: Tensor, level: float, given: Tensor, index: int) -> Tensor:
        weights = None if self.streamed is None else guidance(clean.shape[1], self.streamed.photos)
        if self.streamed is None or weights is None:
            return clean
        blank = self.streamed.blank.to(self.device, self.dtype)
        away: Tensor = self._run(self.student, noisy, level, given, index, blank).float()[:, :, 0]
        return clean + (weights[:, :, :, :, 0].to(self.device) - 1) * (clean - away)

    @torch.no_grad()
    def _remember(self, latents: Tensor, given: Tensor, index: int) -> None:
        new = self._run(self.student.keys_values, latents, 0.0, given, index)
        self.cache.write(self.seats, [index] * len(self.seats), new)

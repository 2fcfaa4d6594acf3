"""The hot path: latents of one chunk for streams that see equally much of the past, in one forward pass a
step.

What comes from main memory (noise, indexes) is handed over without waiting, so that the device always has
work in hand and nothing waits for it until the frames are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from flowbrush.models.device import to_device
from flowbrush.models.layers import KeyValue
from flowbrush.models.rope import RopeTable
from flowbrush.models.schedule import NoiseStep, chunk_noise, clean_from, euler, renoise
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.conditions.drag import Guide
from flowbrush.pipelines.conditions.regions import by_token
from flowbrush.pipelines.rollout.past import CachedPast, Context, Past
from flowbrush.pipelines.rollout.state import StreamState


@dataclass
class Batch:
    """Rows of one forward pass.

    `start` [B, C, chunk, h, w] are latents that the chunk starts from, with noise of the first step's level (a source): all rows
    have one or none has. `text` [B, L, D] tokens, or [B, S, L, D] of S prompts each, of which `heard` [B, N] says which one each
    token of a latent frame hears; `condition` [B, K, chunk, h, w] where the student takes conditions; `guide`
    starting latents for dragging without training; `renew` gives the chunk fresh noise between steps, as the published students
    were trained. With `guidance` [B, C, 1, 1, 1] the last step also runs on the `blank` tokens [L, D] and goes that many times as
    far away from them (classifier-free guidance, arXiv 2207.12598); in earlier steps it changes nothing that is seen.
    """

    states: list[StreamState]
    text: Tensor
    condition: Tensor | None
    steps: list[NoiseStep]
    guide: Guide | None = None
    renew: bool = False
    guidance: Tensor | None = None
    blank: Tensor | None = None
    start: Tensor | None = None
    context: Context | None = None
    words: list[KeyValue] | None = None
    heard: Tensor | None = None


class ChunkMaker:
    """Makes chunks from noise, one after the other."""

    def __init__(
        self, student: CausalTransformer, past: Past, rope: RopeTable, grid: tuple[int, int]
    ) -> None:
        self.student, self.past, self.rope = student, past, rope
        spec = student.spec
        self.shape = (spec.latent_channels, spec.chunk, *grid)

    @torch.inference_mode()
    def make(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Clean latents [B, C, chunk, h, w] in fp32, and latents that stay under way (none here)."""
        steps = batch.steps
        self._prepare(batch)
        noisy = clean = self._noise(batch.states, 0)
        if batch.start is not None:
            noisy = clean = renoise(batch.start, noisy, steps[0].level if steps else 0.0)
        for index, step in enumerate(steps):
            clean = self._clean(batch, noisy, step, batch.words)
            if index + 1 == len(steps):
                clean = self._guided(batch, clean, noisy, step)
                break
            following = steps[index + 1].level
            if batch.renew:
                noisy = renoise(clean, self._noise(batch.states, index + 1), following)
            else:
                noisy = euler(noisy, clean, step.level, following)
            if batch.guide is not None and index < batch.guide.steps:
                noisy = noisy + (1 - following) * batch.guide.mask * (batch.guide.reference - clean)
        return clean, None

    @torch.inference_mode()
    def remember(self, batch: Batch, latents: Tensor) -> None:
        """A pass over the clean chunk, for its keys and values, where they are kept."""
        if not isinstance(self.past, CachedPast):
            return
        assert batch.words is not None and batch.context is not None
        self.past.write(batch.states, self._kept(batch, latents, batch.words, batch.context))
        batch.context = None  # a chunk's worth of memory, and that of all its past

    def begin(self, batch: Batch, latents: Tensor) -> None:
        """Clean latents [B, C, chunk, h, w] that nothing comes before become the first chunk of the context."""
        self._prepare(batch)
        self.remember(batch, latents)

    def _prepare(self, batch: Batch) -> None:
        batch.words = self._words(batch, batch.text)
        batch.context = self.past.context(self.student, batch.states, batch.words)

    def _words(self, batch: Batch, tokens: Tensor) -> list[KeyValue]:
        """Keys and values [B, L, H, D] of text tokens, or [B, N, L, H, D] where each token of a latent frame hears its own."""
        words = self.student.text_keys_values(tokens.flatten(0, -3).to(self.student.reference))
        heard = batch.heard
        return words if heard is None else [(by_token(k, heard), by_token(v, heard)) for k, v in words]

    def _noise(self, states: Sequence[StreamState], draw: int, ahead: int = 0) -> Tensor:
        """Noise [B, C, chunk, h, w] of the streams' next chunk, or of one that comes `ahead` chunks later."""
        noise = [chunk_noise(s.settings.seed, s.chunk + ahead, draw, self.shape) for s in states]
        return to_device(torch.stack(noise), self.student.reference.device)

    def _clean(self, batch: Batch, noisy: Tensor, step: NoiseStep, words: list[KeyValue] | None) -> Tensor:
        assert words is not None and batch.context is not None
        out = self._predict(batch, noisy, step.timestep, words, batch.context)
        return clean_from(out, noisy, step.level, self.student.spec.prediction)

    def _guided(self, batch: Batch, clean: Tensor, noisy: Tensor, step: NoiseStep) -> Tensor:
        if batch.guidance is None or batch.blank is None:
            return clean
        away = self._clean(batch, noisy, step, self._words(batch, batch.blank.expand_as(batch.text)))
        return clean + (batch.guidance - 1) * (clean - away)  # to the bit what it was where the weight is 1

    def _predict(self, batch: Batch, latents: Tensor, timestep: float | Tensor, words: list[KeyValue],
                 context: Context) -> Tensor:  # fmt: skip
        if not isinstance(timestep, Tensor):
            timestep = self._timestep(latents, timestep)
        latents = latents.to(self.student.reference.dtype)
        out: Tensor = self.student(latents, timestep, words, self.rope, condition=batch.condition,
                                   context=context.past, first_frame=context.first_frame)  # fmt: skip
        return out.float()

    def sees(self, made: int) -> list[int]:
        """The chunks that the pass over clean chunk number `made` attends to, where keys and values are kept."""
        assert isinstance(self.past, CachedPast)
        return self.past.cache.attended(made)

    @torch.inference_mode()
    def remember_again(
        self, batch: Batch, latents: Tensor, seen: list[int], blocks: int | None = None
    ) -> None:
        """The pass over clean latents [1, C, chunk, h, w] of an earlier chunk, of whose `batch` only the text is known and the
        stream as it was then: as it was made, if `seen` are all that `sees` names. Given `blocks`, of the first so many blocks.
        """
        assert isinstance(self.past, CachedPast)
        words, context = self._words(batch, batch.text), self._context_of(batch.states, seen)
        self.past.write(batch.states, self._kept(batch, latents, words, context, blocks))

    def _context_of(self, states: Sequence[StreamState], seen: list[int]) -> Context:
        """Chunks of a stream as its next one attends to them."""
        assert isinstance(self.past, CachedPast)
        (state,), cache = states, self.past.cache
        places = cache.places([*seen, state.made], ahead=0)
        past = cache.gather([state.seat], [seen], places[:-2], self.rope) if seen else None
        return Context(past, places[-2])

    def _kept(self, batch: Batch, latents: Tensor, words: list[KeyValue], context: Context,
              blocks: int | None = None) -> list[KeyValue]:  # fmt: skip
        """Keys and values of clean latents."""
        clean = self._timestep(latents, 0.0)
        return self.student.keys_values(latents.to(self.student.reference.dtype), clean, words, self.rope,
                                        condition=batch.condition, context=context.past,
                                        first_frame=context.first_frame, blocks=blocks)  # fmt: skip

    def _timestep(self, latents: Tensor, timestep: float) -> Tensor:
        return torch.full((len(latents), latents.shape[2]), timestep, device=self.student.reference.device)

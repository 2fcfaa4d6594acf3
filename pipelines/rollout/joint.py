"""Joint denoising: a window of chunks at rising noise levels is denoised together (Rolling Forcing; StreamDiT's moving buffer,
arXiv 2507.03745, which has no past before it, and no fresh noise between its levels).

Every step of a stream passes the window once: its first chunk comes out clean, the others are each one level
cleaner, and a new one joins at the end. Chunks under way see each other in both directions, so an error in
one can still be put right.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from flowbrush.models.device import to_device
from flowbrush.models.rope import RopeTable
from flowbrush.models.schedule import clean_from, euler, renoise
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.rollout.denoise import Batch, ChunkMaker
from flowbrush.pipelines.rollout.past import CachedPast, Context, NoPast
from flowbrush.pipelines.rollout.state import StreamState


class JointMaker(ChunkMaker):
    """A window of as many chunks as there are noise levels. `StreamState.pending` holds all of it but the
    newest.
    """

    past: CachedPast | NoPast

    def __init__(
        self, student: CausalTransformer, past: CachedPast | NoPast, rope: RopeTable, grid: tuple[int, int]
    ) -> None:
        super().__init__(student, past, rope, grid)

    @torch.inference_mode()
    def make(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Clean latents of the next chunk, and the chunks under way [B, C, (steps - 1) × chunk, h, w]."""
        width, size = len(batch.steps), self.shape[1]
        batch.words = self._words(batch, batch.text)
        if batch.states[0].pending is not None:
            under_way = torch.stack([_pending(state) for state in batch.states])
        else:
            under_way = self._noise(batch.states, 0)[:, :, :0]
            for count in range(width - 1):
                under_way = torch.cat([under_way, self._noise(batch.states, 0, count)], 2)
                under_way = self._pass(batch, under_way, 0)[1]
        if batch.guide is not None and width > 1:
            level = batch.steps[-1].level
            reference = renoise(batch.guide.reference, self._noise(batch.states, width - 1), level)
            under_way = under_way.clone()
            first = under_way[:, :, :size]
            under_way[:, :, :size] = first + batch.guide.mask * (reference - first)
        newest = self._noise(batch.states, 0, width - 1)
        clean, noisy = self._pass(batch, torch.cat([under_way, newest], 2), 1)
        return clean[:, :, :size], noisy

    @torch.inference_mode()
    def remember(self, batch: Batch, latents: Tensor) -> None:
        """A clean pass that sees the window of the past without a gap; the first chunk only while it is in
        it.
        """
        if isinstance(self.past, NoPast):
            return
        assert batch.words is not None
        context = self._context(batch.states, self.sees(batch.states[0].made), 1)
        self.past.write(batch.states, self._kept(batch, latents, batch.words, context))

    def sees(self, made: int) -> list[int]:
        return list(range(max(0, made - self.student.spec.window), made))

    def _context_of(self, states: Sequence[StreamState], seen: list[int]) -> Context:
        return self._context(states, seen, 1)

    def _pass(self, batch: Batch, noisy: Tensor, gone: int) -> tuple[Tensor, Tensor]:
        """One pass over the chunks `noisy`, the last of them at the first level: clean latents of all, and
        all of them but the first `gone` at their next level.
        """
        size = self.shape[1]
        count = noisy.shape[2] // size
        steps = batch.steps[:count][::-1]
        rows, device = len(noisy), noisy.device
        timestep = to_device(torch.tensor([step.timestep for step in steps]), device)
        timestep = timestep.repeat_interleave(size).expand(rows, -1)
        assert batch.words is not None
        context = self._window_context(batch.states, count)
        out = self._predict(batch, noisy, timestep, batch.words, context)
        clean, following = [], []
        for index, step in enumerate(steps):
            part = slice(index * size, (index + 1) * size)
            clean.append(
                clean_from(out[:, :, part], noisy[:, :, part], step.level, self.student.spec.prediction)
            )
            if index >= gone:
                draw = count - index  # how many levels this chunk has been through
                level = batch.steps[draw].level
                if batch.renew:
                    following.append(renoise(clean[-1], self._noise(batch.states, draw, index), level))
                else:
                    following.append(euler(noisy[:, :, part], clean[-1], step.level, level))
        empty = noisy[:, :, :0]
        return torch.cat(clean, 2), torch.cat(following, 2) if following else empty

    def _window_context(self, states: Sequence[StreamState], width: int) -> Context:
        """What the window of `width` chunks sees: the first chunk, and the one before the window. Where there is none its chunks
        see each other in full: a past of no tokens, not a causal order.
        """
        if isinstance(self.past, NoPast):
            return self.past.room(self.student, len(states), width)
        made, seats = states[0].made, [state.seat for state in states]
        if made:
            return self._context(states, sorted({0, made - 1}), width)
        return Context(self.past.cache.gather(seats, [[] for _ in seats], [], self.rope, width), 0)

    def _context(self, states: Sequence[StreamState], chunks: list[int], room: int) -> Context:
        assert isinstance(self.past, CachedPast)
        size = self.student.spec.chunk
        if not chunks:
            return Context(None, 0)
        ages = states[0].made
        places = [size * place for place in range(len(chunks))]
        shifted = [[c if c == 0 else c + state.made - ages for c in chunks] for state in states]
        seats = [state.seat for state in states]
        return Context(self.past.cache.gather(seats, shifted, places, self.rope, room), size * len(chunks))


def _pending(state: StreamState) -> Tensor:
    assert state.pending is not None
    return state.pending

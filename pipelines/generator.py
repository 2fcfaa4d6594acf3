"""Streams of one model: start, advance by a chunk, go back, put away and bring back.

The one entrance for the server's worker, `flowbrush render`, the evaluation and the benchmarks.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from flowbrush.controls import Control
from models.device import Placement, choose
from models.kv_cache import KVCache
from models.pocket import PocketModel, load_pocket
from models.registry import ModelCard, card
from models.transformer import MotionInput
from pipelines import snapshot as snapshots
from pipelines.controls import ChunkPlan, fold, initial_state
from pipelines.denoise import Batch, denoise
from pipelines.image import fit_image
from pipelines.motion import TrackWindow, motion_input
from pipelines.prompts import Prompts, effective
from pipelines.requests import ChunkResult, StreamSettings
from pipelines.schedule import levels
from pipelines.state import ChunkRecord, StreamState

HISTORY = 120  # chunks that can be taken back


class NoSeat(RuntimeError):
    """All seats of the cache are taken."""


class Generator:
    """A model with seats for `seats` streams. Not thread-safe: one caller advances all streams."""

    def __init__(self, model_card: ModelCard, model: PocketModel, placement: Placement, seats: int) -> None:
        self.card, self.model, self.placement, self.seats = model_card, model, placement, seats
        spec, codec = model_card.student, model_card.codec
        self.grid = (model_card.height // codec.stride, model_card.width // codec.stride)
        tokens = (self.grid[0] // spec.patch) * (self.grid[1] // spec.patch)
        self.cache = KVCache(spec, tokens, seats, placement.device, placement.dtype)
        self.rope = model.student.rope_table((spec.sink + spec.window + 1) * spec.chunk, *self.grid)
        self.prompts = Prompts(model.text)
        self.free = list(range(seats))[::-1]

    @classmethod
    def load(cls, name: str, *, device: str = "auto", dtype: str = "auto", seats: int = 4, attention: str = "sdpa",
             weights: Path | None = None) -> Generator:  # fmt: skip
        """The model called `name`. Raises ValueError (UnknownModel, BadWeights, a device that is not there)."""
        model_card, placement = card(name), choose(device, dtype)
        return cls(model_card, load_pocket(model_card, placement, attention, weights), placement, seats)

    def start(self, settings: StreamSettings) -> StreamState:
        """A new stream. Raises ValueError for settings that the model cannot serve, NoSeat when it is full."""
        self.check(settings)
        if not self.free:
            raise NoSeat(f"all {self.seats} seats are taken")
        controls = initial_state(settings.prompts, settings.tracks)
        state = StreamState(settings, self.free.pop(), controls, self.card.student.window)
        try:
            if settings.image is not None:
                self._begin_with_image(state)
        except Exception:
            self.release(state)
            raise
        return state

    def step(self, states: Sequence[StreamState], controls: Sequence[Sequence[Control]]) -> list[ChunkResult]:
        """Makes the next chunk of every stream. Either all streams advance or, on an exception, none has changed."""
        began = time.perf_counter()
        frames, fps = self.card.chunk_frames, self.card.fps
        folded = [
            fold(s.controls, given, s.chunk * frames, frames, fps, s.settings.seed)
            for s, given in zip(states, controls, strict=True)
        ]
        plans = [plan for _, plan in folded]
        latents = self._denoise(states, plans)
        denoised = time.perf_counter()
        pictures = self._decode(states, latents)
        decoded = time.perf_counter()
        results = []
        for row, (state, (after, plan)) in enumerate(zip(states, folded, strict=True)):
            first = state.chunk * frames
            self._commit(state, after, latents[row])
            results.append(
                ChunkResult(
                    state.chunk - 1, first, pictures[row], effective(plan), plan.applied, self.prompts.notices(plan),
                    1e3 * (denoised - began), 1e3 * (decoded - denoised),
                )
            )  # fmt: skip
        return results

    def rewind(self, state: StreamState, chunk: int) -> None:
        """Takes the stream back to the end of `chunk`. Raises ValueError outside `state.history`."""
        if chunk not in state.history:
            kept = state.history
            raise ValueError(f"chunk {chunk} cannot be gone back to: chunks {kept.start} to {kept.stop - 1} are kept")
        while state.records[-1].chunk > chunk:
            state.records.pop()
        record = state.records[-1]
        state.sinks = [r for r in state.sinks if r.made <= record.made]
        state.chunk, state.made = record.chunk + 1, record.made
        state.last, state.controls = record.latent, record.controls
        self._restore_cache(state)

    def release(self, state: StreamState) -> None:
        """Gives the stream's seat back."""
        if state.seat >= 0:
            self.free.append(state.seat)
            state.seat = -1

    def snapshot(self, state: StreamState) -> bytes:
        """The stream as bytes; `restore` continues it bit-exactly. The history is not kept."""
        return snapshots.dump(state, self.cache.attended(state.made))

    def restore(self, blob: bytes) -> StreamState:
        """A stream from its snapshot, on a seat of its own. Raises ValueError for bytes that are no snapshot, NoSeat."""
        if not self.free:
            raise NoSeat(f"all {self.seats} seats are taken")
        state = snapshots.load(blob, self.placement.device, self.card.student.window)
        self.check(state.settings)
        state.seat = self.free.pop()
        self._restore_cache(state)
        return state

    def check(self, settings: StreamSettings) -> None:
        """Raises ValueError for settings that the model cannot serve."""
        known = self.card
        if settings.model != known.name:
            raise ValueError(f"this generator serves {known.name!r}, not {settings.model!r}")
        if (settings.width, settings.height) != (known.width, known.height):
            asked = f"{settings.width}x{settings.height}"
            raise ValueError(f"{known.name} makes {known.width}x{known.height} pictures, not {asked}")
        if settings.fps != known.fps:
            raise ValueError(f"{known.name} makes {known.fps:g} frames a second, not {settings.fps:g}")
        if not settings.prompts:
            raise ValueError("a prompt is missing: give at least one")

    @torch.inference_mode()
    def _begin_with_image(self, state: StreamState) -> None:
        """A start image is the first chunk of the context: a picture that stands still. It is not shown."""
        assert state.settings.image is not None
        picture = fit_image(state.settings.image, self.card.width, self.card.height)  # [1, 3, H, W] in -1..1
        latent = self.model.codec.still(picture.to(self.placement.device))[:, :, None]  # [1, C, 1, h, w]
        plan = fold(state.controls, (), 0, self.card.chunk_frames, self.card.fps, state.settings.seed)[1]
        batch = Batch([state.seat], [0], [0], [0], self.prompts.tokens(plan)[None], self._motion([state], None))
        timestep = torch.zeros(1, 1, device=self.placement.device)
        text = self.model.student.text_keys_values(batch.text.to(self.placement.dtype))
        _, made = self.model.student(latent.to(self.placement.dtype), timestep, text, self.rope, motion=batch.motion)
        self.cache.write(batch.seats, batch.made, made, self.rope)
        self._record(state, -1, latent[0, :, 0], state.controls)

    def _denoise(self, states: Sequence[StreamState], plans: Sequence[ChunkPlan]) -> Tensor:
        """Latents [B, C, 1, h, w] of the next chunks; streams of one shape go together."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row, state in enumerate(states):
            steps = state.settings.steps or self.card.steps
            if state.made == 0:
                steps = max(steps, self.card.start_steps)
            groups[(len(self.cache.attended(state.made)), steps)].append(row)
        shape = (len(states), self.card.student.latent_channels, 1, *self.grid)
        latents = torch.zeros(shape, device=self.placement.device)
        for (attended, steps), rows in groups.items():
            group = [states[row] for row in rows]
            text = torch.stack([self.prompts.tokens(plans[row]) for row in rows])
            batch = Batch(
                [s.seat for s in group], [s.made for s in group], [s.settings.seed for s in group],
                [s.chunk for s in group], text, self._motion(group, [plans[row] for row in rows]),
            )  # fmt: skip
            guidance = self.card.guidance if attended == 0 else 1.0
            made, new = denoise(self.model.student, self.cache, self.rope, batch, levels(steps), self.grid, guidance,
                                self.prompts.encode("")[None])  # fmt: skip
            latents[rows] = made
            self.cache.write(batch.seats, batch.made, new, self.rope)
        return latents

    @torch.inference_mode()
    def _motion(self, states: Sequence[StreamState], plans: Sequence[ChunkPlan] | None) -> MotionInput:
        frames = self.card.chunk_frames
        widest = max((len(plan.ids) for plan in plans or ()), default=0)
        ids = torch.zeros(len(states), widest, dtype=torch.long)
        xy = torch.zeros(len(states), widest, 1 + frames, 2)
        visible = torch.zeros(len(states), widest, 1 + frames, dtype=torch.bool)
        for row, plan in enumerate(plans or ()):
            count = len(plan.ids)
            ids[row, :count], visible[row, :count] = torch.from_numpy(plan.ids), torch.from_numpy(plan.visible)
            xy[row, :count] = torch.from_numpy(plan.xy) * torch.tensor([self.card.width, self.card.height])
        window = TrackWindow(ids, xy, visible).to(self.placement.device)
        last = [state.last for state in states if state.last is not None]
        motion = self.card.student.motion
        assert motion is not None
        built = motion_input(
            self.model.codec, window, torch.stack(last) if last else None, motion.id_dim, *self.grid
        )
        dtype = self.placement.dtype
        return MotionInput(built.code.to(dtype), built.guide.to(dtype), built.plain.to(dtype), built.moved.to(dtype))

    @torch.inference_mode()
    def _decode(self, states: Sequence[StreamState], latents: Tensor):  # type: ignore[no-untyped-def]
        """uint8 frames [B, F, H, W, 3] in main memory."""
        before = torch.stack([
            latents[row, :, 0] if state.last is None else state.last for row, state in enumerate(states)
        ])  # fmt: skip
        frames, _ = self.model.codec.decode(latents, before)  # [B, 3, F, H, W] in -1..1
        pixels = frames.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        return pixels.permute(0, 2, 3, 4, 1).contiguous().cpu().numpy()

    def _commit(self, state: StreamState, controls: object, latent: Tensor) -> None:
        self._record(state, state.chunk, latent[:, 0], controls)
        state.chunk += 1

    def _record(self, state: StreamState, chunk: int, latent: Tensor, controls) -> None:  # type: ignore[no-untyped-def]
        """Counts the chunk in the cache as made."""
        record = ChunkRecord(
            chunk, state.made + 1, self.cache.take(state.seat, state.made), latent.clone(), controls
        )
        if state.made < self.card.student.sink:
            state.sinks.append(record)
        state.records.append(record)
        if len(state.records) > HISTORY + self.card.student.window:
            state.records.popleft()
        state.made, state.last, state.controls = record.made, record.latent, controls

    def _restore_cache(self, state: StreamState) -> None:
        by_index = {record.made - 1: record for record in (*state.sinks, *state.records)}
        for index in self.cache.attended(state.made):
            self.cache.put(state.seat, index, by_index[index].key_value)

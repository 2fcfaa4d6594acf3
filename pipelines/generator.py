"""Streams of one model: start, advance by a chunk, go back, put away and bring back.

The one entrance for the server's worker, `flowbrush render`, the evaluation and the benchmarks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from flowbrush.controls import Control
from models.card import TRAINED, WARPED, ModelCard
from models.codecs.pocket import PocketCodec
from models.device import Placement, choose
from models.kv_cache import POSITIONS, KVCache
from models.load import Model, load_model
from models.pocket import PocketModel
from models.registry import card
from models.speed import compile_blocks, use_fp8
from pipelines import snapshot as snapshots
from pipelines.beside import Beside, elapsed_ms, mark
from pipelines.coming import Coming
from pipelines.conditions import Conditions
from pipelines.controls import ChunkPlan, ControlState, fold, initial_state
from pipelines.decoding import decode
from pipelines.denoise import Batch, ChunkMaker
from pipelines.image import fit_image
from pipelines.joint import JointMaker
from pipelines.past import CachedPast, Past, RecomputedPast
from pipelines.picture_tools import PLAIN, PictureTools
from pipelines.prompts import Prompts, effective
from pipelines.recache import is_due, recache
from pipelines.requests import ChunkResult, Frames, StreamSettings, check_settings
from pipelines.schedule import noise_steps
from pipelines.state import ChunkRecord, CodecState, StreamState
from pipelines.turner import Turner, opened


class NoSeat(RuntimeError):
    """All seats of the cache are taken."""


class Generator:
    """A model with seats for `seats` streams. Not thread-safe: one caller advances all streams."""

    def __init__(self, model_card: ModelCard, model: Model, placement: Placement, seats: int) -> None:
        self.card, self.model, self.placement, self.seats = model_card, model, placement, seats
        spec, rollout, stride = model_card.student, model_card.rollout, model_card.codec.stride
        self.grid = (model_card.height // stride, model_card.width // stride)
        tokens = (self.grid[0] // spec.patch) * (self.grid[1] // spec.patch)
        frames = POSITIONS if rollout.positions == "absolute" else (spec.sink + spec.window + 1) * spec.chunk
        self.rope = model.student.rope_table(frames, *self.grid)
        self.prompts = Prompts(model.text)
        self.past: Past
        if rollout.past == "recompute":
            self.past = RecomputedPast(spec.chunk, self.rope, self.prompts, rollout.keep_first_frame)
        else:
            self.cache = KVCache(spec, tokens, seats, placement.device, placement.dtype, rollout)
            self.past = CachedPast(self.cache, self.rope)
        if rollout.joint:
            assert isinstance(self.past, CachedPast)
            self.maker: ChunkMaker = JointMaker(model.student, self.past, self.rope, self.grid)
        else:
            self.maker = ChunkMaker(model.student, self.past, self.rope, self.grid)
        tools = PictureTools(model.cutter, model.inpainter) if isinstance(model, PocketModel) else PLAIN
        self.conditions = Conditions(model_card, model.codec, placement, self.grid, tools)
        self.beside = Beside(placement.device)
        self.turner = Turner.of(model, tools, self.prompts) if isinstance(model, PocketModel) else None
        self.free = list(range(seats))[::-1]

    @classmethod
    def load(
        cls,
        name: str | ModelCard,
        *,
        device: str = "auto",
        dtype: str = "auto",
        seats: int = 4,
        attention: str = "auto",
        weights: Path | None = None,
        drag: str = "auto",
        compile: bool = False,
        fp8: bool = False,
    ) -> Generator:
        """The model called `name`. `drag` "warp" drags without training even where tracks were trained;
        `compile` and `fp8` are speed switches for a GPU (`models.speed`).

        Raises ValueError (UnknownModel, BadWeights, a device that is not there).
        """
        model_card, placement = card(name) if isinstance(name, str) else name, choose(device, dtype)
        if drag not in ("auto", "warp"):
            raise ValueError(f"drag {drag!r} is unknown: expected 'auto' or 'warp'")
        if drag == "warp":
            model_card = replace(model_card, drag=WARPED)
        if model_card.drag == TRAINED and model_card.student.motion is None:
            raise ValueError(f"{model_card.name} has no track encoder: its card must say that it warps")
        model = load_model(model_card, placement, attention, weights)
        if fp8:
            use_fp8(model.student)
        if compile:
            compile_blocks(model.student)
        return cls(model_card, model, placement, seats)

    def start(self, settings: StreamSettings) -> StreamState:
        """A new stream. Raises ValueError for settings that the model cannot serve, NoSeat when it is full."""
        self.check(settings)
        if not self.free:
            raise NoSeat(f"all {self.seats} seats are taken")
        controls = initial_state(settings.prompts, settings.tracks)
        state = StreamState(settings, self.free.pop(), controls, self._window)
        try:
            if settings.image is not None:
                picture = fit_image(
                    settings.image, self.card.width, self.card.height
                )  # [1, 3, H, W] in -1..1
                self._begin_with(state, self._codec.still(picture.to(self.placement.device)))
            elif isinstance(self.model, PocketModel) and self.model.opener is not None:
                tokens = self.prompts.blend(state.controls.prompt)
                self._begin_with(state, opened(self.model.opener, tokens, settings.seed))
        except Exception:
            self.release(state)
            raise
        return state

    def step(
        self,
        states: Sequence[StreamState],
        controls: Sequence[Sequence[Control]],
        ready: Callable[[list[ChunkResult]], None] | None = None,
    ) -> list[ChunkResult]:
        """Makes the next chunk of every stream. Either all streams advance or, on an exception, none has
        changed.

        `ready` gets the results as soon as there are pictures, before the pass that later chunks need. Should that pass fail, the
        streams stand where they stood, and making the chunk again gives the same pictures.
        """
        began = mark(self.placement.device)
        frames, fps = self.card.chunk_frames, self.card.fps
        folded = [
            fold(s.controls, given, s.chunk * frames, frames, fps, s.settings.seed)
            for s, given in zip(states, controls, strict=True)
        ]
        try:
            coming = [self._coming(state, *each) for state, each in zip(states, folded, strict=True)]
            made, batches = self._denoise(states, coming)
            denoised = mark(self.placement.device)
            latents = torch.stack([row for row, _ in made])
            decoding, codecs, times = decode(
                self.model.codec, self.beside, latents, [s.codec for s in states]
            )
            if self.beside.possible:
                self._remember(batches)
            self.beside.join()
            pictures = list(decoding.cpu().numpy())
            spent = elapsed_ms(began, denoised), elapsed_ms(*times)
            results = [self._result(*each, *spent) for each in zip(states, coming, pictures, strict=True)]
            if ready is not None:
                ready(results)
            if not self.beside.possible:
                self._remember(batches)
            records = [
                self._record(state, each, *row, codec)
                for state, each, row, codec in zip(states, coming, made, codecs, strict=True)
            ]
        except Exception:
            self._undo(states)
            raise
        for state, record in zip(states, records, strict=True):
            self._count(state, record)
            state.chunk += 1
        return results

    def rewind(self, state: StreamState, chunk: int) -> None:
        """Takes the stream back to the end of `chunk`. Raises ValueError outside `state.history`."""
        if chunk not in state.history:
            kept = state.history
            raise ValueError(
                f"chunk {chunk} cannot be gone back to: chunks {kept.start} to {kept.stop - 1} are kept"
            )
        state.go_back(chunk)
        self.past.restore(state)

    def release(self, state: StreamState) -> None:
        """Gives the stream's seat back."""
        if state.seat >= 0:
            self.free.append(state.seat)
            state.seat = -1

    def snapshot(self, state: StreamState) -> bytes:
        """The stream as bytes; `restore` continues it bit-exactly. The history is not kept."""
        return snapshots.dump(state, self.past.needed(state))

    def restore(self, blob: bytes) -> StreamState:
        """A stream from its snapshot, on a seat of its own. Raises ValueError for bytes that are no snapshot,
        NoSeat.
        """
        if not self.free:
            raise NoSeat(f"all {self.seats} seats are taken")
        state = snapshots.load(blob, self.placement.device, self._window)
        self.check(state.settings)
        state.seat = self.free.pop()
        try:
            self.past.restore(state)
        except Exception:
            self.release(state)
            raise
        return state

    def check(self, settings: StreamSettings) -> None:
        """Raises ValueError for settings that the model cannot serve."""
        check_settings(self.card, settings)

    @property
    def _window(self) -> int:
        return self.card.student.window + (1 if self.card.rollout.recache else 0)

    @property
    def _codec(self) -> PocketCodec:
        assert isinstance(self.model.codec, PocketCodec)
        return self.model.codec

    @torch.inference_mode()
    def _begin_with(self, state: StreamState, latent: Tensor) -> None:
        """A still latent frame [1, C, h, w] is the first chunk of the context. It is not shown."""
        plan = fold(state.controls, (), 0, self.card.chunk_frames, self.card.fps, state.settings.seed)[1]
        motion = self.conditions.motion([state], None)
        timestep = torch.zeros(1, 1, device=self.placement.device)
        text = self.model.student.text_keys_values(self.prompts.tokens(plan)[None].to(self.placement.dtype))
        _, made = self.model.student(
            latent[:, :, None].to(self.placement.dtype), timestep, text, self.rope, motion=motion
        )
        self.past.write([state], made)  # type: ignore[union-attr]
        record = self._record(state, Coming(state.controls, plan), latent[0, :, None], None, (latent[0],))
        self._count(state, replace(record, chunk=-1))

    def _renew(self, state: StreamState, plan: ChunkPlan) -> dict[int, Tensor]:
        """Works the past out again where the prompt has changed and the student was trained so."""
        if not self.card.rollout.recache or not is_due(state.controls, plan):
            return {}
        assert isinstance(self.past, CachedPast)
        tokens = self.prompts.tokens(plan)[None].to(self.placement.device, self.placement.dtype)
        return recache(self.model.student, self.past, state, self.model.student.text_keys_values(tokens))

    def _coming(self, state: StreamState, after: ControlState, plan: ChunkPlan) -> Coming:
        """All that the next chunk depends on: what hands hold, what a new prompt turns, a past that was worked out again."""
        grip, turn = self.conditions.grip(state, plan), state.turn
        if after.prompt != state.controls.prompt:
            turn = None if self.turner is None else self.turner.begin(state, after.prompt, grip)
        turning = None if turn is None else self.conditions.turning(turn, plan, grip)
        grip = grip if turning is None else turning.under(grip)
        return Coming(after, plan, grip, turning, self._renew(state, plan))

    def _denoise(
        self, states: Sequence[StreamState], coming: Sequence[Coming]
    ) -> tuple[list[tuple[Tensor, Tensor | None]], list[tuple[Batch, Tensor]]]:
        """Latents [C, T, h, w] of the next chunks, and what stays under way; streams of one kind go together.

        Also the batches with their latents, which are still to be remembered.
        """
        groups: dict[tuple[tuple[int, ...], int], list[int]] = defaultdict(list)
        for row, state in enumerate(states):
            steps = state.settings.steps or self.card.steps
            if state.made == 0:
                steps = max(steps, self.card.start_steps)
            groups[self.past.place(state), steps].append(row)
        made: dict[int, tuple[Tensor, Tensor | None]] = {}
        batches = []
        for (_, steps), rows in groups.items():
            batch = self._batch([states[row] for row in rows], [coming[row] for row in rows], steps)
            latents, pending = self.maker.make(batch)
            batches.append((batch, latents))
            for place, row in enumerate(rows):
                made[row] = latents[place], None if pending is None else pending[place]
        return [made[row] for row in range(len(states))], batches

    def _batch(self, states: list[StreamState], coming: list[Coming], steps: int) -> Batch:
        rollout = self.card.rollout
        guided = states[0].made == 0 and self.card.guidance > 1
        plans = [each.plan for each in coming]
        grips, turnings = [each.grip for each in coming], [each.turning for each in coming]
        return Batch(
            states,
            torch.stack([self.prompts.tokens(plan) for plan in plans]).to(self.placement.device),
            self.conditions.motion(states, plans, grips, turnings),
            noise_steps(rollout, steps),
            self.conditions.guide(states, plans, steps),
            renew=bool(rollout.step_list),
            guidance=self.card.guidance if guided else 1.0,
            blank=self.prompts.encode("")[None] if guided else None,
        )

    def _remember(self, batches: list[tuple[Batch, Tensor]]) -> None:
        for batch, latents in batches:
            self.maker.remember(batch, latents)

    def _result(
        self, state: StreamState, coming: Coming, pictures: Frames, denoise_ms: float, decode_ms: float
    ) -> ChunkResult:
        """What a stream's caller gets of the chunk that was made."""
        notices = (*self.prompts.notices(coming.plan), *coming.bare_hands())
        first = state.chunk * self.card.chunk_frames
        return ChunkResult(
            state.chunk,
            first,
            pictures,
            effective(coming.plan),
            coming.plan.applied,
            notices,
            denoise_ms,
            decode_ms,
        )

    def _record(
        self,
        state: StreamState,
        coming: Coming,
        latents: Tensor,
        pending: Tensor | None,
        codec: CodecState,
    ) -> ChunkRecord:
        """The stream at the end of the chunk that was made last, which does not count yet."""
        key_value = self.past.taken(state)
        changed = {**coming.replaced, **self.past.settle(state)}
        return ChunkRecord(
            state.chunk, state.made + 1, key_value, latents.clone(), coming.after, codec, changed,
            None if pending is None else pending.clone(), coming.grip,
            None if coming.turning is None else coming.turning.rest,
        )  # fmt: skip

    def _count(self, state: StreamState, record: ChunkRecord) -> None:
        """Counts a chunk as made."""
        kept = self.past.copies * (self.card.history + self._window)
        state.count(record, self.past.sinks, kept)

    def _undo(self, states: Sequence[StreamState]) -> None:
        """Puts back what a chunk that failed may have changed: a window worked out again, an averaged sink."""
        if self.card.rollout.recache or self.card.rollout.sink_average is not None:
            for state in states:
                self.past.restore(state)

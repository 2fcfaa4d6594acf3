"""Streams of one model: start, advance by a chunk, go back, put away and bring back.

The one entrance for the server's worker, `flowbrush render`, the evaluation and the benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from flowbrush.controls import Control
from flowbrush.models.card import TRAINED, WARPED, ModelCard
from flowbrush.models.device import Placement, choose
from flowbrush.models.load import Model, load_model
from flowbrush.models.pocket import PocketModel
from flowbrush.models.registry import card
from flowbrush.models.speed import compile_blocks, use_fp8
from flowbrush.pipelines import snapshot as snapshots
from flowbrush.pipelines.batches import Batches
from flowbrush.pipelines.controls import ChunkPlan, ControlState, fold, initial_state, is_quiet, texts_of
from flowbrush.pipelines.denoise import Batch
from flowbrush.pipelines.families.base import Family, Memory
from flowbrush.pipelines.families.pocket import PocketFamily
from flowbrush.pipelines.families.wan import WanFamily
from flowbrush.pipelines.inputs import ChunkInputs, rows_of, steps_of
from flowbrush.pipelines.lane import Lane, Lanes
from flowbrush.pipelines.past import CachedPast
from flowbrush.pipelines.prompts import Prompts, effective
from flowbrush.pipelines.recache import is_due, recache
from flowbrush.pipelines.requests import (
    ChunkResult,
    Frames,
    Outline,
    SourceClip,
    StreamSettings,
    check_settings,
)
from flowbrush.pipelines.side_stream import SideStream, Timestamp, elapsed_ms, timestamp
from flowbrush.pipelines.source import check_clip
from flowbrush.pipelines.state import ChunkRecord, StreamState


class NoSeat(RuntimeError):
    """All seats of the cache are taken."""


class Generator:
    """A model with seats for `seats` streams. Not thread-safe: one caller advances all streams."""

    def __init__(self, model_card: ModelCard, model: Model, placement: Placement, seats: int) -> None:
        self.card, self.model, self.placement, self.seats = model_card, model, placement, seats
        self.prompts = Prompts(model.text)
        self.lanes = Lanes(model_card, model, placement, seats, self.prompts)
        self.family: Family
        if isinstance(model, PocketModel):
            self.family = PocketFamily(model_card, model, placement)
        else:
            self.family = WanFamily(model_card, model, placement)
        self.batches = Batches(model_card, self.family, self.prompts, placement)
        self.side, self.on_gpu = SideStream(placement.device), placement.device.type != "cpu"
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
        `compile` and `fp8` are speed switches for a GPU (`flowbrush.models.speed`).

        Raises ValueError (UnknownModel, BadWeights, a device that is not there).
        """
        model_card, placement = card(name) if isinstance(name, str) else name, choose(device, dtype)
        if drag not in ("auto", "warp"):
            raise ValueError(f"drag {drag!r} is unknown: expected 'auto' or 'warp'")
        if drag == "warp":
            can = {**model_card.capabilities, "probe": model_card.family == "pocket"}
            model_card = replace(model_card, drag=WARPED, capabilities=can)
        if model_card.drag == TRAINED and not model_card.student.condition_channels:
            raise ValueError(
                f"{model_card.name} sees no reference: its card must say how it follows a hand without one"
            )
        model = load_model(model_card, placement, attention, weights)
        if fp8:
            use_fp8(model.student)
        if compile:
            compile_blocks(model.student)
        return cls(model_card, model, placement, seats)

    def start(self, settings: StreamSettings) -> StreamState:
        """A new stream. Raises ValueError for settings that the model cannot serve, NoSeat when it is full."""
        check_settings(self.card, settings)
        if not self.free:
            raise NoSeat(f"all {self.seats} seats are taken")
        controls = initial_state(settings.prompts, settings.tracks)
        state = StreamState(settings, self.free.pop(), controls, self._window)
        try:
            self._lane(state)  # made now where it is the first of its size, not within a chunk
            state.memory = self.family.begin(settings)
            first = self.family.first_latents(state.memory)
            if first is not None:
                self._begin_with(state, first)
        except Exception:
            self.release(state)
            raise
        return state

    def step(
        self,
        states: Sequence[StreamState],
        controls: Sequence[Sequence[Control]],
        ready: Callable[[list[ChunkResult]], None] | None = None,
        sources: Sequence[SourceClip | None] = (),
    ) -> list[ChunkResult]:
        """Makes the next chunk of every stream. Either all streams advance or, on an exception, none has
        changed. `sources` has a clip of the client's video for each stream that follows one.
        `ready` gets the results as soon as there are pictures, before the pass that later chunks need. Should that pass fail, the
        streams stand where they stood, and making the chunk again gives the same pictures.
        """
        began = timestamp(self.placement.device)
        frames, fps = self.card.chunk_frames, self.card.fps
        folded = [
            fold(s.controls, given, s.chunk * frames, frames, fps, self._lane(s).aspect)
            for s, given in zip(states, controls, strict=True)
        ]
        try:
            clips = sources or [None] * len(states)
            inputs = [self._inputs(*each) for each in zip(states, folded, clips, strict=True)]
            made, batches = self._denoise(states, inputs)
            denoised = timestamp(self.placement.device)
            decoded, times = self._decode(states, inputs, [latents for latents, _ in made])
            if self.side.possible:
                self._remember(batches)
            with self.side.here():  # pictures wait for their decoding, not for the pass over the clean chunk
                pictures = [frames.cpu().numpy() for frames, _ in decoded]
            memories = [self.family.seen(memory, p) for p, (_, memory) in zip(pictures, decoded, strict=True)]
            spent = elapsed_ms(began, denoised), elapsed_ms(*times)
            results = [self._result(*each, *spent) for each in zip(states, inputs, pictures, strict=True)]
            if ready is not None:
                ready(results)
            if not self.side.possible:
                self._remember(batches)
            self.side.join()
            records = [
                self._record(state, each, *row, memory)
                for state, each, row, memory in zip(states, inputs, made, memories, strict=True)
            ]
        except Exception:
            self._undo(states)
            raise
        for state, record, each in zip(states, records, inputs, strict=True):
            self._count(state, record)
            state.chunk += 1
            state.carried = each.taken.carried
        return results

    def rewind(self, state: StreamState, chunk: int) -> None:
        """Takes the stream back to the end of `chunk`. Raises ValueError outside `state.history`."""
        if chunk not in state.history:
            kept = state.history
            raise ValueError(
                f"chunk {chunk} cannot be gone back to: chunks {kept.start} to {kept.stop - 1} are kept"
            )
        state.go_back(chunk)
        self._lane(state).past.restore(state)

    def probe(
        self,
        state: StreamState,
        point: tuple[float, float],
        add: Sequence[tuple[float, float]] = (),
        remove: Sequence[tuple[float, float]] = (),
    ) -> Outline:
        """What a hand would take at `point`, with points that add to it and take away from it (frame sizes). Changes nothing."""
        return self.family.probe(state.memory, point, add, remove, state.carried)

    def texts(self, state: StreamState, controls: Sequence[Control]) -> tuple[str, ...]:
        """The prompts that the stream's next chunk may need."""
        return texts_of(state.controls, controls)

    def release(self, state: StreamState) -> None:
        """Gives the stream's seat back."""
        if state.seat >= 0:
            self.free.append(state.seat)
            state.seat = -1

    def snapshot(self, state: StreamState) -> bytes:
        """The stream as bytes; `restore` continues it bit-exactly. The history is not kept."""
        return snapshots.dump(state, self._lane(state).past.needed(state), self.family)

    def restore(self, blob: bytes) -> StreamState:
        """A stream from its snapshot, on a seat of its own. Raises ValueError for bytes that are no snapshot,
        NoSeat.
        """
        if not self.free:
            raise NoSeat(f"all {self.seats} seats are taken")
        state = snapshots.load(blob, self.placement.device, self._window, self.family)
        check_settings(self.card, state.settings, begun=True)
        state.seat = self.free.pop()
        try:
            self._lane(state).past.restore(state)
        except Exception:
            self.release(state)
            raise
        return state

    @property
    def _window(self) -> int:
        return self.card.student.window + (1 if self.card.rollout.recache else 0)

    def _lane(self, state: StreamState) -> Lane:
        return self.lanes[state.size]

    @torch.inference_mode()
    def _begin_with(self, state: StreamState, latents: Tensor) -> None:
        """Clean latents [1, C, chunk, h, w] are the first chunk of the context, counted and not shown."""
        frames, fps, lane = self.card.chunk_frames, self.card.fps, self._lane(state)
        plan = fold(state.controls, (), 0, frames, fps, lane.aspect)[1]
        inputs = ChunkInputs(state.controls, plan, self.family.take_reference(state.memory, plan))
        batch = self.batches.batch([state], [inputs], self.card.steps)
        lane.maker.begin(batch, latents)
        pictures, (memory,) = self.family.decode(latents, [inputs.taken])
        memory = self.family.seen(memory, pictures[0].cpu().numpy())
        record = self._record(state, inputs, latents[0], None, memory)
        self._count(state, replace(record, chunk=-1))

    def _renew(self, state: StreamState, plan: ChunkPlan) -> dict[int, Tensor]:
        """Works the past out again where the prompt has changed and the student was trained so."""
        if not self.card.rollout.recache or not is_due(state.controls, plan):
            return {}
        past = self._lane(state).past
        assert isinstance(past, CachedPast)
        tokens = self.prompts.tokens(plan)[None].to(self.placement.device, self.placement.dtype)
        return recache(self.model.student, past, state, self.model.student.text_keys_values(tokens))

    def _inputs(
        self, state: StreamState, folded: tuple[ControlState, ChunkPlan], clip: SourceClip | None
    ) -> ChunkInputs:
        """All that the next chunk depends on: what hands take, a source, and a past that was worked out again."""
        after, plan = folded
        check_clip(clip, self.card.chunk_frames, state.size)
        taken = self.family.take_reference(state.memory, plan, clip, state.carried)
        return ChunkInputs(after, plan, taken, self._renew(state, plan))

    def _denoise(
        self, states: Sequence[StreamState], inputs: Sequence[ChunkInputs]
    ) -> tuple[list[tuple[Tensor, Tensor | None]], list[tuple[Batch, Tensor]]]:
        """Latents [C, T, h, w] of the next chunks, and what stays under way; streams of one kind go together.

        Also the batches with their latents, which are still to be remembered.
        """
        kinds = []
        for state, each in zip(states, inputs, strict=True):
            steps = max(
                steps_of(self.card, state.settings.steps, each.after.steps),
                0 if state.made else self.card.start_steps,
            )
            alike = self._lane(state).past.place(state), each.taken.level, each.taken.regions is None
            kinds.append((state.size, steps, alike))
        made: dict[int, tuple[Tensor, Tensor | None]] = {}
        batches = []
        for (_, steps, _), rows in rows_of(kinds).items():
            batch = self.batches.batch([states[row] for row in rows], [inputs[row] for row in rows], steps)
            made_now, pending = self._lane(batch.states[0]).maker.make(batch)
            latents = self.family.settle(made_now, [inputs[row].taken for row in rows])
            batches.append((batch, latents))
            for place, row in enumerate(rows):
                made[row] = latents[place], None if pending is None else pending[place]
        return [made[row] for row in range(len(states))], batches

    @torch.inference_mode()
    def _decode(
        self, states: Sequence[StreamState], inputs: Sequence[ChunkInputs], latents: Sequence[Tensor]
    ) -> tuple[list[tuple[Tensor, Memory]], tuple[Timestamp, Timestamp]]:
        """Frames uint8 [F, H, W, 3] and the memory after the chunk of every stream, and when the work begins and ends."""
        decoded: dict[int, tuple[Tensor, Memory]] = {}
        with self.side.work(latents):
            began = timestamp(self.placement.device)
            for rows in rows_of([state.size for state in states]).values():
                stacked = torch.stack([latents[row] for row in rows])
                frames, after = self.family.decode(stacked, [inputs[row].taken for row in rows])
                decoded |= dict(zip(rows, zip(frames, after, strict=True), strict=True))
            ended = timestamp(self.placement.device)
        return [decoded[row] for row in range(len(states))], (began, ended)

    def _remember(self, batches: list[tuple[Batch, Tensor]]) -> None:
        for batch, latents in batches:
            self._lane(batch.states[0]).maker.remember(batch, latents)

    def _result(
        self, state: StreamState, inputs: ChunkInputs, pictures: Frames, denoise_ms: float, decode_ms: float
    ) -> ChunkResult:
        """What a stream's caller gets of the chunk that was made."""
        quiet = is_quiet(inputs.after, inputs.plan) and not self.family.lives(inputs.taken.memory)
        return ChunkResult(
            state.chunk, state.chunk * self.card.chunk_frames, pictures, effective(inputs.plan), inputs.plan.applied,
            (*self.prompts.notices(inputs.plan), *inputs.taken.notices), denoise_ms, decode_ms, inputs.taken.held, quiet,
        )  # fmt: skip

    def _record(
        self, state: StreamState, inputs: ChunkInputs, latents: Tensor, pending: Tensor | None, memory: Memory
    ) -> ChunkRecord:
        """The stream at the end of the chunk that was made last, which does not count yet."""
        past = self._lane(state).past
        key_value = past.taken(state)
        changed = {**inputs.replaced, **past.settle(state)}
        return ChunkRecord(
            state.chunk, state.made + 1, key_value, latents.clone(), inputs.after, memory, changed,
            None if pending is None else pending.clone(),
        )  # fmt: skip

    def _count(self, state: StreamState, record: ChunkRecord) -> None:
        """Counts a chunk as made."""
        past = self._lane(state).past
        kept = past.copies * (self.card.history + self._window)
        state.count(record, past.sinks, kept)

    def _undo(self, states: Sequence[StreamState]) -> None:
        """Puts back what a chunk that failed may have changed: a window worked out again, an averaged sink."""
        if self.card.rollout.recache or self.card.rollout.sink_average is not None:
            for state in states:
                self._lane(state).past.restore(state)

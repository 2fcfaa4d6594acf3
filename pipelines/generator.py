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
from flowbrush.models.cards.card import REFERENCED, TRAINED, WARPED, ModelCard
from flowbrush.models.cards.reach import passes_again, past_window
from flowbrush.models.cards.registry import card
from flowbrush.models.device import Placement, choose
from flowbrush.models.loading.load import Model, load_model
from flowbrush.models.pocket import PocketModel
from flowbrush.models.speed import compile_blocks, use_fp8
from flowbrush.pipelines.conditions.controls import ChunkPlan, ControlState, fold, initial_state, texts_of
from flowbrush.pipelines.conditions.prompts import Prompts
from flowbrush.pipelines.families.base import Family, Memory
from flowbrush.pipelines.families.pocket import PocketFamily
from flowbrush.pipelines.families.source import check_clip
from flowbrush.pipelines.families.wan import WanFamily
from flowbrush.pipelines.requests import (
    ChunkResult,
    Outline,
    SourceClip,
    StreamSettings,
    check_settings,
)
from flowbrush.pipelines.rollout import snapshot as snapshots
from flowbrush.pipelines.rollout.batches import Batches
from flowbrush.pipelines.rollout.inputs import ChunkInputs
from flowbrush.pipelines.rollout.lane import Lane, Lanes
from flowbrush.pipelines.rollout.past import CachedPast
from flowbrush.pipelines.rollout.rebuild import rebuild
from flowbrush.pipelines.rollout.recache import is_due, recache
from flowbrush.pipelines.rollout.sampling import Sampler
from flowbrush.pipelines.rollout.side_stream import SideStream, timestamp
from flowbrush.pipelines.rollout.state import ChunkRecord, StreamState


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
        self.sampler = Sampler(model_card, self.family, self.prompts, self.lanes, self.batches, placement)
        self.on_gpu = placement.device.type != "cpu"
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
        """The model called `name`. With `drag` "warp" a Wan student warps its last latents, which takes less work than an encoded
        reference; pocket, whose latents are no pictures, goes on as it is. `compile` and `fp8` are speed switches for a GPU
        (`flowbrush.models.speed`).

        Raises ValueError (UnknownModel, BadWeights, a device that is not there).
        """
        model_card, placement = card(name) if isinstance(name, str) else name, choose(device, dtype)
        if drag not in ("auto", "warp"):
            raise ValueError(f"drag {drag!r} is unknown: expected 'auto' or 'warp'")
        if drag == "warp" and model_card.drag == REFERENCED:
            can = {**model_card.capabilities, "probe": False}
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
            # Its lane is made now where it is the first of its size, not within a chunk.
            state.trail = self._lane(state).past.trail(self.card.history)
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
            sampled = self.sampler.sample(states, inputs, began)
            if ready is not None:
                ready(sampled.results)
            self.sampler.finish(sampled)
            records = [
                self._record(state, each, *row, memory)
                for state, each, row, memory in zip(
                    states, inputs, sampled.latents, sampled.memories, strict=True
                )
            ]
        except Exception:
            self._undo(states)
            raise
        for state, record, each in zip(states, records, inputs, strict=True):
            self._count(state, record)
            state.chunk += 1
            state.carried = each.taken.carried
        return sampled.results

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
        """The stream as bytes, which `restore` continues. The history is not kept. Any thread, for a state that is frozen: what
        the device copies for it goes on beside the chunks that are being made.
        """
        with SideStream(self.placement.device).work(()):
            return snapshots.dump(state, self._lane(state).past, self.family)

    def snapshot_bytes(self, state: StreamState) -> int:
        """About how large its snapshot is."""
        return snapshots.size(state, self._lane(state).past, self.family)

    def restore(self, blob: bytes, brief: bool = False) -> StreamState:
        """A stream from its snapshot, on a seat of its own: to the bit, where it was alone in its batch. `brief` takes less time
        where keys and values have to be worked out again, and gives them all but the same.

        Raises ValueError for bytes that are no snapshot, NoSeat.
        """
        if not self.free:
            raise NoSeat(f"all {self.seats} seats are taken")
        state, trail = snapshots.load(blob, self.placement.device, self._window, self.family)
        check_settings(self.card, state.settings, begun=True)
        state.seat = self.free.pop()
        try:
            lane = self._lane(state)
            state.trail = lane.past.trail(self.card.history)
            if state.trail is not None:
                for record in trail:
                    state.trail.add(record)
                rebuild(lane.maker, state, self.prompts.in_force, brief)
            lane.past.restore(state)
        except Exception:
            self.release(state)
            raise
        return state

    def restored_in(self, chunk_s: float) -> float:
        """About the seconds that `restore` takes for keys and values, not brief, where a chunk takes `chunk_s`."""
        return passes_again(self.card.student, self.card.rollout) / (self.card.steps + 1) * chunk_s

    @property
    def _window(self) -> int:
        return past_window(self.card.student, self.card.rollout)

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
        pictures, (memory,) = self.family.decode(latents, [inputs.taken], [None])
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

"""Controls folded into what one chunk is made from: per-frame tracks and the prompt in force. Pure,
deterministic, no torch.

Everything that outlives a chunk is in `ControlState`, which is never changed in place: a chunk that fails
leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from flowbrush.controls import (
    CameraSet,
    Control,
    PromptSet,
    StepsSet,
    TrackBegin,
    TrackEnd,
    TrackMove,
    TracksClear,
)
from flowbrush.pipelines.conditions.camera import CameraState, ground_tracks
from flowbrush.pipelines.conditions.strokes import Selection, Stroke
from flowbrush.pipelines.requests import Applied

Blend = tuple[tuple[str, float], ...]  # texts and weights that add up to 1


@dataclass(frozen=True)
class Transition:
    """From one blend to another over `chunks` chunks, `done` of them made."""

    source: Blend
    chunks: int
    done: int
    method: str


@dataclass(frozen=True)
class ControlState:
    """What controls leave behind at the end of a chunk."""

    prompt: Blend
    transition: Transition | None = None
    strokes: tuple[Stroke, ...] = ()
    camera: CameraState = field(default_factory=CameraState)
    steps: int | None = None
    """the most denoising steps that a chunk takes from here on; None: as the stream was begun"""


@dataclass(frozen=True)
class ChunkPlan:
    """What one chunk is made from.

    `xy` [N, 1 + F, 2] in frame sizes, `visible` [N, 1 + F]: the last frame of the past, then the chunk's F frames. `hands` [N] is
    the number of the hand that each track belongs to, -1 for points of the scene; hands that are `fresh` begin with this chunk,
    `touches` say what they were told to take, `pins` are those that only stay, `released` those that were let go and are on their
    way to where that was, `under_way` the paths that began before. `source` and `share` blend a former prompt
    into `prompt`: share 1 is the new one alone.
    """

    prompt: Blend
    source: Blend
    share: float
    method: str
    xy: np.ndarray
    visible: np.ndarray
    hands: np.ndarray
    fresh: frozenset[int]
    touches: dict[int, Selection]
    pins: frozenset[int]
    applied: tuple[Applied, ...]
    new_texts: tuple[tuple[str, int | None], ...]
    released: frozenset[int]
    under_way: frozenset[int]


def normalised(prompts: Sequence[tuple[str, float]]) -> Blend:
    """Weights scaled to add up to 1."""
    total = sum(weight for _, weight in prompts)
    return tuple((text, weight / total) for text, weight in prompts)


def initial_state(prompts: Sequence[tuple[str, float]], tracks: Sequence[TrackBegin]) -> ControlState:
    """The state before chunk 0. Tracks known beforehand start with it."""
    state = ControlState(normalised(prompts))
    for track in tracks:
        state = replace(state, strokes=_begin(state.strokes, track, 0.0))
    return state


def fold(state: ControlState, controls: Sequence[Control], first_frame: int, frames: int, fps: float,
         aspect: float) -> tuple[ControlState, ChunkPlan]:  # fmt: skip
    """Applies `controls` and works out the `frames` frames from `first_frame` on, of a picture whose height is `aspect` times its
    width. Returns the state after them.
    """
    start = first_frame / fps
    applied: list[Applied] = []
    texts: list[tuple[str, int | None]] = [] if first_frame else [(text, None) for text, _ in state.prompt]
    for control in controls:
        state = _apply(state, control, start)
        if isinstance(control, PromptSet):
            texts += [(prompt.text, control.id) for prompt in control.prompts]
        if control.id is not None:
            applied.append(
                Applied(control.id, first_frame + _first_effect(state, control, start, frames, fps))
            )
    times = (first_frame + np.arange(-1, frames)) / fps
    strokes, rows, hands = [], [], []
    for stroke in state.strokes:
        moved, stroke_rows = stroke.play(times)
        rows += stroke_rows
        hands += [stroke.track] * len(stroke_rows)
        if moved is not None:
            strokes.append(moved)
    camera, ground = ground_tracks(state.camera, times, [xy[0] for xy, _ in rows], aspect)
    rows += ground
    hands += [-1] * len(ground)
    fresh = frozenset(stroke.track for stroke in state.strokes if stroke.here is None)
    touches = {stroke.track: stroke.selection for stroke in state.strokes if stroke.track in fresh}
    pins = frozenset(stroke.track for stroke in state.strokes if stroke.kind == "pin")
    released = frozenset(stroke.track for stroke in state.strokes if stroke.let_go)
    under_way = frozenset(stroke.track for stroke in state.strokes if stroke.under_way)
    prompt, source, share, method, transition = _blend(state)
    after = ControlState(state.prompt, transition, tuple(strokes), camera, state.steps)
    xy, visible = _stack(rows, frames)
    return after, ChunkPlan(
        prompt, source, share, method, xy, visible, np.asarray(hands, np.int64), fresh, touches, pins, tuple(applied),
        tuple(texts), released, under_way,
    )  # fmt: skip


def texts_of(state: ControlState, controls: Sequence[Control]) -> tuple[str, ...]:
    """Every text of a prompt that a chunk may need which follows on `state` and shows `controls`, each once."""
    blends = [state.prompt, () if state.transition is None else state.transition.source]
    texts = [text for blend in blends for text, _ in blend]
    texts += [each.text for given in controls if isinstance(given, PromptSet) for each in given.prompts]
    return tuple(dict.fromkeys(texts))


def is_quiet(after: ControlState, plan: ChunkPlan) -> bool:
    """Whether nothing that was asked for moves anything in a chunk or goes on after it."""
    return not len(plan.hands) and not after.strokes and after.transition is None and plan.share >= 1


def _apply(state: ControlState, control: Control, start: float) -> ControlState:
    if isinstance(control, PromptSet):
        target = normalised([(prompt.text, prompt.weight) for prompt in control.prompts])
        if control.transition is None:
            return replace(state, prompt=target, transition=None)
        change = Transition(state.prompt, control.transition.chunks, 0, control.transition.method)
        return replace(state, prompt=target, transition=change)
    if isinstance(control, StepsSet):
        return replace(state, steps=control.steps)
    if isinstance(control, CameraSet):
        return replace(state, camera=state.camera.told(control))
    if isinstance(control, TrackBegin):
        return replace(state, strokes=_begin(state.strokes, control, start))
    if isinstance(control, TracksClear):
        kinds = control.kinds or ("drag", "pin", "path")
        return replace(state, strokes=tuple(s for s in state.strokes if s.kind not in kinds))
    strokes = tuple(
        s
        if s.track != control.track
        else s.extended(control.points)
        if isinstance(control, TrackMove)
        else s.ended()
        for s in state.strokes
    )
    return replace(state, strokes=strokes)


def _begin(strokes: tuple[Stroke, ...], control: TrackBegin, start: float) -> tuple[Stroke, ...]:
    others = tuple(stroke for stroke in strokes if stroke.track != control.track)
    return (*others, Stroke.begun(control, start))


def _first_effect(state: ControlState, control: Control, start: float, frames: int, fps: float) -> int:
    """The first frame of the chunk that shows the control: later than its first only where a track that has not begun to move
    begins later. A track on its way goes towards its new points from the chunk's first frame on.
    """
    if not isinstance(control, TrackMove):
        return 0
    if any(stroke.track == control.track and stroke.here is not None for stroke in state.strokes):
        return 0
    late = (control.points[0].t - start) * fps
    return int(min(max(0, np.ceil(late - 1e-6)), frames - 1))


def _blend(state: ControlState) -> tuple[Blend, Blend, float, str, Transition | None]:
    change = state.transition
    if change is None:
        return state.prompt, state.prompt, 1.0, "linear", None
    done = change.done + 1
    share = done / change.chunks
    left = replace(change, done=done) if done < change.chunks else None
    return state.prompt, change.source, share, change.method, left


def _stack(rows: list[tuple[np.ndarray, np.ndarray]], frames: int) -> tuple[np.ndarray, np.ndarray]:
    if not rows:
        return np.zeros((0, 1 + frames, 2), np.float32), np.zeros((0, 1 + frames), bool)
    xy, visible = zip(*rows, strict=True)
    points = np.stack(xy).astype(np.float32)
    inside = ((points >= 0) & (points < 1)).all(-1)
    return points, np.stack(visible) & inside


__all__ = ["Blend", "ChunkPlan", "ControlState", "TrackEnd", "fold", "initial_state", "normalised"]

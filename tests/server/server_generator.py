"""A generator without a model, for tests of the server: what a frame must show can be computed and read back.

Every frame has a bar code (frame index, seed, prompt, track position) in blocks that survive video encoding.
Misbehaves on request: a prompt that contains CRASH, HANG, OOM or REFUSE does so, in chunks from 2 on. With LATER it fails once,
when its pictures are out already.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import time
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from flowbrush.pipelines.requests import Applied, ChunkResult, Outline, StreamSettings
from flowbrush.protocol import (
    CameraSet,
    PromptSet,
    TrackBegin,
    TrackEnd,
    TrackMove,
    TracksClear,
    parse_control,
)

WIDTH, HEIGHT, FPS, CHUNK = 128, 96, 16.0, 4
BLOCK = 16
HISTORY = 16
SQUARE = (((0.4, 0.4), (0.6, 0.4), (0.6, 0.6)),)


@dataclasses.dataclass
class Card:
    name: str
    width: int = WIDTH
    height: int = HEIGHT
    fps: float = FPS
    chunk_frames: int = CHUNK
    history: int = HISTORY

    def public(self) -> dict[str, Any]:
        can = ("text", "image", "drag", "pin", "path", "camera", "rewind", "step", "branch", "probe")
        abilities = dict.fromkeys((*can, "source") if os.environ.get("TEST_SOURCE") else can, True)
        facts = dataclasses.asdict(self)
        return {
            **facts,
            "title": "double",
            "capabilities": abilities,
            "examples": ["a test"],
            "available": True,
        }


@dataclasses.dataclass
class State:
    settings: StreamSettings
    chunk: int = 0
    prompt: str = ""
    tracks: dict[int, list[tuple[float, float]]] = dataclasses.field(default_factory=dict)
    count: int = 0
    seen: float | None = None
    """how bright the last picture of its source was, 0 to 1: it is shown in place of a position"""
    history: deque[Any] = dataclasses.field(default_factory=lambda: deque(maxlen=HISTORY))

    def frozen(self) -> State:
        return copy.deepcopy(self)


def code_bits(frame: int, seed: int, prompt: str, x: float) -> int:
    """48 bits: 16 of the frame index, 8 of the seed, 16 of the prompt, 8 of the position."""
    position = min(255, max(0, round(x * 100)))
    return (
        frame & 0xFFFF | (seed & 0xFF) << 16 | (zlib.crc32(prompt.encode()) & 0xFFFF) << 24 | position << 40
    )


def draw(bits: int) -> np.ndarray:
    """The bits as white and black blocks, 8 a row."""
    cells = np.array([bits >> index & 1 for index in range(48)], np.uint8).reshape(6, 8)
    grey = np.kron(cells * 200 + 28, np.ones((BLOCK, BLOCK), np.uint8)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, 2)


def read(image: np.ndarray) -> tuple[int, int, int, int]:
    """(frame index, seed, prompt code, position in hundredths) of a decoded frame."""
    means = image.mean(-1).reshape(6, BLOCK, 8, BLOCK).mean((1, 3))
    bits = sum(1 << index for index, value in enumerate(means.ravel()) if value > 128)
    return bits & 0xFFFF, bits >> 16 & 0xFF, bits >> 24 & 0xFFFF, bits >> 40 & 0xFF


def prompt_code(prompt: str) -> int:
    """The 16 bits that stand for a prompt."""
    return zlib.crc32(prompt.encode()) & 0xFFFF


class Generator:
    """The interface of `flowbrush.pipelines.generator.Generator`."""

    on_gpu = False

    def __init__(self, name: str, seats: int) -> None:
        self.card = Card(name)
        self.seats = seats
        self.taken = 0
        self.failed_later = False
        self.chunk_s = float(os.environ.get("TEST_CHUNK_S", "0.02"))

    @classmethod
    def load(cls, name: str, *, device: str = "auto", seats: int = 4) -> Generator:
        if os.environ.get("TEST_LOAD_FAILS"):
            raise RuntimeError("the weights are broken")
        return cls(name, seats)

    def start(self, settings: StreamSettings) -> State:
        if settings.width != WIDTH or settings.height != HEIGHT:
            raise ValueError(f"this model makes {WIDTH}x{HEIGHT}, not {settings.width}x{settings.height}")
        self._sit()
        state = State(settings, prompt=settings.prompts[0][0] if settings.prompts else "")
        for track in settings.tracks:
            state.tracks[track.track] = [(point.t, point.x) for point in track.points]
        return state

    def _sit(self) -> None:
        if self.taken >= self.seats:
            raise RuntimeError("no seat is free")
        self.taken += 1

    def step(
        self,
        states: list[State],
        controls: list[list[Any]],
        ready: Callable[[list[ChunkResult]], None] | None = None,
        sources: Any = (),
    ) -> list[ChunkResult]:
        time.sleep(self.chunk_s)
        for state in states:
            self._misbehave(state)
        before = [copy.deepcopy(vars(state)) for state in states]
        for state, clip in zip(states, sources, strict=False):
            state.seen = state.seen if clip is None else float(clip.frames[-1].mean() / 255)
        results = [self._one(state, given) for state, given in zip(states, controls, strict=True)]
        if ready is not None:
            ready(results)
        if any("LATER" in state.prompt and state.chunk > 2 for state in states) and not self.failed_later:
            self.failed_later = True
            for state, values in zip(states, before, strict=True):
                vars(state).update(values)
            raise RuntimeError("the pass for later chunks failed")
        return results

    def _misbehave(self, state: State) -> None:
        if state.chunk < 2:
            return
        if "CRASH" in state.prompt:
            os._exit(9)
        if "HANG" in state.prompt:
            time.sleep(3600)
        if "OOM" in state.prompt:
            raise MemoryError("no memory")
        if "REFUSE" in state.prompt:
            raise ValueError("this chunk cannot be made")

    def _one(self, state: State, controls: list[Any]) -> ChunkResult:
        state.history.append((state.chunk, state.prompt, copy.deepcopy(state.tracks), state.count))
        first = state.chunk * CHUNK
        applied = []
        for control in controls:
            self._apply(state, control, first / FPS)
            state.count += 1
            if control.id is not None:
                applied.append(Applied(control.id, first))
        frames = [
            draw(
                code_bits(
                    first + index,
                    state.settings.seed,
                    state.prompt,
                    self._position(state, (first + index) / FPS),
                )
            )
            for index in range(CHUNK)
        ]
        state.chunk += 1
        return ChunkResult(
            state.chunk - 1,
            first,
            np.stack(frames),
            state.prompt,
            tuple(applied),
            (),
            self.chunk_s * 1e3,
            0.1,
            tuple((each.track, SQUARE) for each in controls if isinstance(each, TrackBegin)),
        )

    @staticmethod
    def _apply(state: State, control: Any, start: float) -> None:
        match control:
            case PromptSet():
                state.prompt = control.prompts[0].text
            case TrackBegin() | TrackMove():
                shift = start if isinstance(control, TrackBegin) and control.kind == "path" else 0.0
                samples = state.tracks.setdefault(control.track, [])
                samples += [(point.t + shift, point.x) for point in control.points]
            case TrackEnd():
                state.tracks.pop(control.track, None)
            case TracksClear():
                state.tracks.clear()
            case CameraSet():
                pass

    @staticmethod
    def _position(state: State, pts: float) -> float:
        if state.seen is not None:
            return state.seen
        for samples in state.tracks.values():
            times, xs = zip(*samples, strict=True)
            return float(np.interp(pts, times, xs))
        return 0.0

    def probe(self, state: State, point: Any, add: Any = (), remove: Any = ()) -> Outline:
        """A square around the point, or around the last point that is added."""
        x, y = add[-1] if add else point
        if "CURIOUS" in state.prompt:
            raise RuntimeError("nothing can be seen")
        corners = ((x - 0.1, y - 0.1), (x + 0.1, y - 0.1), (x + 0.1, y + 0.1), (x - 0.1, y + 0.1))
        return Outline(tuple(point), (corners,), "square")

    def snapshot_bytes(self, state: State) -> int:
        return len(self.snapshot(state))

    def snapshot(self, state: State) -> bytes:
        settings = dataclasses.asdict(state.settings)
        settings["tracks"] = [json.loads(track.to_json()) for track in state.settings.tracks]
        settings.pop("image")
        body = {"settings": settings, "chunk": state.chunk, "prompt": state.prompt, "count": state.count}
        return json.dumps({**body, "tracks": list(state.tracks.items())}).encode()

    def restored_in(self, chunk_s: float) -> float:
        return 0.0

    def restore(self, blob: bytes, brief: bool = False) -> State:
        body = json.loads(blob)
        settings = body.pop("settings")
        settings["prompts"] = tuple(tuple(each) for each in settings["prompts"])
        settings["tracks"] = tuple(parse_control(json.dumps(track)).message for track in settings["tracks"])
        tracks = {int(key): [tuple(point) for point in value] for key, value in body.pop("tracks")}
        self._sit()
        return State(StreamSettings(**settings), tracks=tracks, **body)

    def rewind(self, state: State, chunk: int) -> None:
        for at, prompt, tracks, count in state.history:
            if at == chunk + 1:
                state.chunk, state.prompt, state.tracks, state.count = at, prompt, tracks, count
                while state.history and state.history[-1][0] >= at:
                    state.history.pop()
                return
        if chunk + 1 != state.chunk:
            raise ValueError(f"chunk {chunk} is not kept")

    def release(self, state: State) -> None:
        self.taken -= 1

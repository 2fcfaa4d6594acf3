"""Have LiveFrame measure a running server: FLOWBRUSH_URL=… liveframe world run examples/liveframe_world.py:Flowbrush --suite quick

LiveFrame (https://pypi.org/project/liveframe) qualifies interactive video models: it steers a camera with keys, chunk by chunk,
times every answer, and looks whether the picture moves as it was told. Needs a running server, and
`pip install 'flowbrush[decode]' 'liveframe[world]' pillow`.

The camera of flowbrush moves over a picture: walking (W, S) is zooming, and stepping aside (A, D) is panning, as a turn (L, R) is.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from liveframe.engine import NativeFrame
from liveframe.world.actions import plan_chunks
from liveframe.world.backend import WorldCapabilities
from PIL import Image

from flowbrush import sync
from flowbrush.server_messages import SessionReady

URL = os.environ.get("FLOWBRUSH_URL", "http://localhost:8000")
MODEL = os.environ.get("FLOWBRUSH_MODEL", "pocket")
KEY = os.environ.get("FLOWBRUSH_API_KEY")
PAN, ZOOM = 0.15, 0.35
"""Frame widths, and doublings, a second."""

KEYS = {
    "W": (0.0, 0.0, ZOOM),
    "S": (0.0, 0.0, -ZOOM),
    "A": (-PAN, 0.0, 0.0),
    "D": (PAN, 0.0, 0.0),
    "L": (-PAN, 0.0, 0.0),
    "R": (PAN, 0.0, 0.0),
    "U": (0.0, -PAN, 0.0),
    "N": (0.0, PAN, 0.0),
    "0": (0.0, 0.0, 0.0),
}
"""Velocities of pan right, pan down and zoom."""


class Flowbrush:
    """LiveFrame's `WorldBackend`: one paused session a case, of which every step makes a chunk."""

    def __init__(self) -> None:
        self._stream: sync.SyncStream | None = None
        self._frames: Iterator[Any] = iter(())
        self._emitted = 0

    @cached_property
    def _ready(self) -> SessionReady:
        """What the server says of its model when a stream begins."""
        options = {"prompt": "a meadow", "paused": True, "frames": "none"}
        with sync.connect(URL, model=MODEL, api_key=KEY, **options) as stream:
            return stream.ready

    @property
    def capabilities(self) -> WorldCapabilities:
        ready = self._ready
        return WorldCapabilities(
            name=f"flowbrush-{ready.model}",
            interaction_mode="interactive",
            native_fps=ready.fps,
            chunk_frames=ready.chunk_frames,
            resolution=(ready.height, ready.width),
            actions=frozenset(KEYS),
            action_magnitudes={"pan_widths_per_second": PAN, "zoom_doublings_per_second": ZOOM},
        )

    def load(self) -> None:
        """The server has loaded its model already."""

    def reset(self, image: np.ndarray, prompt: str | None, seed: int) -> None:
        """A new session from a picture, uint8 [H, W, 3]."""
        self.close()
        png = io.BytesIO()
        Image.fromarray(image).save(png, "PNG")
        ready = self._ready
        self._stream = sync.connect(
            URL,
            model=MODEL,
            api_key=KEY,
            image=png.getvalue(),
            prompt=prompt,
            seed=seed,
            width=ready.width,
            height=ready.height,
            paused=True,
            realtime=False,
        )
        self._stream.__enter__()
        self._frames, self._emitted = iter(self._stream), 0

    def step(self, actions: Sequence[str]) -> Iterator[NativeFrame]:
        """One chunk with these keys held."""
        assert self._stream is not None, "reset comes first"
        right, down, zoom = np.sum([KEYS[key] for key in actions], axis=0).tolist()
        self._stream.camera(pan=(right, down), zoom=zoom)
        self._stream.step(1)
        pictures = np.stack([next(self._frames).image for _ in range(self._ready.chunk_frames)])
        self._emitted += 1
        yield NativeFrame(self._emitted - 1, pictures, len(pictures))

    def run_script(self, script: Any) -> Iterator[NativeFrame]:
        """All steps of a script."""
        for plan in plan_chunks(script, self._ready.chunk_frames):
            yield from self.step(plan.action.split("+"))

    def close(self) -> None:
        """Ends the session."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.__exit__(None, None, None)

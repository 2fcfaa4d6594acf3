"""The client without async: `with flowbrush.sync.connect(...) as stream: for frame in stream: ...`.

The same methods as `flowbrush.connect` gives (but `follow`: `call` runs what is async); every call waits for its answer. An event
loop in a thread of its own does the work, so the stream goes on while the caller computes; handlers of `on` run in that thread,
and cannot call the stream themselves.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import InstanceOf

from flowbrush import client
from flowbrush.acks import Ack, Applied
from flowbrush.arguments import checks_arguments
from flowbrush.controls import Grid
from flowbrush.errors import SessionEnded
from flowbrush.messages import TrackKind
from flowbrush.rest import ImageLike
from flowbrush.server_messages import (
    Outline,
    SessionDone,
    SessionPaused,
    SessionReady,
    SessionRestarted,
    SessionResumed,
    SessionRewound,
)
from flowbrush.stream import PromptLike, RegionLike, Stream, TimedPlaces
from flowbrush.tracks import Drag, Places, Track, Way

Result = TypeVar("Result")
_END = object()


async def _cancel_others() -> None:
    """All tasks but this one; one that is being cancelled closes its connection, and is left to it."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*(task for task in others if task.cancelling()), return_exceptions=True)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@checks_arguments
class SyncTrack:
    """A track: `release` lets go, as does leaving `with`; `move` is for drags."""

    def __init__(self, stream: SyncStream, track: Track) -> None:
        self._stream = stream
        self._track = track

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()

    @property
    def ack(self) -> Ack:
        """The acknowledgement of the track's beginning, for `SyncStream.applied`."""
        return self._track.ack

    def release(self) -> Ack | None:
        """Let go of the point; None when it was released before."""
        return self._stream.call(self._track.release())


@checks_arguments
class SyncDrag(SyncTrack):
    """A point that is moved live."""

    _track: Drag

    def move(self, x: float, y: float, *, visible: bool = True) -> None:
        """The hand is at (x, y) now."""
        self._stream.call(self._track.move(x, y, visible=visible))


@checks_arguments
class SyncStream:
    """A stream whose calls block. Made by `connect`; iterating gives frames."""

    def __init__(self, make: Callable[[], Stream]) -> None:
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flowbrush", daemon=True)
        self._handlers: list[tuple[str, Callable[[Any], Any]]] = []
        self._stream: Stream | None = None

    def __enter__(self) -> Self:
        if self._thread.ident is not None:
            raise RuntimeError("this stream was opened before, and is opened once: make another one")
        self._thread.start()
        try:
            self.call(self._open())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.disconnect()
        finally:
            self._stop()

    def __iter__(self) -> Iterator[Any]:
        while (frame := self.call(self._next())) is not _END:
            yield frame

    def call(self, work: Annotated[Coroutine[Any, Any, Result], InstanceOf()]) -> Result:
        """Run a coroutine of the async client and wait for it; Ctrl-C cancels it.

        Raises SessionEnded after the `with`, and RuntimeError in a handler, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            work.close()
            text = "a handler runs in the thread that does the stream's work, and would wait for itself"
            raise RuntimeError(f"{text}: have another thread do this, or use flowbrush.connect")
        if self._loop.is_closed():
            work.close()
            raise SessionEnded("the session is over, its `with` was left: connect again for another one")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    @property
    def stream(self) -> Stream:
        """The async stream behind it; RuntimeError before it is open."""
        if self._stream is None:
            raise RuntimeError("not connected: use `with`")
        return self._stream

    @property
    def ready(self) -> SessionReady:
        return self.stream.ready

    @property
    def session(self) -> str:
        return self.stream.session

    @property
    def resume_token(self) -> str | None:
        return self.stream.resume_token

    @property
    def paused(self) -> bool:
        return self.stream.paused

    def on(self, event: str, handler: Callable[[Any], Any]) -> None:
        """Call `handler(message)`, in the thread of the stream, at every such event."""
        if self._stream is None:
            self._handlers.append((event, handler))
        else:
            self._stream.on(event, handler)

    def applied(self, ack: Ack) -> Applied:
        """Wait until pixels show the control; frames must be read meanwhile, or thrown away by "none"."""

        async def wait() -> Applied:
            return await ack.applied

        return self.call(wait())

    def set_prompt(
        self,
        prompt: PromptLike,
        *,
        transition_chunks: int | None = None,
        method: Literal["linear", "slerp"] = "linear",
    ) -> Ack:
        return self.call(self.stream.set_prompt(prompt, transition_chunks=transition_chunks, method=method))

    def set_image(self, image: ImageLike) -> None:
        self.call(self.stream.set_image(image))

    def probe(self, x: float, y: float, *, add: Places = (), remove: Places = ()) -> Outline:
        return self.call(self.stream.probe(x, y, add=add, remove=remove))

    def drag(
        self,
        x: float,
        y: float,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> SyncDrag:
        make = partial(self.stream.drag, x, y, grid=grid, region=region, add=add, remove=remove)
        return SyncDrag(self, self.call(self._begin(make)))

    def drag_along(
        self,
        points: Way,
        seconds: float,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> Ack:
        along = self.stream.drag_along(points, seconds, grid=grid, region=region, add=add, remove=remove)
        return self.call(along)

    def pin(
        self,
        x: float,
        y: float,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> SyncTrack:
        make = partial(self.stream.pin, x, y, grid=grid, region=region, add=add, remove=remove)
        return SyncTrack(self, self.call(self._begin(make)))

    def path(
        self,
        points: TimedPlaces,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> SyncTrack:
        make = partial(self.stream.path, points, grid=grid, region=region, add=add, remove=remove)
        return SyncTrack(self, self.call(self._begin(make)))

    def clear_tracks(self, *kinds: TrackKind) -> Ack:
        return self.call(self.stream.clear_tracks(*kinds))

    def camera(
        self,
        *,
        pan: tuple[float, float] = (0.0, 0.0),
        zoom: float = 0.0,
        roll: float = 0.0,
        mode: Literal["velocity", "target"] = "velocity",
    ) -> Ack:
        return self.call(self.stream.camera(pan=pan, zoom=zoom, roll=roll, mode=mode))

    def pause(self) -> SessionPaused:
        return self.call(self.stream.pause())

    def resume(self) -> SessionResumed:
        return self.call(self.stream.resume())

    def step(self, chunks: int = 1) -> SessionPaused:
        return self.call(self.stream.step(chunks))

    def rewind(self, chunk: int) -> SessionRewound:
        return self.call(self.stream.rewind(chunk))

    def reset(self, seed: int | None = None) -> SessionRestarted:
        return self.call(self.stream.reset(seed))

    def disconnect(self) -> SessionDone | None:
        return self.call(self.stream.disconnect())

    async def _open(self) -> None:
        self._stream = self._make()
        for event, handler in self._handlers:
            self._stream.on(event, handler)
        await self._stream.__aenter__()

    async def _next(self) -> Any:
        return await anext(self.stream, _END)

    async def _begin(self, make: Callable[[], Any]) -> Any:
        return await make()

    def _stop(self) -> None:
        """Also what was interrupted is given time to close its connection."""
        try:
            asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        finally:
            self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def connect(url: str = "http://localhost:8000", **options: Any) -> SyncStream:
    """A blocking stream, to be opened with `with`; the options are those of `flowbrush.connect`."""
    return SyncStream(lambda: client.connect(url, **options))

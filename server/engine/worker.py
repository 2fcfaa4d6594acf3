"""A worker process: owns the device, the model and the encoders. The only process that loads torch.

The main thread takes orders from the pipe and makes chunks; one thread encodes what was made while the
next chunk is under way; one thread beats, so that the server can tell slow from dead.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

from flowbrush.protocol import Codec
from models import registry
from pipelines.requests import ChunkResult, Frames, StreamSettings
from server import logs
from server.engine import ipc
from server.engine.capacity import seats_that_fit
from server.engine.encode_thread import EncodeThread, Job
from server.engine.encoder import VideoEncoder, available_codecs

log = logging.getLogger(__name__)

WARM_UP_CHUNKS = 3
PROMPT = "a calm meadow"
PICTURES_KEPT = 32


@dataclass
class Seat:
    """One stream in this worker."""

    epoch: int
    state: Any
    encoder: VideoEncoder
    newest: deque[tuple[int, Frames]] = field(default_factory=lambda: deque(maxlen=PICTURES_KEPT))
    """the last frame of each chunk with its index, for stills; so many as a rewind reaches back"""


class Uplink:
    """The pipe to the server; any thread may send. A broken pipe means that the server is gone."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        """Sends one message, or ends the process: a worker without a server has nothing to do."""
        try:
            with self._lock:
                self._pipe.send(message)
        except (BrokenPipeError, ConnectionError, OSError):
            os._exit(0)


def main(pipe: Connection, config: ipc.WorkerConfig) -> None:
    """Entry of the process: loads, warms up, serves until Quit or until the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logs.configure(config.log_level, config.log_json)
    uplink = Uplink(pipe)
    worker = Worker(uplink)
    threading.Thread(target=worker.beat, args=(config.beat_s,), daemon=True).start()
    try:
        worker.load(config)
    except Exception as error:
        if not isinstance(error, ValueError):  # a bad file or setting says all in one line
            log.exception("the model %s could not be loaded", config.model)
        uplink.send(ipc.LoadFailed(f"{type(error).__name__}: {error}"))
        return
    while True:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            return
        if isinstance(order, ipc.Quit):
            return
        worker.obey(order)


class Worker:
    """The generator and the streams that sit in it."""

    def __init__(self, uplink: Uplink) -> None:
        self._up = uplink
        self._seats: dict[str, Seat] = {}
        self._busy_since: float | None = None
        self._encoding = EncodeThread(uplink.send)
        self._generator: Any = None

    def beat(self, interval_s: float) -> None:
        """Says for ever that the process lives and how long the present batch has been going on."""
        while True:
            since = self._busy_since
            self._up.send(ipc.Beat(0.0 if since is None else time.monotonic() - since))
            time.sleep(interval_s)

    def load(self, config: ipc.WorkerConfig) -> None:
        """Loads and warms up the model, tries the encoders, reports."""
        if config.threads:
            import torch

            torch.set_num_threads(config.threads)
        module, _, path = config.loader.partition(":")
        loader: Any = importlib.import_module(module)
        for name in path.split("."):
            loader = getattr(loader, name)
        seats = config.seats or seats_that_fit(registry.card(config.model), config.device)
        asked = {"attention": config.attention, "compile": config.compile, "fp8": config.fp8}
        switches = {name: value for name, value in asked.items() if value not in (False, "sdpa")}
        self._generator = loader(config.model, device=config.device, seats=seats, **switches)
        card = self._generator.card
        chunk_s = self._warm_up(card, config.compile)
        codecs = available_codecs(card.width, card.height, card.fps)
        gc.collect()
        gc.freeze()  # a full collection over all that was loaded would stop a chunk for 0.2 s, every few seconds
        self._up.send(ipc.Loaded(card.public(), self._generator.seats, codecs, chunk_s))

    def _warm_up(self, card: Any, compiled: bool) -> float:
        """Runs alone and with full batches; returns the time of one chunk of one stream.

        With `compiled`, in every shape that streams can have: a shape is compiled when it first comes, which takes long.
        """
        settings = StreamSettings(card.name, ((PROMPT, 1.0),), card.width, card.height, card.fps)
        chunk_s = 0.0
        seats = self._generator.seats
        chunks = card.student.sink + card.student.window + 2 if compiled else WARM_UP_CHUNKS
        for streams in range(1, seats + 1) if compiled else sorted({1, seats}):
            states = [self._generator.start(settings) for _ in range(streams)]
            for _ in range(chunks):
                begun = time.monotonic()
                self._generator.step(states, [[] for _ in states])
                if streams == 1:
                    chunk_s = time.monotonic() - begun
            for state in states:
                self._generator.release(state)
        return chunk_s

    def obey(self, order: Any) -> None:
        """Carries out one order; what goes wrong becomes a message, not an exception."""
        self._busy_since = time.monotonic()
        try:
            match order:
                case ipc.Step():
                    self._step(order)
                case ipc.Open():
                    self._open(order)
                case ipc.Rewind():
                    self._rewind(order)
                case ipc.Still():
                    self._still(order)
                case ipc.Close():
                    self._close(order.stream)
        finally:
            self._busy_since = None

    def _open(self, order: ipc.Open) -> None:
        self._close(order.stream)
        settings = order.settings
        try:
            if order.snapshot is not None:
                with open(order.snapshot, "rb") as file:
                    state = self._generator.restore(file.read())
            else:
                state = self._generator.start(settings)
            encoder = VideoEncoder(Codec(order.codec), settings.width, settings.height, settings.fps)
        except Exception as error:
            bad_request = isinstance(error, ValueError) and order.snapshot is None
            if not bad_request:
                log.exception("stream %s could not be opened", order.stream)
            message = str(error) if bad_request else f"{type(error).__name__}: {error}"
            self._up.send(ipc.OpenFailed(order.stream, order.epoch, message, bad_request))
            return
        self._seats[order.stream] = Seat(order.epoch, state, encoder)
        self._up.send(ipc.Opened(order.stream, order.epoch, state.chunk))

    def _rewind(self, order: ipc.Rewind) -> None:
        seat = self._seats.get(order.stream)
        if seat is None:
            self._up.send(ipc.Rewound(order.stream, order.epoch, False))
            return
        try:
            self._generator.rewind(seat.state, order.chunk)
        except ValueError:
            self._up.send(ipc.Rewound(order.stream, order.epoch, False))
            return
        seat.epoch = order.epoch
        while len(seat.newest) > 0 and seat.newest[-1][0] // self._generator.card.chunk_frames > order.chunk:
            seat.newest.pop()
        self._up.send(ipc.Rewound(order.stream, order.epoch, True))

    def _still(self, order: ipc.Still) -> None:
        seat = self._seats.get(order.stream)
        answer = ipc.StillImage(order.stream, order.request)
        if seat is not None and seat.newest:
            index, picture = seat.newest[-1]
            height, width, _ = picture.shape
            try:
                encoder = VideoEncoder(Codec(order.codec), width, height, self._generator.card.fps)
                answer = replace(answer, frame=index, payload=encoder.encode(picture, key=True)[0])
            except Exception:
                log.exception("stream %s: no still picture", order.stream)
        self._up.send(answer)

    def _close(self, stream: str) -> None:
        seat = self._seats.pop(stream, None)
        if seat is not None:
            self._generator.release(seat.state)

    def _step(self, order: ipc.Step) -> None:
        items = []
        for item in order.items:
            if self._fits(item):
                items.append(item)
            else:  # stale after a rewind, and ignored then; or else the stream has to be opened again
                text = "the worker's stream does not stand before this chunk"
                self._up.send(ipc.StreamFailed(item.stream, item.epoch, item.chunk, text))
        begun = time.monotonic()
        if items and not self._make(items):
            return
        self._up.send(ipc.StepDone((time.monotonic() - begun) * 1e3))

    def _make(self, items: list[ipc.StepItem]) -> bool:
        """Makes a batch. Its pictures go out as soon as they are there. False where no stream has changed and nothing was sent."""
        begun, sent = time.monotonic(), False

        def ready(results: list[ChunkResult]) -> None:
            nonlocal sent
            step_ms = (time.monotonic() - begun) * 1e3
            for item, result in zip(items, results, strict=True):
                self._report(item, result, step_ms)
            sent = True

        try:
            self._generator.step(
                [self._seats[item.stream].state for item in items],
                [list(item.controls) for item in items],
                ready,
            )
        except Exception as error:
            log.exception("a batch of %d failed", len(items))
            text = f"{type(error).__name__}: {error}"
            if not sent or _out_of_memory(error):
                names = tuple((item.stream, item.epoch) for item in items)
                self._up.send(ipc.StepFailed(names, text, _out_of_memory(error)))
                return False
            for (
                item
            ) in items:  # its pictures are out, but the stream stands before them: it has to be opened again
                self._up.send(ipc.StreamFailed(item.stream, item.epoch, item.chunk, text))
            return True
        for item in items:
            if item.save is not None:
                self._encoding.put_snapshot(item, self._generator.snapshot(self._seats[item.stream].state))
        return True

    def _fits(self, item: ipc.StepItem) -> bool:
        """Whether the item is for the stream as it is now."""
        seat = self._seats.get(item.stream)
        return seat is not None and seat.epoch == item.epoch and seat.state.chunk == item.chunk

    def _report(self, item: ipc.StepItem, result: ChunkResult, step_ms: float) -> None:
        seat = self._seats[item.stream]
        seat.newest.append((result.first_frame + len(result.frames) - 1, result.frames[-1]))
        made = ipc.Made(
            item.stream,
            item.epoch,
            result.chunk,
            result.first_frame,
            len(result.frames),
            result.prompt,
            item.mute,
            result.applied,
            result.notices,
            result.denoise_ms,
            result.decode_ms,
            step_ms,
        )
        self._up.send(made)
        if not item.mute:
            self._encoding.put(Job(item, result, seat.encoder))


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"

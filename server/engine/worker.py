"""A worker: owns the device, the model and the encoders. Its process is the only one that loads torch.

One thread takes orders and makes chunks. Each stream has another that encodes what was made, one writes a snapshot now and then,
and one beats, so that the server can tell slow from dead; it also gives up encoders and snapshots that take too long.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flowbrush.controls import Control
from flowbrush.models.cards import registry
from flowbrush.models.cpus import Threads
from flowbrush.pipelines.play.warm_up import warm_up
from flowbrush.pipelines.requests import ChunkResult, SourceClip
from flowbrush.protocol import Codec
from flowbrush.server.allowance import FEWEST_THREADS, check_threads
from flowbrush.server.engine import ipc
from flowbrush.server.engine.capacity import seats_that_fit
from flowbrush.server.engine.encode_thread import Job, StreamEncoder
from flowbrush.server.engine.encoder import available_codecs
from flowbrush.server.engine.pauses import Pauses
from flowbrush.server.engine.pictures import Pictures
from flowbrush.server.engine.reading import Reader
from flowbrush.server.engine.snapshots import Snapshots, blob_of
from flowbrush.server.engine.source_clip import clip_of
from flowbrush.server.engine.still_threads import StillThreads
from flowbrush.server.sessions.refused import failure

log = logging.getLogger(__name__)

MAX_STUCK = 8
"""Encoders that may hang before the worker, with their threads, is replaced."""


@dataclass
class Slot:
    """One stream in this worker."""

    epoch: int
    state: Any
    encoder: StreamEncoder
    pictures: Pictures


class Uplink(Protocol):
    """The way to the server; any thread may send."""

    def send(self, message: Any) -> None: ...


class Worker:
    """The generator and the streams that sit in it."""

    def __init__(self, uplink: Uplink) -> None:
        self._up = uplink
        self._slots: dict[str, Slot] = {}
        self._busy_since: float | None = None
        self._generator: Any = None
        self._snapshots: Snapshots | None = None
        self._threads: Threads | None = None
        self._stills = StillThreads(self._up.send)
        self._stuck = 0
        self._weights = ""
        self._reader: Reader | None = None
        self._brief = False

    def beat(self, interval_s: float, stage_s: float) -> None:
        """Says for ever that the process lives and how long its order has been going on; gives up encoders and snapshots that take
        longer than `stage_s`.
        """
        pauses = Pauses(interval_s, time.monotonic())
        order, stood_s = None, 0.0
        while True:
            since, now = self._busy_since, time.monotonic()
            missed_s = pauses.missed_s(now)
            order, stood_s = since, missed_s + (stood_s if since == order else 0.0)
            self._up.send(ipc.Beat(0.0 if since is None else max(0.0, now - since - stood_s)))
            self._stuck += sum(
                slot.encoder.give_up_after(stage_s + missed_s) for slot in list(self._slots.values())
            )
            if self._snapshots is not None:
                self._snapshots.give_up_after(stage_s + missed_s)
            if self._stuck > MAX_STUCK:
                log.error("%d encoders are stuck: the worker ends and is replaced", self._stuck)
                os._exit(1)
            time.sleep(interval_s)

    def load(self, config: ipc.WorkerConfig) -> None:
        """Loads and warms up the model, tries the encoders, reports."""
        module, _, path = config.loader.partition(":")
        loader: Any = importlib.import_module(module)
        if "torch" in sys.modules:  # not every generator computes with it, and to load it takes a second
            self._threads = Threads(config.threads)
        for name in path.split("."):
            loader = getattr(loader, name)
        seats = config.seats or seats_that_fit(registry.card(config.model), config.device)
        names = ("attention", "compile", "fp8", "drag")
        asked = {name: getattr(config, name) for name in names}
        switches = {name: value for name, value in asked.items() if value not in (False, "auto")}
        self._generator = loader(config.model, device=config.device, seats=seats, **switches)
        card = self._generator.card
        generator = self._generator
        self._weights = _fingerprint(generator.model) if hasattr(generator, "model") else ""
        prompts = getattr(generator, "prompts", None)
        if prompts is not None and prompts.slow:
            self._reader = Reader(prompts.read, self._up.send)
        self._snapshots = Snapshots(self._up.send, self._dump, config.snapshot_bytes, config.ship)
        chunk_s = warm_up(generator, config.compile)
        # What takes long would be taken for something that hangs.
        self._brief = generator.restored_in(chunk_s) > config.stage_s / 2
        codecs = available_codecs(card.width, card.height, card.fps)
        check_threads(generator.seats + FEWEST_THREADS)  # each stream's encoder is one
        gc.collect()
        gc.freeze()  # a full collection over all that was loaded would stop a chunk for 0.2 s, every few seconds
        reads = self._reader is not None
        facts = card.public(), generator.seats, codecs, chunk_s, self._weights, reads
        self._up.send(ipc.Loaded(*facts))

    def read(self, order: ipc.Read) -> None:
        """Has a prompt read concurrently with the order that is going on; called by the thread that takes orders in."""
        if self._reader is not None:
            self._reader.put(order)

    def _unread(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Those that take long to be read, and were not yet."""
        return () if self._reader is None else self._generator.prompts.unread(texts)

    def obey(self, order: Any) -> None:
        """Carries out one order; what goes wrong becomes a message, not an exception."""
        match order:
            case ipc.Still():
                self._still(order)
            case ipc.Close():
                self._close(order.stream)
            case ipc.Step():
                self._timed(self._step, order)
            case ipc.Open():
                self._timed(self._open, order)
            case ipc.Rewind():
                self._timed(self._rewind, order)
            case ipc.Probe():
                self._timed(self._probe, order)

    def _timed(self, work: Callable[[Any], None], order: Any) -> None:
        """Work that others wait for: its time is watched, and its end is said."""
        self._busy_since = begun = time.monotonic()
        try:
            if self._threads is not None:
                self._threads.follow()
            work(order)
        finally:
            self._busy_since = None
        self._up.send(ipc.Done((time.monotonic() - begun) * 1e3))

    def _open(self, order: ipc.Open) -> None:
        self._close(order.stream)
        settings = ipc.settings_of(order)
        unread = self._unread(text for text, _ in settings.prompts) if order.snapshot is None else ()
        if unread and not order.anyway:
            self._up.send(ipc.Unread(order.stream, order.epoch, unread))
            return
        try:
            if order.snapshot is not None:
                state = self._restore(blob_of(order))
            else:
                state = self._generator.start(settings)
        except Exception as error:
            bad_request = isinstance(error, ValueError) and order.snapshot is None
            if not bad_request:
                log.exception("stream %s could not be opened", order.stream)
            message = str(error) if bad_request else failure(error)
            self._up.send(ipc.OpenFailed(order.stream, order.epoch, message, bad_request))
            return
        shape = settings.width, settings.height, settings.fps
        encoder = StreamEncoder(self._up.send, Codec(order.codec), *shape)
        pictures = Pictures(self._generator.card.history)
        self._slots[order.stream] = Slot(order.epoch, state, encoder, pictures)
        self._up.send(ipc.Opened(order.stream, order.epoch, state.chunk))

    def _dump(self, state: Any) -> bytes:
        """A snapshot, headed by the weights that it was made with."""
        snapshot: bytes = self._generator.snapshot(state)
        return self._weights.encode() + b"\n" + snapshot

    def _restore(self, data: bytes) -> Any:
        weights, _, blob = data.partition(b"\n")
        if weights != self._weights.encode():
            raise ValueError(
                "the snapshot was made with other weights: the stream is made again from its log"
            )
        # Beside others, whose chunks would wait, its frames differ by rounding in any case: they share their passes.
        return self._generator.restore(blob, self._brief or bool(self._slots))

    def _rewind(self, order: ipc.Rewind) -> None:
        slot = self._slots.get(order.stream)
        if slot is None:
            self._up.send(ipc.Rewound(order.stream, order.epoch, False))
            return
        try:
            self._generator.rewind(slot.state, order.chunk)
        except ValueError:
            self._up.send(ipc.Rewound(order.stream, order.epoch, False))
            return
        slot.epoch = order.epoch
        slot.pictures.cut((order.chunk + 1) * self._generator.card.chunk_frames)
        self._up.send(ipc.Rewound(order.stream, order.epoch, True))

    def _probe(self, order: ipc.Probe) -> None:
        slot, region, label = self._slots.get(order.stream), (), ""
        if slot is not None:
            try:
                found = self._generator.probe(slot.state, order.point, order.add, order.remove)
                region, label = found.region, found.label
            except Exception:
                log.exception("stream %s: it could not be seen what a hand would take", order.stream)
        self._up.send(ipc.Outlined(order.stream, order.epoch, region, label))

    def _still(self, order: ipc.Still) -> None:
        slot = self._slots.get(order.stream)
        newest = None if slot is None else slot.pictures.newest
        if newest is None:
            self._up.send(ipc.StillImage(order.stream, order.request))
        else:
            self._stills.encode(order, *newest, self._generator.card.fps)

    def _close(self, stream: str) -> None:
        slot = self._slots.pop(stream, None)
        if slot is not None:
            slot.encoder.close()
            self._generator.release(slot.state)

    def _step(self, order: ipc.Step) -> None:
        items, given = [], []
        for item in order.items:
            controls = ipc.unpacked(item.controls)
            if not self._fits(
                item
            ):  # stale after a rewind, and ignored then; or else the stream has to be opened again
                text = "the worker's stream does not stand before this chunk"
                self._up.send(ipc.StreamFailed(item.stream, item.epoch, item.chunk, text))
            elif unread := self._unread_of(item, controls):
                self._up.send(ipc.Unread(item.stream, item.epoch, unread))
            else:
                items.append(item)
                given.append(controls)
        if items:
            self._make(items, given)

    def _unread_of(self, item: ipc.StepItem, controls: list[Control]) -> tuple[str, ...]:
        """What would have to be read for the chunk, unless it is to be made anyway."""
        if item.anyway or self._reader is None:
            return ()
        return self._unread(self._generator.texts(self._slots[item.stream].state, controls))

    def _make(self, items: list[ipc.StepItem], given: list[list[Control]]) -> None:
        """Makes a batch with the controls `given`. Its pictures go out as soon as they are there."""
        begun, sent = time.monotonic(), False

        def ready(results: list[ChunkResult]) -> None:
            nonlocal sent
            step_ms = (time.monotonic() - begun) * 1e3
            for item, result in zip(items, results, strict=True):
                self._report(item, result, step_ms)
            sent = True

        try:
            self._generator.step(
                [self._slots[item.stream].state for item in items],
                given,
                ready,
                *_sources(items),
            )
        except Exception as error:
            log.exception("a batch of %d failed", len(items))
            text = failure(error)
            if not sent or _out_of_memory(error):
                names = tuple((item.stream, item.epoch) for item in items)
                self._up.send(ipc.StepFailed(names, text, _out_of_memory(error)))
                return
            for (
                item
            ) in items:  # its pictures are out, but the stream stands before them: it has to be opened again
                self._up.send(ipc.StreamFailed(item.stream, item.epoch, item.chunk, text))
            return
        for item in items:
            self._keep(item)

    def _keep(self, item: ipc.StepItem) -> None:
        """Has a snapshot written, where one is asked for and can be kept."""
        if item.save is None or self._snapshots is None or self._snapshots.busy:
            return
        state = self._slots[item.stream].state
        if self._snapshots.fits(self._generator.snapshot_bytes(state)):
            self._snapshots.offer(item, state.frozen())

    def _fits(self, item: ipc.StepItem) -> bool:
        """Whether the item is for the stream as it is now."""
        slot = self._slots.get(item.stream)
        return slot is not None and slot.epoch == item.epoch and slot.state.chunk == item.chunk

    def _report(self, item: ipc.StepItem, result: ChunkResult, step_ms: float) -> None:
        slot = self._slots[item.stream]
        slot.pictures.add(result.first_frame + len(result.frames) - 1, result.frames[-1])
        made = ipc.Made(
            item.stream,
            item.epoch,
            result.chunk,
            result.first_frame,
            len(result.frames),
            result.prompt,
            item.replay_only,
            result.applied,
            result.notices,
            float(result.denoise_ms),
            float(result.decode_ms),
            step_ms,
            result.held,
            result.quiet,
        )
        self._up.send(made)
        if not item.replay_only:
            slot.encoder.put(Job(item, result))


def _sources(items: Sequence[ipc.StepItem]) -> tuple[list[SourceClip | None], ...]:
    """The clips of streams that follow a source, as one more argument: a generator that follows none need not know it."""
    clips = [clip_of(item.source) for item in items]
    return (clips,) if any(clip is not None for clip in clips) else ()


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _fingerprint(model: Any) -> str:
    from flowbrush.models.loading.fingerprint import fingerprint  # here, since it loads torch

    return fingerprint(model)

"""A session and what it asks for, without a server: effects are written down, and those of the journal carried out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowbrush.pipelines.requests import Applied, StreamSettings
from flowbrush.protocol import Codec, Control, Point, TrackBegin, TrackMove
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions import machine
from flowbrush.server.sessions.session import Session
from flowbrush.server.sessions.track_history import there_after
from flowbrush.server.store.journal import Journal, track_changes

CAN = {"text": True, "drag": True, "pin": True, "path": True}
FRAMES, FPS = 4, 16


class Harness:
    """One session at a worker that does what it is told."""

    def __init__(self, folder: Path, codecs: tuple[Codec, ...] = (Codec.H264,), **options: Any) -> None:
        settings = StreamSettings("m", (("p", 1.0),), 128, 96, FPS)
        self.session = Session("id", settings, FRAMES, codecs, 0.1, **options)
        self.journal = Journal(folder / "journal")
        self.disk_full = self.disk_hangs = False
        self.writing: list[do.Append | do.CutFiles] = []
        self.effects: list[Any] = []

    def tell(self, event: Any, now: float = 0.0) -> list[Any]:
        """What the event leads to, that of the journal's answers included."""
        found = self._run(event, now)
        self.effects += found
        return found

    def _run(self, event: Any, now: float) -> list[Any]:
        found: list[Any] = []
        for effect in machine.handle(self.session, event, now):
            found.append(effect)
            match effect:
                case do.Append() | do.CutFiles():
                    self.writing.append(effect)
                    if not self.disk_hangs:
                        found += self._write(now)
                case do.Fetch() if not self.disk_hangs:
                    controls = self.journal.controls(effect.chunk)
                    found += self._run(on.Fetched(effect.chunk, effect.epoch, controls), now)
                case do.Recall() if not self.disk_hangs:
                    found += self.recall(effect, now)
        return found

    def recall(self, asked: do.Recall, now: float) -> list[Any]:
        """The journal is read for what a rewind has to know."""
        told = self.session
        try:
            changes = track_changes(self.journal.path, asked.chunks)
            there = there_after(asked.chunks, told.chunk_s, told.settings.tracks, changes)
        except (OSError, ValueError) as error:
            return self._run(on.Failed(asked, error), now)
        return self._run(on.Recalled(asked, there), now)

    def _write(self, now: float) -> list[Any]:
        effect = self.writing.pop(0)
        if isinstance(effect, do.CutFiles):
            self.journal.truncate(effect.chunks)
            return []
        if self.disk_full:
            return self._run(on.Failed(effect, OSError(28, "No space left on device")), now)
        return self._run(
            on.Written(self.journal.replace(effect.first, effect.lines, self.session.epoch)), now
        )

    def disk_answers(self, now: float = 0.0) -> list[Any]:
        """The oldest write that hangs comes to its end."""
        found = self._write(now)
        self.effects += found
        return found

    def open(self, chunk: int = 0) -> Any:
        """The client comes, the session gets a slot and its state; returns the order that it gave for that."""
        self.tell(on.Attached(self.session.output.frame))
        return self.seat(chunk)

    def seat(self, chunk: int = 0) -> Any:
        """It gets a slot, and its worker a state that stands before `chunk`; returns the order."""
        self.tell(on.SlotGiven())
        (order,) = orders(self.tell(on.Turn()))
        self.tell(ipc.Opened("id", order.epoch, chunk))
        return order

    def turn(self, now: float = 0.0) -> Any:
        """The order of its next turn."""
        told = self.tell(on.Turn(), now)
        if any(isinstance(each, do.Fetch) for each in told):  # with what was fetched it goes on
            told = self.tell(on.Turn(), now)
        (order,) = orders(told)
        return order

    def made(self, item: Any, applied: tuple[Applied, ...] = (), now: float = 0.0) -> list[Any]:
        """The worker has made the pictures of a chunk."""
        first = item.chunk * FRAMES
        args = (item.chunk, first, FRAMES, "p", item.replay_only, applied)
        return self.tell(ipc.Made("id", self.session.epoch, *args), now)

    def frame(self, item: Any, offset: int, now: float = 0.0) -> list[Any]:
        """One frame of it is encoded."""
        args = (item.chunk, item.chunk * FRAMES + offset, b"x", offset in item.keys, offset == FRAMES - 1)
        return self.tell(ipc.Encoded("id", self.session.epoch, *args, 1.0), now)

    def chunk(self, applied: tuple[Applied, ...] = (), now: float = 0.0) -> tuple[Any, list[Any]]:
        """One chunk from its turn to the last frame: the order, and what followed."""
        item = self.turn(now)
        sent = self.made(item, applied, now)
        if not item.replay_only:
            for offset in range(FRAMES):
                sent += self.frame(item, offset, now)
        return item, sent

    def give(self, *controls: Control) -> None:
        for control in controls:
            self.tell(on.Given(control, CAN))


def orders(effects: list[Any]) -> list[Any]:
    return [each.order for each in effects if isinstance(each, do.Order)]


def packets(effects: list[Any]) -> list[Any]:
    return [each.packet for each in effects if isinstance(each, do.Show)]


def said(effects: list[Any], kind: str = "") -> list[Any]:
    """The messages of that type."""
    found = [each.message for each in effects if isinstance(each, do.Say)]
    return [each for each in found if not kind or each.type == kind]


def drag(id: int | None, track: int, t: float, x: float = 0.5) -> TrackBegin:
    return TrackBegin(id=id, track=track, kind="drag", points=(Point(t=t, x=x, y=0.5),))


def move(id: int | None, track: int, *times: float) -> TrackMove:
    return TrackMove(id=id, track=track, points=tuple(Point(t=t, x=0.5, y=0.5) for t in times))

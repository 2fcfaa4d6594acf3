"""Sessions as files: making them, taking up those of an earlier process, reading their logs."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from flowbrush.pipelines.requests import Frames, StreamSettings
from flowbrush.protocol import Codec, Control, Notice, SessionStart, StartFields
from flowbrush.server.delivery.recording import Recording
from flowbrush.server.engine import ipc
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions.session import Session, Terms
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.settings import MIB, Settings
from flowbrush.server.store import images
from flowbrush.server.store.journal import Journal, lines_of
from flowbrush.server.store.log_text import log_text
from flowbrush.server.store.room import Room
from flowbrush.server.store.store import SessionRecord, Store, hash_token
from flowbrush.session_file import FileStart, SessionFile

log = logging.getLogger(__name__)

JOURNAL_BYTES = 256 * MIB
JOURNAL_SHARE = 8
"""The largest journal, and the share of the disk that one may take."""

PAUSED_S = 60.0
"""A paused session keeps its slot for so long while others wait."""

EXPECTED_CHUNK_S = 0.2
"""A first guess for sessions that are taken up before a worker has measured one."""


class Logged(NamedTuple):
    """The journal has so many chunks; the first and the last of those whose lines somebody else has cut off meanwhile."""

    chunks: int
    lost: tuple[int, int] | None


def new_id() -> str:
    """A name for a session that nobody guesses: who knows it may watch."""
    return secrets.token_urlsafe(9)


def new_record(
    start: SessionStart, codec: Codec, facts: ipc.Loaded, owner: str = ""
) -> tuple[SessionRecord, str]:
    """The settings of a new session of `owner`, with every default filled in, and its resume token."""
    token = secrets.token_urlsafe(24)
    fields = {name: getattr(start, name) for name in StartFields.model_fields}
    fields["seed"] = start.seed if start.seed is not None else secrets.randbelow(2**31)
    card = facts.card
    meta = SessionRecord(
        id=new_id(),
        owner=owner,
        token_hash=hash_token(token),
        model=card["name"],
        weights=facts.weights or None,
        start=StartFields.model_construct(**fields),
        width=start.width or card["width"],
        height=start.height or card["height"],
        fps=start.fps or card["fps"],
        chunk_frames=card["chunk_frames"],
        codec=codec,
        codec_string=facts.codecs[codec],
        created=time.time(),
    )
    return meta, token


class SessionRepository:
    """Between the store and living sessions."""

    def __init__(self, settings: Settings, store: Store, metrics: Metrics) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self.codecs: dict[str, frozenset[Codec]] = {}
        """what the workers of each model make, once one has said so"""
        self.left_out: dict[str, str] = {}
        """stored sessions of models that are not served now: hash of the token → model"""
        half = settings.disk_mib * MIB // 2
        self._logs, self._recordings = Room(half), Room(half)
        self._unkept: set[str] = set()
        """running sessions whose files were removed, and cannot be written again"""
        self._unsaid: list[Callable[[], None]] = []
        """what writes of sessions that they have ended, where the disk took nothing then"""

    def open(
        self,
        meta: SessionRecord,
        expected_s: float = EXPECTED_CHUNK_S,
        paused: bool = False,
        notices: tuple[Notice, ...] = (),
        picture: Frames | None = None,
    ) -> SessionHost:
        """A session at its very beginning. `expected_s` is a first guess of a chunk's time; `notices` are for its client;
        `picture` its start image where that was read already.
        """
        image = self._store.image(meta.id)
        settings = StreamSettings(
            model=meta.model,
            prompts=tuple((prompt.text, prompt.weight) for prompt in meta.start.prompt_list),
            width=meta.width,
            height=meta.height,
            fps=meta.fps,
            seed=meta.start.seed or 0,
            steps=meta.start.steps,
            image=images.load(image) if picture is None and image.exists() else picture,
            tracks=meta.start.tracks,
            source=meta.start.shows_source,
        )
        most = min(JOURNAL_BYTES, self._settings.disk_mib * MIB // JOURNAL_SHARE)
        journal = Journal(self._store.journal(meta.id), limit=most, room=self._logs)
        terms = Terms(self._settings.resume_s, PAUSED_S, self._settings.idle_s, self._settings.session_s)
        codecs = (meta.codec, *(codec for codec in self._codecs(meta) if codec != meta.codec))
        session = Session(meta.id, settings, meta.chunk_frames, codecs, expected_s, terms, paused, notices)
        recording = None
        if self._settings.record:
            limit = self._settings.recording_mib * MIB
            path = self._store.recording(meta.id)
            shape = meta.codec, meta.width, meta.height, meta.fps
            recording = Recording(path, *shape, limit, self._recordings)
        return SessionHost(meta, session, journal, recording, self._metrics)

    def begin(
        self,
        meta: SessionRecord,
        image: Path | None,
        expected_s: float,
        paused: bool,
        notices: tuple[Notice, ...],
    ) -> SessionHost:
        """A new session with its files; `image` is the upload that it starts from. Raises BadImage and OSError."""
        self._store.owners.take(meta.id)
        meta.paused = paused
        self._store.write(meta)
        picture = None if image is None else images.take_over(image, self._store.image(meta.id))
        return self.open(meta, expected_s, paused, notices, picture)

    def _codecs(self, meta: SessionRecord) -> tuple[Codec, ...]:
        """What the client of a session can play and this server can make; all of it, before a worker has said what it makes."""
        made = self.codecs.get(meta.model) or frozenset(Codec)
        return tuple(codec for codec in meta.start.known_codecs if codec in made)

    def revive(self, meta: SessionRecord) -> SessionHost:
        """A session whose journal is there already: of an earlier process, or a branch. Raises OSError."""
        live = self.open(meta, paused=meta.paused, notices=meta.unsaid)
        for notice in meta.said:
            live.session.asked.told(notice)
        sent = meta.sent
        if meta.unsaid or sent is not None:  # as of its end there: it changes now
            meta.unsaid, meta.sent = (), None
            self._store.write(meta)
        for chunk in range(len(live.journal)):
            try:
                controls = live.journal.controls(chunk)
            except ValueError as error:
                log.warning("it goes on before chunk %d: %s", chunk, error, extra={"session": meta.id})
                live.journal.truncate(chunk)
                break
            live.session.restored(chunk, controls)
        made = len(live.journal) * meta.chunk_frames
        usable, epoch = self._usable(live)
        meta.first_frame = min(meta.first_frame, made)
        whole = made >= meta.frames  # else the log was damaged since, and its client has what is not there
        live.session.taken_up(meta.first_frame, usable, epoch, sent if whole else None)
        return live

    def _usable(self, live: SessionHost) -> tuple[dict[int, str], int]:
        """Snapshots of the past that the log has (chunk → path), and the latest epoch that it, or one of any past, is of.

        A process that was killed after a rewind has left some that were made before it.
        """
        epochs, found = list(live.journal.epochs()), self._store.snapshots(live.id)
        usable = {
            chunk: path
            for chunk, (epoch, path) in found.items()
            if chunk < len(epochs) and epoch >= epochs[chunk]
        }
        latest = max([0, *epochs[-1:], *(epoch for epoch, _ in found.values())])
        self._store.tidy_snapshots(live.id, frozenset(usable.values()), latest + 1)
        return usable, latest

    def stored(self) -> list[SessionHost]:
        """Sessions that lived until the last process ended wait for their clients again, however long that is ago. Blocks."""
        found = list[SessionHost]()
        for folder in self._store.unreadable():
            text = "%s cannot be read, so its session is not taken up; its files stay for %g hours"
            log.warning(text, folder / "session.json", self._settings.keep_hours)
        for meta in self._store.all():
            if meta.ended is not None:
                self._store.drop_snapshots(meta.id)  # one that was written as the session ended
                continue
            if meta.model not in self._settings.models:
                self.left_out[meta.token_hash] = meta.model
                continue
            try:
                found.append(self.revive(meta))
            except Exception:
                log.exception("the stored session cannot be taken up", extra={"session": meta.id})
        if found:
            log.info("%d sessions of before can be resumed", len(found))
        return found

    def give_up(self, id: str) -> None:
        """The session is no longer this process's."""
        self._unkept.discard(id)
        self._store.owners.drop(id)

    def saving(self, live: SessionHost, stops: bool = False) -> Callable[[], None]:
        """What writes the session's settings as they are now; with `stops`, what only its next process needs to know as well.

        It blocks, and raises OSError.
        """
        if stops:
            session = live.session
            live.meta.unsaid, live.meta.sent = session.welcome.notices, session.output.most
        live.meta.paused = live.session.pace.paused
        live.meta.frames, live.meta.said = live.session.output.frame, live.session.asked.notices
        live.meta.start = live.meta.start.model_copy(update={"seed": live.session.settings.seed})
        record = live.meta.model_copy()
        return lambda: self._store.write(record)

    def ending(self, live: SessionHost) -> Callable[[], None]:
        """What writes that the session has ended, now or once the disk takes something again. It blocks."""
        save = self.saving(live)

        def write() -> None:
            try:
                save()
            except OSError as error:
                log.warning("its end is written later: %s", error, extra={"session": live.id})
                self._unsaid.append(save)

        return write

    def try_writing(self) -> None:
        """Writes as a new session would, and what could not be written of ended ones. Blocks. Raises OSError."""
        self._store.try_writing()
        while self._unsaid:  # no more than there were sessions: while nothing can be written none begins
            self._unsaid[0]()
            del self._unsaid[0]

    def logging(
        self, live: SessionHost, first: int, lines: Sequence[Sequence[Control]]
    ) -> Callable[[], Logged]:
        """What writes these lines into the session's journal, in the place of what it has from chunk `first` on, and again what
        somebody else has removed of the session's files meanwhile.

        It blocks, and raises OSError.
        """
        epoch, save = live.session.epoch, self.saving(live)

        def write() -> Logged:
            self._keep(live, save)
            return Logged(live.journal.replace(first, lines, epoch), live.journal.take_lost())

        return write

    def keeping(self, live: SessionHost) -> Callable[[], None]:
        """What writes again what somebody else has removed of the session's files. It blocks. What the disk does not take is tried
        again, and told, with what is written next.
        """
        save = self.saving(live)

        def keep() -> None:
            self._keep(live, save)
            with contextlib.suppress(OSError):
                live.check_files()

        return keep

    def _keep(self, live: SessionHost, save: Callable[[], None]) -> None:
        """The settings and the start image, where they are gone. While that cannot be, the session goes on without."""
        image, picture = self._store.image(live.id), live.session.settings.image
        try:
            if not self._store.has(live.id):
                save()
                self._store.owners.take(live.id)  # its lock may be gone with the folder
                log.error("its settings were removed, and are written again", extra={"session": live.id})
            if picture is not None and not image.exists():
                images.keep(picture, image)
                log.error("its start image was removed, and is written again", extra={"session": live.id})
            self._unkept.discard(live.id)
        except OSError as error:
            if live.id not in self._unkept:
                log.error("its files were removed: %s", error, extra={"session": live.id})
            self._unkept.add(live.id)

    def session_file(self, id: str, frames: int | None) -> Iterator[str] | None:
        """The text of the session file of a session, running (with the `frames` it has) or ended; None without one. Blocks.

        Raises OSError where what is there cannot be read.
        """
        meta = self._store.find(id)
        if meta is None:
            return None
        path = self._store.journal(id)
        made = meta.frames if frames is None else frames
        fields = meta.start.model_dump(exclude_none=True)
        fields.pop("image", None)
        if self._store.image(id).exists():
            fields["image"] = images.data_url(self._store.image(id))
        try:
            about = SessionFile(model=meta.model, weights=meta.weights, start=FileStart(**fields), chunks=0)
        except (ValueError, TypeError) as error:  # damaged, or of a version that took what this one does not
            log.warning("its log cannot be made: %s", error, extra={"session": id})
            return None
        try:
            return log_text(about, path, -(-made // meta.chunk_frames) or lines_of(path))
        except FileNotFoundError:
            return None

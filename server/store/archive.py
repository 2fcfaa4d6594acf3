"""Sessions as files: making them, taking up those of an earlier process, reading their logs."""

from __future__ import annotations

import logging
import secrets
import time
from concurrent.futures import Executor

from flowbrush.protocol import Codec, SessionStart, StartFields
from flowbrush.session_file import FileStart, SessionFile
from pipelines.requests import StreamSettings
from server.delivery.recording import Recording
from server.engine import ipc
from server.metrics import Metrics
from server.sessions.live import Live
from server.sessions.session import Session
from server.settings import MIB, Settings
from server.store import images
from server.store.journal import Journal
from server.store.store import Meta, Store, hash_token

log = logging.getLogger(__name__)

EXPECTED_CHUNK_S = 0.2
"""A first guess for sessions that are taken up before a worker has measured one."""


def new_id() -> str:
    """A name for a session that nobody guesses: who knows it may watch."""
    return secrets.token_urlsafe(9)


def new_meta(start: SessionStart, codec: Codec, facts: ipc.Loaded, owner: str = "") -> tuple[Meta, str]:
    """The settings of a new session of `owner`, with every default filled in, and its resume token."""
    token = secrets.token_urlsafe(24)
    fields = {name: getattr(start, name) for name in StartFields.model_fields}
    fields["seed"] = start.seed if start.seed is not None else secrets.randbelow(2**31)
    card = facts.card
    meta = Meta(
        id=new_id(),
        owner=owner,
        token_hash=hash_token(token),
        model=card["name"],
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


class Archive:
    """Between the store and living sessions."""

    def __init__(self, settings: Settings, store: Store, storage: Executor, metrics: Metrics) -> None:
        self._settings = settings
        self._store = store
        self._storage = storage
        self._metrics = metrics

    def open(self, meta: Meta, expected_s: float = EXPECTED_CHUNK_S) -> Live:
        """A session at its very beginning. `expected_s` is a first guess of a chunk's time."""
        image = self._store.image(meta.id)
        settings = StreamSettings(
            model=meta.model,
            prompts=tuple((prompt.text, prompt.weight) for prompt in meta.start.prompt_list),
            width=meta.width,
            height=meta.height,
            fps=meta.fps,
            seed=meta.start.seed or 0,
            steps=meta.start.steps,
            image=images.load(image) if image.exists() else None,
            tracks=meta.start.tracks,
        )
        journal = Journal(self._store.journal(meta.id))
        session = Session(meta.id, settings, meta.chunk_frames, meta.codec, journal, expected_s)
        session.first_chunk = meta.first_frame // meta.chunk_frames
        recording = None
        if self._settings.record:
            limit = self._settings.recording_mib * MIB
            path = self._store.recording(meta.id)
            recording = Recording(path, meta.codec, meta.width, meta.height, meta.fps, limit)
        return Live(meta, session, recording, self._storage, self._metrics)

    def revive(self, meta: Meta) -> Live:
        """A session whose journal is there already: of an earlier process, or a branch. Raises OSError."""
        live = self.open(meta)
        session = live.session
        for chunk in range(len(session.journal)):
            session.restored(chunk, session.journal.controls(chunk))
        session.snapshots, session.epoch = self._store.snapshots(meta.id)
        session.epoch += 1
        session.frame = meta.first_frame
        session.discontinuity = True
        return live

    def save(self, live: Live) -> None:
        """Writes the session's settings as they are now."""
        live.meta.frames = live.session.frame
        live.meta.start = live.meta.start.model_copy(update={"seed": live.session.settings.seed})
        try:
            self._store.write(live.meta)
        except OSError as error:
            log.warning("settings were not written: %s", error, extra={"session": live.id})

    def session_file(self, id: str, frames: int | None) -> SessionFile | None:
        """The session file of a session, running (with the `frames` it has) or ended; None without one."""
        meta = self._store.read(id)
        if meta is None:
            return None
        journal = Journal(self._store.journal(id), read_only=True)
        try:
            made = meta.frames if frames is None else frames
            chunks = -(-made // meta.chunk_frames) or len(journal)
            fields = meta.start.model_dump(exclude_none=True)
            fields.pop("image", None)
            if self._store.image(id).exists():
                fields["image"] = images.data_url(self._store.image(id))
            controls = tuple(journal.records(chunks))
            return SessionFile(model=meta.model, start=FileStart(**fields), controls=controls, chunks=chunks)
        finally:
            journal.close()

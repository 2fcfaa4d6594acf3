"""A session that goes on from a chunk of another: its files, made from those of the other."""

from __future__ import annotations

import secrets
import time

from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store import images
from flowbrush.server.store.session_repository import SessionRepository, new_id
from flowbrush.server.store.store import SessionRecord, Store, hash_token


def record(parent: SessionHost, chunk: int) -> tuple[SessionRecord, str]:
    """The settings of a session that goes on from the end of `chunk`, which is made, and its resume token."""
    token, frame = secrets.token_urlsafe(24), (chunk + 1) * parent.meta.chunk_frames
    changed = {"id": new_id(), "token_hash": hash_token(token), "created": time.time()}
    changed |= {"first_frame": frame, "frames": frame, "sent": frame, "said": parent.session.asked.notices}
    changed["paused"] = False
    return parent.meta.model_copy(update=changed), token


def branch(
    parent: SessionHost,
    meta: SessionRecord,
    chunk: int,
    snapshots: dict[int, str],
    store: Store,
    repository: SessionRepository,
) -> SessionHost:
    """The new session, with the chunks of the other up to `chunk`, and of its `snapshots` (chunk → file).

    Called in order with what is written for the other. Blocks. Raises OSError.
    """
    if len(parent.journal) <= chunk:
        raise OSError(f"the log of the session is behind: it has {len(parent.journal)} chunks")
    store.owners.take(meta.id)
    store.write(meta)
    parent.journal.copy_to(store.journal(meta.id), chunk + 1)
    if store.image(parent.id).exists():
        images.share(store.image(parent.id), store.image(meta.id))
    for saved, path in snapshots.items():
        if saved <= chunk:
            store.link_snapshot(path, meta.id)
    return repository.revive(meta)
